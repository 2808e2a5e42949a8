"""The ModelDeployments in a file that a person wrote, before any API server has seen them.

The contract's bounds are checked here, not the CRD's CEL rules: those run in the API server alone
(`kubectl apply --dry-run=server`). The planner refuses again what it cannot do without.
"""

import reprlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from tonnage.contract.base import Name
from tonnage.contract.reasons import Reason
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import API_VERSION, KIND
from tonnage.facts.errors import FactsError

STANDARD_INPUT = "-"

_NAME = TypeAdapter(Name)
# Of these the input is no help: it is what stands around the field, or what nobody asked for.
_SAID = {"extra_forbidden": "there is no such field", "missing": "is missing"}


@dataclass(frozen=True)
class Deployment:
    """One ModelDeployment."""

    name: str
    namespace: str
    spec: ModelDeploymentSpec


def read_deployments(file: str) -> Sequence[Deployment]:
    """All in `file`, in its order, at least one; other kinds of objects are skipped. Raises FactsError, permanent."""
    where = "standard input" if file == STANDARD_INPUT else file
    try:
        documents = [each for each in yaml.safe_load_all(_text(file)) if each is not None]
    # Numbers of thousands of digits and lists in thousands of lists are YAML, but nothing reads them.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _invalid(f"{where} is not YAML: {' '.join(str(error).split())}") from error
    found = [_deployment(where, each) for each in documents if isinstance(each, Mapping) and each.get("kind") == KIND]
    if not found:
        kinds = sorted({_kind(each) for each in documents})
        raise _invalid(f"{where} holds no {KIND}, but {', '.join(kinds) or 'nothing'}")
    return found


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == STANDARD_INPUT else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(f"{file} cannot be read: {error}") from error


def _kind(document: object) -> str:
    return str(document.get("kind", "an object without a kind")) if isinstance(document, Mapping) else "no object"


def _deployment(where: str, document: Mapping[str, Any]) -> Deployment:
    if document.get("apiVersion") != API_VERSION:
        raise _invalid(f"{where}: apiVersion: {document.get('apiVersion')!r} is not {API_VERSION}")
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    try:
        # As the API server would: another name could not be created.
        name = _NAME.validate_python(metadata.get("name"))
    except ValidationError as error:
        raise _refused(f"{where}: metadata.name", error) from error
    try:
        spec = ModelDeploymentSpec.model_validate(document.get("spec"))
    except ValidationError as error:
        raise _refused(f"{where}: {name}: spec", error) from error
    return Deployment(name, str(metadata.get("namespace") or "default"), spec)


def _refused(where: str, error: ValidationError) -> FactsError:
    """The first thing that is wrong; correcting it shows the next."""
    first = error.errors(include_url=False)[0]
    path = ".".join([where, *(str(part) for part in first["loc"])])
    said = _SAID.get(first["type"]) or f"{first['msg']}, but it is {reprlib.repr(first['input'])}"
    return _invalid(f"{path}: {said}")


def _invalid(message: str) -> FactsError:
    return FactsError(Reason.INVALID_SPEC, message, is_permanent=True)
