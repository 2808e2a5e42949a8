"""What a checkpoint's headers say against what its config explains: whatever is more is counted too.

The headers are exact, but do not say how the engine divides a tensor among ranks; the config does, for all that it
explains. So only the difference is taken from them. Nobody knows how it is divided, so it counts whole, on every rank
of the first stage, where embeddings and towers make the fullest GPU.

Headers may hold a little less, where the engine makes a tensor itself. Where they hold much less the config was read
wrongly, and the shape says that it does not add up.
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
# A twentieth of the weights is more than any engine makes itself.
_MUCH_LESS = 20


def completed(shape: Shape, bytes_by_dtype: Mapping[str, int]) -> Shape:
    """The shape with one more tensor for what the config does not explain; the same shape where it explains all.

    `bytes_by_dtype` are those of all tensors that the engine loads; empty where no header was read.
    """
    missing = _held_bytes(bytes_by_dtype) - _explained_bytes(shape)
    if missing <= 0:
        return shape
    return replace(shape, first=(*shape.first, Tensor(_UNEXPLAINED, -(-missing // _ELEMENT_BYTES))))


def doubted(shape: Shape, bytes_by_dtype: Mapping[str, int]) -> Shape:
    """The shape as the engine loads it, and what is unknown of it if the headers hold much less."""
    held, explained = _held_bytes(bytes_by_dtype), _explained_bytes(shape)
    if not 0 < held < explained - explained // _MUCH_LESS:
        return shape
    doubt = f"why the checkpoint's headers hold {explained - held:,} bytes less than it describes"
    return replace(shape, unknown=(*shape.unknown, doubt))


def _held_bytes(bytes_by_dtype: Mapping[str, int]) -> int:
    sizes = bytes_by_dtype.items()
    return sum(size * _ELEMENT_BYTES // _WIDE_BYTES.get(dtype, _ELEMENT_BYTES) for dtype, size in sizes)


def _explained_bytes(shape: Shape) -> int:
    return checkpoint_bytes(run(Setup(gpu=None, memory_bytes=0), shape).share)


def unexplained_bytes(shape: Shape) -> int:
    """Bytes of that tensor, in 16 bits; 0 where there is none."""
    return sum(tensor.elements * _ELEMENT_BYTES for tensor in shape.first if tensor.name == _UNEXPLAINED)
