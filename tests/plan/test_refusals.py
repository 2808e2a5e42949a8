"""What is refused, with which reason and which numbers in the sentence."""

from typing import Any

import pytest

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import PlanStatus
from tonnage.facts.inventory import UNKNOWN_INVENTORY, Inventory, Node, Taint
from tonnage.plan import Refusal, plan

GIB = 2**30
SOURCE = "hf://HuggingFaceTB/SmolLM2-135M-Instruct"


def node(gib: float, name: str = "node-1", labels: dict[str, str] | None = None, *taints: Taint) -> Node:
    return Node(name, 2000, int(gib * GIB), labels or {}, taints, True, None, 0, None)


def wish(**fields: Any) -> ModelDeploymentSpec:
    fields["placement"] = {"device": "Cpu", **fields.get("placement", {})}
    fields["model"] = {"source": SOURCE, **fields.get("model", {})}
    return ModelDeploymentSpec.model_validate(fields)


def refusal(spec: ModelDeploymentSpec, facts: ModelFacts, *nodes: Node) -> Refusal:
    answer = plan(spec, facts, Inventory(nodes))
    assert isinstance(answer, Refusal)
    return answer


@pytest.mark.parametrize(
    ("facts_update", "spec_fields", "reason", "words"),
    [
        pytest.param(
            {"architecture": "NobodysForCausalLM"},
            {},
            Reason.ARCHITECTURE_UNSUPPORTED,
            ["NobodysForCausalLM", "vLLM 0.29.0"],
            id="an architecture that the engine does not know",
        ),
        pytest.param(
            {"architecture": "BertForTokenClassification"},
            {},
            Reason.ARCHITECTURE_UNSUPPORTED,
            ["BertForTokenClassification puts texts into classes", "Score needs one class"],
            id="a model for classes",
        ),
        pytest.param(
            {"needs_remote_code": True},
            {},
            Reason.REMOTE_CODE_REQUIRED,
            ["spec.model.trustRemoteCode", "Allowed"],
            id="code of the repository",
        ),
        pytest.param(
            {"quantization": "awq"}, {}, Reason.QUANTIZATION_UNSUPPORTED, ["(awq)"], id="a quantized checkpoint"
        ),
        pytest.param(
            {},
            {"serving": {"contextLength": 131_072}},
            Reason.CONTEXT_TOO_LONG,
            ["131,072", "8,192"],
            id="a context longer than the model's",
        ),
        pytest.param(
            {},
            {"serving": {"minContextLength": 9000}},
            Reason.CONTEXT_TOO_LONG,
            ["minContextLength 9,000", "8,192"],
            id="a least context longer than the model's",
        ),
        pytest.param(
            {},
            {"placement": {"nodeSelector": {"disk": "fast"}}},
            Reason.NO_NODES,
            ["none of 1 nodes"],
            id="a selector that no node has",
        ),
        pytest.param(
            {},
            {"template": {"env": [{"name": "VLLM_SERVER_DEV_MODE", "value": "1"}]}},
            Reason.INVALID_SPEC,
            ["VLLM_SERVER_DEV_MODE", "remove it"],
            id="a reserved variable",
        ),
        pytest.param(
            {},
            {"template": {"labels": {"tonnage.dev/deployment": "other"}}},
            Reason.INVALID_SPEC,
            ["spec.template.labels", "tonnage.dev/deployment"],
            id="a reserved label",
        ),
        pytest.param(
            {"parameters": 7 * 10**9},
            {},
            Reason.INSUFFICIENT_MEMORY,
            ["weights 26.2 GiB in float32", "do not fit 14.0 GiB (node node-1: 16.0 GiB allocatable"],
            id="weights larger than the largest node",
        ),
        pytest.param(
            {},
            {"template": {"resources": {"memory": "2Gi"}}},
            Reason.INSUFFICIENT_MEMORY,
            ["do not fit 2.0 GiB (spec.template.resources.memory)", "needs"],
            id="a memory too small for the weights",
        ),
    ],
)
def test_a_refusal_names_what_failed(
    smollm2: ModelFacts, facts_update: dict[str, Any], spec_fields: dict[str, Any], reason: Reason, words: list[str]
) -> None:
    answer = refusal(wish(**spec_fields), smollm2.model_copy(update=facts_update), node(16))
    assert reason == answer.reason
    assert [] == [word for word in words if word not in answer.message]


def test_an_explicit_context_is_refused_with_its_bytes_and_the_longest_that_fits(smollm2: ModelFacts) -> None:
    facts = smollm2.model_copy(update={"max_context_length": 131_072})
    answer = refusal(
        wish(serving={"contextLength": 131_072}, template={"resources": {"memory": "6Gi"}}), facts, node(16)
    )
    assert answer.reason is Reason.CONTEXT_TOO_LONG
    assert answer.message.startswith("context 131,072 needs 5.6 GiB of KV cache, ")
    assert "are left of 6.0 GiB" in answer.message

    longest = int(
        answer.message.partition("the longest context that fits is ")[2].partition(", 131,072")[0].replace(",", "")
    )
    fits = plan(
        wish(serving={"contextLength": longest}, template={"resources": {"memory": "6Gi"}}),
        facts,
        Inventory((node(16),)),
    )
    assert isinstance(fits, PlanStatus)
    assert longest == fits.context_length
    more = wish(serving={"contextLength": longest + 128}, template={"resources": {"memory": "6Gi"}})
    assert isinstance(plan(more, facts, Inventory((node(16),))), Refusal)


def test_a_least_context_lets_an_explicit_one_be_shortened(smollm2: ModelFacts) -> None:
    facts = smollm2.model_copy(update={"max_context_length": 131_072})
    spec = wish(serving={"contextLength": 131_072, "minContextLength": 4096}, template={"resources": {"memory": "6Gi"}})
    answer = plan(spec, facts, Inventory((node(16),)))
    assert isinstance(answer, PlanStatus)
    assert 4096 <= answer.context_length < 131_072
    assert answer.context_length % 128 == 0
    assert ["context 131,072", "weights in bfloat16"] == [each.what for each in answer.alternatives]


def test_a_context_is_never_shortened_below_the_least(smollm2: ModelFacts) -> None:
    facts = smollm2.model_copy(update={"max_context_length": 131_072})
    spec = wish(serving={"minContextLength": 65_536}, template={"resources": {"memory": "6Gi"}})
    answer = refusal(spec, facts, node(16))
    assert answer.reason is Reason.CONTEXT_TOO_LONG
    assert answer.message.startswith("context 65,536 needs ")


def test_nodes_that_may_come_are_not_a_permanent_refusal(smollm2: ModelFacts) -> None:
    assert not refusal(wish(), smollm2).is_permanent
    assert refusal(wish(), smollm2.model_copy(update={"quantization": "awq"}), node(16)).is_permanent


def test_where_nodes_are_unknown_nothing_is_refused_for_its_size(smollm2: ModelFacts) -> None:
    assert isinstance(plan(wish(), smollm2, UNKNOWN_INVENTORY), PlanStatus)


@pytest.mark.parametrize(
    ("tolerations", "is_refused"),
    [
        pytest.param([], True, id="not tolerated"),
        pytest.param([{"key": "dedicated", "value": "models"}], False, id="by value"),
        pytest.param([{"key": "dedicated", "operator": "Exists"}], False, id="by key"),
        pytest.param([{"operator": "Exists"}], False, id="everything"),
        pytest.param([{"key": "dedicated", "value": "other"}], True, id="another value"),
        pytest.param([{"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}], True, id="another effect"),
    ],
)
def test_a_tainted_node_counts_only_where_it_is_tolerated(
    smollm2: ModelFacts, tolerations: list[dict[str, str]], *, is_refused: bool
) -> None:
    tainted = node(16, "node-1", {}, Taint("dedicated", "models", "NoSchedule"))
    answer = plan(wish(placement={"tolerations": tolerations}), smollm2, Inventory((tainted,)))
    assert is_refused == isinstance(answer, Refusal)
