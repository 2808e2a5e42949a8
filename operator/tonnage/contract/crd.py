"""The CustomResourceDefinition, made from the models: `python -m tonnage.contract.crd FILE...` writes it.

The API server wants a structural schema, which is less than JSON Schema: no references, no null, one type everywhere.
Unknown fields are not errors in it; kubectl refuses them by itself, other clients have them dropped.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tonnage.contract.base import Contract
from tonnage.contract.rules import FIELD_RULES, MODEL_RULES, OBJECT_RULES
from tonnage.contract.spec import Model, ModelDeploymentSpec, Template
from tonnage.contract.status import GROUP, KIND, PLURAL, VERSION, ModelDeploymentStatus

Schema = dict[str, Any]

_KEPT = (
    "description",
    "type",
    "format",
    "enum",
    "default",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
)

# Lists whose items have a key: server-side apply then merges items instead of replacing the list.
_LIST_KEYS: Mapping[tuple[type[Contract], str], str] = {
    (ModelDeploymentStatus, "conditions"): "type",
    (ModelDeploymentStatus, "revisions"): "name",
    (Model, "adapters"): "name",
    (Template, "env"): "name",
    (Template, "image_pull_secrets"): "name",
}

_COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("Model", "string", ".spec.model.source", 0),
    ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', 0),
    ("Replicas", "string", ".status.readyOfWanted", 0),
    ("GPUs", "integer", ".status.plan.gpusPerReplica", 0),
    ("Context", "integer", ".status.plan.contextLength", 0),
    ("Reason", "string", ".status.summary", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
    ("Revision", "string", ".status.currentRevision", 1),
    ("Image", "string", '.status.revisions[?(@.state=="Serving")].image', 1),
    ("Endpoint", "string", ".status.endpoint", 1),
)


def custom_resource_definition() -> Schema:
    """The whole object, ready for `kubectl apply`."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["mdep"],
                "categories": ["all"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _root_schema()},
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "additionalPrinterColumns": [_column(*column) for column in _COLUMNS],
                }
            ],
        },
    }


def _root_schema() -> Schema:
    return {
        "type": "object",
        "description": "A language model that Tonnage plans, runs and serves behind an OpenAI-compatible endpoint.",
        "required": ["spec"],
        "x-kubernetes-validations": [rule.to_json_object() for rule in OBJECT_RULES],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            # The bound is the rule's: without it the API server assumes the longest name there could be.
            "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 63}}},
            "spec": schema(ModelDeploymentSpec),
            "status": schema(ModelDeploymentStatus),
        },
    }


def _column(name: str, kind: str, path: str, priority: int) -> Schema:
    column = {"name": name, "type": kind, "jsonPath": path}
    return column | {"priority": priority} if priority else column


def schema(model: type[Contract]) -> Schema:
    """The structural schema of one model, with the rules of everything in it."""
    document = model.model_json_schema(by_alias=True)
    definitions = {name: dict(part) for name, part in document.pop("$defs", {}).items()}
    definitions[model.__name__] = document
    for owner, rules in MODEL_RULES.items():
        if owner.__name__ in definitions:
            definitions[owner.__name__]["x-kubernetes-validations"] = [rule.to_json_object() for rule in rules]
    for (owner, field), rules in FIELD_RULES.items():
        if owner.__name__ in definitions:
            _property(definitions, owner, field)["x-kubernetes-validations"] = [rule.to_json_object() for rule in rules]
    for (owner, field), key in _LIST_KEYS.items():
        if owner.__name__ in definitions:
            _property(definitions, owner, field).update(
                {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
            )
    return _structural(definitions[model.__name__], definitions)


def _property(definitions: Mapping[str, Schema], owner: type[Contract], field: str) -> Schema:
    properties: dict[str, Schema] = definitions[owner.__name__]["properties"]
    return properties[owner.model_fields[field].alias or field]


def _structural(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """`node` with its references in place, and without what a structural schema may not have."""
    node = _without_reference(_without_null(node), definitions)
    kept: Schema = {name: node[name] for name in _KEPT if name in node}
    if "const" in node:
        kept["enum"] = [node["const"]]
    if kept.get("type") == "integer":
        kept["format"] = "int64"
    kept |= {name: value for name, value in node.items() if name.startswith("x-kubernetes-")}
    if "items" in node:
        kept["items"] = _structural(node["items"], definitions)
    if isinstance(node.get("additionalProperties"), dict):
        kept["additionalProperties"] = _structural(node["additionalProperties"], definitions)
    if "properties" in node:
        kept["properties"] = {name: _structural(part, definitions) for name, part in node["properties"].items()}
    _set_default(kept)
    return kept


def _without_null(node: Schema) -> Schema:
    """What may be null is optional here: the API server drops nulls."""
    if "anyOf" not in node:
        return node
    [choice] = [part for part in node["anyOf"] if part.get("type") != "null"]
    rest = {name: value for name, value in node.items() if name != "anyOf"}
    return {**choice, **rest}


def _without_reference(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    if "$ref" not in node:
        return node
    target = definitions[node["$ref"].rsplit("/", 1)[1]]
    rest = {name: value for name, value in node.items() if name != "$ref"}
    return {**target, **rest}


def _set_default(node: Schema) -> None:
    """Leave a default only where it says something; an object's is {}, filled in by the defaults of its fields.

    What is empty by default is the same as what is not there, and a default would show up in every object.
    """
    if node.get("type") == "object":
        is_optional = isinstance(node.pop("default", None), dict)
        if is_optional and any("default" in part for part in node.get("properties", {}).values()):
            node["default"] = {}
    elif node.get("default") in (None, [], ""):
        node.pop("default", None)


def text() -> str:
    """The object as YAML."""
    # Here, because the pods import this package and have no YAML.
    import yaml  # noqa: PLC0415

    head = "# Made by `task crd` from operator/tonnage/contract; edit the models there.\n"
    document = json.loads(json.dumps(custom_resource_definition()))
    return head + yaml.safe_dump(document, sort_keys=False, width=120, allow_unicode=True)


def main(paths: list[str]) -> None:
    """Write the CRD to these files, or print it."""
    for path in paths:
        Path(path).write_text(text())
    if not paths:
        sys.stdout.write(text())


if __name__ == "__main__":
    main(sys.argv[1:])
