"""What the operator answers. It is true at every moment: what is not known is absent, never guessed.

The API's conventions hold: no floats (ratios are strings), sizes in bytes, no `phase`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from tonnage.contract.base import Bytes, Contract, Count, Message, ShortText, TokenCount
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import ConditionType
from tonnage.contract.serve_document import Device, EngineReport, Task


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Contract):
    """A `metav1.Condition`."""

    type: ConditionType
    """What the condition is about."""
    status: ConditionStatus
    """Whether it holds."""
    reason: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """Why, in one word that may be alerted on."""
    message: Message
    """Why, in one sentence."""
    last_transition_time: datetime
    """When its status last changed."""
    observed_generation: Annotated[int, Field(ge=0, le=2**53)]
    """The metadata.generation that this answers."""


class MemoryPlan(Contract):
    """The bytes of one replica's pod (Cpu) or of its fullest GPU; the parts and the headroom add up to the budget."""

    budget_bytes: Bytes
    """All that there is."""
    weights_bytes: Bytes
    """The model's parameters."""
    kv_cache_bytes: Bytes
    """Keys and values of the requests that run; 0 for a model that keeps none."""
    activations_bytes: Bytes
    """What one forward pass needs beside them."""
    graphs_bytes: Bytes
    """CUDA graphs."""
    overhead_bytes: Bytes
    """What the processes take before any tensor: Ray, the engine, the interpreter, libraries."""
    headroom_bytes: Bytes
    """What is left over."""


class Alternative(Contract):
    """Something the planner looked at and refused."""

    what: ShortText
    """What was looked at."""
    reason: ShortText
    """Why it was refused, in one word."""
    message: Message
    """Why, with the number that failed."""


class ReplicaBounds(Contract):
    """How many replicas there may be."""

    min: Count
    """The fewest."""
    max: Count
    """The most."""
    fit: Count | None = None
    """How many the nodes' GPUs held, busy or not, when the plan was made; absent where that is not known."""


class PlanStatus(Contract):
    """The plan, with its arithmetic."""

    task: Task = Task.GENERATE
    """What the model is served for."""
    device: Device
    """What replicas compute on."""
    gpu: ShortText | None = None
    """The GPU, by its usual name."""
    gpu_resource: ShortText | None = None
    """The resource that a pod asks for to get one of them."""
    gpu_products: Annotated[list[ShortText], Field(max_length=16)] = []
    """What the label nvidia.com/gpu.product may say of the node; empty where any node will do."""
    gpu_memory_percent: Annotated[int, Field(ge=0, le=100)] = 0
    """How much of the GPU's memory the engine may take."""
    gpus_per_replica: Count = 0
    """GPUs of one replica."""
    pods_per_replica: Count = 1
    """Pods of one replica; several are for several nodes."""
    tensor_parallel: Count
    """GPUs that share each layer."""
    pipeline_parallel: Count
    """Groups of GPUs that share the layers among them."""
    dtype: ShortText
    """The type that weights are computed in."""
    quantization: ShortText | None = None
    """The method that weights are quantized with."""
    kv_cache_dtype: ShortText
    """The type of keys and values."""
    context_length: Count
    """Tokens of prompt and answer together."""
    max_num_seqs: Count
    """Requests that the engine runs at once."""
    max_num_batched_tokens: Count
    """Tokens that the engine computes in one step."""
    target_ongoing_requests: Count
    """Requests per replica that autoscaling aims at."""
    max_ongoing_requests: Count
    """Requests per replica beyond which they wait."""
    replicas: ReplicaBounds | None = None
    """How many replicas there may be; changed without a new plan."""
    start_deadline_seconds: Count
    """A replica that has not answered by then is given up."""
    kv_cache_bytes_per_token: Bytes
    """Bytes of keys and values per token."""
    kv_cache_tokens: TokenCount
    """Tokens that the KV cache holds."""
    concurrency: ShortText
    """Requests at full context that run at once, to one decimal."""
    memory: MemoryPlan
    """The arithmetic, in bytes."""
    pod_memory_bytes: Bytes
    """Memory that a worker pod requests, and its limit."""
    pod_cpu: ShortText
    """CPUs that a worker pod requests."""
    explanation: Annotated[list[Message], Field(max_length=32)] = []
    """Why the plan is as it is."""
    alternatives: Annotated[list[Alternative], Field(max_length=32)] = []
    """What else was looked at, and why it was refused."""
    adjustments: Annotated[list[Alternative], Field(max_length=32)] = []
    """What was changed after a start that failed."""
    # While it is the same the plan is kept, so that nodes that come and go never move a running deployment.
    answers_digest: ShortText = ""
    """Digest of the wishes and facts that this plan answers."""

    @property
    def gpus_per_pod(self) -> int:
        """GPUs of each pod of a replica."""
        return self.gpus_per_replica // self.pods_per_replica

    @property
    def pin(self) -> "PlanStatus":
        """What pods are made from: all but the number of replicas."""
        return self.model_copy(update={"replicas": None})


class WaitingStatus(Contract):
    """GPUs that are waited for before anything is planned."""

    gpus: ShortText
    """What is waited for now: 2 x H100."""
    since: datetime
    """When the first candidate began to be waited for."""
    until: datetime
    """When the next candidate is tried."""
    # Here and not in the operator's memory, so that a restart goes on waiting; another digest begins anew.
    answers_digest: ShortText
    """Digest of the wishes and facts that are waited with."""


class RevisionState(StrEnum):
    """Where a revision is in its life."""

    STARTING = "Starting"
    SERVING = "Serving"
    RETIRING = "Retiring"


class RevisionStatus(Contract):
    """One revision that has pods."""

    name: ShortText
    """The revision's name, part of its objects' names."""
    state: RevisionState
    """Where it is in its life."""
    commit: ShortText
    """The model's commit."""
    image: Annotated[str, Field(max_length=512)]
    """The runtime image."""
    replicas: Count
    """Replicas that it has."""
    ready_replicas: Count
    """Replicas that answer."""


class Observed(EngineReport):
    """What the engine of a revision's first replica reported after its start, for comparison with the plan."""

    revision: ShortText
    """The revision that it is an engine of."""


class ModelDeploymentStatus(Contract):
    """The observed state."""

    observed_generation: Annotated[int, Field(ge=0, le=2**53)] | None = None
    """The metadata.generation that this answers."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = []
    """Accepted, Planned, Scheduled, ModelLoaded, Ready, Progressing, Degraded, Stalled."""
    model: ModelFacts | None = None
    """The model, at the commit that every pod uses."""
    plan: PlanStatus | None = None
    """How the model is run, with the arithmetic."""
    waiting: WaitingStatus | None = None
    """The GPUs that are waited for; absent where none are."""
    observed: Observed | None = None
    """What the engine reported for the same parts."""
    revisions: Annotated[list[RevisionStatus], Field(max_length=16)] = []
    """Revisions that have pods."""
    current_revision: ShortText | None = None
    """The revision that answers; before any does, the one that the spec asks for."""
    replicas: Count = 0
    """Replicas of all revisions."""
    ready_replicas: Count = 0
    """Replicas that answer, of all revisions."""
    ready_of_wanted: ShortText | None = None
    """Replicas that answer, of those wanted, for people: 1/2."""
    selector: Annotated[str, Field(max_length=1024)] | None = None
    """Selects the worker pods; for HPA and KEDA."""
    endpoint: Annotated[str, Field(max_length=512)] | None = None
    """Where the model answers, inside the cluster."""
    summary: ShortText | None = None
    """The answer in one word: the reason of the condition that matters most."""

    def condition(self, kind: ConditionType) -> Condition | None:
        """The condition of that type; None if it was never set."""
        return next((one for one in self.conditions if one.type is kind), None)

    def is_true(self, kind: ConditionType) -> bool:
        """Whether the condition of that type is set and holds."""
        found = self.condition(kind)
        return found is not None and found.status is ConditionStatus.TRUE

    @property
    def served(self) -> frozenset[str]:
        """The revisions that have answered clients."""
        return frozenset(one.name for one in self.revisions if one.state is not RevisionState.STARTING)


API_VERSION: Literal["tonnage.dev/v1alpha1"] = "tonnage.dev/v1alpha1"
GROUP = "tonnage.dev"
VERSION = "v1alpha1"
KIND = "ModelDeployment"
PLURAL = "modeldeployments"
