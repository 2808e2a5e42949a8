"""Makes a child object be as it should, and writes nothing when it is.

The live object is compared by what we want of it: the API server fills in defaults, and others may add fields. Because
that comparison cannot see a field that we no longer want, the object also carries a digest of what was last applied.
What a reader would get wrong: the API server may store a value in other words than ours (`1000m` is kept as `1`, an
empty list is dropped). Such an object would look changed for ever, so the form it took is remembered after the write.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tonnage.cluster.api import Kubernetes, Manifest
from tonnage.cluster.errors import ConflictError, PermanentError
from tonnage.cluster.resources import SECRETS, resource_of
from tonnage.contract.status import GROUP

APPLIED_ANNOTATION = f"{GROUP}/applied"
_DIGEST_LENGTH = 16
# Few objects need one, and forgetting all of them costs a write each; without a bound a year of rollouts would pile up.
_MOST_FORMS = 4096


class NameTakenError(PermanentError):
    """An object of that name belongs to somebody else and is left alone."""


class Applier:
    """Applies children of any deployment; remembers, per object, the form that the API server gave to our words."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes
        self._forms: dict[str, tuple[str, Any]] = {}

    async def apply(self, manifest: Mapping[str, Any], live: Mapping[str, Any] | None) -> bool:
        """Whether a write was needed to make the object as `manifest` says. `live` is None if it was not listed.

        Raises NameTakenError, and ConflictError while the child of an earlier deployment of this name is still going.
        """
        digest = _digest(manifest)
        wanted = _with_digest(manifest, digest)
        resource = resource_of(manifest)
        metadata = manifest["metadata"]
        if live is None and resource is not SECRETS:
            # The list was by label: an object that was there before us would have been missed, and taken over.
            live = await self._kubernetes.get(resource, metadata["namespace"], metadata["name"])
        if live is not None:
            _require_ours(manifest, live)
            if self._is_as_wanted(wanted, live, digest):
                return False
        applied = await self._kubernetes.apply(wanted)
        form = _projection(wanted, applied)
        if form != _projection(wanted, wanted):
            if len(self._forms) >= _MOST_FORMS:
                self._forms.clear()
            self._forms[applied["metadata"]["uid"]] = (digest, form)
        return True

    def _is_as_wanted(self, wanted: Manifest, live: Mapping[str, Any], digest: str) -> bool:
        form = _projection(wanted, live)
        if form == _projection(wanted, wanted):
            return True
        return self._forms.get(live["metadata"]["uid"]) == (digest, form)


def _require_ours(manifest: Mapping[str, Any], live: Mapping[str, Any]) -> None:
    ours = _controller(manifest)
    theirs = _controller(live)
    if ours == theirs:
        return
    what = f"{live['kind']} {live['metadata']['name']}"
    if theirs and ours and theirs[0] == ours[0]:
        raise ConflictError(f"{what} of an earlier {ours[0]} of this name is still being removed")
    raise NameTakenError(
        f"{what} exists and does not belong to this ModelDeployment: delete or rename it, or rename the ModelDeployment"
    )


def _controller(manifest: Mapping[str, Any]) -> tuple[str, str] | None:
    owners = manifest["metadata"].get("ownerReferences") or ()
    return next(((owner["kind"], owner["uid"]) for owner in owners if owner.get("controller")), None)


def _with_digest(manifest: Mapping[str, Any], digest: str) -> Manifest:
    metadata = manifest["metadata"]
    annotations = {**(metadata.get("annotations") or {}), APPLIED_ANNOTATION: digest}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def _digest(manifest: Mapping[str, Any]) -> str:
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def _projection(wanted: Any, live: Any) -> Any:  # noqa: ANN401 # any JSON
    """The part of `live` that `wanted` speaks about, without what is empty."""
    # Every visit compares a dozen objects: the abstract `Mapping` and a tuple of what is empty took half of its time.
    if isinstance(wanted, dict) and isinstance(live, dict):
        parts = {key: _projection(value, live.get(key)) for key, value in wanted.items()}
        return {key: part for key, part in parts.items() if part or part == 0}
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        return [_projection(one, other) for one, other in zip(wanted, live, strict=True)]
    return live
