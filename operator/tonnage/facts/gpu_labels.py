"""What a node's labels say of its GPUs: of those in the table, of those missing there, and who shares them.

Labels are written by NVIDIA's GPU feature discovery (`internal/lm/resource.go` of its device plugin) and AMD's node
labeller (`cmd/k8s-node-labeller/main.go` of its device plugin). Anybody may write others: what makes no sense is taken
as not there, and nothing here raises.

Easily got wrong: with MIG and the strategy `single`, `nvidia.com/gpu.memory` is a slice's; with `mixed` it is the whole
GPU's, and each profile has labels of its own.

`nvidia.com/gpu.memory` is what `nvidia-smi` shows, and the engine sees 0.4 to 5 % less of it: 81152 of 81920 MiB of an
A100-80, 81089 of 81559 of an H100, 7833 of 8192 of an RTX 3060 Ti. So of a GPU in the table the label is believed only
where it tells of another memory than the row: ECC switched (an L40S has 46068 MiB with it, 49140 without), the larger
or smaller card of the same name (RTX 4060 Ti, 5060 Ti), a GB300 of a DGX Station. Then, and of GPUs that are missing
there, `engine_memory_bytes` takes off what the driver keeps.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from tonnage.facts.gpus import Capability, Gpu, Vendor, gpu

NVIDIA_RESOURCE = "nvidia.com/gpu"
AMD_RESOURCE = "amd.com/gpu"
_MIG_RESOURCE = "nvidia.com/mig-"
# What the device plugin appends to a resource that it shares out under another name.
_RENAMED = ".shared"
_MIB = 2**20
_GIB = 2**30
_NUMBER = re.compile(r"[0-9]{1,9}")
# Beyond this, in percent of the table's, a label tells of another GPU of the same name, or of ECC switched.
_SAME_MEMORY_PERCENT = 2
# Of a family that has several, the least able (getArchFamily in GPU feature discovery, which calls Ada 'ampere' too).
_FAMILIES = {
    "volta": Capability(7, 0),
    "turing": Capability(7, 5),
    "ampere": Capability(8, 0),
    "ada-lovelace": Capability(8, 9),
    "hopper": Capability(9, 0),
    "blackwell": Capability(10, 0),
}
# torch shows 16 MiB less than whole GiB (MI250X 65520 MiB, MI300X 196592, MI325X 262128, MI355X 294896; RDNA 4 more:
# RX 9070 XT 16304, AI PRO R9700 32624).
_AMD_KEPT_BYTES = 16 * _MIB


class Sharing(StrEnum):
    """Whether several pods get the same GPU; the values are those of `nvidia.com/gpu.sharing-strategy`."""

    NONE = "none"
    # Each pod sees the whole memory, and nothing keeps it from the others'.
    TIME_SLICING = "time-slicing"
    # Each pod is held to its share of the memory.
    MPS = "mps"


def is_gpu_resource(name: str) -> bool:
    """Whether a node's resource of this name is GPUs, whole or in slices."""
    return name.removesuffix(_RENAMED) in (NVIDIA_RESOURCE, AMD_RESOURCE) or name.startswith(_MIG_RESOURCE)


def product_labels(resource: str) -> tuple[str, ...]:
    """The labels that may say what the GPUs behind `resource` are called: one, or one for each age of labeller."""
    if resource == AMD_RESOURCE:
        return f"{AMD_RESOURCE}.product-name", f"beta.{AMD_RESOURCE}.product-name"
    return (f"{_labelled(resource)}.product",)


def product(labels: Mapping[str, str], resource: str) -> str | None:
    """What the labels call the GPUs behind `resource`."""
    return next((labels[key] for key in product_labels(resource) if labels.get(key)), None)


def taint_key(resource: str) -> str:
    """The key of the taint that keeps other pods away: by convention the name for whole GPUs, for slices too."""
    return AMD_RESOURCE if resource == AMD_RESOURCE else NVIDIA_RESOURCE


def gpu_of_labels(labels: Mapping[str, str], resource: str = NVIDIA_RESOURCE) -> Gpu | None:
    """The GPU that a pod gets with one `resource`; None where neither the table nor a label tells its memory."""
    name = product(labels, resource)
    known = gpu(name) if name else None
    if resource == AMD_RESOURCE:
        return _amd_gpu(labels, known, name)
    label_mib = _number(labels.get(f"{_labelled(resource)}.memory", "")) or 0
    if known is None:
        return _unknown_nvidia(labels, name, resource, label_mib)
    memory_bytes = _memory_bytes(label_mib, known.mig_profile)
    if memory_bytes == 0 or _is_as_in_table(known, label_mib):
        return known
    return replace(known, memory_bytes=memory_bytes, driver_memory_mib=label_mib)


def sharing(labels: Mapping[str, str], resource: str) -> tuple[Sharing, int]:
    """How `resource` is shared, and between how many pods each GPU; (NONE, 1) where it is not, as with AMD."""
    replicas = _number(labels.get(f"{_labelled(resource)}.replicas", "")) or 1
    is_shared = replicas > 1 or resource.endswith(_RENAMED) or (product(labels, resource) or "").endswith("-SHARED")
    if not is_shared:
        return Sharing.NONE, 1
    is_mps = labels.get(f"{NVIDIA_RESOURCE}.sharing-strategy") == Sharing.MPS
    return Sharing.MPS if is_mps else Sharing.TIME_SLICING, replicas


def engine_memory_bytes(driver_mib: int) -> int:
    """What the engine sees of a GPU whose driver reports `driver_mib`: that less what the driver keeps.

    It keeps memory "for system use (driver or firmware)" (NVML, `nvmlMemory_v2_t.reserved`): a fixed part, and one
    that grows with the memory, not by generation. Fitted to the pairs in tests/facts/gpu_memory_pairs.py: at most
    0.3 % too much (A800, GH200), at most 2 % too little (RTX 3060 Ti, V100).
    """
    return max(0, driver_mib - 448 - driver_mib // 256) * _MIB


def _memory_bytes(label_mib: int, mig_profile: str | None) -> int:
    # Of a slice the driver keeps nothing more: torch shows 9728 MiB of an A100's 1g.10gb, as its label does.
    return label_mib * _MIB if mig_profile else engine_memory_bytes(label_mib)


def _unknown_nvidia(labels: Mapping[str, str], name: str | None, resource: str, label_mib: int) -> Gpu | None:
    whole_name = (name or resource).removesuffix("-SHARED")
    profile = _labelled(resource).removeprefix(_MIG_RESOURCE) if resource.startswith(_MIG_RESOURCE) else None
    profile = profile or whole_name.partition("-MIG-")[2] or None
    memory_bytes = _memory_bytes(label_mib, profile)
    if memory_bytes == 0:
        return None
    return Gpu(
        name=whole_name,
        vendor=Vendor.NVIDIA,
        memory_bytes=memory_bytes,
        capability=_capability(labels),
        driver_memory_mib=label_mib,
        mig_profile=profile,
        is_in_table=False,
    )


def _capability(labels: Mapping[str, str]) -> Capability | None:
    major = _number(labels.get(f"{NVIDIA_RESOURCE}.compute.major", ""))
    minor = _number(labels.get(f"{NVIDIA_RESOURCE}.compute.minor", ""))
    if major and minor is not None:
        return Capability(major, minor)
    return _FAMILIES.get(labels.get(f"{NVIDIA_RESOURCE}.family", ""))


def _amd_gpu(labels: Mapping[str, str], known: Gpu | None, name: str | None) -> Gpu | None:
    gib = _number((_amd(labels, "vram") or "").removesuffix("G"))
    if not gib:
        return known
    memory_bytes = gib * _GIB - _AMD_KEPT_BYTES
    if known is None:
        return Gpu(name or AMD_RESOURCE, Vendor.AMD, memory_bytes, capability=None, is_in_table=False)
    # A GPU that is partitioned shows each part's memory. Of a whole one labellers round (192G of an MI300X) or cut off
    # (191G).
    return known if abs(gib * _GIB - known.memory_bytes) <= _GIB else replace(known, memory_bytes=memory_bytes)


def _amd(labels: Mapping[str, str], key: str) -> str | None:
    # Older labellers wrote only the first of these.
    return labels.get(f"{AMD_RESOURCE}.{key}") or labels.get(f"beta.{AMD_RESOURCE}.{key}") or None


def _labelled(resource: str) -> str:
    return resource.removesuffix(_RENAMED)


def _is_as_in_table(known: Gpu, label_mib: int) -> bool:
    if known.driver_memory_mib is None:
        # The label is all that tells a slice's memory to the byte; of a GB10 the driver has nothing to say.
        return known.mig_profile is None
    return _is_close(label_mib, known.driver_memory_mib)


def _is_close(labelled: int, tabled: int) -> bool:
    return abs(labelled - tabled) * 100 <= tabled * _SAME_MEMORY_PERCENT


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None
