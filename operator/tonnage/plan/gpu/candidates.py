"""Every way to run the model on what there is, cheapest first: the planner takes the first that fits.

Cheapest is fewest GPUs, then full precision before quantized, then the smaller GPU. Where the author named GPUs, their
order comes before all that.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tonnage.contract.spec import ModelDeploymentSpec, Precision, Serving
from tonnage.facts.shape import Shape
from tonnage.plan.gpu.offers import Offer, counts

# What precision gives up, step by step: the engine's `quantization` at load, and the KV cache's type. FP8 keys and
# values cost less quality than FP8 weights, so they come first. Four bits at load need a calibrated checkpoint.
_LOSSLESS = ((None, "auto"),)
_EIGHT_BITS = ((None, "auto"), (None, "fp8"), ("fp8", "auto"), ("fp8", "fp8"))
_LADDERS = {Precision.LOSSLESS: _LOSSLESS, Precision.BALANCED: _EIGHT_BITS, Precision.COMPACT: _EIGHT_BITS}


@dataclass(frozen=True)
class Candidate:
    """One way to run a replica."""

    offer: Offer
    tensor_parallel: int
    pipeline_parallel: int
    # What the engine does to an unquantized checkpoint while it loads it.
    quantization: str | None
    kv_cache_dtype: str

    @property
    def gpus(self) -> int:
        """GPUs of a replica."""
        return self.tensor_parallel * self.pipeline_parallel

    @property
    def hardware(self) -> str:
        """`2 x L4`."""
        return f"{self.gpus} x {self.offer.gpu.name}"

    def __str__(self) -> str:
        parts = [self.hardware]
        if self.pipeline_parallel > 1:
            parts.append(f"{self.tensor_parallel} tensor by {self.pipeline_parallel} pipeline parallel")
        if self.quantization is not None:
            parts.append(f"weights in {self.quantization}")
        if self.kv_cache_dtype != "auto":
            parts.append(f"KV cache in {self.kv_cache_dtype}")
        return ", ".join(parts)


def candidates(spec: ModelDeploymentSpec, shape: Shape, offers: tuple[Offer, ...]) -> tuple[Candidate, ...]:
    """All of them, in the order in which they are tried."""
    precisions = [step for step in _LADDERS[spec.serving.precision] if step[0] is None or shape.quantization is None]
    found = [
        (position, precision, candidate)
        for position, offer in enumerate(offers)
        for gpus in counts(offer, spec.serving)
        for tensor, pipeline in _splits(gpus, spec.serving)
        for precision, (quantization, kv_cache_dtype) in enumerate(precisions)
        for candidate in [Candidate(offer, tensor, pipeline, quantization, kv_cache_dtype)]
    ]
    is_ordered = bool(spec.placement.candidates)

    def cost(row: tuple[int, int, Candidate]) -> tuple[int, ...]:
        position, precision, candidate = row
        preference = (position,) if is_ordered else ()
        return (*preference, candidate.gpus, precision, position, candidate.pipeline_parallel)

    return tuple(candidate for *_, candidate in sorted(found, key=cost))


def _splits(gpus: int, serving: Serving) -> Iterator[tuple[int, int]]:
    """Tensor and pipeline parallelism whose product is `gpus`, tensor parallelism preferred."""
    for pipeline in range(1, gpus + 1):
        tensor, rest = divmod(gpus, pipeline)
        if rest or serving.tensor_parallel not in (None, tensor) or serving.pipeline_parallel not in (None, pipeline):
            continue
        yield tensor, pipeline
