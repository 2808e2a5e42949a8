"""What the operator makes of each of the hub's models: the reasons that tests in a cluster wait for."""

import pytest

from e2e.hub.repositories import MAIN_COMMIT, MEMBER_TOKEN, SMOLLM, STRANGER_TOKEN, V1_COMMIT
from tonnage.cluster.sources.hubs import hub_facts
from tonnage.contract.reasons import Reason
from tonnage.facts.errors import FactsError
from tonnage.facts.source import parse_source

WEIGHTS = "model.safetensors"


def test_the_facts_of_a_model_cost_no_weights_beyond_a_first_read(hub, model):
    facts = hub_facts(parse_source(f"hf://HuggingFaceTB/{SMOLLM}"), "v1", hub.endpoint)
    assert (V1_COMMIT, "LlamaForCausalLM", 512) == (facts.commit, facts.architecture, facts.max_context_length)
    assert ("apache-2.0", True) == (facts.licence, facts.has_chat_template)
    assert 2 * facts.parameters == facts.weights_bytes
    assert hub.sent_bytes(f"HuggingFaceTB/{SMOLLM} {WEIGHTS}") <= 100_000 < (model / WEIGHTS).stat().st_size


def test_a_large_model_is_read_from_its_headers(hub):
    facts = hub_facts(parse_source("hf://large/Llama-70B"), "main", hub.endpoint)
    assert (70_553_706_496, 141_107_412_992, 131072) == (
        facts.parameters,
        facts.weights_bytes,
        facts.max_context_length,
    )


def test_a_model_that_fills_a_disk_is_as_small_in_memory_as_its_header_says(hub):
    facts = hub_facts(parse_source(f"hf://full/{SMOLLM}"), "main", hub.endpoint)
    assert facts.weights_bytes < 2**20 < 3 * 2**30 < facts.download_bytes


def test_an_unknown_architecture_has_facts(hub):
    facts = hub_facts(parse_source("hf://broken/unknown-architecture"), "main", hub.endpoint)
    assert (MAIN_COMMIT, "MamboForCausalLM") == (facts.commit, facts.architecture)


@pytest.mark.parametrize("access", ["private", "gated"])
def test_a_member_reads_what_others_may_not(hub, access):
    assert MAIN_COMMIT == hub_facts(parse_source(f"hf://{access}/{SMOLLM}"), "main", hub.endpoint, MEMBER_TOKEN).commit


@pytest.mark.parametrize(
    ("source", "revision", "token", "reason"),
    [
        pytest.param("nobody/nothing", "main", None, Reason.MODEL_NOT_FOUND, id="missing"),
        pytest.param(f"private/{SMOLLM}", "main", None, Reason.MODEL_NOT_FOUND, id="private"),
        pytest.param(f"private/{SMOLLM}", "main", STRANGER_TOKEN, Reason.MODEL_NOT_FOUND, id="private to a stranger"),
        pytest.param(f"private/{SMOLLM}", "main", "hf_e2e_wrong", Reason.ACCESS_DENIED, id="wrong token"),
        pytest.param(f"gated/{SMOLLM}", "main", None, Reason.GATED_MODEL, id="gated"),
        pytest.param(f"gated/{SMOLLM}", "main", STRANGER_TOKEN, Reason.GATED_MODEL, id="gated to a stranger"),
        pytest.param(f"HuggingFaceTB/{SMOLLM}", "v9", None, Reason.REVISION_NOT_FOUND, id="missing revision"),
        pytest.param("broken/pickle-only", "main", None, Reason.UNSAFE_WEIGHTS, id="pickle only"),
        pytest.param("broken/no-config", "main", None, Reason.UNUSABLE_CONFIG, id="no config"),
    ],
)
def test_a_model_that_cannot_be_read_has_its_reason(hub, source, revision, token, reason):
    with pytest.raises(FactsError) as caught:
        hub_facts(parse_source(f"hf://{source}"), revision, hub.endpoint, token)
    assert (reason, True) == (caught.value.reason, caught.value.is_permanent)


def test_a_hub_that_is_away_is_worth_another_try(hub):
    hub.administer("away?seconds=60")
    with pytest.raises(FactsError) as caught:
        hub_facts(parse_source(f"hf://HuggingFaceTB/{SMOLLM}"), "main", hub.endpoint)
    assert (Reason.HUB_UNREACHABLE, False) == (caught.value.reason, caught.value.is_permanent)
