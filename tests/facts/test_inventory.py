"""Nodes and quantities as the API server writes them."""

from typing import Any

import pytest

from tonnage.facts.errors import FactsError
from tonnage.facts.gpu_labels import Sharing
from tonnage.facts.gpus import gpu
from tonnage.facts.inventory import UNKNOWN_INVENTORY, Node, NodeGpus, Taint, inventory
from tonnage.facts.quantity import count, millis, whole


def node(name: str = "n1", **changes: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": changes.get("labels", {})},
        "spec": changes.get("spec", {}),
        "status": {
            "allocatable": {"cpu": "1900m", "memory": "16Gi"} | changes.get("allocatable", {}),
            "conditions": [{"type": "Ready", "status": changes.get("ready", "True")}],
        },
    }


def test_a_node_offers_what_it_can_allocate() -> None:
    expected = Node(
        name="n1",
        cpu_millis=1900,
        memory_bytes=16 * 2**30,
        labels={},
        taints=(),
        is_schedulable=True,
        gpu_product=None,
        gpu_count=0,
        gpu_memory_bytes=None,
    )
    assert (expected,) == inventory([node()]).nodes


def test_gpus_are_described_by_their_labels() -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-L4", "nvidia.com/gpu.memory": "23034"}
    [gpu] = inventory([node(labels=labels, allocatable={"nvidia.com/gpu": "4"})]).nodes
    assert ("NVIDIA-L4", 4, 23034 * 2**20) == (gpu.gpu_product, gpu.gpu_count, gpu.gpu_memory_bytes)


def test_gpus_without_labels_have_no_known_memory() -> None:
    [gpu] = inventory([node(allocatable={"nvidia.com/gpu": "1"})]).nodes
    assert (None, 1, None) == (gpu.gpu_product, gpu.gpu_count, gpu.gpu_memory_bytes)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"ready": "False"}, id="not ready"),
        pytest.param({"ready": "Unknown"}, id="lost"),
        pytest.param({"spec": {"unschedulable": True}}, id="cordoned"),
    ],
)
def test_a_node_that_takes_no_pods_is_not_schedulable(changes: dict[str, Any]) -> None:
    assert [False] == [each.is_schedulable for each in inventory([node(**changes)]).nodes]


def test_taints_that_keep_pods_away_are_kept() -> None:
    taints = [
        {"key": "nvidia.com/gpu", "effect": "NoSchedule"},
        {"key": "spot", "value": "true", "effect": "PreferNoSchedule"},
    ]
    [tainted] = inventory([node(spec={"taints": taints})]).nodes
    assert (Taint("nvidia.com/gpu", "", "NoSchedule"),) == tainted.taints


def test_the_order_of_nodes_does_not_matter() -> None:
    assert inventory([node("a"), node("b")]) == inventory([node("b"), node("a")])


def test_a_cluster_without_nodes_is_not_an_unknown_one() -> None:
    assert inventory([]) != UNKNOWN_INVENTORY
    assert inventory([]).is_known


def test_a_node_that_has_not_reported_yet_offers_nothing() -> None:
    [new] = inventory([{"metadata": {"name": "new"}}]).nodes
    assert (0, 0, False) == (new.cpu_millis, new.memory_bytes, new.is_schedulable)


def pod(gpus: int = 1, node: str | None = "n1", phase: str = "Running") -> dict[str, Any]:
    return {
        "metadata": {"name": "p1"},
        "spec": {"nodeName": node, "containers": [{"resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}]},
        "status": {"phase": phase},
    }


def test_gpus_of_a_node_are_what_its_labels_say() -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-L4", "nvidia.com/gpu.memory": "23034"}
    [l4] = inventory([node(labels=labels, allocatable={"nvidia.com/gpu": "4"})], []).nodes
    expected = NodeGpus(resource="nvidia.com/gpu", product="NVIDIA-L4", gpu=gpu("L4"), allocatable=4, taken=0)
    assert (expected,) == l4.gpus


def test_gpus_that_no_label_describes_are_there_all_the_same() -> None:
    [unlabelled] = inventory([node(allocatable={"nvidia.com/gpu": "1"})]).nodes
    expected = NodeGpus(resource="nvidia.com/gpu", product=None, gpu=None, allocatable=1, taken=None)
    assert (expected,) == unlabelled.gpus


def test_slices_of_each_profile_are_counted_apart() -> None:
    labels = {
        "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB",
        "nvidia.com/mig.strategy": "mixed",
        "nvidia.com/mig-1g.5gb.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb",
        "nvidia.com/mig-1g.5gb.memory": "4864",
        "nvidia.com/mig-2g.10gb.product": "NVIDIA-A100-SXM4-40GB-MIG-2g.10gb",
        "nvidia.com/mig-2g.10gb.memory": "9984",
    }
    has = {"nvidia.com/gpu": "0", "nvidia.com/mig-1g.5gb": "3", "nvidia.com/mig-2g.10gb": "2"}
    [mixed] = inventory([node(labels=labels, allocatable=has)]).nodes
    expected = [("nvidia.com/mig-1g.5gb", 3, 4864 * 2**20), ("nvidia.com/mig-2g.10gb", 2, 9984 * 2**20)]
    assert expected == [(one.resource, one.allocatable, one.gpu.memory_bytes) for one in mixed.gpus if one.gpu]


def test_a_shared_gpu_counts_for_each_pod_that_gets_it() -> None:
    labels = {
        "nvidia.com/gpu.product": "Tesla-T4-SHARED",
        "nvidia.com/gpu.replicas": "4",
        "nvidia.com/gpu.sharing-strategy": "time-slicing",
    }
    [shared] = inventory([node(labels=labels, allocatable={"nvidia.com/gpu": "8"})], [pod(3)]).nodes
    [gpus] = shared.gpus
    assert (Sharing.TIME_SLICING, 4, 8, 3, 5) == (
        gpus.sharing,
        gpus.replicas,
        gpus.allocatable,
        gpus.taken,
        gpus.free,
    )


def test_amd_gpus_are_counted_too() -> None:
    labels = {"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM", "amd.com/gpu.vram": "192G"}
    [amd] = inventory([node(labels=labels, allocatable={"amd.com/gpu": "8"})]).nodes
    assert [(gpu("MI300X"), 8)] == [(one.gpu, one.allocatable) for one in amd.gpus]


def test_taken_is_what_pods_on_the_node_have_that_are_not_over() -> None:
    pods = [
        pod(1),
        pod(2, phase="Pending"),
        pod(4, phase="Succeeded"),
        pod(4, phase="Failed"),
        pod(4, node=None, phase="Pending"),
        pod(4, node="n2"),
    ]
    [[gpus]] = [each.gpus for each in inventory([node(allocatable={"nvidia.com/gpu": "8"})], pods).nodes]
    assert (3, 5) == (gpus.taken, gpus.free)


def test_more_taken_than_there_is_leaves_nothing_free() -> None:
    # A GPU has failed, and its pod is still there.
    [[gpus]] = [each.gpus for each in inventory([node(allocatable={"nvidia.com/gpu": "1"})], [pod(2)]).nodes]
    assert 0 == gpus.free


def test_pods_that_may_not_be_listed_leave_what_is_taken_unknown() -> None:
    nodes = [node(allocatable={"nvidia.com/gpu": "8"})]
    [[gpus]] = [each.gpus for each in inventory(nodes).nodes]
    assert (None, None) == (gpus.taken, gpus.free)
    assert (False, True) == (inventory(nodes).is_taken_known, inventory(nodes, []).is_taken_known)


@pytest.mark.parametrize("allocatable", ["-1", "lots", "", None])
def test_a_count_of_gpus_without_sense_is_none(allocatable: str | None) -> None:
    [odd] = inventory([node(allocatable={"nvidia.com/gpu": allocatable})]).nodes
    assert (0, ()) == (odd.gpu_count, odd.gpus)


@pytest.mark.parametrize(("value", "expected"), [("2", 2), (2, 2), ("-2", 0), ("lots", 0), (None, 0), ("1k", 1000)])
def test_a_count_never_fails(value: object, expected: int) -> None:
    assert expected == count(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("16Gi", 16 * 2**30, id="binary"),
        pytest.param("16G", 16 * 10**9, id="decimal"),
        pytest.param("1.5Ki", 1536, id="fraction"),
        pytest.param("1e3", 1000, id="exponent"),
        pytest.param("129e6", 129_000_000, id="large exponent"),
        pytest.param("1E", 10**18, id="exa"),
        pytest.param("128974848000m", 128_974_848, id="memory in thousandths"),
        pytest.param("100m", 1, id="rounded up"),
        pytest.param("0", 0, id="zero"),
    ],
)
def test_a_quantity_is_a_whole_number(text: str, expected: int) -> None:
    assert expected == whole(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2", 2000, id="whole"),
        pytest.param("250m", 250, id="thousandths"),
        pytest.param("0.1", 100, id="fraction"),
        pytest.param("1500000n", 2, id="rounded up"),
    ],
)
def test_cpus_are_counted_in_thousandths(text: str, expected: int) -> None:
    assert expected == millis(text)


@pytest.mark.parametrize("text", ["", "Gi", "-1", "1 Gi", "1gi", "1e1000", "٣"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(FactsError, match="is not a quantity: write for example 500m, 2 or 16Gi"):
        whole(text)
