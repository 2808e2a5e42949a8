"""Why there is no plan for GPUs, with the number that failed, the number there was, and what would fit."""

from tonnage.contract.reasons import Reason
from tonnage.contract.spec import Serving
from tonnage.contract.status import WaitingStatus
from tonnage.facts.inventory import Inventory
from tonnage.memory import Estimate
from tonnage.plan.gpu.candidates import Candidate
from tonnage.plan.gpu.choice import Choice
from tonnage.plan.gpu.explanation import alternatives
from tonnage.plan.gpu.fit import Arithmetic
from tonnage.plan.gpu.nearest import advice
from tonnage.plan.gpu.question import Question
from tonnage.plan.gpu.turns import Pause, state
from tonnage.plan.memory import gib
from tonnage.plan.refusal import Refusal

_REASONS = {"QuantizationUnsupported": Reason.QUANTIZATION_UNSUPPORTED}


def refuse_without_gpus(question: Question, inventory: Inventory) -> Refusal:
    """No GPU may be used."""
    rejected = question.offers.rejected
    if rejected:
        why = f"no GPU can be used: {rejected[0].what}: {rejected[0].message}"
    elif not inventory.is_known:
        why = "the operator may not list nodes: name GPUs in spec.placement.candidates"
    else:
        why = (
            f"none of {len(inventory.nodes)} nodes is ready, fits spec.placement and has a GPU: add a node, or name "
            "GPUs that may come in spec.placement.candidates"
        )
    return Refusal(Reason.NO_NODES, f"{why}; {advice(question)}", tuple(alternatives(rejected)))


def refuse_split(question: Question) -> Refusal:
    """The wanted parallelism cannot be made of the GPUs of one node."""
    serving, found = question.spec.serving, question.offers.found
    most = max(found, key=lambda offer: offer.count or offer.per_node)
    number = f"{most.count or most.per_node} x {most.gpu.name}"
    # Of GPUs that the author counted there is no other number.
    nodes = max(1, most.room(most.per_node).total)
    where = "" if most.count else f" on {'one node' if nodes == 1 else f'each of {nodes} nodes'}"
    return Refusal(
        Reason.INVALID_SPEC,
        f"spec.serving: {_parallelism(serving)} cannot be made of {number}{where}, the most that there is for one "
        f"replica; {advice(question)}",
    )


def refuse_for_now(question: Question, pause: Pause) -> Refusal:
    """What is chosen is not there yet, and the author waits for it."""
    candidate, wait = pause.candidate, pause.wait
    return Refusal(
        Reason.WAITING_FOR_GPUS,
        f"{candidate} is waited for until {pause.until:%Y-%m-%dT%H:%M:%SZ} ({wait.field} is {wait.text}): "
        f"{state(candidate.offer)}; {pause.following}",
        tuple(alternatives((*question.offers.rejected, *pause.rejected))),
        WaitingStatus(
            gpus=candidate.hardware,
            since=pause.since,
            until=pause.until,
            answers_digest=question.asked.answers_digest,
        ),
    )


def refuse_choice(question: Question, choice: Choice) -> Refusal:
    """Nothing that there is can hold the model with the least context that is of use."""
    told = tuple(alternatives((*question.offers.rejected, *choice.rejected)))
    if not choice.possible:
        # All for the same reason, mostly; the first is the cheapest.
        first = choice.rejected[0]
        reason = _REASONS.get(first.reason, Reason.GPU_UNSUITABLE)
        return Refusal(reason, f"{first.what}: {first.message}; {advice(question)}", told)
    arithmetic, least = Arithmetic(question.shape), question.context.least
    best = max(choice.possible, key=lambda one: _reach(one, arithmetic.estimate(one, least)))
    why = arithmetic.estimate(best, least).reason
    return Refusal(Reason.INSUFFICIENT_MEMORY, f"{best}, the most that there is: {why}; {advice(question)}", told)


def refuse_pod_memory(candidate: Candidate, given_bytes: int, needed_bytes: int) -> Refusal:
    """What the author gave the pod is too little for its processes."""
    return Refusal(
        Reason.INSUFFICIENT_MEMORY,
        f"spec.template.resources.memory is {gib(given_bytes)}; a pod with {candidate.gpus_per_pod} x "
        f"{candidate.offer.gpu.name} needs "
        f"{gib(needed_bytes)} of the node's memory: raise it or leave it out",
    )


def _parallelism(serving: Serving) -> str:
    named = {"tensorParallel": serving.tensor_parallel, "pipelineParallel": serving.pipeline_parallel}
    return " and ".join(f"{name} {number}" for name, number in named.items() if number is not None)


def _reach(candidate: Candidate, found: Estimate) -> tuple[int, int, int]:
    """The more memory in all the better, and of that the more is left for the KV cache."""
    return candidate.gpus * candidate.offer.gpu.memory_bytes, -candidate.pipeline_parallel, found.kv_cache_bytes
