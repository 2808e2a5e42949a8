"""A ModelDeployment as the API server gives it, read into the contract's types.

The CRD refuses what does not fit the contract, but a CRD may be older or newer than the operator, and a status may have
been written by another version: neither must take the operator down, or lose the pin in `status.model`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.spec import Model, ModelDeploymentSpec
from tonnage.contract.status import ModelDeploymentStatus
from tonnage.desired.names import PAUSED_ANNOTATION, Owner
from tonnage.facts.errors import FactsError

# Stands for a spec that cannot be read; never planned, because `invalid` is set beside it.
_UNREADABLE = ModelDeploymentSpec(model=Model(source="unreadable"))


@dataclass(frozen=True)
class Target:
    """One deployment on one visit."""

    owner: Owner
    generation: int
    spec: ModelDeploymentSpec
    # Why the spec cannot be read.
    invalid: FactsError | None
    is_paused: bool
    previous: ModelDeploymentStatus


def target(manifest: Mapping[str, Any]) -> Target:
    """The deployment in `manifest`."""
    metadata = manifest["metadata"]
    spec, invalid = _spec(manifest.get("spec") or {})
    return Target(
        owner=Owner(name=metadata["name"], namespace=metadata["namespace"], uid=metadata["uid"]),
        generation=metadata["generation"],
        spec=spec,
        invalid=invalid,
        is_paused=(metadata.get("annotations") or {}).get(PAUSED_ANNOTATION) == "true",
        previous=_status(manifest.get("status") or {}),
    )


def _spec(fields: Mapping[str, Any]) -> tuple[ModelDeploymentSpec, FactsError | None]:
    try:
        return ModelDeploymentSpec.model_validate(fields), None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in ("spec", *first["loc"]))
        message = f"{path}: {first['msg']}; is the installed CRD of the operator's version?"
        return _UNREADABLE, FactsError(Reason.INVALID_SPEC, message, is_permanent=True)


def _status(fields: Mapping[str, Any]) -> ModelDeploymentStatus:
    try:
        return ModelDeploymentStatus.model_validate(fields)
    except ValidationError:
        try:
            return ModelDeploymentStatus(model=ModelFacts.model_validate(fields.get("model")))
        except ValidationError:
            return ModelDeploymentStatus()
