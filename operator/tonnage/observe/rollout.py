"""Which revision runs how many workers next: the whole order of rollouts and scaling, as one pure decision.

Level-triggered: it looks only at what is, so that an operator that dies between two actions goes on where it was. The
one thing a reader would get wrong: an older revision is never rendered again, only scaled and removed, because its
template belongs to the operator that made it.
"""

from collections.abc import Collection
from dataclasses import dataclass

from tonnage.observe.serve_status import DEPLOY_FAILED
from tonnage.observe.snapshot import ObservedRevision, Snapshot

# Serve gives a start up for good; what made it fail may be over.
_RETRY_SECONDS = 300


@dataclass(frozen=True)
class ApplyRevision:
    """Make the wanted revision's objects be as rendered, with this many workers; the first action of every pass."""

    revision: str
    worker_replicas: int
    reason: str
    # Of all replicas together; none where a replica is one pod.
    follower_replicas: int = 0


@dataclass(frozen=True)
class ScaleWorkers:
    """Set spec.replicas of an older revision's worker Deployment, nothing else of it."""

    revision: str
    replicas: int
    reason: str


@dataclass(frozen=True)
class ScaleFollowers:
    """The same of its followers."""

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
class RemoveApplication:
    """PUT `no_application()` to the revision's Serve: the next pass puts it again, and Serve tries again."""

    revision: str
    reason: str


@dataclass(frozen=True)
class DeleteWorkers:
    """Delete the revision's worker Deployment; its pods drain, and followers stay until they are gone."""

    revision: str
    reason: str


@dataclass(frozen=True)
class DeleteRevision:
    """Delete everything of the revision that is left."""

    revision: str
    reason: str


Action = (
    ApplyRevision | ScaleWorkers | ScaleFollowers | PutApplication | RemoveApplication | DeleteWorkers | DeleteRevision
)


def actions(
    wanted: str | None, replicas: int, snapshot: Snapshot, served: Collection[str] = (), pods_per_replica: int = 1
) -> tuple[Action, ...]:
    """What to do now, in this order; `wanted` is None while no plan exists, and then nothing is touched.

    `served` names revisions that status has recorded as serving: one that is not ready just now still waits for its
    successor.
    """
    if wanted is None:
        return ()
    current = snapshot.revision(wanted)
    workers = _workers(current, replicas) if current else replicas
    followers = _followers(current, replicas, pods_per_replica)
    reason = f"{replicas} replicas of revision {wanted} are wanted"
    found: list[Action] = [ApplyRevision(wanted, workers, reason, followers)]
    if current is not None:
        found += _serve_actions(current, replicas, snapshot)
    has_successor = current is not None and is_complete(current, replicas)
    for old in snapshot.revisions:
        if old.name != wanted:
            found += _old_actions(old, replicas, snapshot, has_successor=has_successor, has_served=old.name in served)
    return tuple(found)


def is_complete(revision: ObservedRevision, replicas: int) -> bool:
    """Whether a revision runs all that is wanted, by what Kubernetes and Serve both say."""
    if replicas == 0:
        return revision.head is not None and revision.head.is_ready and revision.worker_replicas is not None
    is_serving = revision.serve is not None and revision.serve.running_replicas >= replicas
    return is_serving and revision.ready_workers >= replicas


def _workers(revision: ObservedRevision, replicas: int) -> int:
    """How many workers a revision should have now: more at once, fewer only when Serve has let go of them.

    A ReplicaSet removes pods that are not ready first, so it takes the right ones once only the others are ready.
    """
    present = revision.worker_replicas
    if present is None or present <= replicas:
        return replicas
    return replicas if _may_shrink(revision, replicas, revision.ready_workers <= replicas) else present


def _followers(revision: ObservedRevision | None, replicas: int, pods_per_replica: int) -> int:
    """How many followers it should have now, by the same rule.

    A worker that is leaving serves on with its followers, and its successor needs others to start with.
    """
    leaving = sum(worker.is_ready and worker.is_terminating for worker in revision.workers) if revision else 0
    wanted = (pods_per_replica - 1) * (replicas + leaving)
    present = revision.follower_replicas if revision else None
    if revision is None or present is None or present <= wanted:
        return wanted
    holding = sum(follower.is_ready for follower in revision.followers if follower.is_live)
    return wanted if _may_shrink(revision, replicas, holding <= wanted) else present


def _may_shrink(revision: ObservedRevision, replicas: int, are_others_idle: bool) -> bool:
    serve = revision.serve
    has_let_go = serve is None or serve.wanted_replicas == replicas
    # Where none is to stay there is nothing to choose among, so nothing to wait for.
    is_over = replicas == 0 and serve is not None and serve.running_replicas == 0
    return has_let_go and (are_others_idle or is_over)


def _serve_actions(revision: ObservedRevision, replicas: int, snapshot: Snapshot) -> list[Action]:
    serve = revision.serve
    if serve is None:
        return []
    if serve.application == DEPLOY_FAILED and _age_seconds(serve.deployed_at, snapshot) > _RETRY_SECONDS:
        return [RemoveApplication(revision.name, "Serve gave the start up; it is tried again")]
    has_nothing = serve.application is None
    if serve.wanted_replicas == replicas and not (has_nothing and replicas):
        return []
    reason = "Serve has no application" if has_nothing else f"Serve runs for {serve.wanted_replicas} replicas"
    return [PutApplication(revision.name, replicas, f"{reason}, {replicas} are wanted")]


def _age_seconds(since: float | None, snapshot: Snapshot) -> float:
    return snapshot.now.timestamp() - since if since else 0.0


def _old_actions(
    old: ObservedRevision, replicas: int, snapshot: Snapshot, *, has_successor: bool, has_served: bool
) -> list[Action]:
    """What to do with a revision that is no longer wanted."""
    if not old.kinds:
        # Its last pods are going.
        return []
    if not has_served and not old.endpoints:
        return [DeleteRevision(old.name, "it never became ready and is no longer wanted")]
    if old.worker_replicas is None:
        return [] if old.workers else [DeleteRevision(old.name, "its last worker has gone")]
    if has_successor:
        return [DeleteWorkers(old.name, "its successor is ready")]
    found = _serve_actions(old, replicas, snapshot)
    workers = _workers(old, replicas)
    if workers != old.worker_replicas:
        found.append(ScaleWorkers(old.name, workers, f"{replicas} replicas are wanted, its successor is not ready"))
    # Of a revision whose document cannot be read nobody knows how many a replica needs.
    pods = old.document.engine.pods if old.document else 1
    if pods > 1 and old.follower_replicas is not None:
        followers = _followers(old, replicas, pods)
        if followers != old.follower_replicas:
            found.append(ScaleFollowers(old.name, followers, f"{replicas} replicas of {pods} pods each are wanted"))
    return found
