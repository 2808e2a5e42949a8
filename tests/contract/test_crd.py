"""The CRD that is committed: fresh, and a structural schema within our bounds. `e2e/test_crd.py` asks an API server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tonnage.contract.crd import custom_resource_definition, main, text
from tonnage.contract.rules import FIELD_RULES, MODEL_RULES
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import ModelDeploymentStatus

COMMITTED = Path(__file__).parents[2] / "crds" / "modeldeployments.tonnage.dev.yaml"
VERSION = custom_resource_definition()["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in this one, with its path."""
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from nodes(part, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from nodes(schema["additionalProperties"], f"{path}{{}}")


NODES = dict(nodes(SCHEMA))
OURS = {path: node for path, node in NODES.items() if path.startswith((".spec", ".status"))}


def test_the_committed_file_is_fresh_or_run_task_crd() -> None:
    assert text() == COMMITTED.read_text()


def test_the_file_is_the_object() -> None:
    assert custom_resource_definition() == yaml.safe_load(text())


def test_the_file_is_written_where_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path / "crd.yaml")])
    main([])
    assert text() == (tmp_path / "crd.yaml").read_text() == capsys.readouterr().out


def test_every_part_has_one_type_and_nothing_that_a_structural_schema_may_not_have() -> None:
    forbidden = {
        "$ref",
        "$defs",
        "anyOf",
        "allOf",
        "oneOf",
        "not",
        "title",
        "const",
        "propertyNames",
        "patternProperties",
    }
    assert [] == [path for path, node in NODES.items() if not isinstance(node.get("type"), str)]
    assert [] == [path for path, node in NODES.items() if forbidden & set(node)]
    assert [] == [path for path, node in NODES.items() if {"properties", "additionalProperties"} <= set(node)]


@pytest.mark.parametrize(
    ("kind", "bound"),
    [
        pytest.param("array", "maxItems", id="lists"),
        pytest.param("integer", "maximum", id="numbers, above"),
        pytest.param("integer", "minimum", id="numbers, below"),
    ],
)
def test_everything_has_a_bound(kind: str, bound: str) -> None:
    unbounded = [path for path, node in OURS.items() if node["type"] == kind and bound not in node]
    assert [] == unbounded


def test_every_text_has_a_bound() -> None:
    texts = {path: node for path, node in OURS.items() if node["type"] == "string"}
    assert [] == [path for path, node in texts.items() if not {"maxLength", "enum", "format"} & set(node)]


def test_every_map_has_a_bound() -> None:
    assert [] == [path for path, node in OURS.items() if "additionalProperties" in node and "maxProperties" not in node]


def test_numbers_of_the_api_are_whole() -> None:
    assert [] == [path for path, node in NODES.items() if node["type"] == "number"]
    assert {"int64"} == {node["format"] for node in NODES.values() if node["type"] == "integer"}


def test_every_field_that_people_meet_is_described() -> None:
    assert [] == [path for path, node in OURS.items() if "description" not in node and not path.endswith(("[]", "{}"))]


def test_every_rule_is_in_the_schema_and_has_a_sentence() -> None:
    found = [rule for node in NODES.values() for rule in node.get("x-kubernetes-validations", [])]
    assert {rule.message for rules in (*MODEL_RULES.values(), *FIELD_RULES.values()) for rule in rules} <= {
        rule["message"] for rule in found
    }
    assert [] == [rule for rule in found if len(rule["message"]) > 160 or rule["message"].endswith(".")]


def test_defaults_are_the_models_own() -> None:
    smallest = {"model": {"source": "hf://org/name"}}
    assert ModelDeploymentSpec.model_validate(
        defaulted(NODES[".spec"], smallest)
    ) == ModelDeploymentSpec.model_validate(smallest)


def defaulted(schema: dict[str, Any], value: Any) -> Any:
    """`value` with the schema's defaults, as the API server fills them in."""
    if not isinstance(value, dict):
        return value
    filled = dict(value)
    for name, part in schema.get("properties", {}).items():
        if name not in filled and "default" in part:
            filled[name] = part["default"]
        if name in filled:
            filled[name] = defaulted(part, filled[name])
    return filled


def test_scale_and_columns_name_fields_that_exist() -> None:
    scale = VERSION["subresources"]["scale"]
    columns = [column["jsonPath"] for column in VERSION["additionalPrinterColumns"]]
    plain = [path for path in (*scale.values(), *columns) if "[" not in path and not path.startswith(".metadata")]
    assert [] == [path for path in plain if path not in NODES]
    assert {"conditions", "revisions"} <= set(NODES[".status"]["properties"])


def test_conditions_are_merged_by_their_type() -> None:
    conditions = NODES[".status.conditions"]
    assert ("map", ["type"]) == (conditions["x-kubernetes-list-type"], conditions["x-kubernetes-list-map-keys"])


def test_a_status_without_anything_is_a_status() -> None:
    assert "required" not in NODES[".status"]
    assert {"replicas": 0, "readyReplicas": 0} == {
        name: value for name, value in ModelDeploymentStatus().to_json_object().items() if value != []
    }
