"""What the operator answers. It is true at every moment: what is not known is absent, never guessed.

The API's conventions hold: no floats (ratios are strings), sizes in bytes, no `phase`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from tonnage.contract.base import Bytes, Contract, Count, Message, ShortText
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import ConditionType
from tonnage.contract.serve_document import Device


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Contract):
    """A `metav1.Condition`."""

    type: ConditionType
    status: ConditionStatus
    reason: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    message: Message
    last_transition_time: datetime
    observed_generation: Annotated[int, Field(ge=0)]


class MemoryPlan(Contract):
    """The bytes of one replica's pod (Cpu) or of its fullest GPU; the parts and the headroom add up to the budget."""

    budget_bytes: Bytes
    weights_bytes: Bytes
    kv_cache_bytes: Bytes
    activations_bytes: Bytes
    graphs_bytes: Bytes
    # What the processes take before any tensor: Ray, the engine, the interpreter, libraries.
    overhead_bytes: Bytes
    headroom_bytes: Bytes


class Alternative(Contract):
    """Something the planner looked at and refused."""

    what: ShortText
    reason: ShortText
    message: Message


class PlanStatus(Contract):
    """The plan, with its arithmetic."""

    device: Device
    gpu: ShortText | None = None
    gpus_per_replica: Count = 0
    pods_per_replica: Count = 1
    tensor_parallel: Count
    pipeline_parallel: Count
    dtype: ShortText
    quantization: ShortText | None = None
    kv_cache_dtype: ShortText
    context_length: Count
    max_num_seqs: Count
    max_num_batched_tokens: Count
    target_ongoing_requests: Count
    max_ongoing_requests: Count
    start_deadline_seconds: Count
    kv_cache_bytes_per_token: Bytes
    kv_cache_tokens: Count
    # Sequences at full context that fit at once, to one decimal.
    concurrency: ShortText
    memory: MemoryPlan
    # Requests and limits of a worker pod.
    pod_memory_bytes: Bytes
    pod_cpu: ShortText
    explanation: Annotated[list[Message], Field(max_length=32)] = []
    alternatives: Annotated[list[Alternative], Field(max_length=32)] = []
    adjustments: Annotated[list[Alternative], Field(max_length=32)] = []
    # Digest of the wishes and facts that this plan answers. While it is the same the plan is kept, so that nodes that
    # come and go never move a running deployment.
    answers_digest: ShortText = ""


class RevisionState(StrEnum):
    """Where a revision is in its life."""

    STARTING = "Starting"
    SERVING = "Serving"
    RETIRING = "Retiring"


class RevisionStatus(Contract):
    """One revision that has pods."""

    name: ShortText
    state: RevisionState
    commit: ShortText
    image: Annotated[str, Field(max_length=512)]
    replicas: Count
    ready_replicas: Count


class Observed(Contract):
    """What the engine reported after its start, for comparison with the plan."""

    weights_bytes: Bytes | None = None
    kv_cache_bytes: Bytes | None = None
    kv_cache_tokens: Count | None = None


class ModelDeploymentStatus(Contract):
    """The observed state."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    conditions: Annotated[list[Condition], Field(max_length=16)] = []
    model: ModelFacts | None = None
    plan: PlanStatus | None = None
    observed: Observed | None = None
    revisions: Annotated[list[RevisionStatus], Field(max_length=16)] = []
    current_revision: ShortText | None = None
    replicas: Count = 0
    ready_replicas: Count = 0
    selector: Annotated[str, Field(max_length=1024)] | None = None
    endpoint: Annotated[str, Field(max_length=512)] | None = None
    # The answer in one word for the table of `kubectl get`: the reason of the condition that matters most.
    summary: ShortText | None = None


API_VERSION: Literal["tonnage.dev/v1alpha1"] = "tonnage.dev/v1alpha1"
GROUP = "tonnage.dev"
VERSION = "v1alpha1"
KIND = "ModelDeployment"
PLURAL = "modeldeployments"
