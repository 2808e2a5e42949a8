"""A choice in sentences: what was chosen, what it takes in bytes, and what was refused on the way."""

from collections import Counter
from collections.abc import Iterable

from tonnage.contract.status import Alternative
from tonnage.memory import Estimate
from tonnage.memory.checkpoint import unexplained_bytes
from tonnage.plan.context import extension_notes
from tonnage.plan.derivation import limit_sentences
from tonnage.plan.gpu.candidates import Candidate
from tonnage.plan.gpu.fit import MEMORY_PERCENT, Fit
from tonnage.plan.gpu.offers import Rejected
from tonnage.plan.gpu.question import Question
from tonnage.plan.gpu.rules import engine_dtype
from tonnage.plan.gpu.sizing import Sizing
from tonnage.plan.gpu.speed import speed_sentences
from tonnage.plan.memory import gib, no_kv_cache

_MOST_ALTERNATIVES = 32
_LONGEST_TEXT = 256
# Less than a hundredth of the weights is what every checkpoint holds beside them: position ids, masks.
_WORTH_TELLING = 100


def explanation(question: Question, fit: Fit, sizing: Sizing) -> list[str]:
    """Why the plan is as it is."""
    final = sizing.estimate
    sentences = [
        f"{fit.candidate}: the first of what fits, {_order(question)}.",
        *_pods(fit.candidate),
        _weights(question, final),
        (
            f"Activations take {final.activation_bytes:,} bytes, CUDA graphs {final.graph_bytes:,}, other libraries "
            f"{final.non_torch_bytes:,}."
        ),
        _budget(fit),
        _kv_cache(question, fit, final),
        *limit_sentences(sizing.load, sizing.held, sizing.most, sizing.limits),
        *speed_sentences(fit.candidate, question.shape, final),
    ]
    return [*sentences, *_replicas(fit.candidate)]


def _order(question: Question) -> str:
    return "in the order of spec.placement.candidates" if question.spec.placement.candidates else "fewest GPUs first"


def _pods(candidate: Candidate) -> Iterable[str]:
    if candidate.pods > 1:
        stages = candidate.pipeline_parallel // candidate.pods
        yield (
            f"A replica is {candidate.pods} pods, each with {candidate.gpus_per_pod} of the GPUs and {stages} of the "
            f"{candidate.pipeline_parallel} pipeline stages."
        )


def concurrency(final: Estimate, batched_tokens: int, context_length: int) -> str:
    """Requests at full context, to one decimal, never more than there are: in the KV cache, or else in one step."""
    tenths = int(final.concurrency * 10) if final.keeps_kv_cache else batched_tokens * 10 // context_length
    return f"{tenths // 10}.{tenths % 10}"


def alternatives(rejected: Iterable[Rejected]) -> list[Alternative]:
    """What was refused, first come first, as many as status holds."""
    return [
        Alternative(what=one.what[:_LONGEST_TEXT], reason=one.reason, message=one.message)
        for one in list(rejected)[:_MOST_ALTERNATIVES]
    ]


def _weights(question: Question, final: Estimate) -> str:
    shape, size = question.shape, final.weights_bytes
    return (
        f"{question.facts.architecture} with {shape.parameters:,} parameters, of which a token uses "
        f"{shape.active_parameters:,}, takes {size:,} bytes ({gib(size)}) of weights on each GPU."
    )


def _kv_cache(question: Question, fit: Fit, final: Estimate) -> str:
    if not final.keeps_kv_cache:
        return no_kv_cache(question.facts.architecture)
    at_once = concurrency(final, 0, fit.context_length)
    return (
        f"{final.kv_cache_bytes:,} bytes ({gib(final.kv_cache_bytes)}) are left for the KV cache, which are "
        f"{final.kv_cache_tokens:,} tokens: {at_once} requests of {fit.context_length:,} at once."
    )


def _budget(fit: Fit) -> str:
    gpu = fit.candidate.offer.gpu
    return (
        f"The engine may take {MEMORY_PERCENT} % of the {gpu.memory_bytes:,} bytes ({gib(gpu.memory_bytes)}) of one "
        f"{gpu.name}."
    )


def _replicas(candidate: Candidate) -> Iterable[str]:
    """How many replicas the nodes hold, node by node as a pod is on one; nothing where none has the GPUs."""
    shares = candidate.offer.shares
    if not shares:
        return
    room = candidate.offer.room(candidate.gpus_per_pod).replicas(candidate.pods)
    nodes = ", ".join(
        f"{number} {'node' if number == 1 else 'nodes'} with {gpus}"
        for gpus, number in sorted(Counter(share.allocatable for share in shares).items(), reverse=True)
    )
    on_free = "which of them were free is not known" if room.free is None else f"{room.free:,} on those that were free"
    yield f"Room for replicas when this was planned: {room.total:,} on the GPUs that there were ({nodes}); {on_free}."


def notes(question: Question, fit: Fit) -> Iterable[str]:
    """What is out of the ordinary with this choice."""
    wanted, shape, candidate = question.context.wanted, question.shape, fit.candidate
    facts_bytes = question.facts.weights_bytes
    dtype = engine_dtype(shape, candidate)
    if fit.context_length < wanted:
        yield f"The context is {fit.context_length:,}, the longest that fits, instead of {wanted:,}."
    yield from extension_notes(question.facts, fit.context_length)
    if shape.dtype and dtype != shape.dtype:
        yield f"The checkpoint is in {shape.dtype}; it is computed in {dtype}."
    if not candidate.offer.is_present:
        lacking = "No node has" if candidate.pods == 1 else "Nodes have no room for"
        yield f"{lacking} {candidate.hardware} now: pods wait for {'one' if candidate.pods == 1 else 'it'}."
    yield from (f"Not known from the config: {text}." for text in shape.unknown)
    size = unexplained_bytes(shape)
    if size * _WORTH_TELLING > facts_bytes:
        yield (
            f"The checkpoint's headers hold {size:,} bytes ({gib(size)}) more than the config explains: counted whole "
            "on each GPU of the first pipeline stage."
        )
