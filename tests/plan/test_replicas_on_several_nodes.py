"""When a replica is taken over several nodes, how it is divided there, and what is said of it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.gpu_plans import cluster, facts_of, gpu_wish
from tonnage.contract.reasons import Reason
from tonnage.contract.status import PlanStatus
from tonnage.facts.inventory import Inventory
from tonnage.plan import Refusal, plan

LARGE = "deepseek-ai__DeepSeek-R1"
SMALL = "meta-llama__Llama-3.1-8B-Instruct"
MIDDLE = "meta-llama__Llama-3.3-70B-Instruct"


def answered(name: str, nodes: Inventory, **fields: Any) -> PlanStatus | Refusal:
    return plan(gpu_wish(**fields), facts_of(name), nodes)


def split(name: str, nodes: Inventory, **fields: Any) -> tuple[str | None, int, int, int]:
    """GPU, pods, tensor and pipeline parallelism."""
    found = answered(name, nodes, **fields)
    assert isinstance(found, PlanStatus), found
    return found.gpu, found.pods_per_replica, found.tensor_parallel, found.pipeline_parallel


def counted(gpu: str, count: int, **wait: str) -> dict[str, Any]:
    return {"candidates": [{"gpu": gpu, "count": count, **wait}]}


@pytest.mark.parametrize(
    ("name", "nodes", "fields", "expected"),
    [
        pytest.param(LARGE, [("H100", 8)] * 2, {}, ("H100", 2, 8, 2), id="no node holds it, two do"),
        pytest.param(LARGE, [("H100", 8)] * 2 + [("H200", 8)], {}, ("H200", 1, 8, 1), id="one node before several"),
        pytest.param(LARGE, [("H100", 8)] * 4, {}, ("H100", 2, 8, 2), id="no more nodes than are needed"),
        pytest.param(MIDDLE, [("L4", 1)] * 9, {}, ("L4", 8, 1, 8), id="nodes with one GPU each"),
        pytest.param(MIDDLE, [("L4", 4)] * 3, {}, ("L4", 2, 4, 2), id="a shorter context on fewer nodes"),
        pytest.param(MIDDLE, [("L4", 2)] * 4, {}, ("L4", 4, 2, 4), id="no fewer than four hold it"),
        pytest.param(
            SMALL,
            [("L4", 2)] * 2,
            {"serving": {"tensorParallel": 2, "pipelineParallel": 2}},
            ("L4", 2, 2, 2),
            id="as the author divides it",
        ),
        pytest.param(
            SMALL,
            [("L4", 4)] * 2,
            {"serving": {"tensorParallel": 2, "pipelineParallel": 4}},
            ("L4", 2, 2, 4),
            id="two stages in each pod",
        ),
        pytest.param(SMALL, [("L4", 1)] * 5, {"serving": {"pipelineParallel": 5}}, ("L4", 5, 1, 5), id="five stages"),
        pytest.param(
            SMALL, [("L4", 2)] * 2, {"placement": counted("L4", 4)}, ("L4", 2, 2, 2), id="so many as the author counts"
        ),
        pytest.param(
            SMALL, [("L4", 4), ("L4", 2)], {"placement": counted("L4", 4)}, ("L4", 1, 4, 1), id="one node has so many"
        ),
        pytest.param(
            SMALL, [("L4", 2)], {"placement": counted("L4", 4)}, ("L4", 1, 4, 1), id="a node with so many may come"
        ),
        pytest.param(
            LARGE, [("L4", 2)], {"placement": counted("H100", 16)}, ("H100", 2, 8, 2), id="nodes of eight may come"
        ),
    ],
)
def test_a_replica_is_divided(
    name: str, nodes: list[tuple[str, int]], fields: dict[str, Any], expected: tuple[str, int, int, int]
) -> None:
    assert expected == split(name, cluster(*nodes), **fields)


def test_a_shorter_context_on_one_node_comes_before_the_whole_one_on_two() -> None:
    found = answered(MIDDLE, cluster(("L4", 8), ("L4", 8)))
    assert isinstance(found, PlanStatus)
    alone = answered(MIDDLE, cluster(("L4", 8)))
    assert isinstance(alone, PlanStatus)
    assert (1, alone.context_length) == (found.pods_per_replica, found.context_length)


def test_the_pods_and_the_room_for_replicas_are_told() -> None:
    found = answered(LARGE, cluster(*[("H100", 8)] * 5))
    assert isinstance(found, PlanStatus)
    assert "A replica is 2 pods, each with 8 of the GPUs and 1 of the 2 pipeline stages." in found.explanation
    assert found.replicas is not None
    assert 2 == found.replicas.fit
    assert "8 x H100" in {alternative.what for alternative in found.alternatives}


def test_memory_and_cpus_are_those_of_one_pod() -> None:
    wide, narrow = (
        answered(name, cluster(*nodes), placement=counted(gpu, count))
        for name, gpu, count, nodes in (
            (LARGE, "H100", 16, [("H100", 8)] * 2),
            (SMALL, "H100", 8, [("H100", 8)]),
        )
    )
    assert isinstance(wide, PlanStatus)
    assert isinstance(narrow, PlanStatus)
    assert (wide.pod_memory_bytes, wide.pod_cpu) == (narrow.pod_memory_bytes, narrow.pod_cpu)


def test_a_model_whose_layers_cannot_be_divided_into_stages_is_refused_with_the_reason() -> None:
    nodes = cluster(("T4", 1), ("T4", 1))
    found = answered("google__gemma-3-27b-it", nodes, placement={"candidates": [{"gpu": "T4", "count": 2}]})
    assert isinstance(found, Refusal)
    assert "2 x T4 on 2 nodes" in found.message


def test_a_division_that_no_nodes_allow_names_what_there_is() -> None:
    found = answered(SMALL, cluster(("L4", 2)), serving={"tensorParallel": 2, "pipelineParallel": 2})
    assert isinstance(found, Refusal)
    assert Reason.INVALID_SPEC is found.reason
    assert "tensorParallel 2 and pipelineParallel 2 cannot be made of 2 x L4 on one node" in found.message


SIZES = [1, 2, 4, 8]


@given(
    name=st.sampled_from([LARGE, MIDDLE, SMALL]),
    per_node=st.sampled_from(SIZES),
    number=st.integers(1, 9),
    gpu=st.sampled_from(["L4", "A100-80", "H100"]),
)
@settings(max_examples=60, deadline=None)
def test_pods_have_whole_stages_and_nodes_have_room_for_them(name: str, per_node: int, number: int, gpu: str) -> None:
    found = answered(name, cluster(*[(gpu, per_node)] * number))
    if isinstance(found, Refusal):
        return
    assert found.gpus_per_replica == found.tensor_parallel * found.pipeline_parallel
    assert found.gpus_per_pod * found.pods_per_replica == found.gpus_per_replica
    assert 0 == found.pipeline_parallel % found.pods_per_replica
    assert found.gpus_per_pod <= per_node
    assert found.pods_per_replica <= number
    memory = found.memory
    parts = memory.weights_bytes + memory.kv_cache_bytes + memory.activations_bytes + memory.graphs_bytes
    assert memory.budget_bytes == parts + memory.overhead_bytes + memory.headroom_bytes


@given(name=st.sampled_from([LARGE, MIDDLE]), number=st.integers(1, 4))
@settings(max_examples=10, deadline=None)
def test_a_further_node_never_takes_a_plan_away(name: str, number: int) -> None:
    fewer, more = (answered(name, cluster(*[("H100", 8)] * nodes)) for nodes in (number, number + 1))
    assert isinstance(more, PlanStatus) or isinstance(fewer, Refusal)
