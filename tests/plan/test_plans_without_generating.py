"""Embedding models and rerankers: what they are served for, what they keep, and how many texts run at once."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.gpu_plans import cluster, gpu_wish
from tests.support.pooling_models import facts_of
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Task
from tonnage.contract.status import PlanStatus
from tonnage.facts.inventory import Inventory, Node
from tonnage.plan import Refusal, plan
from tonnage.plan.tasks import config_overrides

GOLDEN = Path(__file__).with_name("golden")
NODES = {"8xL4": ("L4", 8), "8xH100": ("H100", 8)}
BGE = "BAAI__bge-base-en-v1.5"
EMBEDDING = "Qwen__Qwen3-Embedding-8B"
SEES_ALL = "Alibaba-NLP__gte-Qwen2-7B-instruct"
CROSS_ENCODER = "BAAI__bge-reranker-v2-m3"
RERANKER = "Qwen__Qwen3-Reranker-0.6B"
SCENARIOS: dict[str, dict[str, Any]] = {
    BGE: {},
    EMBEDDING: {},
    SEES_ALL: {},
    CROSS_ENCODER: {},
    RERANKER: {"serving": {"task": "Score"}},
}
GIB = 2**30
CPU_NODES = Inventory((Node("node-1", 8000, 64 * GIB, {}, (), True, None, 0, None),))


def planned(name: str, *nodes: tuple[str, int], **fields: Any) -> PlanStatus:
    answer = plan(gpu_wish(**fields), facts_of(name), cluster(*(nodes or (("L4", 8),))))
    assert isinstance(answer, PlanStatus), answer
    return answer


def planned_on_cpu(facts: ModelFacts, **fields: Any) -> PlanStatus:
    answer = plan(gpu_wish(placement={"device": "Cpu"}, **fields), facts, CPU_NODES)
    assert isinstance(answer, PlanStatus), answer
    return answer


def refused(name: str, **fields: Any) -> Refusal:
    answer = plan(gpu_wish(**fields), facts_of(name), cluster(("H100", 8)))
    assert isinstance(answer, Refusal), answer
    return answer


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_plan_is_as_recorded(name: str, pytestconfig: pytest.Config) -> None:
    answers = {title: planned(name, node, **SCENARIOS[name]).to_json_object() for title, node in NODES.items()}
    answers["cpu"] = planned_on_cpu(facts_of(name), **SCENARIOS[name]).to_json_object()
    text = yaml.safe_dump(answers, sort_keys=False, width=120)
    path = GOLDEN / f"{name}.yaml"
    if pytestconfig.getoption("golden_update"):
        path.write_text(text)
    assert path.read_text() == text


@pytest.mark.parametrize("name", [BGE, SEES_ALL, CROSS_ENCODER])
def test_a_model_whose_tokens_see_all_others_keeps_no_kv_cache(name: str) -> None:
    for one in (planned(name), planned_on_cpu(facts_of(name))):
        assert (0, 0, 0) == (one.memory.kv_cache_bytes, one.kv_cache_tokens, one.kv_cache_bytes_per_token)
        assert any(sentence.startswith("No KV cache: ") for sentence in one.explanation)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_parts_and_the_headroom_are_the_budget(name: str) -> None:
    for one in (planned(name, **SCENARIOS[name]), planned_on_cpu(facts_of(name), **SCENARIOS[name])):
        memory = one.memory.model_dump(by_alias=True)
        assert memory.pop("budgetBytes") == sum(memory.values())
        assert all(size >= 0 for size in memory.values())


def test_a_decoder_that_embeds_keeps_a_kv_cache_and_drops_its_head() -> None:
    embeds = planned(EMBEDDING, ("H100", 8))
    generates = planned(EMBEDDING, ("H100", 8), serving={"task": "Generate"})
    head = 151_665 * 4096 * 2
    assert embeds.kv_cache_tokens > 0
    assert generates.memory.weights_bytes - embeds.memory.weights_bytes == pytest.approx(head, rel=0.002)


def test_without_a_sampler_the_vocabulary_takes_no_activations() -> None:
    small, large = (
        planned_on_cpu(facts_of(RERANKER), serving={"task": wanted, "contextLength": 512}).memory.activations_bytes
        for wanted in ("Score", "Generate")
    )
    assert small < large


@pytest.mark.parametrize("name", [BGE, SEES_ALL, CROSS_ENCODER])
def test_a_text_that_cannot_be_cut_fits_one_step(name: str) -> None:
    for one in (planned(name), planned_on_cpu(facts_of(name))):
        assert one.max_num_batched_tokens >= one.context_length


def test_a_pooling_of_all_tokens_makes_a_decoders_texts_whole() -> None:
    facts = facts_of(EMBEDDING)
    whole = plan(gpu_wish(), facts.model_copy(update={"pooling": "MEAN"}), cluster(("L4", 8)))
    assert isinstance(whole, PlanStatus)
    assert whole.max_num_batched_tokens >= whole.context_length > planned(EMBEDDING).max_num_batched_tokens


def test_without_a_kv_cache_a_step_is_what_a_replica_holds() -> None:
    one = planned(BGE)
    # Of four texts of 512 in a step of 2,048, and four that wait, 70 %; short ones may be many more.
    assert ("4.0", 5, 256, 2048) == (
        one.concurrency,
        one.target_ongoing_requests,
        one.max_num_seqs,
        one.max_num_batched_tokens,
    )
    short = planned(BGE, serving={"expectedRequest": {"inputTokens": 30, "outputTokens": 2}})
    assert 2 * 64 * 70 // 100 == short.target_ongoing_requests


@pytest.mark.parametrize(
    ("name", "wanted", "words"),
    [
        pytest.param(BGE, "Generate", ["task Generate: BertModel is made for Embed alone"], id="BERT writes nothing"),
        pytest.param(BGE, "Score", ["gives vectors", "/v1/score", "leave it out for Embed"], id="vectors compare"),
        pytest.param(CROSS_ENCODER, "Embed", ["is made for Score alone"], id="a score is no vector"),
        pytest.param(SEES_ALL, "Generate", ["see those after them", "is_causal"], id="all tokens are seen"),
    ],
)
def test_a_task_that_a_model_cannot_do_is_refused(name: str, wanted: str, words: list[str]) -> None:
    answer = refused(name, serving={"task": wanted})
    assert Reason.INVALID_SPEC is answer.reason
    assert [] == [word for word in words if word not in answer.message]


def test_a_head_scores_only_where_it_is_known_how() -> None:
    facts = facts_of(RERANKER).model_copy(update={"architecture": "LlamaForCausalLM"})
    answer = plan(gpu_wish(serving={"task": "Score"}), facts, cluster(("L4", 1)))
    assert isinstance(answer, Refusal)
    assert "is known for Qwen3ForCausalLM, not for LlamaForCausalLM" in answer.message


def test_a_reranker_named_like_a_chat_model_needs_the_task_and_other_entries_in_its_config() -> None:
    assert Task.GENERATE is planned(RERANKER).task
    assert Task.SCORE is planned(RERANKER, serving={"task": "Score"}).task
    assert ["no", "yes"] == config_overrides(facts_of(RERANKER), Task.SCORE)["classifier_from_token"]
    assert {} == config_overrides(facts_of(RERANKER), Task.GENERATE)
    assert {} == config_overrides(facts_of(CROSS_ENCODER), Task.SCORE)


def test_any_causal_decoder_may_embed() -> None:
    assert Task.EMBED is planned(RERANKER, serving={"task": "Embed"}).task


def test_on_a_cpu_no_head_is_packed_for_a_model_that_does_not_generate() -> None:
    facts = facts_of(EMBEDDING)
    # Nor are those of the head in the files loaded.
    assert 7_567_295_488 == facts.parameters
    assert 4 * facts.parameters == planned_on_cpu(facts).memory.weights_bytes


def test_a_long_text_that_cannot_be_cut_takes_activations_of_its_length() -> None:
    facts = facts_of(CROSS_ENCODER)
    short = planned_on_cpu(facts, serving={"contextLength": 1024}).memory.activations_bytes
    assert 4 * short == planned_on_cpu(facts).memory.activations_bytes


def test_an_encoder_has_no_pipeline_stages() -> None:
    message = refused(BGE, serving={"pipelineParallel": 2}).message
    assert "vLLM 0.29.0 cannot divide the layers of BertModel among pipeline stages" in message
