"""What the nodes offer and what of it pods have taken, from Node and Pod objects as the API server gives them.

What a node has decides what fits; what is taken decides only where and when: a plan must not change because a neighbour
is busy right now. An operator that may not list nodes has an inventory that is not known, which is not the same as a
cluster without nodes; one that may not list pods knows the nodes, and of no GPU whether it is taken.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tonnage.facts.gpu_labels import (
    NVIDIA_RESOURCE,
    Sharing,
    gpu_of_labels,
    is_gpu_resource,
    product,
    sharing,
)
from tonnage.facts.gpus import Gpu
from tonnage.facts.pod_requests import requests_by_node
from tonnage.facts.quantity import count, millis, whole

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
class NodeGpus:
    """The GPUs of one node behind one resource: all of them, or the MIG slices of one profile."""

    # What a pod asks for: `nvidia.com/gpu`, `nvidia.com/mig-1g.5gb`, `amd.com/gpu`.
    resource: str
    # As the node's label calls it.
    product: str | None
    # None: no label says what it is.
    gpu: Gpu | None
    # As the resource counts: a GPU that several pods share counts for each of them.
    allocatable: int
    # By pods that are not over, and are on the node; None where the pods are not known.
    taken: int | None
    sharing: Sharing = Sharing.NONE
    # How many pods get the same GPU.
    replicas: int = 1

    @property
    def free(self) -> int | None:
        """What is left; None where the pods are not known."""
        return None if self.taken is None else max(0, self.allocatable - self.taken)


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
    # By resource, those that the node has.
    gpus: tuple[NodeGpus, ...] = ()


@dataclass(frozen=True)
class Inventory:
    """All nodes, by name; `is_known` is False where the operator may not list them."""

    nodes: tuple[Node, ...]
    is_known: bool = True
    # Whether the pods were known, and so what is taken.
    is_taken_known: bool = False


UNKNOWN_INVENTORY = Inventory(nodes=(), is_known=False)


def inventory(nodes: Sequence[Mapping[str, Any]], pods: Sequence[Mapping[str, Any]] | None = None) -> Inventory:
    """The inventory that these Node and Pod objects describe, whatever their order; `pods` is None where not known."""
    taken = None if pods is None else requests_by_node(pods)
    known = (_node(node, taken) for node in nodes)
    return Inventory(tuple(sorted(known, key=lambda node: node.name)), is_taken_known=pods is not None)


def without_pods(inventory: Inventory, pods: Iterable[Mapping[str, Any]]) -> Inventory:
    """The same with what `pods`, which were counted in it, have taken given back."""
    given = requests_by_node(pods)
    if not given:
        return inventory
    nodes = (
        replace(node, gpus=tuple(_given_back(group, given[node.name]) for group in node.gpus))
        if node.name in given
        else node
        for node in inventory.nodes
    )
    return replace(inventory, nodes=tuple(nodes))


def _given_back(group: NodeGpus, given: Mapping[str, int]) -> NodeGpus:
    return group if group.taken is None else replace(group, taken=max(0, group.taken - given.get(group.resource, 0)))


def _node(node: Mapping[str, Any], taken: Mapping[str, Mapping[str, int]] | None) -> Node:
    metadata, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    name: str = metadata["name"]
    labels = dict(metadata.get("labels") or {})
    allocatable = status.get("allocatable") or {}
    gpu_count = count(allocatable.get(NVIDIA_RESOURCE))
    memory_label = labels.get(_MEMORY_LABEL, "")
    return Node(
        name=name,
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
        gpus=_gpus(labels, allocatable, None if taken is None else taken.get(name, {})),
    )


def _gpus(
    labels: Mapping[str, str], allocatable: Mapping[str, Any], taken: Mapping[str, int] | None
) -> tuple[NodeGpus, ...]:
    found = []
    for resource in sorted(filter(is_gpu_resource, allocatable)):
        if available := count(allocatable[resource]):
            how, replicas = sharing(labels, resource)
            found.append(
                NodeGpus(
                    resource=resource,
                    product=product(labels, resource),
                    gpu=gpu_of_labels(labels, resource),
                    allocatable=available,
                    taken=None if taken is None else taken.get(resource, 0),
                    sharing=how,
                    replicas=replicas,
                )
            )
    return tuple(found)


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in status.get("conditions") or ()
    )
