"""How many requests a replica runs at once, and the memory that it has then."""

from dataclasses import dataclass

from tonnage.memory import Estimate
from tonnage.plan.gpu.fit import Arithmetic, Fit, batch
from tonnage.plan.gpu.question import Question
from tonnage.plan.limits import Batch, Limits, Load, cacheless_limits, limits, load


@dataclass(frozen=True)
class Sizing:
    """The limits with what they were derived from."""

    load: Load
    # Requests that the KV cache holds; None of a model that keeps nothing of them.
    held: int | None
    # The engine's own batch for the GPU.
    most: Batch
    limits: Limits
    # With as many sequences as the limits say: fewer take less memory, which goes to the KV cache.
    estimate: Estimate


def size(question: Question, fit: Fit) -> Sizing:
    """The most requests of the expected size, within the engine's own batch."""
    shape, candidate, context_length = question.shape, fit.candidate, fit.context_length
    arithmetic, expected = Arithmetic(shape), load(question.spec, context_length)
    tokens = expected.request_tokens
    most = batch(shape, candidate, context_length, fit.sequences)
    if not fit.estimate.keeps_kv_cache:
        return Sizing(expected, None, most, cacheless_limits(most, expected), fit.estimate)
    sequences = arithmetic.sequences(candidate, context_length, most.sequences, tokens)
    held = arithmetic.held(candidate, context_length, sequences, tokens)
    if held is not None and sequences < most.sequences:
        # It may be one more by these numbers, for which there would be no room beside what one more takes itself.
        held = sequences
    # What a step of so many is by the engine's own default, which the estimate reckons with.
    step = batch(shape, candidate, context_length, sequences)
    return Sizing(
        load=expected,
        held=held,
        most=most,
        limits=limits(sequences, step.tokens, expected),
        estimate=arithmetic.estimate(candidate, context_length, sequences),
    )
