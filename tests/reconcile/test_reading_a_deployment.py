from typing import Any

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.status import ModelDeploymentStatus
from tonnage.target import target


def manifest(spec: dict[str, Any], status: dict[str, Any] | None = None, **annotations: str) -> dict[str, Any]:
    metadata = {"name": "chat", "namespace": "default", "uid": "u1", "generation": 3, "annotations": annotations}
    return {"metadata": metadata, "spec": spec, "status": status or {}}


SPEC = {"model": {"source": "hf://org/name"}}


def test_a_spec_of_another_version_is_refused_with_the_fields_name() -> None:
    wanted = target(manifest({**SPEC, "colour": "blue"}))
    assert wanted.invalid is not None
    assert Reason.INVALID_SPEC is wanted.invalid.reason
    assert "spec.colour" in wanted.invalid.message


def test_a_status_of_another_version_keeps_the_pinned_model(smollm2: ModelFacts) -> None:
    wanted = target(manifest(SPEC, {"model": smollm2.to_json_object(), "colour": "blue"}))
    assert ModelDeploymentStatus(model=smollm2) == wanted.previous


def test_a_status_that_makes_no_sense_is_as_none() -> None:
    assert ModelDeploymentStatus() == target(manifest(SPEC, {"model": {"source": 1}})).previous


def test_only_the_word_true_pauses() -> None:
    assert target(manifest(SPEC, **{"tonnage.dev/paused": "true"})).is_paused
    assert not target(manifest(SPEC, **{"tonnage.dev/paused": "false"})).is_paused
