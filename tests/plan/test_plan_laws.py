"""Laws that hold for every model and every node."""

from hypothesis import given
from hypothesis import strategies as st

from tonnage.contract.model_facts import AttentionKind, ModelFacts
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import PlanStatus
from tonnage.facts.inventory import Inventory, Node
from tonnage.plan import Refusal, kept, plan
from tonnage.plan.memory import block_tokens

GIB = 2**30

models = st.fixed_dictionaries(
    {
        "source": st.just("hf://org/model"),
        "requested_revision": st.just("main"),
        "commit": st.just("0" * 40),
        "architecture": st.just("LlamaForCausalLM"),
        "parameters": st.integers(10**6, 10**11),
        "weights_bytes": st.integers(2 * 10**6, 2 * 10**11),
        "weights_dtype": st.sampled_from(["bfloat16", "float16", "float32"]),
        "download_bytes": st.integers(2 * 10**6, 2 * 10**11),
        "layers": st.integers(1, 100),
        "hidden_size": st.integers(64, 16_384),
        "attention_heads": st.integers(1, 128),
        "kv_heads": st.integers(1, 64),
        "head_dim": st.sampled_from([64, 128, 256, 576]),
        "vocabulary_size": st.integers(1000, 300_000),
        "attention": st.sampled_from([AttentionKind.GROUPED_QUERY, AttentionKind.LATENT, AttentionKind.UNKNOWN]),
        "max_context_length": st.integers(64, 1_000_000),
    }
).map(ModelFacts.model_validate)
servings = st.fixed_dictionaries(
    {},
    optional={
        "contextLength": st.integers(1, 200_000),
        "expectedRequest": st.fixed_dictionaries(
            {"inputTokens": st.integers(1, 100_000), "outputTokens": st.integers(1, 100_000)}
        ),
    },
)
node_bytes = st.integers(1 * GIB, 2000 * GIB)


def nodes(memory_bytes: int) -> Inventory:
    return Inventory((Node("node-1", 8000, memory_bytes, {}, (), True, None, 0, None),))


def wish(serving: dict[str, object], memory_bytes: int | None = None) -> ModelDeploymentSpec:
    resources = {} if memory_bytes is None else {"memory": str(memory_bytes)}
    return ModelDeploymentSpec.model_validate(
        {
            "model": {"source": "hf://org/model"},
            "placement": {"device": "Cpu"},
            "serving": serving,
            "template": {"resources": resources},
        }
    )


@given(models, servings, node_bytes, st.booleans())
def test_the_parts_and_the_headroom_are_exactly_the_budget(
    facts: ModelFacts, serving: dict[str, object], size: int, is_given: bool
) -> None:
    answer = plan(wish(serving, size if is_given else None), facts, nodes(size))
    if isinstance(answer, PlanStatus):
        parts = answer.memory
        assert parts.budget_bytes == (
            parts.weights_bytes
            + parts.kv_cache_bytes
            + parts.activations_bytes
            + parts.graphs_bytes
            + parts.overhead_bytes
            + parts.headroom_bytes
        )
        assert parts.headroom_bytes >= 0
        assert parts.budget_bytes == answer.pod_memory_bytes <= size


@given(models, servings, node_bytes, st.integers(0, 500 * GIB), st.booleans())
def test_more_memory_never_gives_less_context(
    facts: ModelFacts, serving: dict[str, object], size: int, more: int, is_given: bool
) -> None:
    def context_length(memory_bytes: int) -> int:
        answer = plan(wish(serving, memory_bytes if is_given else None), facts, nodes(memory_bytes))
        return answer.context_length if isinstance(answer, PlanStatus) else 0

    assert context_length(size) <= context_length(size + more)


@given(models, servings, node_bytes)
def test_one_sequence_at_full_context_always_fits_the_kv_cache(
    facts: ModelFacts, serving: dict[str, object], size: int
) -> None:
    answer = plan(wish(serving), facts, nodes(size))
    if isinstance(answer, PlanStatus):
        # One block is the engine's own.
        assert answer.kv_cache_tokens - block_tokens(facts) >= answer.context_length
        assert answer.context_length <= facts.max_context_length
        assert 1 <= answer.target_ongoing_requests <= answer.max_num_seqs <= answer.max_num_batched_tokens
        assert answer.max_num_seqs <= answer.max_ongoing_requests


@given(models, servings, node_bytes)
def test_the_same_question_has_the_same_answer(facts: ModelFacts, serving: dict[str, object], size: int) -> None:
    assert plan(wish(serving), facts, nodes(size)) == plan(wish(serving), facts, nodes(size))


@given(models, servings, node_bytes)
def test_a_plan_is_kept_for_what_it_was_made_from(facts: ModelFacts, serving: dict[str, object], size: int) -> None:
    first = plan(wish(serving), facts, nodes(size))
    if not isinstance(first, Refusal):
        assert first == kept(wish(serving), facts, first)
