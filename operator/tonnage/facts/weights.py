"""The weights' size and kind, exactly, from the headers of safetensors files: no weight is read.

A safetensors file begins with 8 bytes, little-endian: the length of the JSON that follows. That JSON gives every
tensor's dtype, shape and offsets (https://huggingface.co/docs/safetensors/index#format). Elements are not always
parameters: a checkpoint in 4 bits packs several into one integer, and its scales are elements too.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from tonnage.contract.model_files import CONFIG, PICKLE_SUFFIXES, weight_files
from tonnage.contract.reasons import Reason
from tonnage.facts.errors import FactsError, unusable

LENGTH_BYTES = 8
# The format allows 100 MB; the largest header seen is under 2 MB. Parsing costs about ten times the header in memory.
_MAX_HEADER_BYTES = 8 * 2**20
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
}
_SHARD = re.compile(r".*-(\d{5})-of-(\d{5})\.safetensors")


@dataclass(frozen=True)
class Weights:
    """Sums over tensors; add two to get both."""

    elements: int = 0
    size_bytes: int = 0
    bytes_by_dtype: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Weights") -> "Weights":
        return Weights(
            self.elements + other.elements,
            self.size_bytes + other.size_bytes,
            self.bytes_by_dtype + other.bytes_by_dtype,
        )

    @property
    def named_bytes(self) -> Mapping[str, int]:
        """Bytes of each dtype by torch's name, most first."""
        return {_DTYPES.get(dtype, dtype.lower()): size for dtype, size in self.bytes_by_dtype.most_common()}

    @property
    def dtype(self) -> str:
        """The dtype of most bytes, by torch's name."""
        return next(iter(self.named_bytes))


def chosen_weights(where: str, names: Collection[str]) -> tuple[str, ...]:
    """The weight files to serve from, if these files are a model at all; `where` is for messages. Raises FactsError."""
    if CONFIG not in names:
        raise unusable(f"{where} has no {CONFIG}: it is not a model in the transformers format")
    chosen = weight_files(names)
    if not chosen:
        pickles = sorted(name for name in names if "/" not in name and name.endswith(PICKLE_SUFFIXES))
        if pickles:
            raise FactsError(
                Reason.UNSAFE_WEIGHTS,
                f"{where} has its weights only as pickle ({pickles[0]}), which can run code when it is loaded: "
                "choose a revision or a copy of the model with safetensors files",
                is_permanent=True,
            )
        raise unusable(f"{where} has no safetensors files beside its {CONFIG}")
    shards = [match for match in map(_SHARD.fullmatch, chosen) if match]
    expected = max((int(match[2]) for match in shards), default=0)
    if len(shards) < expected:
        raise unusable(f"{where} is incomplete: {len(shards)} of {expected} safetensors files are there")
    return chosen


def header_bytes(where: str, start: bytes) -> int:
    """How long the header is that follows these first 8 bytes. Raises FactsError."""
    length = int.from_bytes(start[:LENGTH_BYTES], "little")
    if len(start) < LENGTH_BYTES or not 0 < length <= _MAX_HEADER_BYTES:
        raise unusable(f"{where} is not a safetensors file: its header would have {length} bytes")
    return length


def weights(where: str, header: bytes, is_left_out: Callable[[str], bool] = lambda _: False) -> Weights:
    """The sums of one file, without the tensors that the engine does not load. Raises FactsError."""
    try:
        read = json.loads(header)
        read.pop("__metadata__", None)
        tensors = {name: tensor for name, tensor in read.items() if not is_left_out(name)}
        sizes = Counter[str]()
        for tensor in tensors.values():
            begin, end = tensor["data_offsets"]
            sizes[tensor["dtype"]] += end - begin
        elements = sum(math.prod(tensor["shape"]) for tensor in tensors.values())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise unusable(f"{where} is not a safetensors file: its header cannot be read ({error!r})") from error
    return Weights(elements, sizes.total(), sizes)
