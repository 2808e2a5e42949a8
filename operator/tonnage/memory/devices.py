"""What of a GPU decides how much memory the engine takes for itself. Not a catalogue of GPUs: one row per class.

Names are the driver's, letters and digits only; the longest that fits decides, then the memory. Where no name is
given, the physical memory tells the class: the nearest row's. Multiprocessors are from the vendors' data sheets, memory
is what logs of vLLM give as total_memory.
"""

from dataclasses import dataclass
from functools import lru_cache

GIB = 2**30
_NEAR_GIB = 0.15


@dataclass(frozen=True)
class Device:
    """A class of GPUs."""

    names: tuple[str, ...]
    memory_gib: float
    """As the driver reports it; logs of vLLM give it as total_memory."""
    multiprocessors: int
    compute_capability: tuple[int, int]
    has_switch: bool = False
    """Whether NVLink goes through switches that add in the network (NVLS): the libraries keep buffers for it."""

    @property
    def hides_memory(self) -> bool:
        """NVML does not give the size of memory that is shared with the CPU, so the engine takes it for a small GPU."""
        return "gb10" in self.names

    @property
    def is_hopper_or_later(self) -> bool:
        """Data-centre GPUs with larger kernels and workspaces."""
        return self.compute_capability[0] in (9, 10)

    @property
    def is_ampere_or_later(self) -> bool:
        """Since when there are kernels of FlashInfer."""
        return self.compute_capability >= (8, 0)

    @property
    def is_a100(self) -> bool:
        """Which the engine gives smaller batches."""
        return "a100" in self.names[0]


_TABLE = (
    Device(("b300",), 268.0, 148, (10, 3), has_switch=True),
    Device(("gb200", "b200"), 178.4, 148, (10, 0), has_switch=True),
    Device(("gb10", "dgxspark"), 119.7, 48, (12, 1)),
    Device(("rtxpro6000",), 94.97, 188, (12, 0)),
    Device(("h200", "gh200"), 139.8, 132, (9, 0), has_switch=True),
    Device(("h100nvl",), 93.1, 132, (9, 0)),
    Device(("h100pcie",), 79.1, 114, (9, 0)),
    Device(("h100", "h800"), 79.19, 132, (9, 0), has_switch=True),
    Device(("h20",), 95.1, 78, (9, 0), has_switch=True),
    Device(("a100", "a800"), 79.25, 108, (8, 0)),
    Device(("a100",), 39.38, 108, (8, 0)),
    Device(("l40s", "l40"), 44.42, 142, (8, 9)),
    Device(("a6000",), 47.4, 84, (8, 6)),
    Device(("a40",), 44.6, 84, (8, 6)),
    Device(("a10",), 22.0, 72, (8, 6)),
    Device(("l4",), 22.0, 58, (8, 9)),
    Device(("5090",), 31.4, 170, (12, 0)),
    Device(("4090",), 23.6, 128, (8, 9)),
    Device(("3090",), 23.6, 82, (8, 6)),
    Device(("4080",), 15.99, 76, (8, 9)),
    Device(("v100",), 31.73, 80, (7, 0)),
    Device(("t4",), 14.56, 40, (7, 5)),
    Device(("mi300x",), 191.98, 304, (9, 4)),
)
# A GPU that is in no row: a middling one.
_UNKNOWN = Device(("unknown",), 0, 108, (8, 0))


@lru_cache(maxsize=64)
def device(name: str | None, memory_gib: float) -> Device:
    """The class of a GPU, by its name or else by its memory."""
    if name:
        spelled = "".join(filter(str.isalnum, name.lower()))
        named = [(len(word), row) for row in _TABLE for word in row.names if word in spelled]
        longest = max((length for length, _ in named), default=0)
        rows = [row for length, row in named if length == longest]
        return min(rows, key=lambda row: abs(row.memory_gib - memory_gib), default=_UNKNOWN)
    near = [row for row in _TABLE if abs(row.memory_gib - memory_gib) <= _NEAR_GIB]
    return min(near, key=lambda row: abs(row.memory_gib - memory_gib), default=_UNKNOWN)
