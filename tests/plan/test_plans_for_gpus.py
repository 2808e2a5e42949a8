"""Which GPUs are chosen, how many, in which precision, and what is said of the others."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.gpu_plans import cluster, config, config_names, facts_of, gpu_node, gpu_wish
from tonnage.contract.model_facts import ContextExtension
from tonnage.contract.reasons import Reason
from tonnage.contract.status import PlanStatus
from tonnage.facts.inventory import UNKNOWN_INVENTORY, Inventory, inventory
from tonnage.facts.packed import packed
from tonnage.facts.shape.towers import towers
from tonnage.plan import Refusal, plan

GOLDEN = Path(__file__).with_name("golden")
# One model of each family and attention kind, each on two kinds of nodes.
FAMILIES = (
    "meta-llama__Llama-3.1-8B-Instruct",
    "meta-llama__Llama-3.3-70B-Instruct",
    "mistralai__Mistral-7B-Instruct-v0.3",
    "mistralai__Mixtral-8x22B-Instruct-v0.1",
    "Qwen__Qwen2.5-7B-Instruct",
    "Qwen__Qwen3-30B-A3B-Instruct-2507",
    "Qwen__Qwen3-235B-A22B-FP8",
    "Qwen__Qwen3-Next-80B-A3B-Thinking",
    "Qwen__Qwen3-VL-4B-Instruct",
    "deepseek-ai__DeepSeek-V2-Lite-Chat",
    "deepseek-ai__DeepSeek-R1",
    "google__gemma-2-9b",
    "google__gemma-3-27b-it",
    "openai__gpt-oss-120b",
    "microsoft__phi-2",
    "THUDM__glm-4-9b",
    "bigcode__starcoder2-3b",
    "allenai__OLMo-2-1124-7B",
    "nvidia__NVIDIA-Nemotron-3-Nano-30B-A3B-BF16",
    "RedHatAI__Llama-4-Scout-17B-16E-Instruct-FP8-dynamic",
)
NODES = {"8xL4": ("L4", 8), "8xH100": ("H100", 8)}


def planned(name: str, nodes: Inventory, **fields: Any) -> PlanStatus:
    answer = plan(gpu_wish(**fields), facts_of(name), nodes)
    assert isinstance(answer, PlanStatus), answer
    return answer


def refused(name: str, nodes: Inventory, **fields: Any) -> Refusal:
    answer = plan(gpu_wish(**fields), facts_of(name), nodes)
    assert isinstance(answer, Refusal), answer
    return answer


@pytest.mark.parametrize("name", FAMILIES)
def test_the_plan_of_a_family_is_as_recorded(name: str, pytestconfig: pytest.Config) -> None:
    answers = {
        title: answer.to_json_object()
        if isinstance(answer, PlanStatus)
        else {"reason": str(answer.reason), "message": answer.message}
        for title, node in NODES.items()
        for answer in [plan(gpu_wish(), facts_of(name), cluster(node))]
    }
    text = yaml.safe_dump(answers, sort_keys=False, width=120)
    path = GOLDEN / f"{name}.yaml"
    if pytestconfig.getoption("golden_update"):
        path.write_text(text)
    assert path.read_text() == text


@pytest.mark.parametrize("name", config_names())
def test_every_config_gets_a_plan_or_a_refusal_with_a_number(name: str) -> None:
    for node in (("T4", 1), ("H200", 8)):
        answer = plan(gpu_wish(), facts_of(name), cluster(node))
        if isinstance(answer, PlanStatus):
            memory = answer.memory
            parts = (
                memory.weights_bytes
                + memory.kv_cache_bytes
                + memory.activations_bytes
                + memory.graphs_bytes
                + memory.overhead_bytes
            )
            assert memory.budget_bytes == parts + memory.headroom_bytes
            assert answer.gpus_per_replica == answer.tensor_parallel * answer.pipeline_parallel <= node[1]
        elif answer.reason is not Reason.ARCHITECTURE_UNSUPPORTED:
            assert any(letter.isdigit() for letter in answer.message)


def test_the_fewest_gpus_are_taken_that_hold_the_whole_context() -> None:
    one = planned("meta-llama__Llama-3.1-8B-Instruct", cluster(("H100", 8)))
    assert (1, 131072) == (one.gpus_per_replica, one.context_length)


def test_the_smaller_gpu_is_taken_where_one_of_either_would_do() -> None:
    one = planned("Qwen__Qwen2.5-3B-Instruct", cluster(("H100", 8), ("L4", 1)))
    assert ("L4", 1) == (one.gpu, one.gpus_per_replica)


def test_more_gpus_come_before_a_shorter_context() -> None:
    one = planned("meta-llama__Llama-3.1-8B-Instruct", cluster(("L4", 4)))
    assert (2, 131072) == (one.gpus_per_replica, one.context_length)
    assert ["1 x L4"] == [other.what for other in one.alternatives]


def test_the_context_is_cut_where_no_gpus_are_left() -> None:
    one = planned("meta-llama__Llama-3.1-8B-Instruct", cluster(("L4", 1)))
    assert 1024 < one.context_length < 131072
    assert one.context_length <= one.kv_cache_tokens < 1.02 * one.context_length


def test_an_explicit_context_is_a_demand() -> None:
    answer = refused("meta-llama__Llama-3.1-8B-Instruct", cluster(("L4", 1)), serving={"contextLength": 131072})
    assert Reason.INSUFFICIENT_MEMORY is answer.reason
    assert "one sequence of 131,072 tokens needs 16.0 GiB of KV cache" in answer.message
    assert " would serve a context of 131,072; of what there is," in answer.message


def test_what_a_refusal_advises_is_true() -> None:
    name, nodes = "meta-llama__Llama-3.1-8B-Instruct", cluster(("L4", 1))
    answer = refused(name, nodes, serving={"contextLength": 131072})
    shorter = re.search("of what there is, 1 x L4 would serve a context of ([0-9,]+);", answer.message)
    assert shorter
    tokens = int(shorter[1].replace(",", ""))
    assert tokens == planned(name, nodes, serving={"contextLength": tokens}).context_length
    refused(name, nodes, serving={"contextLength": tokens + 16})
    assert answer.message.endswith(
        "with spec.serving.precision Balanced 1 x L4, weights in fp8, KV cache in fp8 would serve it"
    )
    eased = planned(name, nodes, serving={"contextLength": 131072, "precision": "Balanced"})
    assert ("fp8", "fp8") == (eased.quantization, eased.kv_cache_dtype)


def test_what_needs_several_machines_is_told_how_many() -> None:
    answer = refused("Qwen__Qwen3.8-2.4T-A95B-FP8", cluster(("L40S", 8)))
    assert "no eight GPUs of one machine hold a context of 1,024 (16 x B200 on 2 nodes," in answer.message


def test_a_model_that_is_too_large_is_told_what_would_hold_it() -> None:
    answer = refused("meta-llama__Llama-3.3-70B-Instruct", cluster(("L4", 2)))
    expected = "2 x L4, the most that there is: weights 65.7 GiB do not fit 21.9 GiB of free memory"
    assert f"{expected}; 4 x A100-40GB would serve a context of 1,024" == answer.message


def test_precision_is_given_up_only_where_it_is_allowed() -> None:
    name, nodes = "Qwen__Qwen3-14B", cluster(("L4", 1))
    assert isinstance(plan(gpu_wish(), facts_of(name), nodes), Refusal)
    balanced = planned(name, nodes, serving={"precision": "Balanced"})
    assert "fp8" == balanced.quantization


def test_heads_that_cannot_be_divided_are_an_alternative_with_the_numbers() -> None:
    # 28 heads: 8 GPUs do not divide them.
    answer = refused("Qwen__Qwen2.5-7B-Instruct", cluster(("T4", 8)), serving={"tensorParallel": 8})
    assert "28 attention heads cannot be divided among 8 GPUs" in answer.message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param(
            {"serving": {"tensorParallel": 3, "pipelineParallel": 4}},
            "tensorParallel 3 and pipelineParallel 4 cannot be made of 8 x T4",
            id="more than a node has",
        ),
        pytest.param(
            {"serving": {"tensorParallel": 2}, "placement": {"candidates": [{"gpu": "T4", "count": 3}]}},
            "tensorParallel 2 cannot be made of 3 x T4",
            id="not of the number that was named",
        ),
        pytest.param(
            {"template": {"resources": {"memory": "4Gi"}}},
            "spec.template.resources.memory is 4.0 GiB; a pod with 1 x T4 needs 9.0 GiB",
            id="too little of the host's memory",
        ),
    ],
)
def test_a_wish_that_the_nodes_cannot_fulfil_is_named(fields: dict[str, Any], words: str) -> None:
    assert words in refused("microsoft__phi-2", cluster(("T4", 8)), **fields).message


def test_a_wanted_parallelism_is_kept() -> None:
    one = planned("microsoft__phi-2", cluster(("T4", 8)), serving={"tensorParallel": 2, "pipelineParallel": 2})
    assert (2, 2, 4) == (one.tensor_parallel, one.pipeline_parallel, one.gpus_per_replica)


def test_groups_of_a_quantization_are_not_split() -> None:
    # Its shared expert is as wide, and blocks of FP8 are 128 wide.
    answer = refused("poolside__Laguna-XS.2-FP8", cluster(("H100", 8)), serving={"tensorParallel": 8})
    assert "an intermediate size of 512 among 8 GPUs is 64, not a multiple" in answer.message


def test_blocks_of_experts_in_fp8_are_divided_further() -> None:
    # 1,536 among 8 ranks is 192: the engine takes blocks of 64 then.
    one = planned("Qwen__Qwen3-235B-A22B-FP8", cluster(("H100", 8)), serving={"tensorParallel": 8})
    assert 8 == one.tensor_parallel


def test_an_old_gpu_computes_in_float16_and_says_so() -> None:
    one = planned("Qwen__Qwen2.5-3B-Instruct", cluster(("T4", 1)))
    assert "float16" == one.dtype
    assert any("computed in float16" in sentence for sentence in one.explanation)


def test_an_expected_request_sets_how_many_run_at_once() -> None:
    short = planned("meta-llama__Llama-3.1-8B-Instruct", cluster(("L4", 2)))
    long = planned(
        "meta-llama__Llama-3.1-8B-Instruct",
        cluster(("L4", 2)),
        serving={"expectedRequest": {"inputTokens": 30000, "outputTokens": 2000}},
    )
    assert long.max_num_seqs < short.max_num_seqs
    assert long.target_ongoing_requests <= long.max_num_seqs <= long.max_ongoing_requests


def test_what_the_author_named_comes_first_even_if_something_smaller_would_do() -> None:
    one = planned(
        "Qwen__Qwen2.5-3B-Instruct",
        cluster(("L4", 1), ("H100", 8)),
        placement={"candidates": [{"gpu": "NVIDIA-H100-80GB-HBM3", "count": 2}, {"gpu": "L4", "count": 1}]},
    )
    assert ("H100-SXM-80GB", 2) == (one.gpu, one.gpus_per_replica) or one.gpu.startswith("H100")
    assert 2 == one.gpus_per_replica


def test_a_named_gpu_that_no_node_has_is_planned_for_last_and_waited_for() -> None:
    named = [{"gpu": "B200", "count": 1}, {"gpu": "L4", "count": 1}]
    one = planned("Qwen__Qwen2.5-3B-Instruct", cluster(("L4", 1)), placement={"candidates": named})
    assert "L4" == one.gpu
    waiting = planned("Qwen__Qwen2.5-3B-Instruct", UNKNOWN_INVENTORY, placement={"candidates": named[:1]})
    assert "B200" == waiting.gpu
    assert any("No node has 1 x B200 now" in sentence for sentence in waiting.explanation)


def test_without_gpus_the_refusal_says_what_would_serve_it() -> None:
    answer = refused("Qwen__Qwen2.5-3B-Instruct", Inventory(()))
    assert Reason.NO_NODES is answer.reason
    assert "none of 0 nodes is ready, fits spec.placement and has a GPU" in answer.message
    assert answer.message.endswith("1 x T4 would serve a context of 1,024")


def test_nodes_that_may_not_be_listed_must_be_named() -> None:
    answer = refused("Qwen__Qwen2.5-3B-Instruct", UNKNOWN_INVENTORY)
    assert "name GPUs in spec.placement.candidates" in answer.message


@pytest.mark.parametrize(
    ("node", "words"),
    [
        pytest.param(
            gpu_node("L4", 4, **{"nvidia.com/gpu.replicas": "4", "nvidia.com/gpu.sharing-strategy": "time-slicing"}),
            "its memory is shared by 4 pods (time-slicing)",
            id="time slicing",
        ),
        pytest.param(gpu_node("NVIDIA-Nobody-1", 1), "how much memory it has", id="unknown"),
    ],
)
def test_gpus_that_no_plan_can_hold_on_are_left_out(node: dict[str, Any], words: str) -> None:
    answer = refused("Qwen__Qwen2.5-3B-Instruct", inventory([node]))
    assert words in answer.message


def test_slices_of_a_gpu_are_taken_one_by_one() -> None:
    node = gpu_node("NVIDIA-A100-SXM4-80GB", 1)
    node["status"]["allocatable"] |= {"nvidia.com/gpu": "0", "nvidia.com/mig-3g.40gb": "2"}
    node["metadata"]["labels"] |= {
        "nvidia.com/mig-3g.40gb.product": "NVIDIA-A100-SXM4-80GB-MIG-3g.40gb",
        "nvidia.com/mig-3g.40gb.memory": "40192",
    }
    one = planned("Qwen__Qwen2.5-3B-Instruct", inventory([node]))
    assert ("nvidia.com/mig-3g.40gb", 1) == (one.gpu_resource, one.gpus_per_replica)


def test_a_config_that_cannot_be_read_is_a_refusal() -> None:
    facts = facts_of("Qwen__Qwen2.5-3B-Instruct")
    for text in ("", "AAAA"):
        answer = plan(gpu_wish(), facts.model_copy(update={"config": text}), cluster(("L4", 1)))
        assert isinstance(answer, Refusal)
        assert Reason.UNUSABLE_CONFIG is answer.reason


def test_the_order_of_nodes_does_not_matter() -> None:
    spec, facts = gpu_wish(), facts_of("meta-llama__Llama-3.1-8B-Instruct")
    nodes = cluster(("L4", 1), ("A10", 2), ("H100", 8))
    turned = replace(nodes, nodes=nodes.nodes[::-1])
    assert plan(spec, facts, nodes) == plan(spec, facts, turned)


@pytest.mark.parametrize(
    ("model_type", "heads", "ranks", "expected"),
    [
        pytest.param("qwen3_vl", 16, 8, True, id="divides"),
        pytest.param("qwen3_vl", 12, 8, False, id="does not"),
        pytest.param("kimi_k25", 12, 8, True, id="stays whole by itself"),
        pytest.param("gemma4", 12, 8, True, id="is never divided"),
    ],
)
def test_an_encoders_heads_must_be_divisible(model_type: str, heads: int, ranks: int, expected: bool) -> None:
    vision = {"depth": 2, "hidden_size": 192, "intermediate_size": 384, "num_heads": heads, "patch_size": 16}
    found, _ = towers({"model_type": model_type, "vision_config": vision}, 256)
    assert [expected] == [tower.is_divisible(ranks) for tower in found]


def test_what_an_encoder_forbids_is_said_with_its_heads() -> None:
    document = config("Qwen__Qwen3-VL-32B-Instruct")
    document["vision_config"] |= {"num_heads": 12}
    facts = facts_of("Qwen__Qwen3-VL-32B-Instruct").model_copy(update={"config": packed(document)})
    wish = gpu_wish(serving={"tensorParallel": 8})
    found = plan(wish, facts, cluster(("H100", 8)))
    assert isinstance(found, Refusal)
    assert "12 heads of the vision encoder cannot be divided among 8 GPUs" in found.message


def test_a_context_that_rests_on_scaled_positions_is_said_to() -> None:
    extension = ContextExtension(kind="llama3", factor="8", original_context_length=8192)
    facts = facts_of("meta-llama__Llama-3.1-8B-Instruct").model_copy(update={"context_extension": extension})
    answer = plan(gpu_wish(), facts, cluster(("H100", 1)))
    assert isinstance(answer, PlanStatus), answer
    assert any("Beyond 8,192 tokens" in sentence for sentence in answer.explanation)
