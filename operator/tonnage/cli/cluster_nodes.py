"""The nodes that a plan is made for without the operator: stated in a word, listed from a cluster, or a default.

Stated nodes take the same way as a cluster's: Node objects with the labels that GPU feature discovery and AMD's node
labeller write, read by `facts.inventory`. What nobody stated of them (CPUs, memory of the host) is told in a note.
"""

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Device
from tonnage.facts.errors import FactsError
from tonnage.facts.gpu_labels import AMD_RESOURCE, NVIDIA_RESOURCE
from tonnage.facts.gpus import Gpu, Vendor, gpu, table
from tonnage.facts.inventory import Inventory, inventory

Manifest = dict[str, Any]

_ENTRY = re.compile(r"(?P<product>[^:,]+):(?P<count>[1-9][0-9]?)(?:x(?P<nodes>[1-9][0-9]{0,2}))?")
_VENDOR = re.compile(r"^(nvidia|amd|tesla)[-_ ]")
_NEAREST = 4
# Hosts are sized to their GPUs, and a plan for GPUs should fail for its GPUs: more than any model's pods ask for.
_HOST_CPUS, _HOST_GIB = 64, 512
_DEFAULT_CPUS, _DEFAULT_GIB = 8, 64


@dataclass(frozen=True)
class Surroundings:
    """What a plan is made for, and where that comes from, in a sentence."""

    inventory: Inventory
    note: str


def gpu_nodes(text: str) -> Surroundings:
    """The nodes that `L4:2,A100-80:8x4` states: products, GPUs in a node, nodes. Raises ArgumentTypeError."""
    entries = [_entry(word.strip()) for word in text.split(",")]
    each = [(found, count) for found, count, nodes in entries for _ in range(nodes)]
    manifests = [_node(f"stated-{number}", *has) for number, has in enumerate(each, start=1)]
    shown = ", ".join(f"{_counted(nodes, 'node')} with {count} × {found.name}" for found, count, nodes in entries)
    note = f"Planned for {shown}; each node taken to have {_HOST_CPUS} CPUs and {_HOST_GIB} GiB."
    return Surroundings(inventory(manifests, pods=()), note)


def default_nodes(device: Device) -> Surroundings:
    """What is planned for where nobody stated nodes. Raises FactsError for GPUs: nothing fits for want of a guess."""
    if device is Device.GPU:
        raise FactsError(
            Reason.NO_NODES,
            "a plan for GPUs needs to know which: add --gpus, for example --gpus NVIDIA-L4:2, or --kubeconfig",
            is_permanent=True,
        )
    manifest = _manifest("assumed", {}, {"cpu": str(_DEFAULT_CPUS), "memory": f"{_DEFAULT_GIB}Gi"})
    note = f"Planned for one node with {_DEFAULT_CPUS} CPUs and {_DEFAULT_GIB} GiB: --kubeconfig takes a cluster's."
    return Surroundings(inventory([manifest], pods=()), note)


def listed_nodes(kubeconfig: Path | None) -> Surroundings:
    """The nodes of a cluster, and what of them is taken where pods may be listed. Raises ClusterError.

    `kubeconfig` None is what kubectl would take.
    """
    # Here, because the client takes longer to import than everything else together.
    from tonnage.cluster.nodes import nodes_and_pods  # noqa: PLC0415

    nodes, pods = nodes_and_pods(kubeconfig)
    unknown = "" if pods is not None else "; its pods may not be listed, so what is free is not known"
    return Surroundings(
        inventory(nodes, pods), f"Planned for the {_counted(len(nodes), 'node')} of a cluster{unknown}."
    )


def _entry(word: str) -> tuple[Gpu, int, int]:
    match = _ENTRY.fullmatch(word)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"'{word}' is not PRODUCT:COUNT or PRODUCT:COUNTxNODES, for example NVIDIA-L4:2 or A100-80:8x4"
        )
    found = gpu(match["product"])
    if found is None:
        raise argparse.ArgumentTypeError(
            f"'{match['product']}' is not the name of one GPU; the nearest are {', '.join(_nearest(match['product']))}"
        )
    return found, int(match["count"]), int(match["nodes"] or 1)


def _nearest(product: str) -> tuple[str, ...]:
    """Of GPUs whose names hold the word, which then fits several; after them, of those written much like it."""
    by_written = {_bare(written): one.name for one in table() for written in (one.name, *one.products)}
    word = _bare(product)
    holding = [written for written in by_written if word in written]
    alike = get_close_matches(word, by_written, n=_NEAREST, cutoff=0)
    return tuple(dict.fromkeys(by_written[written] for written in (*holding, *alike)))[:_NEAREST]


def _bare(name: str) -> str:
    return _VENDOR.sub("", name.lower())


def _node(name: str, found: Gpu, count: int) -> Manifest:
    resource = AMD_RESOURCE if found.vendor is Vendor.AMD else NVIDIA_RESOURCE
    has = {"cpu": str(_HOST_CPUS), "memory": f"{_HOST_GIB}Gi", resource: str(count)}
    return _manifest(name, dict(_labels(found, resource)), has)


def _labels(found: Gpu, resource: str) -> Iterator[tuple[str, str]]:
    product = found.products[0] + (f"-MIG-{found.mig_profile}" if found.mig_profile else "")
    yield f"{resource}.{'product-name' if resource == AMD_RESOURCE else 'product'}", product
    if found.driver_memory_mib is not None:
        yield f"{resource}.memory", str(found.driver_memory_mib)


def _manifest(name: str, labels: Mapping[str, str], has: Mapping[str, str]) -> Manifest:
    ready = [{"type": "Ready", "status": "True"}]
    return {"metadata": {"name": name, "labels": labels}, "status": {"allocatable": has, "conditions": ready}}


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
