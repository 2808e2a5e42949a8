"""What is known of a GPU by its name: memory, compute capability, multiprocessors, bandwidth, interconnect.

The memory is what the engine sees (`torch.cuda.get_device_properties().total_memory`). It is less than the size on the
box, and less than the driver's own total, which `nvidia-smi` and the label `nvidia.com/gpu.memory` show: the driver
keeps some for itself, more with every generation of drivers. The table has the lower of what recent drivers on Linux
show; on Windows and WSL torch shows the driver's whole total, which is no source for `torchMib` and a good one for
`driverMib`.

`gpu_table.json` says for each figure where it was seen; most are printouts in public repositories ("a public file").
`unconfirmed` names the figures of a row that were seen nowhere: taken from another row, from a test's made-up output,
from the driver's total by `gpu_labels.engine_memory_bytes`, or from memory where `source` says nothing.

Interconnects are per GPU and both directions together; an NVLink bridge that may be fitted to a PCIe card is not
counted. AMD's multiprocessors are compute units, of RDNA pairs of them, as torch counts.
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
# The least that was seen of such an eighth of the driver's total: 16384 MiB of an H200's 17971 (1g.18gb). Others lose
# less: an A100-80 has 9728 of 10240 (1g.10gb) and 40192 of 40960 (3g.40gb), an H100 9984 of 10194.
_MIG_KEEPS = (10, 11)


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
# RDNA 4 (gfx12). MI300's FP8 is of a kind of its own (fnuz), MI350's and RDNA 4's is OCP's: the engine picks by itself
# and converts checkpoints (vllm/platforms/rocm.py, is_fp8_fnuz), so nothing here tells them apart. Stricter than the
# engine's supports_fp8, which says yes to every CDNA, an MI250 too.
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
    # What labels of nodes call it, the usual name first; what people call it beside `name`.
    products: tuple[str, ...] = ()
    short_names: tuple[str, ...] = ()
    # From here on not known of GPUs that are missing in the table.
    kind: Kind | None = None
    multiprocessors: int | None = None
    bandwidth_bytes_per_second: int | None = None
    # To the other GPUs of a node; slices have none.
    interconnect: str | None = None
    interconnect_bytes_per_second: int | None = None
    mig_profile: str | None = None
    # False: made from a node's labels alone.
    is_in_table: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """All that it is called in the table."""
        return self.name, *self.products, *self.short_names

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
    found = _by_name().get("".join(words(whole)))
    if found is None or profile is None:
        return found
    return _slice(found, *profile)


@cache
def table() -> tuple[Gpu, ...]:
    """All that are known by name."""
    rows: list[Mapping[str, Any]] = json.loads(Path(__file__).with_name("gpu_table.json").read_text())
    return tuple(_gpu(row) for row in rows)


def words(name: str) -> tuple[str, ...]:
    """What tells one GPU from another in a name: `NVIDIA-GeForce-RTX-4090` and `rtx 4090` are alike."""
    return tuple(word for word in re.findall(r"[a-z0-9]+", name.lower()) if word not in _NOISE)


def _slice(parent: Gpu, profile: str, profile_gb: int) -> Gpu | None:
    if parent.driver_memory_mib is None or parent.marketed_gb is None:
        return None
    parts = round(profile_gb * _MIG_PARTS / parent.marketed_gb)
    if not 1 <= parts <= _MIG_PARTS:
        return None
    kept, whole = _MIG_KEEPS
    return replace(
        parent,
        name=f"{parent.name} {profile}",
        memory_bytes=parent.driver_memory_mib * parts * kept // (_MIG_PARTS * whole) * _MIB,
        driver_memory_mib=None,
        multiprocessors=None,
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


@cache
def _by_name() -> Mapping[str, Gpu]:
    return {"".join(words(name)): one for one in table() for name in one.names}


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
        short_names=tuple(row["shortNames"]),
        kind=Kind(row["kind"]),
        multiprocessors=row["multiprocessors"],
        bandwidth_bytes_per_second=row["bandwidthGbPerSecond"] * 10**9,
        interconnect=row["interconnect"],
        interconnect_bytes_per_second=None if link_gb is None else link_gb * 10**9,
    )
