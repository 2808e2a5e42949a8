"""What is known of a GPU by its name: memory, compute capability, bandwidth, interconnect.

The memory is what the engine sees (`torch.cuda.get_device_properties().total_memory`). It is less than the size on the
box, and less than the driver's own total, which `nvidia-smi` and the label `nvidia.com/gpu.memory` show: the driver
keeps some for itself, more with every generation of drivers. The table has the lower of what recent drivers show.

`gpu_table.json` says for each row where its memory was seen, and from which data sheet of the vendor the rest is.
Interconnects are per GPU and both directions together; an NVLink bridge that may be fitted to a PCIe card is not
counted.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

_MIB = 2**20
# Words around a product's name that tell no products apart.
_NOISE = frozenset({"nvidia", "amd", "tesla", "geforce", "instinct", "radeon"})
_MIG = re.compile(r"[-_ ]MIG[-_ ]([0-9]+g\.([0-9]+)gb[a-z0-9.+-]*)$", re.IGNORECASE)
_SHARED = re.compile(r"[-_ ]SHARED$", re.IGNORECASE)
# Memory of a GPU is cut into eighths for MIG (NVIDIA MIG user guide, "Partitioning"; an A30's quarters are two each).
_MIG_PARTS = 8


class Vendor(StrEnum):
    """Who makes it; capabilities of different vendors do not compare."""

    NVIDIA = "NVIDIA"
    AMD = "AMD"


class Kind(StrEnum):
    """What it is sold for."""

    DATA_CENTRE = "DataCentre"
    WORKSTATION = "Workstation"
    CONSUMER = "Consumer"


class Capability(NamedTuple):
    """NVIDIA's compute capability; of AMD what torch reports in its place: 9.4 of gfx942, 9.0 of gfx90a."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


# Tensor cores for 8-bit and 4-bit floats, from a capability up to below another. NVIDIA: CUDA programming guide, table
# of capabilities (Ada 8.9, Hopper 9.0; Blackwell 10.0, 12.0). AMD: data sheets of MI300 (gfx942), MI350 (gfx950) and
# RDNA 4 (gfx12).
_NO_END = (99, 0)
_FP8 = {Vendor.NVIDIA: (((8, 9), _NO_END),), Vendor.AMD: (((9, 4), (10, 0)), ((12, 0), _NO_END))}
_FP4 = {Vendor.NVIDIA: (((10, 0), _NO_END),), Vendor.AMD: (((9, 5), (10, 0)),)}


@dataclass(frozen=True)
class Gpu:
    """One GPU, or one MIG slice of it, as one process of the engine gets it."""

    name: str
    vendor: Vendor
    # As the engine sees it.
    memory_bytes: int
    # None: neither the table nor a label says it.
    capability: Capability | None
    # As the driver and the label of the node count it, in MiB; None where nothing reports that.
    driver_memory_mib: int | None = None
    # The size on the box; makers count in powers of 1000 or of 1024.
    marketed_gb: int | None = None
    # What labels of nodes call it, the usual name first.
    products: tuple[str, ...] = ()
    # Not known of GPUs that are missing in the table.
    kind: Kind | None = None
    bandwidth_bytes_per_second: int | None = None
    # To the other GPUs of a node; slices have none.
    interconnect: str | None = None
    interconnect_bytes_per_second: int | None = None
    mig_profile: str | None = None
    # False: made from a node's labels alone.
    is_in_table: bool = True

    @property
    def has_fp8(self) -> bool:
        """Whether it multiplies 8-bit floats; without, such weights are unpacked on the way."""
        return self._is_within(_FP8)

    @property
    def has_fp4(self) -> bool:
        """Whether it multiplies 4-bit floats."""
        return self._is_within(_FP4)

    def _is_within(self, ranges: Mapping[Vendor, tuple[tuple[tuple[int, int], tuple[int, int]], ...]]) -> bool:
        capability = self.capability
        return capability is not None and any(low <= capability < end for low, end in ranges[self.vendor])


def gpu(product: str) -> Gpu | None:
    """The GPU that a person or a label calls `product`: `L4`, `A100-80`, `NVIDIA-A100-SXM4-40GB-MIG-1g.5gb`.

    Case, separators, the vendor's name and `-SHARED` do not matter. A MIG slice is given its share of the memory. None
    where the table does not have it, or where the name fits several (`A100` has 40 or 80 GB).
    """
    whole, profile = _without_suffixes(product)
    found = _by_name().get(_key(whole))
    if found is None or profile is None:
        return found
    return _slice(found, *profile)


def table() -> tuple[Gpu, ...]:
    """All that are known by name."""
    return tuple(_gpu(row) for row in _rows())


def _slice(parent: Gpu, profile: str, profile_gb: int) -> Gpu | None:
    if parent.driver_memory_mib is None or parent.marketed_gb is None:
        return None
    parts = round(profile_gb * _MIG_PARTS / parent.marketed_gb)
    if not 1 <= parts <= _MIG_PARTS:
        return None
    return replace(
        parent,
        name=f"{parent.name} {profile}",
        # The smallest slices of an A100 show 4864 MiB of 5120 and 9728 of 10240; larger slices lose less.
        memory_bytes=parent.driver_memory_mib * parts // _MIG_PARTS * 19 // 20 * _MIB,
        driver_memory_mib=None,
        bandwidth_bytes_per_second=(parent.bandwidth_bytes_per_second or 0) * parts // _MIG_PARTS or None,
        interconnect=None,
        interconnect_bytes_per_second=None,
        mig_profile=profile,
    )


def _without_suffixes(product: str) -> tuple[str, tuple[str, int] | None]:
    plain = _SHARED.sub("", product.strip())
    match = _MIG.search(plain)
    # Digits beyond any GPU's size are no profile.
    if match is None or len(match[2]) > len("1000"):
        return plain, None
    return plain[: match.start()], (match[1].lower(), int(match[2]))


def _key(product: str) -> str:
    words = re.findall(r"[a-z0-9]+", product.lower())
    return "".join(word for word in words if word not in _NOISE)


@cache
def _by_name() -> Mapping[str, Gpu]:
    rows = ((row, _gpu(row)) for row in _rows())
    return {_key(name): one for row, one in rows for name in (row["name"], *row["products"], *row["shortNames"])}


@cache
def _rows() -> tuple[Mapping[str, Any], ...]:
    return tuple(json.loads(Path(__file__).with_name("gpu_table.json").read_text()))


def _gpu(row: Mapping[str, Any]) -> Gpu:
    major, minor = row["capability"].split(".")
    link_gb = row["interconnectGbPerSecond"]
    return Gpu(
        name=row["name"],
        vendor=Vendor(row["vendor"]),
        memory_bytes=row["torchMib"] * _MIB,
        capability=Capability(int(major), int(minor)),
        driver_memory_mib=row["driverMib"],
        marketed_gb=row["marketedGb"],
        products=tuple(row["products"]),
        kind=Kind(row["kind"]),
        bandwidth_bytes_per_second=row["bandwidthGbPerSecond"] * 10**9,
        interconnect=row["interconnect"],
        interconnect_bytes_per_second=None if link_gb is None else link_gb * 10**9,
    )
