"""What a checkpoint's headers say against what its config explains: whatever is more is counted too.

The headers are exact, but do not say how the engine divides a tensor among ranks; the config does, for all that it
explains. So only the difference is taken from them. Nobody knows how it is divided, so it counts whole, on every rank
of the first stage, where embeddings and towers make the fullest GPU.
"""

from collections.abc import Mapping
from dataclasses import replace

from tonnage.facts.shape import Shape, Tensor
from tonnage.memory.setup import Setup, run
from tonnage.memory.weights import checkpoint_bytes

_ELEMENT_BYTES = 2
# The engine loads these into 16 bits; what is quantized stays as it is.
_WIDE_BYTES = {"float64": 8, "float32": 4}
_UNEXPLAINED = "unexplained"


def completed(shape: Shape, bytes_by_dtype: Mapping[str, int]) -> Shape:
    """The shape with one more tensor for what the config does not explain; the same shape where it explains all.

    `bytes_by_dtype` are those of all tensors that the engine loads; empty where no header was read.
    """
    held = sum(
        size * _ELEMENT_BYTES // _WIDE_BYTES.get(dtype, _ELEMENT_BYTES) for dtype, size in bytes_by_dtype.items()
    )
    explained = checkpoint_bytes(run(Setup(gpu=None, memory_bytes=0), shape).share)
    if held <= explained:
        return shape
    return replace(shape, first=(*shape.first, Tensor(_UNEXPLAINED, -(-(held - explained) // _ELEMENT_BYTES))))


def unexplained_bytes(shape: Shape) -> int:
    """Bytes of that tensor, in 16 bits; 0 where there is none."""
    return sum(tensor.elements * _ELEMENT_BYTES for tensor in shape.first if tensor.name == _UNEXPLAINED)
