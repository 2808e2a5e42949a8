"""What a person writes. Every field has a bound, and a default only where the field's users would expect one.

A pattern or bound here, and a CEL rule in `crd`, is refused by the API server; what needs the model's metadata is
refused by the planner.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tonnage.contract.base import Contract, Duration, Name, SecretName
from tonnage.contract.serve_document import Device

LabelValue = Annotated[str, Field(max_length=63)]
LabelKey = Annotated[str, Field(max_length=317)]
AnnotationValue = Annotated[str, Field(max_length=4096)]
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
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]


class LocalObjectRef(Contract):
    """An object of the deployment's namespace."""

    name: SecretName


class Adapter(Contract):
    """A LoRA adapter served beside the base model."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    source: Annotated[str, Field(min_length=1, max_length=512)]
    revision: Annotated[str, Field(min_length=1, max_length=255)] | None = None


class Model(Contract):
    """Which model, at which revision, under which name."""

    source: Annotated[str, Field(min_length=1, max_length=512, description=(
        "Where the model is: hf://org/name, modelscope://org/name, s3://bucket/prefix or pvc://claim/path."
    ))]
    revision: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", description=(
        "Branch, tag or 40-hex commit; resolved to a commit once and used by every pod. Default: the hub's main branch."
    ))] | None = None
    served_name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:-]*$", description=(
        "The name in /v1/models. Default: the resource's name."
    ))] | None = None
    token_secret_ref: SecretKeyRef | None = None
    trust_remote_code: TrustRemoteCode = TrustRemoteCode.NEVER
    adapters: Annotated[list[Adapter], Field(max_length=32)] = []


class ExpectedRequest(Contract):
    """The request to size batches and autoscaling for."""

    input_tokens: Tokens
    output_tokens: Tokens


class Serving(Contract):
    """How the model should be served."""

    context_length: Tokens | None = None
    min_context_length: Tokens | None = None
    precision: Precision = Precision.LOSSLESS
    expected_request: ExpectedRequest | None = None
    tensor_parallel: Annotated[int, Field(ge=1, le=64)] | None = None
    pipeline_parallel: Annotated[int, Field(ge=1, le=64)] | None = None
    engine_args: Annotated[
        dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=1024)]], Field(max_length=32)
    ] = {}


class Candidate(Contract):
    """A GPU type and count that the planner may use."""

    gpu: Annotated[str, Field(min_length=1, max_length=63)]
    count: Annotated[int, Field(ge=1, le=64)]
    wait_for: Duration | None = None


class Toleration(Contract):
    """A Kubernetes toleration."""

    key: LabelKey | None = None
    operator: Annotated[str, Field(max_length=16)] | None = None
    value: LabelValue | None = None
    effect: Annotated[str, Field(max_length=32)] | None = None
    toleration_seconds: Annotated[int, Field(ge=0)] | None = None


class Placement(Contract):
    """Where replicas may run."""

    candidates: Annotated[list[Candidate], Field(max_length=16)] = []
    node_selector: Annotated[dict[LabelKey, LabelValue], Field(max_length=32)] = {}
    tolerations: Annotated[list[Toleration], Field(max_length=32)] = []
    priority_class_name: SecretName | None = None
    queue_name: Name | None = None
    device: Device = Device.GPU


class Scaling(Contract):
    """Autoscaling; unset means the fixed number in `replicas`."""

    min_replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    max_replicas: Annotated[int, Field(ge=1, le=1000)]
    target_utilization: Annotated[int, Field(ge=1, le=100)] = 70
    scale_to_zero_after: Duration | None = None


class Rollout(Contract):
    """How a changed spec replaces running pods."""

    strategy: RolloutStrategy = RolloutStrategy.AUTO
    stall_after: Duration = "30m"
    revision_history: Annotated[int, Field(ge=0, le=20)] = 2


class Peer(Contract):
    """Who may call the endpoint: pods of namespaces or with labels, as in a NetworkPolicy."""

    namespace_labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=16)] | None = None
    pod_labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=16)] | None = None


class Access(Contract):
    """Who may use the endpoint."""

    api_keys_secret_ref: LocalObjectRef | None = None
    allowed_from: Annotated[list[Peer], Field(max_length=16)] = []


class Resources(Contract):
    """Requests and limits of a worker pod."""

    cpu: Quantity | None = None
    memory: Quantity | None = None
    ephemeral_storage: Quantity | None = None


class EnvVar(Contract):
    """A plain environment variable of the worker pods."""

    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    value: Annotated[str, Field(max_length=4096)]


class Template(Contract):
    """What a person may set in the pods themselves; nothing that could exceed the author's own rights."""

    image: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    image_pull_secrets: Annotated[list[LocalObjectRef], Field(max_length=8)] = []
    labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=32)] = {}
    annotations: Annotated[dict[LabelKey, AnnotationValue], Field(max_length=32)] = {}
    resources: Resources = Resources()
    env: Annotated[list[EnvVar], Field(max_length=64)] = []


class ModelDeploymentSpec(Contract):
    """The desired state; only `model.source` is required."""

    model: Model
    serving: Serving = Serving()
    placement: Placement = Placement()
    replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    scaling: Scaling | None = None
    rollout: Rollout = Rollout()
    access: Access = Access()
    template: Template = Template()

