"""Every way to run the model on what there is, cheapest first: the planner takes the first that fits.

Cheapest is fewest GPUs, then full precision before quantized, then the smaller GPU. Where the author named GPUs, their
order comes before all that. A replica is one pod; `spanning` are those of several, one on each node, whose pipeline
stages hand on over the network what tensor parallelism would exchange many times in each layer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tonnage.contract.spec import ModelDeploymentSpec, Precision, Serving
from tonnage.facts.shape import Shape
from tonnage.plan.gpu.offers import Offer

# What precision gives up, step by step: the engine's `quantization` at load, and the KV cache's type. FP8 keys and
# values cost less quality than FP8 weights, so they come first. Four bits at load need a calibrated checkpoint.
_LOSSLESS = ((None, "auto"),)
_EIGHT_BITS = ((None, "auto"), (None, "fp8"), ("fp8", "auto"), ("fp8", "fp8"))
# Of one replica, as each costs planning time.
_PODS = (2, 3, 4, 6, 8)
# In each of several pods, for heads that cannot be divided among all of its GPUs.
_MOST_STAGES = 2
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
    # Each has as many GPUs as the others, and whole stages.
    pods: int = 1

    @property
    def gpus(self) -> int:
        """GPUs of a replica."""
        return self.tensor_parallel * self.pipeline_parallel

    @property
    def gpus_per_pod(self) -> int:
        """GPUs of each of its pods."""
        return self.gpus // self.pods

    @property
    def hardware(self) -> str:
        """`2 x L4`, `16 x H100 on 2 nodes`."""
        where = f" on {self.pods} nodes" if self.pods > 1 else ""
        return f"{self.gpus} x {self.offer.gpu.name}{where}"

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
    """All with one pod, in the order in which they are tried; with several where the author's count needs them."""
    return _in_order(spec, shape, offers, _sizes)


def spanning(spec: ModelDeploymentSpec, shape: Shape, offers: tuple[Offer, ...]) -> tuple[Candidate, ...]:
    """All with several pods, of GPUs that nobody counted, in the order in which they are tried."""
    return _in_order(spec, shape, offers, _wide_sizes)


@dataclass(frozen=True)
class _Size:
    """Of a replica."""

    gpus: int
    pods: int


def _sizes(offer: Offer, serving: Serving) -> Iterator[_Size]:
    """Fewest GPUs first: powers of two, as models have powers of two in their heads.

    Multiples of the parallelism that the author wants, if any.
    """
    if offer.count is not None:
        yield _Size(offer.count, offer.pods)
        return
    yield from (_Size(gpus, 1) for gpus in _doubled(_wanted(serving), offer.per_node))


def _wide_sizes(offer: Offer, serving: Serving) -> Iterator[_Size]:
    """Several pods, each with as many GPUs as a node has."""
    if offer.count is not None or offer.gpu.mig_profile:
        return
    per_pod = max(_doubled(serving.tensor_parallel or 1, offer.per_node), default=None)
    if per_pod is not None:
        # Who says how many stages there are may want any number of pods.
        stages = serving.pipeline_parallel
        numbers = _PODS if stages is None else range(2, stages + 1)
        most = offer.room(per_pod).total
        yield from (_Size(per_pod * pods, pods) for pods in numbers if pods <= most)


def _wanted(serving: Serving) -> int:
    return (serving.tensor_parallel or 1) * (serving.pipeline_parallel or 1)


def _doubled(number: int, most: int) -> Iterator[int]:
    while number <= most:
        yield number
        number *= 2


def _in_order(
    spec: ModelDeploymentSpec,
    shape: Shape,
    offers: tuple[Offer, ...],
    sizes: Callable[[Offer, Serving], Iterator[_Size]],
) -> tuple[Candidate, ...]:
    precisions = [step for step in _LADDERS[spec.serving.precision] if step[0] is None or shape.quantization is None]
    found = [
        (position, precision, Candidate(offer, tensor, pipeline, quantization, kv_cache_dtype, size.pods))
        for position, offer in enumerate(offers)
        for size in sizes(offer, spec.serving)
        for tensor, pipeline in _splits(size, spec.serving)
        for precision, (quantization, kv_cache_dtype) in enumerate(precisions)
    ]
    is_ordered = bool(spec.placement.candidates)

    def cost(row: tuple[int, int, Candidate]) -> tuple[int, ...]:
        position, precision, candidate = row
        preference = (position,) if is_ordered else ()
        return (*preference, candidate.gpus, precision, position, candidate.pipeline_parallel)

    return tuple(candidate for *_, candidate in sorted(found, key=cost))


def _splits(size: _Size, serving: Serving) -> Iterator[tuple[int, int]]:
    """Tensor and pipeline parallelism whose product is the GPUs, tensor parallelism preferred, but within a pod."""
    is_free = size.pods > 1 and serving.tensor_parallel is None and serving.pipeline_parallel is None
    most = _MOST_STAGES * size.pods if is_free else size.gpus
    for pipeline in range(size.pods, most + 1, size.pods):
        tensor, rest = divmod(size.gpus, pipeline)
        if rest or serving.tensor_parallel not in (None, tensor) or serving.pipeline_parallel not in (None, pipeline):
            continue
        yield tensor, pipeline
