"""GPUs that are only claimed: nodes of KWOK, or a real node whose status says more than it has.

Pods on a fake node look running and run nothing; that is enough for planning, placement and rollouts. Labels are what
GPU feature discovery writes. Its memory is that of one GPU in MiB, and less than the product's name says.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from e2e.cluster.commands import ClusterError
from e2e.cluster.provider import Cluster
from e2e.cluster.waiting import wait_until
from tonnage.facts.gpus import Capability, table

RESOURCE = "nvidia.com/gpu"
TAINT = {"key": RESOURCE, "value": "present", "effect": "NoSchedule"}
# The API wants all of these in a node that says any.
NODE_INFO = {
    "architecture": "amd64",
    "operatingSystem": "linux",
    **dict.fromkeys(("bootID", "machineID", "systemUUID", "osImage", "kernelVersion"), "fake"),
    **dict.fromkeys(("containerRuntimeVersion", "kubeletVersion", "kubeProxyVersion"), "fake"),
}
# As GPU feature discovery names capabilities (getArchFamily).
FAMILIES = {
    Capability(7, 0): "volta",
    Capability(7, 5): "turing",
    Capability(8, 0): "ampere",
    Capability(8, 6): "ampere",
    Capability(8, 9): "ada-lovelace",
    Capability(9, 0): "hopper",
    **{Capability(*each): "blackwell" for each in ((10, 0), (10, 3), (12, 0), (12, 1))},
}
FAKE = {"kwok.x-k8s.io/node": "fake"}


@dataclass(frozen=True)
class Product:
    """What discovery says of one GPU."""

    memory_mib: int
    capability: Capability


KNOWN = {
    product: Product(one.driver_memory_mib, one.capability)
    for one in table()
    if one.driver_memory_mib and one.capability
    for product in one.products
}


@dataclass(frozen=True)
class FakeGpus:
    """The GPUs of one node."""

    product: str
    count: int
    memory_mib: int
    capability: Capability

    @classmethod
    def of(cls, product: str, count: int = 1, memory_mib: int | None = None) -> "FakeGpus":
        """GPUs by name; of an unknown product the memory must be given. Raises ClusterError."""
        known = KNOWN.get(product)
        if known is None and memory_mib is None:
            raise ClusterError(f"{product!r} is not one of {', '.join(KNOWN)}: give its memory in MiB")
        known = known or Product(0, Capability(8, 9))
        return cls(product, count, memory_mib or known.memory_mib, known.capability)

    @property
    def labels(self) -> dict[str, str]:
        """What GPU feature discovery writes on the node."""
        facts = {
            "present": "true",
            "gpu.product": self.product,
            "gpu.count": str(self.count),
            "gpu.replicas": "1",
            "gpu.memory": str(self.memory_mib),
            "gpu.family": FAMILIES[self.capability],
            "gpu.compute.major": str(self.capability.major),
            "gpu.compute.minor": str(self.capability.minor),
            "gpu.machine": "tonnage-fake",
            "gpu.sharing-strategy": "none",
            "mig.capable": "false",
            "mig.strategy": "single",
        }
        return {("nvidia.com/gpu.present" if key == "present" else f"nvidia.com/{key}"): facts[key] for key in facts}


def add_fake_nodes(cluster: Cluster, gpus: FakeGpus, nodes: int = 1) -> list[str]:
    """Add nodes that have these GPUs and wait until they are Ready; returns their names."""
    cluster.start_fake_nodes()
    there = set(cluster.kubectl_run("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}").split())
    prefix = re.sub(r"[^a-z0-9]+", "-", f"fake-{gpus.product}-x{gpus.count}".lower())
    names = [name for index in range(nodes + len(there)) if (name := f"{prefix}-{index}") not in there][:nodes]
    with cluster.progress.step(f"adding {nodes} fake node{'s'[: nodes != 1]} with {gpus.count} {gpus.product}"):
        objects = {"apiVersion": "v1", "kind": "List", "items": [fake_node(name, gpus) for name in names]}
        cluster.kubectl_run("create", "-f", "-", stdin=json.dumps(objects), deadline_seconds=60 + nodes)
        wait_until(lambda: set(names) <= _ready(cluster), "fake nodes are Ready", deadline_seconds=60 + nodes)
    return names


def _ready(cluster: Cluster) -> set[str]:
    """The fake nodes that are Ready; one list, because `kubectl wait` asks for a few nodes each second."""
    status = "{.status.conditions[?(@.type=='Ready')].status}"
    query = "jsonpath={range .items[*]}{.metadata.name}=" + status + " {end}"
    listed = cluster.kubectl_run("get", "nodes", "--selector", "type=kwok", "-o", query).split()
    return {name for name, _, ready in (each.partition("=") for each in listed) if ready == "True"}


def remove_fake_nodes(cluster: Cluster) -> None:
    """Remove all fake nodes, with the pods on them."""
    cluster.kubectl_run("delete", "nodes", "--selector", "type=kwok", deadline_seconds=120)


def fake_node(name: str, gpus: FakeGpus) -> dict[str, Any]:
    """The Node object. Its taint keeps away what does not ask for GPUs: that should really run."""
    has = {"cpu": "64", "memory": "512Gi", "ephemeral-storage": "2Ti", "pods": "110", RESOURCE: str(gpus.count)}
    labels = {
        "type": "kwok",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        **gpus.labels,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": FAKE, "labels": labels},
        "spec": {"taints": [TAINT]},
        "status": {"capacity": has, "allocatable": has, "nodeInfo": NODE_INFO},
    }


def give_gpus(cluster: Cluster, node: str, gpus: FakeGpus) -> None:
    """Let a real node claim GPUs: its pods really run. A restart of its kubelet takes them away."""
    pairs = [f"{key}={value}" for key, value in gpus.labels.items()]
    cluster.kubectl_run("label", "node", node, "--overwrite", *pairs)
    name = RESOURCE.replace("/", "~1")
    patch = [
        {"op": "add", "path": f"/status/{part}/{name}", "value": str(gpus.count)}
        for part in ("capacity", "allocatable")
    ]
    cluster.kubectl_run("patch", "node", node, "--subresource=status", "--type=json", "-p", json.dumps(patch))
