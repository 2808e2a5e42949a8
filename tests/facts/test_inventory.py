"""Nodes and quantities as the API server writes them."""

from typing import Any

import pytest

from tonnage.facts.errors import FactsError
from tonnage.facts.inventory import UNKNOWN_INVENTORY, Node, Taint, inventory
from tonnage.facts.quantity import millis, whole


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
