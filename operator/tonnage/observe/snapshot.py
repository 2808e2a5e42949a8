"""Everything the operator saw on one visit, grouped by revision: the only input of what `observe` concludes.

Built from the objects as the API server gives them. Nothing in it is remembered from the visit before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from tonnage.contract.serve_document import EngineReport, ServeDocument
from tonnage.desired.names import COMPONENT_LABEL, FOLLOWER, HEAD, REVISION_LABEL, WORKER
from tonnage.observe.pods import Container, Pod, pod
from tonnage.observe.serve_status import ServeStatus

__all__ = ["Container", "Download", "ObservedRevision", "Pod", "Snapshot", "snapshot"]

_CONFIG_MAP_KEY = "serve.json"
_CONTROLLERS = ("Deployment", "StatefulSet")


@dataclass(frozen=True)
class Download:
    """How far one worker's download is."""

    done_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class ObservedRevision:
    """One revision's objects and pods."""

    name: str
    created_at: datetime
    # Kinds of its objects that exist and are not being deleted: ConfigMap, Service, StatefulSet, Deployment.
    kinds: frozenset[str]
    # spec.replicas of the worker Deployment; None: there is none.
    worker_replicas: int | None
    # The same of the followers' Deployment.
    follower_replicas: int | None
    image: str
    # None: there is no ConfigMap, or one that this version cannot read.
    document: ServeDocument | None
    head: Pod | None
    # Oldest first.
    workers: tuple[Pod, ...]
    # Oldest first; ready is one that holds a stage of a replica.
    followers: tuple[Pod, ...]
    # None: Serve did not answer.
    serve: ServeStatus | None

    @property
    def live_workers(self) -> tuple[Pod, ...]:
        """Those that are not going and have not ended."""
        return tuple(worker for worker in self.workers if worker.is_live)

    @property
    def live_pods(self) -> tuple[Pod, ...]:
        """The same of workers and followers: all pods that hold, or will hold, the model."""
        return (*self.live_workers, *(follower for follower in self.followers if follower.is_live))

    @property
    def ready(self) -> tuple[Pod, ...]:
        """The workers that are ready and are to stay."""
        return tuple(worker for worker in self.live_workers if worker.is_ready)

    @property
    def ready_workers(self) -> int:
        """How many they are."""
        return len(self.ready)

    @property
    def ready_replicas(self) -> int:
        """How many replicas answer.

        A worker is ready as soon as its proxy knows any replica, on whichever worker that is; so Serve's word counts
        too, unless it is silent or has just come back and knows of nothing yet.
        """
        if self.serve is None or self.serve.application is None:
            return self.ready_workers
        return min(self.ready_workers, self.serve.running_replicas)

    @property
    def endpoints(self) -> int:
        """How many workers clients can reach; a terminating one stays reachable until its drain is over."""
        return sum(worker.is_ready for worker in self.workers)


@dataclass(frozen=True)
class Snapshot:
    """One visit."""

    now: datetime
    # Oldest first.
    revisions: tuple[ObservedRevision, ...] = ()
    # By pod name.
    downloads: Mapping[str, Download] = field(default_factory=dict)
    # By revision; only of those that had to be asked.
    reports: Mapping[str, EngineReport] = field(default_factory=dict)

    def revision(self, name: str | None) -> ObservedRevision | None:
        """The revision of that name, if anything of it is there."""
        return next((one for one in self.revisions if one.name == name), None)

    def answered(
        self,
        serve: Mapping[str, ServeStatus],
        downloads: Mapping[str, Download],
        reports: Mapping[str, EngineReport],
    ) -> "Snapshot":
        """The same with what heads said of Serve, by revision, and workers of downloads, by pod, and of engines."""
        revisions = tuple(replace(one, serve=serve.get(one.name)) for one in self.revisions)
        return replace(self, revisions=revisions, downloads=downloads, reports=reports)


def snapshot(objects: Iterable[Mapping[str, Any]], now: datetime) -> Snapshot:
    """The snapshot of a deployment's children, pods included; nobody has been asked anything yet."""
    by_revision: dict[str, list[Mapping[str, Any]]] = {}
    for manifest in objects:
        name = (manifest["metadata"].get("labels") or {}).get(REVISION_LABEL)
        if name is not None:
            by_revision.setdefault(name, []).append(manifest)
    revisions = [_revision(name, manifests) for name, manifests in by_revision.items()]
    return Snapshot(now, tuple(sorted(revisions, key=lambda one: (one.created_at, one.name))))


def _revision(name: str, manifests: list[Mapping[str, Any]]) -> ObservedRevision:
    standing = [
        manifest
        for manifest in manifests
        if manifest["kind"] != "Pod" and "deletionTimestamp" not in manifest["metadata"]
    ]
    heads, workers = _pods(manifests, HEAD), _pods(manifests, WORKER)
    return ObservedRevision(
        name=name,
        created_at=min(datetime.fromisoformat(manifest["metadata"]["creationTimestamp"]) for manifest in manifests),
        kinds=frozenset(manifest["kind"] for manifest in standing),
        worker_replicas=_replicas(standing, WORKER),
        follower_replicas=_replicas(standing, FOLLOWER),
        image=_image(manifests),
        document=_document(manifests),
        # The youngest: while a head is replaced, there may be the shadow of the old one.
        head=heads[-1] if heads else None,
        workers=workers,
        followers=_pods(manifests, FOLLOWER),
        serve=None,
    )


def _replicas(standing: list[Mapping[str, Any]], component: str) -> int | None:
    """What the component's Deployment is to have; None where there is none."""
    for manifest in standing:
        if manifest["kind"] == "Deployment" and manifest["metadata"]["labels"].get(COMPONENT_LABEL) == component:
            replicas: int = manifest["spec"].get("replicas", 1)
            return replicas
    return None


def _pods(manifests: list[Mapping[str, Any]], component: str) -> tuple[Pod, ...]:
    found = [
        pod(manifest)
        for manifest in manifests
        if manifest["kind"] == "Pod" and manifest["metadata"]["labels"].get(COMPONENT_LABEL) == component
    ]
    return tuple(sorted(found, key=lambda one: (one.created_at, one.name)))


def _image(manifests: list[Mapping[str, Any]]) -> str:
    specs = [manifest["spec"]["template"]["spec"] for manifest in manifests if manifest["kind"] in _CONTROLLERS]
    specs += [manifest["spec"] for manifest in manifests if manifest["kind"] == "Pod"]
    return next((container["image"] for spec in specs for container in spec["containers"]), "")


def _document(manifests: list[Mapping[str, Any]]) -> ServeDocument | None:
    for manifest in manifests:
        if manifest["kind"] == "ConfigMap":
            try:
                return ServeDocument.model_validate_json((manifest.get("data") or {}).get(_CONFIG_MAP_KEY, ""))
            except ValidationError:
                return None
    return None
