"""Laws of plans for GPUs that hold for every model and every GPU."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.gpu_plans import facts_of, gpu_node, gpu_wish
from tonnage.contract.status import PlanStatus
from tonnage.facts.inventory import Inventory, inventory
from tonnage.plan import Refusal, plan

MODELS = (
    "Qwen__Qwen2.5-7B-Instruct",
    "google__gemma-2-9b",
    "deepseek-ai__DeepSeek-V2-Lite-Chat",
    "Qwen__Qwen3-Next-80B-A3B-Thinking",
    "openai__gpt-oss-120b",
)
models = st.sampled_from(MODELS)
memories_mib = st.integers(8_000, 300_000)
counts = st.sampled_from([1, 2, 4, 8])
# Each example is a search over contexts.
few = settings(max_examples=15)


def nodes(memory_mib: int, count: int) -> Inventory:
    labels = {
        "nvidia.com/gpu.memory": str(memory_mib),
        "nvidia.com/gpu.compute.major": "9",
        "nvidia.com/gpu.compute.minor": "0",
    }
    return inventory([gpu_node("NVIDIA-Imagined", count, **labels)])


def context_length(answer: PlanStatus | Refusal) -> int:
    """0 where there is no plan."""
    return answer.context_length if isinstance(answer, PlanStatus) else 0


@few
@given(models, memories_mib, st.integers(0, 50_000), counts)
def test_more_memory_never_gives_less_context(model: str, memory_mib: int, more_mib: int, count: int) -> None:
    less = plan(gpu_wish(), facts_of(model), nodes(memory_mib, count))
    more = plan(gpu_wish(), facts_of(model), nodes(memory_mib + more_mib, count))
    assert context_length(less) <= context_length(more)


@few
@given(models, memories_mib, counts)
def test_more_gpus_never_give_less_context(model: str, memory_mib: int, count: int) -> None:
    fewer = plan(gpu_wish(), facts_of(model), nodes(memory_mib, count))
    more = plan(gpu_wish(), facts_of(model), nodes(memory_mib, 2 * count))
    assert context_length(fewer) <= context_length(more)


@few
@given(models, memories_mib, counts)
def test_allowing_less_precision_never_takes_more_gpus_or_gives_less_context(
    model: str, memory_mib: int, count: int
) -> None:
    lossless = plan(gpu_wish(), facts_of(model), nodes(memory_mib, count))
    balanced = plan(gpu_wish(serving={"precision": "Balanced"}), facts_of(model), nodes(memory_mib, count))
    assert context_length(lossless) <= context_length(balanced)
    if isinstance(lossless, PlanStatus) and context_length(lossless) == context_length(balanced):
        assert isinstance(balanced, PlanStatus)
        assert balanced.gpus_per_replica <= lossless.gpus_per_replica


@few
@given(models, memories_mib, counts)
def test_a_plan_never_exceeds_its_budget_and_holds_a_whole_sequence(model: str, memory_mib: int, count: int) -> None:
    answer = plan(gpu_wish(), facts_of(model), nodes(memory_mib, count))
    if isinstance(answer, Refusal):
        assert any(letter.isdigit() for letter in answer.message)
        return
    memory = answer.memory
    used = memory.weights_bytes + memory.activations_bytes + memory.graphs_bytes + memory.overhead_bytes
    assert used + memory.kv_cache_bytes + memory.headroom_bytes == memory.budget_bytes
    assert memory.kv_cache_bytes > 0 < memory.headroom_bytes
    assert answer.kv_cache_tokens >= answer.context_length
    assert answer.max_num_seqs <= answer.max_num_batched_tokens


@pytest.mark.parametrize("model", MODELS)
def test_the_same_question_has_the_same_answer(model: str) -> None:
    first, second = (plan(gpu_wish(), facts_of(model), nodes(80_000, 4)) for _ in range(2))
    assert first == second
