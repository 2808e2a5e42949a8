"""How many requests at once, what autoscaling aims at, and how many replicas there may be."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.gpu_plans import cluster, facts_of, gpu_node, gpu_wish
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import PlanStatus, ReplicaBounds
from tonnage.facts.inventory import UNKNOWN_INVENTORY, Inventory, inventory
from tonnage.plan import kept, plan

LLAMA = "meta-llama__Llama-3.1-8B-Instruct"
# A model of each way to keep keys and values: full, sliding and full, latent, states and full.
MODELS = (LLAMA, "google__gemma-3-27b-it", "deepseek-ai__DeepSeek-V2-Lite-Chat", "Qwen__Qwen3-Next-80B-A3B-Thinking")
NODES = cluster(("H100", 8))


def expecting(tokens_in: int, tokens_out: int = 1, **fields: Any) -> ModelDeploymentSpec:
    expected = {"inputTokens": tokens_in, "outputTokens": tokens_out}
    return gpu_wish(serving={"expectedRequest": expected}, **fields)


def planned(spec: ModelDeploymentSpec, model: str = LLAMA, nodes: Inventory = NODES) -> PlanStatus:
    answer = plan(spec, facts_of(model), nodes)
    assert isinstance(answer, PlanStatus), answer
    return answer


few = settings(max_examples=15)
tokens = st.integers(1, 200_000)


@few
@given(st.sampled_from(MODELS), tokens, tokens)
def test_a_larger_request_never_gives_more_at_once(model: str, request: int, more: int) -> None:
    small, large = planned(expecting(request), model), planned(expecting(request + more), model)
    assert large.max_num_seqs <= small.max_num_seqs
    assert large.target_ongoing_requests <= small.target_ongoing_requests


@few
@given(st.sampled_from(MODELS), tokens, st.integers(1, 100))
def test_what_runs_at_once_fits_the_kv_cache_and_is_at_least_one(model: str, request: int, percent: int) -> None:
    scaling = {"maxReplicas": 2, "targetUtilization": percent}
    one = planned(expecting(request, scaling=scaling), model)
    each = min(request + 1, one.context_length)
    # The cache's tokens are counted in whole sequences of the whole context, whose last block may not be full.
    assert 1 == one.max_num_seqs or one.max_num_seqs * each <= 1.01 * one.kv_cache_tokens
    assert 1 <= one.target_ongoing_requests <= one.max_num_seqs <= one.max_num_batched_tokens
    assert one.max_num_seqs < one.max_ongoing_requests


def test_requests_are_counted_in_whole_blocks() -> None:
    # 16 tokens are one block, 17 are two.
    nodes = cluster(("L4", 1))
    short, long = (
        planned(
            gpu_wish(serving={"contextLength": 2048, "expectedRequest": {"inputTokens": count, "outputTokens": 1}}),
            "allenai__OLMo-2-1124-7B",
            nodes,
        )
        for count in (1023, 1024)
    )
    blocks = short.kv_cache_tokens // 16
    assert (blocks - 1) // 64 == short.max_num_seqs
    assert (long.kv_cache_tokens // 16 - 1) // 65 == long.max_num_seqs


def test_short_requests_of_a_model_with_windows_take_their_whole_share_of_these_too() -> None:
    one = planned(gpu_wish(), "google__gemma-3-27b-it", cluster(("L4", 4)))
    # By tokens alone it would be four times as many and more: at full context, windows keep little.
    assert one.max_num_seqs < one.kv_cache_tokens // 1280 // 4


@pytest.mark.parametrize(
    ("percent", "target"), [pytest.param(None, 70, id="by default"), pytest.param(25, 25, id="as asked for")]
)
def test_autoscaling_aims_at_a_part_of_what_runs_at_once(percent: int | None, target: int) -> None:
    scaling = {"maxReplicas": 3} | ({"targetUtilization": percent} if percent else {})
    one = planned(gpu_wish(scaling=scaling))
    assert one.max_num_seqs * target // 100 == one.target_ongoing_requests
    assert any(f"aims at {target} % of {one.max_num_seqs:,}" in sentence for sentence in one.explanation)


def test_a_changed_target_is_another_plan_with_the_same_engine() -> None:
    before = planned(gpu_wish())
    wished = gpu_wish(scaling={"maxReplicas": 1, "targetUtilization": 20})
    assert kept(wished, facts_of(LLAMA), before) is None
    after = planned(wished)
    assert (before.max_num_seqs, before.memory) == (after.max_num_seqs, after.memory)
    assert after.target_ongoing_requests < before.target_ongoing_requests


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"replicas": 3}, (3, 3), id="a fixed number"),
        pytest.param({"scaling": {"minReplicas": 0, "maxReplicas": 9}}, (0, 9), id="a range"),
    ],
)
def test_the_bounds_are_the_specs(fields: dict[str, Any], expected: tuple[int, int]) -> None:
    found = planned(gpu_wish(**fields)).replicas
    assert ReplicaBounds(min=expected[0], max=expected[1], fit=8) == found


def test_a_kept_plan_has_the_bounds_of_today_and_nothing_else_changed() -> None:
    before = planned(gpu_wish())
    after = kept(gpu_wish(replicas=4), facts_of(LLAMA), before)
    assert after is not None
    assert ReplicaBounds(min=4, max=4, fit=8) == after.replicas
    assert before.pin == after.pin


@pytest.mark.parametrize(
    ("nodes", "fit", "words"),
    [
        pytest.param(
            [("L4", 8), ("NVIDIA-L4", 3)],
            5,
            "5 on the GPUs that there were (1 node with 8, 1 node with 3); 3 on",
            id="2",
        ),
        pytest.param([("L4", 8), ("NVIDIA-L4", 1)], 4, "4 on the GPUs that there were", id="a node that is too small"),
    ],
)
def test_replicas_that_fit_are_counted_node_by_node(nodes: list[tuple[str, int]], fit: int, words: str) -> None:
    container = {"name": "x", "resources": {"limits": {"nvidia.com/gpu": "3"}}}
    pods = [{"spec": {"nodeName": "l4-x8", "containers": [container]}, "status": {"phase": "Running"}}]
    # Two L4 for a replica; of eight, five are free.
    one = planned(gpu_wish(), nodes=inventory([gpu_node(*node) for node in nodes], pods))
    assert 2 == one.gpus_per_replica
    assert one.replicas is not None
    assert fit == one.replicas.fit
    assert any(words in sentence for sentence in one.explanation)


def test_where_nodes_may_not_be_listed_nobody_knows_how_many_fit() -> None:
    one = planned(gpu_wish(placement={"candidates": [{"gpu": "H100", "count": 1}]}), nodes=UNKNOWN_INVENTORY)
    assert ReplicaBounds(min=1, max=1) == one.replicas


def test_on_cpus_too_every_limit_has_a_sentence(cpu_spec: ModelDeploymentSpec, smollm2: ModelFacts) -> None:
    one = plan(cpu_spec, smollm2, UNKNOWN_INVENTORY)
    assert isinstance(one, PlanStatus)
    limits = (
        one.max_num_seqs,
        one.max_num_batched_tokens,
        one.target_ongoing_requests,
        one.max_ongoing_requests,
        one.start_deadline_seconds,
    )
    said = {word.strip(".,:") for sentence in one.explanation for word in sentence.split()}
    assert {f"{limit:,}" for limit in limits} <= said
