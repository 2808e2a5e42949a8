"""The chart as data, without Helm: what Helm makes of it is tested in e2e/test_chart.py."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "tonnage"
CRD = "modeldeployments.tonnage.dev.yaml"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
# Kubernetes' own types: described by Kubernetes, not again by the chart.
FOREIGN = {"valueFrom", "affinity", "tolerations", "metricsFrom", "global"}


def objects(schema: dict, path: str = "") -> Iterator[tuple[str, dict]]:
    """Every schema of an object, with its path."""
    if schema.get("type") == "object":
        yield path, schema
    for name, child in {**schema.get("properties", {}), **schema.get("$defs", {})}.items():
        yield from objects(child, f"{path}.{name}".lstrip("."))
    if "items" in schema:
        yield from objects(schema["items"], f"{path}[]")


def leaves(values: dict, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


def property_at(path: tuple[str, ...]) -> dict | None:
    schema: dict | None = SCHEMA
    for name in path:
        if schema and "$ref" in schema:
            schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
        if schema is None:
            return None
        extra = schema.get("additionalProperties")
        schema = schema.get("properties", {}).get(name) or (extra if isinstance(extra, dict) else None)
    return schema


@pytest.mark.parametrize(("path", "schema"), [pytest.param(*each, id=each[0] or "values") for each in objects(SCHEMA)])
def test_every_object_of_the_schema_refuses_what_it_does_not_know(path, schema):
    if path.rpartition(".")[2].removesuffix("[]") in FOREIGN:
        return
    assert schema["additionalProperties"] is False or schema["additionalProperties"]["type"]


@pytest.mark.parametrize("path", list(leaves(VALUES)), ids=".".join)
def test_every_default_is_described_by_the_schema(path):
    assert property_at(path)


def test_chart_version_is_the_package_version():
    project = (ROOT / "pyproject.toml").read_text()
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert f'\nversion = "{chart["version"]}"\n' in project
    assert chart["version"] == chart["appVersion"]


def test_chart_carries_the_generated_crd_byte_for_byte():
    assert (ROOT / "crds" / CRD).read_bytes() == (CHART / "files" / CRD).read_bytes()


def test_crd_has_no_annotations_that_the_charts_own_would_double():
    crd = yaml.safe_load((ROOT / "crds" / CRD).read_text())
    assert "annotations" not in crd["metadata"]


def test_chart_can_insert_its_annotation_in_exactly_one_place():
    lines = (ROOT / "crds" / CRD).read_text().splitlines()
    assert lines.count("metadata:") == 1
