"""How fast one request can be at best. For people who compare GPUs; nothing is chosen by it.

Each token of a request reads the weights that it uses once from each GPU's memory, and stages of a pipeline do so one
after the other. That is a bound, not a promise: kernels, the KV cache and exchange between GPUs come on top. Requests
that run at once share the reading, so together they are faster.
"""

from collections.abc import Iterator

from tonnage.facts.gpus import Gpu
from tonnage.facts.shape import Shape
from tonnage.memory import Estimate
from tonnage.plan.gpu.candidates import Candidate

_GB = 10**9


def speed_sentences(candidate: Candidate, shape: Shape, final: Estimate) -> Iterator[str]:
    """Of the bound, where the GPU's bandwidth is known and the model generates; of the way between GPUs."""
    gpu = candidate.offer.gpu
    bandwidth = gpu.bandwidth_bytes_per_second
    if bandwidth and shape.generates:
        read_bytes = final.weights_bytes * shape.active_parameters // shape.parameters
        most = bandwidth // (read_bytes * candidate.pipeline_parallel)
        yield (
            f"A token of one request reads {read_bytes / _GB:.1f} GB of weights on each GPU, at {bandwidth / _GB:,.0f} "
            f"GB/s: at most {most:,} tokens a second, and more for several requests together."
        )
    if candidate.gpus_per_pod > 1 and (way := _way(gpu)):
        yield f"GPUs exchange what they computed over {way}."
    if candidate.pods > 1:
        yield "From node to node it goes over the pods' network, once for each stage: how fast that is, is not known."


def _way(gpu: Gpu) -> str:
    if not gpu.interconnect:
        return ""
    each = gpu.interconnect_bytes_per_second
    return f"{gpu.interconnect} ({each / _GB:,.0f} GB/s, both directions together)" if each else gpu.interconnect
