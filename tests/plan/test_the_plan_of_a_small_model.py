"""One real model on one real node, to the byte; and what makes a plan be made anew."""

import pytest

from tonnage.contract.model_facts import ContextExtension, ModelFacts
from tonnage.contract.spec import ModelDeploymentSpec, Resources, Serving
from tonnage.contract.status import PlanStatus
from tonnage.facts.inventory import Inventory, Node
from tonnage.plan import kept, plan

GIB = 2**30
NODES = Inventory((Node("node-1", 2000, 16 * GIB, {}, (), True, None, 0, None),))


def planned(spec: ModelDeploymentSpec, facts: ModelFacts, previous: PlanStatus | None = None) -> PlanStatus:
    answer = kept(spec, facts, previous) or plan(spec, facts, NODES)
    assert isinstance(answer, PlanStatus)
    return answer


def test_the_whole_context_is_planned_for_four_sequences(cpu_spec: ModelDeploymentSpec, smollm2: ModelFacts) -> None:
    answer = planned(cpu_spec, smollm2)
    assert (8192, "4.0") == (answer.context_length, answer.concurrency)
    assert 30 * 2 * 3 * 64 * 4 == answer.kv_cache_bytes_per_token
    assert (4 * 8192 + 128) * 46_080 == answer.memory.kv_cache_bytes
    assert 651_306_240 == answer.memory.weights_bytes


def test_the_explanation_shows_the_bytes(cpu_spec: ModelDeploymentSpec, smollm2: ModelFacts) -> None:
    text = " ".join(planned(cpu_spec, smollm2).explanation)
    assert "651,306,240 bytes (0.61 GiB) of weights in float32" in text
    assert "46,080 bytes of KV cache in 30 layers" in text


def test_a_given_memory_is_the_pods_memory_and_is_filled(cpu_spec: ModelDeploymentSpec, smollm2: ModelFacts) -> None:
    resources = cpu_spec.template.model_copy(update={"resources": Resources(memory="12Gi", cpu="3")})
    answer = planned(cpu_spec.model_copy(update={"template": resources}), smollm2)
    assert (12 * GIB, "3") == (answer.pod_memory_bytes, answer.pod_cpu)
    assert answer.memory.kv_cache_bytes > planned(cpu_spec, smollm2).memory.kv_cache_bytes
    assert answer.memory.headroom_bytes >= 12 * GIB // 20


def test_an_expected_request_sets_how_many_run_at_once(cpu_spec: ModelDeploymentSpec, smollm2: ModelFacts) -> None:
    serving = Serving.model_validate({"expectedRequest": {"inputTokens": 3000, "outputTokens": 1000}})
    answer = planned(cpu_spec.model_copy(update={"serving": serving}), smollm2)
    # 256 blocks of 128 tokens, 32 of them for a request of 4,000.
    assert (8, 5, 16) == (answer.max_num_seqs, answer.target_ongoing_requests, answer.max_ongoing_requests)


@pytest.mark.parametrize(
    ("weights_bytes", "seconds"),
    [pytest.param(1, 901, id="nearly nothing"), pytest.param(100 * GIB, 900 + 1800, id="100 GiB")],
)
def test_the_start_deadline_grows_with_the_weights(
    cpu_spec: ModelDeploymentSpec, smollm2: ModelFacts, weights_bytes: int, seconds: int
) -> None:
    facts = smollm2.model_copy(update={"parameters": 1, "vocabulary_size": 1, "download_bytes": weights_bytes})
    assert seconds == planned(cpu_spec, facts).start_deadline_seconds


def test_a_plan_is_made_anew_when_the_wishes_change(cpu_spec: ModelDeploymentSpec, smollm2: ModelFacts) -> None:
    first = planned(cpu_spec, smollm2)
    wished = cpu_spec.model_copy(update={"serving": Serving(context_length=2048)})
    assert planned(wished, smollm2, first).context_length == 2048


def test_a_plan_is_made_anew_when_the_model_changes(cpu_spec: ModelDeploymentSpec, smollm2: ModelFacts) -> None:
    first = planned(cpu_spec, smollm2)
    longer = smollm2.model_copy(update={"max_context_length": 4096})
    assert planned(cpu_spec, longer, first).context_length == 4096


def test_replicas_and_access_do_not_touch_the_plan(cpu_spec: ModelDeploymentSpec, smollm2: ModelFacts) -> None:
    first = planned(cpu_spec, smollm2)
    assert first.answers_digest == planned(cpu_spec.model_copy(update={"replicas": 7}), smollm2).answers_digest


@pytest.mark.parametrize(
    ("context_length", "is_said"),
    [
        pytest.param(2048, False, id="within what it was trained for"),
        pytest.param(8192, True, id="beyond it"),
    ],
)
def test_a_context_that_rests_on_scaled_positions_is_said_to(
    cpu_spec: ModelDeploymentSpec, smollm2: ModelFacts, context_length: int, *, is_said: bool
) -> None:
    extension = ContextExtension(kind="yarn", factor="4", original_context_length=2048)
    facts = smollm2.model_copy(update={"context_extension": extension})
    wished = cpu_spec.model_copy(update={"serving": Serving(context_length=context_length)})
    said = "Beyond 2,048 tokens the context rests on scaled positions (yarn x4), for short requests too."
    assert is_said is (said in planned(wished, facts).explanation)
