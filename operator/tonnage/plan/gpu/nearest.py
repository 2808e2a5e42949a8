"""What would fit, where nothing that there is does: other GPUs, or what the author could ask for less of."""

from collections.abc import Iterator

from tonnage.contract.spec import ModelDeploymentSpec, Precision
from tonnage.facts.gpu_labels import NVIDIA_RESOURCE
from tonnage.facts.gpus import gpu
from tonnage.facts.shape import Shape
from tonnage.plan.context import ContextWish
from tonnage.plan.gpu.candidates import Candidate, candidates, spanning
from tonnage.plan.gpu.choice import choose
from tonnage.plan.gpu.fit import Arithmetic
from tonnage.plan.gpu.offers import NodeShare, Offer
from tonnage.plan.gpu.question import Question
from tonnage.plan.gpu.rules import first_rejection

# What clouds rent out, eight to a machine at most.
_USUAL = ("T4", "L4", "A10", "L40S", "A100-40", "A100-80", "H100", "H200", "B200", "B300")
_MOST_GPUS = 8
_MOST_MACHINES = 4
# A shorter context than this is not worth naming.
_LEAST_CONTEXT = 1024


def advice(question: Question) -> str:
    """What would fit, in one sentence of alternatives."""
    least = question.context.least
    would = nearest(question.spec, question.shape, least)
    hardware = (
        f"{would} would serve a context of {least:,}"
        if would is not None
        else f"no eight GPUs of one machine hold a context of {least:,}{_machines(question)}"
    )
    return "; ".join([hardware, *_less(question)])


def nearest(spec: ModelDeploymentSpec, shape: Shape, context_length: int) -> Candidate | None:
    """The candidate with the least memory in all that serves this context; None where one machine is too small."""
    return _first(shape, candidates(_free(spec), shape, _usual_offers()), context_length)


def _free(spec: ModelDeploymentSpec) -> ModelDeploymentSpec:
    """The wish without what binds it to GPUs that there are."""
    placement = spec.placement.model_copy(update={"candidates": []})
    serving = spec.serving.model_copy(update={"tensor_parallel": None, "pipeline_parallel": None})
    return spec.model_copy(update={"placement": placement, "serving": serving})


def _usual_offers() -> tuple[Offer, ...]:
    usual = [known for name in _USUAL if (known := gpu(name)) is not None]
    machines = (NodeShare(_MOST_GPUS, _MOST_GPUS),) * _MOST_MACHINES
    return tuple(Offer(known, NVIDIA_RESOURCE, _MOST_GPUS, known.products, shares=machines) for known in usual)


def _first(shape: Shape, tried: tuple[Candidate, ...], context_length: int) -> Candidate | None:
    """The one with the least memory in all that is possible and fits."""
    arithmetic = Arithmetic(shape)
    by_memory = sorted(tried, key=lambda one: one.gpus * one.offer.gpu.memory_bytes)
    return next(
        (
            one
            for one in by_memory
            if arithmetic.holds_weights(one)
            and first_rejection(shape, one) is None
            and arithmetic.fit(one, context_length)
        ),
        None,
    )


def _machines(question: Question) -> str:
    """How many machines would be needed, each a pipeline stage."""
    # One stage on each: others would only matter for heads that cannot be divided among eight, and take time.
    wide = spanning(_free(question.spec), question.shape, _usual_offers())
    tried = tuple(one for one in wide if one.pipeline_parallel == one.pods)
    would = _first(question.shape, tried, question.context.least)
    return "" if would is None else f" ({would} would)"


def _less(question: Question) -> Iterator[str]:
    """What of the wish could be given up to fit what there is."""
    spec, shape, least = question.spec, question.shape, question.context.least
    found = question.offers.found
    if least > _LEAST_CONTEXT:
        holding = tuple(one for one in candidates(spec, shape, found) if Arithmetic(shape).holds_weights(one))
        shorter = choose(shape, holding, ContextWish(least, _LEAST_CONTEXT)).fit
        if shorter is not None:
            yield f"of what there is, {shorter.candidate} would serve a context of {shorter.context_length:,}"
    if spec.serving.precision is Precision.LOSSLESS:
        serving = spec.serving.model_copy(update={"precision": Precision.BALANCED})
        eased = spec.model_copy(update={"serving": serving})
        eased_candidates = tuple(one for one in candidates(eased, shape, found) if not _is_lossless(one))
        smaller = _first(shape, eased_candidates, least)
        if smaller is not None:
            yield f"with spec.serving.precision Balanced {smaller} would serve it"


def _is_lossless(candidate: Candidate) -> bool:
    return candidate.quantization is None and candidate.kv_cache_dtype == "auto"
