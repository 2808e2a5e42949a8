"""How many requests at once: batch limits of the engine and targets of Ray Serve, from the KV cache that there is.

What a reader would get wrong: only the batch limits are the engine's, so only they need new pods. What autoscaling aims
at is derived from them, and may change while everything runs.
"""

from dataclasses import dataclass, replace

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.spec import ExpectedRequest, ModelDeploymentSpec
from tonnage.contract.status import PlanStatus, ReplicaBounds
from tonnage.plan.engine import CPU_ENGINE, GIB
from tonnage.plan.memory import block_tokens

# A chat turn, where nobody said what to expect.
_EXPECTED = ExpectedRequest(input_tokens=1024, output_tokens=256)
# Of spec.scaling.targetUtilization, where scaling is not set: Serve adds a replica before one is full.
_TARGET_PERCENT = 70
# One batch waits inside the engine, so that none is ever idle.
_WAITING_BATCHES = 1

START_SECONDS = 15 * 60
START_SECONDS_PER_GIB = 18


@dataclass(frozen=True)
class Load:
    """What a replica is sized for: the request to expect, of at most a context, and how full it should be."""

    expected: ExpectedRequest
    is_given: bool
    context_length: int
    target_percent: int

    @property
    def request_tokens(self) -> int:
        """Prompt and answer together."""
        return min(self.expected.input_tokens + self.expected.output_tokens, self.context_length)


@dataclass(frozen=True)
class Batch:
    """The engine's own limits of one step, which are the most that it is told."""

    tokens: int
    sequences: int


@dataclass(frozen=True)
class Limits:
    """Counts of requests (sequences) and tokens."""

    max_num_seqs: int
    max_num_batched_tokens: int
    target_ongoing_requests: int
    max_ongoing_requests: int


def target_percent(spec: ModelDeploymentSpec) -> int:
    """How full a replica should be, in percent of the requests that it runs at once."""
    return spec.scaling.target_utilization if spec.scaling else _TARGET_PERCENT


def load(spec: ModelDeploymentSpec, context_length: int) -> Load:
    """What a replica with this context is sized for."""
    expected = spec.serving.expected_request
    return Load(expected or _EXPECTED, expected is not None, context_length, target_percent(spec))


def cpu_held(facts: ModelFacts, blocks: int, request_tokens: int) -> int:
    """Requests of so many tokens that a KV cache of so many blocks holds on a CPU."""
    return (blocks - CPU_ENGINE.reserved_blocks) // -(-request_tokens // block_tokens(facts))


def limits(sequences: int, batch_tokens: int, load: Load) -> Limits:
    """The limits for so many requests at once and so many tokens in a step."""
    return Limits(
        max_num_seqs=sequences,
        # The engine refuses a batch that cannot hold one token of every sequence.
        max_num_batched_tokens=max(batch_tokens, sequences),
        target_ongoing_requests=max(1, sequences * load.target_percent // 100),
        max_ongoing_requests=sequences * (1 + _WAITING_BATCHES),
    )


def cacheless_limits(most: Batch, load: Load) -> Limits:
    """The limits of a model that keeps no KV cache: it is done with a text in one step, so a step is what it holds.

    Texts may be far shorter than expected, so the engine takes as many as it would by itself; autoscaling aims at what
    fills one step while the next one waits.
    """
    steps = in_step(most, load) * (1 + _WAITING_BATCHES)
    target = max(1, steps * load.target_percent // 100)
    return replace(limits(most.sequences, most.tokens, load), target_ongoing_requests=target)


def in_step(most: Batch, load: Load) -> int:
    """Requests of the expected size that one step computes whole."""
    return max(1, min(most.tokens // load.request_tokens, most.sequences))


def start_deadline_seconds(size_bytes: int) -> int:
    """A replica that has not answered by then is given up: 15 minutes and 18 seconds for each GiB to fetch and load."""
    return START_SECONDS + -(-size_bytes * START_SECONDS_PER_GIB // GIB)


def bounds(spec: ModelDeploymentSpec, fit: int | None) -> ReplicaBounds:
    """How many replicas there may be; `fit` is how many the nodes hold, None where that is not known."""
    scaling = spec.scaling
    if scaling is None:
        return ReplicaBounds(min=spec.replicas, max=spec.replicas, fit=fit)
    return ReplicaBounds(min=scaling.min_replicas, max=scaling.max_replicas, fit=fit)


def with_bounds(plan: PlanStatus, spec: ModelDeploymentSpec) -> PlanStatus:
    """A plan that is kept, with the bounds that the spec has now."""
    return plan.model_copy(update={"replicas": bounds(spec, plan.replicas.fit if plan.replicas else None)})
