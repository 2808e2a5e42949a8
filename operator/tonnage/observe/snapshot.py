"""Everything the operator saw on one visit, grouped by revision: the only input of what `observe` concludes.

Built from the objects as the API server gives them. Nothing in it is remembered from the visit before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tonnage.contract.serve_document import ServeDocument
from tonnage.observe.serve_status import ServeStatus


@dataclass(frozen=True)
class Container:
    """One container of a pod; `is_init` for init containers."""

    name: str
    is_init: bool
    is_running: bool
    restarts: int
    # Of the waiting state: ErrImagePull, CrashLoopBackOff, ...
    waiting_reason: str | None
    waiting_message: str | None
    # Of the present termination, else the last one.
    exit_code: int | None
    exit_reason: str | None
    exit_message: str | None


@dataclass(frozen=True)
class Pod:
    """What matters of a pod."""

    name: str
    ip: str | None
    phase: str
    created_at: datetime
    is_ready: bool
    is_terminating: bool
    is_scheduled: bool
    # The scheduler's words, where it found no node.
    unschedulable_message: str | None
    # Of the pod itself: Evicted, ...
    reason: str | None
    message: str | None
    containers: tuple[Container, ...]


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
    # Kinds of its objects that exist: ConfigMap, Service, StatefulSet, Deployment.
    kinds: frozenset[str]
    # spec.replicas of the worker Deployment; None: there is none.
    worker_replicas: int | None
    image: str
    document: ServeDocument | None
    head: Pod | None
    workers: tuple[Pod, ...]
    # None: Serve did not answer.
    serve: ServeStatus | None


@dataclass(frozen=True)
class Snapshot:
    """One visit."""

    now: datetime
    # Oldest first.
    revisions: tuple[ObservedRevision, ...] = ()
    facts_pod: Pod | None = None
    # By pod name.
    downloads: Mapping[str, Download] | None = None


def snapshot(
    objects: Iterable[Mapping[str, Any]],
    now: datetime,
    serve: Mapping[str, ServeStatus],
    downloads: Mapping[str, Download],
) -> Snapshot:
    """The snapshot of a deployment's children (pods included), Serve's status by revision and downloads by pod."""
    raise NotImplementedError
