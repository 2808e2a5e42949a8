"""How many followers a revision has: all at once, fewer only when they hold nothing, and more while a worker leaves."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.observe.conftest import BEGAN, make_followers, make_pod
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Device, EngineSettings, ServedModel, ServeDocument, ServingLimits
from tonnage.observe.failures import failure
from tonnage.observe.rollout import Action, ApplyRevision, DeleteWorkers, ScaleFollowers, actions
from tonnage.observe.serve_status import ServeStatus
from tonnage.observe.snapshot import ObservedRevision, Snapshot

Make = Callable[..., ObservedRevision]
PODS = 3


def document() -> ServeDocument:
    engine = EngineSettings(
        architecture="LlamaForCausalLM",
        device=Device.GPU,
        dtype="bfloat16",
        context_length=1,
        max_num_seqs=1,
        max_num_batched_tokens=1,
        pipeline_parallel=PODS,
        pods=PODS,
    )
    model = ServedModel(source="hf://a/b", commit="c", path="/models", served_name="x")
    limits = ServingLimits(max_ongoing_requests=1, start_deadline_seconds=1, drain_seconds=1)
    return ServeDocument(namespace="n", deployment="d", revision="new", model=model, engine=engine, limits=limits)


def decided(seen: ObservedRevision, replicas: int) -> Action:
    return actions("new", replicas, Snapshot(BEGAN, (seen,)), (), PODS)[0]


def test_a_new_revision_gets_the_followers_of_all_replicas(later: datetime) -> None:
    [first] = actions("new", 2, Snapshot(later), (), PODS)
    assert isinstance(first, ApplyRevision)
    assert (2, 4) == (first.worker_replicas, first.follower_replicas)


@pytest.mark.parametrize(
    ("replicas", "fields", "holding_and_idle", "expected"),
    [
        pytest.param(1, {"ready": 1}, (2, 0), 2, id="settled"),
        pytest.param(2, {"ready": 1}, (2, 0), 4, id="up: at once"),
        pytest.param(1, {"ready": 2}, (4, 0), 4, id="down: Serve still has two replicas"),
        pytest.param(
            1,
            {"ready": 1, "starting": 1, "serve": ServeStatus("RUNNING", "", 1, 1, 1.0)},
            (3, 1),
            4,
            id="down: one that is let go still holds a stage, so the wrong one could go",
        ),
        pytest.param(
            1,
            {"ready": 1, "starting": 1, "serve": ServeStatus("RUNNING", "", 1, 1, 1.0)},
            (2, 2),
            2,
            id="down: those that are let go are idle",
        ),
        pytest.param(0, {"starting": 1, "serve": ServeStatus("RUNNING", "", 0, 0, 1.0)}, (2, 0), 0, id="down to none"),
    ],
)
def test_followers_come_at_once_and_go_when_they_hold_nothing(
    revision: Make, replicas: int, fields: dict[str, Any], holding_and_idle: tuple[int, int], expected: int
) -> None:
    holding, idle = holding_and_idle
    pods = make_followers(holding=holding, idle=idle)
    seen = revision(**fields, followers=pods, follower_replicas=len(pods))
    first = decided(seen, replicas)
    assert isinstance(first, ApplyRevision)
    assert expected == first.follower_replicas


def test_the_successor_of_a_worker_that_leaves_has_followers_to_start_with(revision: Make) -> None:
    workers = (make_pod("leaving", is_terminating=True), make_pod("coming", is_ready=False))
    seen = revision(workers=workers, worker_replicas=1, followers=make_followers(holding=2), follower_replicas=2)
    first = decided(seen, 1)
    assert isinstance(first, ApplyRevision)
    assert (1, 4) == (first.worker_replicas, first.follower_replicas)


def test_followers_of_an_old_revision_stay_until_its_workers_have_gone(revision: Make, later: datetime) -> None:
    fields = {"followers": make_followers("old", holding=2), "follower_replicas": 2, "document": document()}
    new = revision(ready=1, followers=make_followers(holding=2), follower_replicas=2)
    found = actions("new", 1, Snapshot(later, (revision("old", ready=1, **fields), new)), ("old",), PODS)
    assert [DeleteWorkers] == [type(one) for one in found[1:]]
    leaving = revision("old", workers=(make_pod("w", is_terminating=True),), worker_replicas=None, **fields)
    assert () == actions("new", 1, Snapshot(later, (leaving, new)), ("old",), PODS)[1:]


def test_an_old_revision_that_still_serves_is_scaled_with_its_followers(revision: Make, later: datetime) -> None:
    old = revision("old", ready=1, followers=make_followers("old", holding=2), follower_replicas=2, document=document())
    found = actions("new", 2, Snapshot(later, (old,)), ("old",))
    assert [4] == [one.replicas for one in found if isinstance(one, ScaleFollowers)]


def test_a_follower_without_a_node_is_why_a_start_waits(revision: Make) -> None:
    homeless = make_pod("new-follower-0", is_ready=False, is_scheduled=False, unschedulable_message="0/3 nodes")
    found = failure(revision(starting=1, followers=(homeless,), follower_replicas=2))
    assert found is not None
    assert (Reason.UNSCHEDULABLE, "no node for new-follower-0: 0/3 nodes") == (found.reason, found.message)
