"""What would fit, where nothing that there is does: the least of the usual GPUs, for the end of a refusal."""

from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.facts.gpu_labels import NVIDIA_RESOURCE
from tonnage.facts.gpus import gpu
from tonnage.facts.shape import Shape
from tonnage.plan.gpu.candidates import Candidate, candidates
from tonnage.plan.gpu.fit import Arithmetic
from tonnage.plan.gpu.offers import Offer
from tonnage.plan.gpu.rules import first_rejection

# What clouds rent out, eight to a machine at most.
_USUAL = ("T4", "L4", "A10", "L40S", "A100-40", "A100-80", "H100", "H200", "B200", "B300")
_MOST_GPUS = 8


def nearest(spec: ModelDeploymentSpec, shape: Shape, context_length: int) -> Candidate | None:
    """The candidate with the least memory in all that serves this context; None where one machine is too small."""
    usual = [known for name in _USUAL if (known := gpu(name)) is not None]
    offers = tuple(Offer(known, NVIDIA_RESOURCE, _MOST_GPUS, known.products) for known in usual)
    placement = spec.placement.model_copy(update={"candidates": []})
    serving = spec.serving.model_copy(update={"tensor_parallel": None, "pipeline_parallel": None})
    free = spec.model_copy(update={"placement": placement, "serving": serving})
    arithmetic = Arithmetic(shape)
    by_memory = sorted(candidates(free, shape, offers), key=lambda one: one.gpus * one.offer.gpu.memory_bytes)
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
