"""What of a GPU decides how much memory the engine takes for itself: the row of `facts/gpu_table.json` that is meant.

Here names are read as people, logs and labels write them (`2x Tesla T4 (Kaggle)`, `H100 (80GB)`), where `facts.gpus`
takes exact ones: the longest name of the table within the words decides, then the memory. Where no name is given, the
physical memory tells: the nearest row's, of equals the first.

Easily got wrong: `A100` is a name too, without its size, and then the memory tells which.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from tonnage.facts.gpus import Capability, Gpu, Vendor, table, words

GIB = 2**30
_NEAR_GIB = 0.3
_SIZE = re.compile(r"[0-9]+gb?")
# Their switches add in the network (NVLS, from the third generation of NVSwitch on).
_SWITCHED_LINKS = ("NVLink 4", "NVLink 5")


# Of a GPU that is in no row: a middling one's.
_MULTIPROCESSORS = 108
_CAPABILITY = Capability(8, 0)


@dataclass(frozen=True)
class Device:
    """What the memory model asks of a GPU."""

    multiprocessors: int = _MULTIPROCESSORS
    compute_capability: Capability = _CAPABILITY
    has_switch: bool = False
    """Whether NVLink goes through switches that add in the network: the libraries keep buffers for it."""
    hides_memory: bool = False
    """NVML does not give the size of memory that is shared with the CPU, so the engine takes it for a small GPU."""
    is_amd: bool = False
    is_h100_or_h200: bool = False
    """Which the engine once knew by these names."""
    memory_gib: float | None = None
    """As the engine sees it; None of a GPU that is in no row."""
    is_a100: bool = False
    """Which the engine gives smaller batches, by `a100` in the driver's name: an A800 is none."""

    @property
    def is_hopper_or_later(self) -> bool:
        """Data-centre GPUs with larger kernels and workspaces."""
        return self.compute_capability[0] in (9, 10)

    @property
    def is_ampere_or_later(self) -> bool:
        """Since when there are kernels of FlashInfer."""
        return self.compute_capability >= (8, 0)


# Generations by their products' names, for GPUs that have no row: the capability, and whether AMD made them.
_GENERATIONS: tuple[tuple[re.Pattern[str], Capability, bool], ...] = (
    (re.compile(r"50[5-9]0|blackwell"), Capability(12, 0), False),
    (re.compile(r"40[5-9]0|ada\b|l2\b"), Capability(8, 9), False),
    (re.compile(r"30[5-9]0|\ba[2-6]000|\ba[45]500|\ba2\b|\ba16\b|orin"), Capability(8, 6), False),
    (re.compile(r"20[5-8]0|titan ?rtx|quadro|16[56]0|\bt10"), Capability(7, 5), False),
    (re.compile(r"v100|titan ?v"), Capability(7, 0), False),
    (re.compile(r"p100|\bp4|10[78]0|titan"), Capability(6, 0), False),
    (re.compile(r"\bmi[0-9]|radeon|gfx|\brx"), Capability(9, 4), True),
)


@lru_cache(maxsize=64)
def device(name: str | None, memory_gib: float, capability: Capability | None = None) -> Device:
    """The GPU that is meant, by its name, or its `capability` or its generation's name, or else by its memory."""
    found = _named(name) if name else []
    if not found and capability:
        return Device(compute_capability=capability)
    if not found and name:
        spelled = " ".join(words(name))
        told = next((row for row in _GENERATIONS if row[0].search(spelled)), None)
        if told:
            return Device(compute_capability=told[1], is_amd=told[2])
    found = found or [one for one in table() if _distance(one, memory_gib) <= _NEAR_GIB]
    nearest = min(found, key=lambda one: _distance(one, memory_gib), default=None)
    return Device() if nearest is None else _device(nearest)


def _device(gpu: Gpu) -> Device:
    products = " ".join(gpu.products).lower()
    return Device(
        multiprocessors=gpu.multiprocessors or _MULTIPROCESSORS,
        compute_capability=gpu.capability or _CAPABILITY,
        has_switch=gpu.interconnect in _SWITCHED_LINKS,
        hides_memory=gpu.vendor is Vendor.NVIDIA and gpu.driver_memory_mib is None,
        is_amd=gpu.vendor is Vendor.AMD,
        is_h100_or_h200="h100" in products or "h200" in products,
        memory_gib=gpu.memory_bytes / GIB,
        is_a100="a100" in products,
    )


def _distance(gpu: Gpu, memory_gib: float) -> float:
    return abs(gpu.memory_bytes / GIB - memory_gib)


def _named(name: str) -> list[Gpu]:
    spelled = words(name)
    runs = {"".join(spelled[start:end]) for end in range(len(spelled) + 1) for start in range(end)}
    longest = max(_by_words().keys() & runs, key=len, default="")
    return _by_words().get(longest, [])


@cache
def _by_words() -> Mapping[str, list[Gpu]]:
    found: dict[str, list[Gpu]] = {}
    for one in table():
        for spelled in set(_spellings(one)):
            found.setdefault(spelled, []).append(one)
    return found


def _spellings(gpu: Gpu) -> Iterator[str]:
    for name in gpu.names:
        spelled = words(name)
        yield "".join(spelled)
        yield "".join(word for word in spelled if not _SIZE.fullmatch(word))
