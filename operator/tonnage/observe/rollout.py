"""Which revision runs how many workers next: the whole order of rollouts and scaling, as one pure decision.

Level-triggered: it looks only at what is, so that an operator that dies between two actions goes on where it was. The
one thing a reader would get wrong: an older revision is never rendered again, only scaled and removed, because its
template belongs to the operator that made it.
"""

from collections.abc import Collection
from dataclasses import dataclass

from tonnage.observe.snapshot import Snapshot


@dataclass(frozen=True)
class ApplyRevision:
    """Make the wanted revision's objects be as rendered, with this many workers; the first action of every pass."""

    revision: str
    worker_replicas: int
    reason: str


@dataclass(frozen=True)
class ScaleWorkers:
    """Set spec.replicas of an older revision's worker Deployment, nothing else of it."""

    revision: str
    replicas: int
    reason: str


@dataclass(frozen=True)
class PutApplication:
    """PUT `application(replicas)` to the revision's Serve."""

    revision: str
    replicas: int
    reason: str


@dataclass(frozen=True)
class DeleteWorkers:
    """Delete the revision's worker Deployment; its pods drain."""

    revision: str
    reason: str


@dataclass(frozen=True)
class DeleteRevision:
    """Delete everything of the revision that is left."""

    revision: str
    reason: str


Action = ApplyRevision | ScaleWorkers | PutApplication | DeleteWorkers | DeleteRevision


def actions(wanted: str | None, replicas: int, snapshot: Snapshot, served: Collection[str] = ()) -> tuple[Action, ...]:
    """What to do now, in this order; `wanted` is None while no plan exists, and then nothing is touched.

    `served` names revisions that status has recorded as serving: one that is not ready just now still waits for its
    successor.
    """
    raise NotImplementedError
