"""What the nodes offer, from Node objects as the API server gives them.

It says what a node has, not what is free on it: a plan must not change because a neighbour is busy right now. An
operator that may not list nodes has an inventory that is not known, which is not the same as a cluster without nodes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tonnage.facts.quantity import millis, whole

_GPU_RESOURCE = "nvidia.com/gpu"
# Written by GPU feature discovery; the memory is in MiB.
_PRODUCT_LABEL = "nvidia.com/gpu.product"
_MEMORY_LABEL = "nvidia.com/gpu.memory"
_REPELLING_EFFECTS = ("NoSchedule", "NoExecute")


@dataclass(frozen=True)
class Taint:
    """Something a pod must tolerate; only effects that keep pods away are kept."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True)
class Node:
    """One node: what it can allocate to pods."""

    name: str
    cpu_millis: int
    memory_bytes: int
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    # Ready and not cordoned. Whether a pod tolerates the taints is for the planner to say.
    is_schedulable: bool
    gpu_product: str | None
    gpu_count: int
    # Of one GPU; None where no label says it.
    gpu_memory_bytes: int | None


@dataclass(frozen=True)
class Inventory:
    """All nodes, by name; `is_known` is False where the operator may not list them."""

    nodes: tuple[Node, ...]
    is_known: bool = True


UNKNOWN_INVENTORY = Inventory(nodes=(), is_known=False)


def inventory(nodes: Sequence[Mapping[str, Any]]) -> Inventory:
    """The inventory that these Node objects describe, whatever their order."""
    return Inventory(tuple(sorted((_node(node) for node in nodes), key=lambda node: node.name)))


def _node(node: Mapping[str, Any]) -> Node:
    metadata, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    labels = dict(metadata.get("labels") or {})
    allocatable = status.get("allocatable") or {}
    gpu_count = whole(str(allocatable.get(_GPU_RESOURCE, "0")))
    memory_label = labels.get(_MEMORY_LABEL, "")
    return Node(
        name=metadata["name"],
        cpu_millis=millis(str(allocatable.get("cpu", "0"))),
        memory_bytes=whole(str(allocatable.get("memory", "0"))),
        labels=labels,
        taints=tuple(
            Taint(taint["key"], taint.get("value", ""), taint["effect"])
            for taint in spec.get("taints") or ()
            if taint["effect"] in _REPELLING_EFFECTS
        ),
        is_schedulable=not spec.get("unschedulable") and _is_ready(status),
        gpu_product=labels.get(_PRODUCT_LABEL) if gpu_count else None,
        gpu_count=gpu_count,
        gpu_memory_bytes=int(memory_label) * 2**20 if gpu_count and memory_label.isdecimal() else None,
    )


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in status.get("conditions") or ()
    )
