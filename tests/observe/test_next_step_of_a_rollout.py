"""One situation, one list of actions."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tonnage.observe.rollout import (
    Action,
    ApplyRevision,
    DeleteRevision,
    DeleteWorkers,
    PutApplication,
    RemoveApplication,
    ScaleWorkers,
    actions,
)
from tonnage.observe.serve_status import NOTHING_DEPLOYED, ServeStatus
from tonnage.observe.snapshot import ObservedRevision, Snapshot

Make = Callable[..., ObservedRevision]
ALL = frozenset({"ConfigMap", "Service", "StatefulSet", "Deployment"})
HEAD_ONLY = ALL - {"Deployment"}


def short(found: tuple[Action, ...]) -> list[tuple[str, str, int | None]]:
    """Kind, revision and number of each action; the words are for logs."""
    numbers = {ApplyRevision: "worker_replicas", ScaleWorkers: "replicas", PutApplication: "replicas"}
    return [
        (type(one).__name__, one.revision, getattr(one, numbers[type(one)]) if type(one) in numbers else None)
        for one in found
    ]


def serve(wanted: int, running: int, application: str | None = "RUNNING") -> ServeStatus:
    return ServeStatus(application, "", wanted, running, 1.0)


@pytest.mark.parametrize(
    ("replicas", "fields", "expected"),
    [
        pytest.param(2, {"ready": 2}, [("ApplyRevision", "new", 2)], id="settled: nothing but the repair of drift"),
        pytest.param(
            1,
            {"starting": 1, "serve": None},
            [("ApplyRevision", "new", 1)],
            id="the head does not answer yet",
        ),
        pytest.param(
            1,
            {"starting": 1, "serve": NOTHING_DEPLOYED},
            [("ApplyRevision", "new", 1), ("PutApplication", "new", 1)],
            id="the head answers: tell it what to run",
        ),
        pytest.param(
            3,
            {"ready": 1},
            [("ApplyRevision", "new", 3), ("PutApplication", "new", 3)],
            id="up: pods and replicas together",
        ),
        pytest.param(
            1,
            {"ready": 3},
            [("ApplyRevision", "new", 3), ("PutApplication", "new", 1)],
            id="down: Serve first",
        ),
        pytest.param(
            1,
            {"ready": 3, "serve": serve(1, 1)},
            [("ApplyRevision", "new", 3)],
            id="down: the surplus is still ready, so the wrong pod could go",
        ),
        pytest.param(
            1,
            {"ready": 1, "starting": 2, "serve": serve(1, 1)},
            [("ApplyRevision", "new", 1)],
            id="down: the surplus is not ready any more",
        ),
        pytest.param(
            0, {"ready": 1}, [("ApplyRevision", "new", 1), ("PutApplication", "new", 0)], id="to zero: Serve first"
        ),
        pytest.param(
            0,
            {"ready": 1, "serve": serve(0, 0)},
            [("ApplyRevision", "new", 0)],
            id="to zero: no pod to choose, so none to wait for",
        ),
        pytest.param(0, {"serve": NOTHING_DEPLOYED}, [("ApplyRevision", "new", 0)], id="at zero Serve needs nothing"),
        pytest.param(
            2,
            {"ready": 2, "serve": None},
            [("ApplyRevision", "new", 2)],
            id="the head is away: workers go on",
        ),
        pytest.param(
            1,
            {"starting": 1, "serve": serve(1, 0, "DEPLOY_FAILED")},
            [("ApplyRevision", "new", 1), ("RemoveApplication", "new", None)],
            id="a start that Serve gave up is tried again",
        ),
        pytest.param(
            1,
            {"ready": 1, "worker_replicas": None, "kinds": HEAD_ONLY},
            [("ApplyRevision", "new", 1)],
            id="a worker Deployment that somebody deleted comes back",
        ),
    ],
)
def test_one_revision(
    revision: Make, later: datetime, replicas: int, fields: dict[str, Any], expected: list[Any]
) -> None:
    assert expected == short(actions("new", replicas, Snapshot(later, (revision("new", **fields),))))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({"ready": 2}, None, [], id="the new one does not exist yet: the old one stays"),
        pytest.param({"ready": 2}, {"starting": 2}, [], id="the new one starts: the old one stays"),
        pytest.param({"ready": 2}, {"ready": 1, "starting": 1}, [], id="half of the new one is not enough"),
        pytest.param(
            {"ready": 2},
            {"ready": 2, "serve": None},
            [],
            id="without Serve's word nothing is deleted",
        ),
        pytest.param({"ready": 2}, {"ready": 2}, [("DeleteWorkers", "old", None)], id="complete: the old workers go"),
        pytest.param(
            {"ready": 1, "worker_replicas": None, "kinds": HEAD_ONLY},
            {"ready": 2},
            [],
            id="the old head stays while its workers drain",
        ),
        pytest.param(
            {"worker_replicas": None, "kinds": HEAD_ONLY},
            {"ready": 2},
            [("DeleteRevision", "old", None)],
            id="then the rest goes",
        ),
        pytest.param(
            {"worker_replicas": None, "kinds": frozenset(), "head": None},
            {"ready": 2},
            [],
            id="what is going already is left alone",
        ),
        pytest.param(
            {"starting": 2},
            {"starting": 2},
            [],
            id="an old one that served, and does not just now, waits for its successor",
        ),
        pytest.param(
            {"ready": 1},
            {"starting": 2},
            [("PutApplication", "old", 2), ("ScaleWorkers", "old", 2)],
            id="scaling reaches the old one while the new one is not ready",
        ),
    ],
)
def test_two_revisions(
    revision: Make, later: datetime, old: dict[str, Any], new: dict[str, Any] | None, expected: list[Any]
) -> None:
    revisions = [revision("old", **old), *([revision("new", **new)] if new is not None else [])]
    found = actions("new", 2, Snapshot(later, tuple(revisions)), {"old"})
    assert expected == [one for one in short(found) if one[1] == "old"]


def test_a_revision_that_never_served_goes_at_once(revision: Make, later: datetime) -> None:
    seen = Snapshot(later, (revision("first", ready=1), revision("second", starting=1), revision("third", starting=1)))
    assert ("DeleteRevision", "second", None) in short(actions("third", 1, seen, {"first"}))


def test_a_revision_that_answers_counts_as_served_before_status_says_so(revision: Make, later: datetime) -> None:
    seen = Snapshot(later, (revision("old", ready=1), revision("new", starting=1)))
    assert [] == [one for one in short(actions("new", 1, seen)) if one[1] == "old"]


def test_without_a_plan_nothing_is_touched(revision: Make, later: datetime) -> None:
    assert () == actions(None, 1, Snapshot(later, (revision("old", ready=3),)), {"old"})


def test_a_failed_start_is_not_tried_again_at_once(revision: Make, later: datetime) -> None:
    failed = ServeStatus("DEPLOY_FAILED", "", 1, 0, later.timestamp())
    seen = Snapshot(later + timedelta(seconds=299), (revision("new", starting=1, serve=failed),))
    assert [] == [one for one in actions("new", 1, seen) if isinstance(one, RemoveApplication)]


def test_every_action_says_why(revision: Make, later: datetime) -> None:
    seen = Snapshot(later, (revision("old", ready=1), revision("new", ready=1)))
    found = actions("new", 1, seen, {"old"})
    assert [ApplyRevision, DeleteWorkers] == [type(one) for one in found]
    assert all(one.reason for one in found)
    assert DeleteRevision("a", "b") != DeleteWorkers("a", "b")
