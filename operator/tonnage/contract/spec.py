"""What a person writes. Every field has a bound, and a default only where the field's users would expect one.

The text under a field is its description in the CRD: `kubectl explain` shows it. A pattern or bound here, and a CEL
rule in `rules`, is refused by the API server; what needs the model's metadata is refused by the planner.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from tonnage.contract.base import Contract, Duration, Name, SecretName
from tonnage.contract.serve_document import Device, Task

LabelValue = Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")]
LabelKey = Annotated[str, Field(max_length=317)]
AnnotationValue = Annotated[str, Field(max_length=4096)]
Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=32)]
Quantity = Annotated[str, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$")]
Tokens = Annotated[int, Field(ge=1, le=100_000_000)]


class TrustRemoteCode(StrEnum):
    """Whether code from the model's repository may run in the pods."""

    NEVER = "Never"
    ALLOWED = "Allowed"


class Precision(StrEnum):
    """How much precision the planner may give up to make a model fit."""

    LOSSLESS = "Lossless"
    BALANCED = "Balanced"
    COMPACT = "Compact"


class RolloutStrategy(StrEnum):
    """How a new revision takes over."""

    AUTO = "Auto"
    SURGE = "Surge"
    REPLACE = "Replace"


class SecretKeyRef(Contract):
    """One key of a Secret in the deployment's namespace."""

    name: SecretName
    """The Secret's name."""
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
    """The key in the Secret."""


class LocalObjectRef(Contract):
    """An object of the deployment's namespace."""

    name: SecretName
    """The object's name."""


class Adapter(Contract):
    """A LoRA adapter served beside the base model."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """The name in requests and in /v1/models."""
    source: Annotated[str, Field(min_length=1, max_length=512)]
    """Where the adapter is; written like the model's source."""
    revision: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Branch, tag or commit."""


class Model(Contract):
    """Which model, at which revision, under which name."""

    source: Annotated[str, Field(min_length=1, max_length=512)]
    """Where the model is: hf://org/name, modelscope://org/name, s3://bucket/prefix or pvc://claim/path."""
    revision: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")] | None = (
        None
    )
    """Branch, tag or 40-hex commit; resolved to a commit once, and used by every pod. Default: the main branch."""
    served_name: (
        Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:-]*$")] | None
    ) = None
    """The name in /v1/models and in requests. Default: the resource's name."""
    token_secret_ref: SecretKeyRef | None = None
    """The Secret key with the hub's token, for private and gated models. Read by pods only, never by the operator."""
    credentials_secret_ref: LocalObjectRef | None = None
    """The Secret with a bucket's credentials: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, where needed,
    AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL. Read by pods only. Default: none, for a bucket that is public."""
    trust_remote_code: TrustRemoteCode = TrustRemoteCode.NEVER
    """Whether code from the model's repository may run in the pods. Allowed needs a 40-hex revision."""
    adapters: Annotated[list[Adapter], Field(max_length=32)] = []
    """LoRA adapters served beside the model."""


class ExpectedRequest(Contract):
    """The request to size batches and autoscaling for."""

    input_tokens: Tokens
    """Tokens of a typical prompt."""
    output_tokens: Tokens
    """Tokens of a typical answer."""


class Serving(Contract):
    """How the model is served."""

    task: Literal[Task.GENERATE, Task.EMBED, Task.SCORE] | None = None
    """What it is for: chats, vectors, or scores of pairs (Qwen3-Reranker needs Score). Default: as its files say."""
    context_length: Tokens | None = None
    """Tokens of prompt and answer together. Default: the model's maximum, shortened only if it does not fit."""
    min_context_length: Tokens | None = None
    """The least context length that is of use; a plan that would have to go below it is refused."""
    precision: Precision = Precision.LOSSLESS
    """Lossless keeps the checkpoint's own precision; Balanced allows 8-bit weights or KV cache; Compact also 4-bit."""
    expected_request: ExpectedRequest | None = None
    """The request to size batches and autoscaling for."""
    tensor_parallel: Annotated[int, Field(ge=1, le=64)] | None = None
    """GPUs that share each layer. Default: chosen by the planner."""
    pipeline_parallel: Annotated[int, Field(ge=1, le=64)] | None = None
    """Groups of GPUs that share the layers among them. Default: chosen by the planner."""
    engine_args: Annotated[
        dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=1024)]], Field(max_length=32)
    ] = {}
    """More arguments for the engine; those that the planner decides are refused."""


class Candidate(Contract):
    """A GPU type and count that the planner may use."""

    gpu: Annotated[str, Field(min_length=1, max_length=63)]
    """The GPU's product, as the node's label nvidia.com/gpu.product gives it."""
    count: Annotated[int, Field(ge=1, le=64)]
    """GPUs per replica; more than a node has are taken from several."""
    wait_for: Duration | None = None
    """How long to wait until so many are free, before the next candidate is tried. Default: not at all."""


class Toleration(Contract):
    """A Kubernetes toleration."""

    key: LabelKey | None = None
    """The taint's key; unset with operator Exists means every taint."""
    operator: Literal["Exists", "Equal"] | None = None
    """How the taint's value is compared. Default: Equal."""
    value: LabelValue | None = None
    """The taint's value."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect; unset means all."""
    toleration_seconds: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """How long a NoExecute taint is tolerated; unset means for ever."""


class Placement(Contract):
    """Where replicas may run."""

    candidates: Annotated[list[Candidate], Field(max_length=16)] = []
    """GPU types and counts in order of preference. Default: chosen from the nodes."""
    node_selector: Labels = {}
    """Labels that a node must have."""
    tolerations: Annotated[list[Toleration], Field(max_length=32)] = []
    """Taints that the pods tolerate."""
    priority_class_name: SecretName | None = None
    """The PriorityClass of the pods."""
    queue_name: Name | None = None
    """The Kueue LocalQueue that the pods wait in."""
    device: Device = Device.GPU
    """What replicas compute on."""


class Scaling(Contract):
    """Autoscaling between two bounds."""

    min_replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """The fewest replicas; 0 allows none while there are no requests."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)]
    """The most replicas."""
    target_utilization: Annotated[int, Field(ge=1, le=100)] = 70
    """How full, in percent of its planned concurrency, a replica should be."""
    scale_to_zero_after: Duration | None = None
    """How long without a request before the last replica goes."""


class Rollout(Contract):
    """How a changed spec replaces running pods."""

    strategy: RolloutStrategy = RolloutStrategy.AUTO
    """Surge starts the new revision beside the old, Replace stops the old first, Auto surges if there is room."""
    stall_after: Duration = "30m"
    """How long a new revision may make no progress before the old one is restored."""
    revision_history: Annotated[int, Field(ge=0, le=20)] = 2
    """How many earlier revisions are remembered."""


class Peer(Contract):
    """Pods that may call the endpoint, chosen as in a NetworkPolicy."""

    namespace_labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=16)] | None = None
    """Labels of the pods' namespace; unset means the deployment's own namespace, empty means every namespace."""
    pod_labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=16)] | None = None
    """Labels of the pods; unset means all pods."""


class Access(Contract):
    """Who may use the endpoint."""

    api_keys_secret_ref: LocalObjectRef | None = None
    """The Secret whose values are the API keys; unset means that no key is asked for."""
    allowed_from: Annotated[list[Peer], Field(max_length=16)] = []
    """Who may open a connection. Default: every pod of the cluster."""


class Resources(Contract):
    """What a worker pod requests, and its limits."""

    cpu: Quantity | None = None
    """CPUs; default from the plan."""
    memory: Quantity | None = None
    """Memory, weights and KV cache included; default from the plan."""
    ephemeral_storage: Quantity | None = None
    """Disk; default: room for the model's files."""


class EnvVar(Contract):
    """A plain environment variable of the worker pods."""

    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    """The variable's name."""
    value: Annotated[str, Field(max_length=4096)]
    """Its value."""


class Template(Contract):
    """What may be set in the pods themselves; nothing that could exceed the author's own rights."""

    image: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$")] | None = None
    """The runtime image. Default: the one the operator was installed with."""
    image_pull_secrets: Annotated[list[LocalObjectRef], Field(max_length=8)] = []
    """Secrets for the image's registry."""
    labels: Labels = {}
    """More labels for the pods."""
    annotations: Annotated[dict[LabelKey, AnnotationValue], Field(max_length=32)] = {}
    """More annotations for the pods."""
    resources: Resources = Resources()
    """What a worker pod requests, and its limits."""
    env: Annotated[list[EnvVar], Field(max_length=64)] = []
    """More environment variables for the worker pods."""


class ModelDeploymentSpec(Contract):
    """The desired state; only model.source is required."""

    model: Model
    """Which model, at which revision, under which name."""
    serving: Serving = Serving()
    """How the model is served."""
    placement: Placement = Placement()
    """Where replicas may run."""
    replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """The fixed number of replicas; also what `kubectl scale` and an HPA write. Left out where scaling is set."""
    scaling: Scaling | None = None
    """Autoscaling; unset means the fixed number in replicas."""
    rollout: Rollout = Rollout()
    """How a changed spec replaces running pods."""
    access: Access = Access()
    """Who may use the endpoint."""
    template: Template = Template()
    """What may be set in the pods themselves."""
