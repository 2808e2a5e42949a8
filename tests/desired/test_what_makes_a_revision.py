"""A revision's name is a digest of its pods: what changes it, and what must not."""

from dataclasses import replace
from typing import Any

import pytest

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.serve_document import ServeDocument
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import PlanStatus
from tonnage.desired import Owner, Revision, revision, revision_objects
from tonnage.facts.inventory import UNKNOWN_INVENTORY
from tonnage.plan import plan
from tonnage.settings import Settings

OWNER = Owner("chat", "models", "uid-1")


@pytest.fixture
def made(smollm2: ModelFacts, operator_settings: Settings) -> Any:
    def make(
        fields: dict[str, Any],
        owner: Owner = OWNER,
        settings: Settings = operator_settings,
        facts: ModelFacts = smollm2,
    ) -> Revision:
        whole = {"model": {"source": facts.source}, **fields}
        spec = ModelDeploymentSpec.model_validate(
            {**whole, "placement": {"device": "Cpu", **whole.get("placement", {})}}
        )
        planned = plan(spec, facts, UNKNOWN_INVENTORY)
        assert isinstance(planned, PlanStatus)
        return revision(owner, spec, facts, planned, settings)

    return make


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"replicas": 5}, id="replicas"),
        pytest.param({"access": {"allowedFrom": [{"podLabels": {"app": "web"}}]}}, id="who may call"),
        pytest.param({"rollout": {"strategy": "Surge"}}, id="rollout strategy"),
        pytest.param({"serving": {"contextLength": 8192}}, id="the context that was planned anyway"),
    ],
)
def test_what_needs_no_new_pods_is_the_same_revision(made: Any, fields: dict[str, Any]) -> None:
    assert made({}).name == made(fields).name


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"serving": {"contextLength": 4096}}, id="context"),
        pytest.param({"serving": {"expectedRequest": {"inputTokens": 9, "outputTokens": 9}}}, id="limits"),
        pytest.param({"placement": {"nodeSelector": {"disk": "fast"}}}, id="placement"),
        pytest.param({"template": {"image": "mine:1"}}, id="image"),
        pytest.param({"template": {"env": [{"name": "LANG", "value": "C"}]}}, id="environment"),
        pytest.param({"template": {"resources": {"cpu": "2"}}}, id="resources"),
        pytest.param({"template": {"labels": {"team": "search"}}}, id="labels of pods"),
    ],
)
def test_what_needs_new_pods_is_another_revision(made: Any, fields: dict[str, Any]) -> None:
    assert made({}).name != made(fields).name


def test_another_commit_is_another_revision(made: Any, smollm2: ModelFacts) -> None:
    assert made({}).name != made({}, facts=smollm2.model_copy(update={"commit": "f" * 40})).name


def test_the_deployments_uid_is_not_part_of_it(made: Any) -> None:
    assert made({}).name == made({}, owner=replace(OWNER, uid="uid-2")).name


def test_the_document_knows_its_revision_and_survives_its_trip(
    made: Any, cpu_spec: ModelDeploymentSpec, operator_settings: Settings
) -> None:
    one = made({})
    config_map = revision_objects(OWNER, cpu_spec, one, operator_settings, 1)[0]
    assert one.document == ServeDocument.model_validate_json(config_map["data"]["serve.json"])
    assert one.name == one.document.revision


def test_a_changed_replica_count_changes_one_field_of_one_object(
    made: Any, cpu_spec: ModelDeploymentSpec, operator_settings: Settings
) -> None:
    one = made({})
    before = revision_objects(OWNER, cpu_spec, one, operator_settings, 1)
    after = revision_objects(OWNER, cpu_spec, one, operator_settings, 3)
    after[-1]["spec"]["replicas"] = 1
    assert before == after
