"""Named GPUs in order of preference: which is taken, which is waited for, until when, and what is said of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.gpu_plans import facts_of, gpu_node, gpu_wish
from tonnage.contract.reasons import Reason
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import PlanStatus, WaitingStatus
from tonnage.facts.inventory import UNKNOWN_INVENTORY, Inventory, inventory, without_pods
from tonnage.plan import Moment, Refusal, plan

SMALL = "Qwen__Qwen2.5-3B-Instruct"
BEGAN = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
# In order of preference; nothing of the model is at stake, each of them holds it.
H100_THEN_A100_THEN_L4 = [
    {"gpu": "H100", "count": 2, "waitFor": "10m"},
    {"gpu": "A100-80", "count": 1, "waitFor": "1h30m"},
    {"gpu": "L4", "count": 1},
]


def wish(*candidates: dict[str, Any]) -> ModelDeploymentSpec:
    return gpu_wish(placement={"candidates": candidates or H100_THEN_A100_THEN_L4})


def pod(node: str, gpus: int, phase: str = "Running") -> dict[str, Any]:
    container = {"name": "x", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}
    return {"spec": {"nodeName": node, "containers": [container]}, "status": {"phase": phase}}


def nodes(*found: tuple[str, int], pods: tuple[dict[str, Any], ...] | None = ()) -> Inventory:
    return inventory([gpu_node(product, count) for product, count in found], pods)


def asked(
    spec: ModelDeploymentSpec, there: Inventory, waited: timedelta = timedelta(), model: str = SMALL
) -> PlanStatus | Refusal:
    """The answer after so long a wait, of which every answer on the way was recorded."""
    first = plan(spec, facts_of(model), there, Moment(BEGAN))
    recorded = first.waiting if isinstance(first, Refusal) else None
    return plan(spec, facts_of(model), there, Moment(BEGAN + waited, recorded))


def taken(answer: PlanStatus | Refusal) -> tuple[str | None, int]:
    assert isinstance(answer, PlanStatus), answer
    return answer.gpu, answer.gpus_per_replica


def waiting(answer: PlanStatus | Refusal) -> WaitingStatus:
    assert isinstance(answer, Refusal), answer
    assert Reason.WAITING_FOR_GPUS is answer.reason
    assert answer.waiting is not None
    return answer.waiting


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize(
    ("there", "waited", "expected"),
    [
        pytest.param(nodes(("H100", 2), ("L4", 1)), 0, ("H100", 2), id="free ones are taken at once"),
        pytest.param(nodes(("L4", 1)), 100, ("L4", 1), id="when all waits are over the next one is taken"),
        pytest.param(
            nodes(("A100-80", 1), ("L4", 1)), 10, ("A100-80GB", 1), id="the second when the first's time is over"
        ),
        pytest.param(
            nodes(("H100", 2), ("L4", 1)), 60, ("H100", 2), id="who was waited for in vain is still preferred"
        ),
        pytest.param(
            nodes(("H100", 2), pods=(pod("h100-x2", 2, "Succeeded"),)), 0, ("H100", 2), id="a pod that is over has none"
        ),
        pytest.param(nodes(("H100", 2), pods=None), 0, ("H100", 2), id="free as far as anybody may know"),
        pytest.param(UNKNOWN_INVENTORY, 0, ("H100", 2), id="nodes that nobody sees are not waited for"),
        pytest.param(
            nodes(("A100-80", 1), pods=(pod("a100-80-x1", 1),)), 100, ("A100-80GB", 1), id="a busy one before none"
        ),
        pytest.param(nodes(), 100, ("H100", 2), id="where there is nothing, pods wait for the first"),
    ],
)
def test_what_is_taken(there: Inventory, waited: float, expected: tuple[str, int]) -> None:
    assert expected == taken(asked(wish(), there, minutes(waited)))


@pytest.mark.parametrize(
    ("there", "waited", "gpus", "until_minutes", "words"),
    [
        pytest.param(
            nodes(("L4", 1)),
            0,
            "2 x H100",
            10,
            "2 x H100 is waited for until 2026-01-01T12:10:00Z (spec.placement.candidates[0].waitFor is 10m): "
            "no node has H100; then 1 x A100-80GB is waited for",
            id="no node has them",
        ),
        pytest.param(
            nodes(("L4", 1)),
            10,
            "1 x A100-80GB",
            100,
            "1 x A100-80GB is waited for until 2026-01-01T13:40:00Z (spec.placement.candidates[1].waitFor is 1h30m): "
            "no node has A100-80GB; then 1 x L4 is taken",
            id="the next has its own time",
        ),
        pytest.param(
            nodes(("H100", 8), ("A100-80", 1), pods=(pod("h100-x8", 7),)),
            9.9,
            "2 x H100",
            10,
            "1 of 2 are free on one node; then 1 x A100-80GB is taken",
            id="too few are free",
        ),
        pytest.param(
            nodes(("H100", 1)), 0, "2 x H100", 10, "the most on one node is 1; then", id="nodes that are too small"
        ),
        pytest.param(
            nodes(), 10, "1 x A100-80GB", 100, "no node has A100-80GB; then pods wait for 2 x H100", id="nothing else"
        ),
    ],
)
def test_what_is_waited_for(there: Inventory, waited: float, gpus: str, until_minutes: float, words: str) -> None:
    answer = asked(wish(), there, minutes(waited))
    assert (gpus, BEGAN, BEGAN + minutes(until_minutes)) == (
        waiting(answer).gpus,
        waiting(answer).since,
        waiting(answer).until,
    )
    assert isinstance(answer, Refusal)
    assert words in answer.message
    assert not answer.is_permanent


def test_one_node_must_have_a_replicas_gpus_free() -> None:
    spec = wish({"gpu": "H100", "count": 4, "waitFor": "10m"})
    # Two nodes of one kind; each has half of its GPUs left, then one has more.
    two = [("H100", 4), ("NVIDIA-H100-80GB-HBM3", 4)]
    halves = asked(spec, nodes(*two, pods=(pod("h100-x4", 2), pod("nvidia-h100-80gb-hbm3-x4", 2))))
    assert isinstance(halves, Refusal)
    assert "2 of 4 are free on one node" in halves.message
    assert ("H100", 4) == taken(asked(spec, nodes(*two, pods=(pod("h100-x4", 2),))))


def test_gpus_that_cannot_hold_the_model_are_not_waited_for() -> None:
    spec = wish({"gpu": "T4", "count": 1, "waitFor": "10m"}, {"gpu": "H100", "count": 1})
    answer = asked(spec, nodes(("H100", 1)), model="meta-llama__Llama-3.1-8B-Instruct")
    assert ("H100", 1) == taken(answer)
    assert ["1 x T4"] == [one.what for one in answer.alternatives]


def test_a_wait_for_nothing_takes_what_is_free_and_never_waits() -> None:
    spec = wish({"gpu": "H100", "count": 1, "waitFor": "0s"}, {"gpu": "L4", "count": 1})
    assert ("L4", 1) == taken(asked(spec, nodes(("H100", 1), ("L4", 1), pods=(pod("h100-x1", 1),))))
    assert ("H100", 1) == taken(asked(spec, nodes(("H100", 1), ("L4", 1))))


def test_what_was_waited_for_in_vain_is_an_alternative_with_its_time() -> None:
    answer = asked(wish(), nodes(("L4", 1)), minutes(100))
    assert [
        ("2 x H100", "WaitingForGpus", "was waited for 10m: no node has H100"),
        ("1 x A100-80GB", "WaitingForGpus", "was waited for 1h30m: no node has A100-80GB"),
    ] == [(one.what, one.reason, one.message) for one in answer.alternatives]


def test_a_gpu_that_nobody_waits_for_is_passed_over_at_once() -> None:
    spec = wish({"gpu": "B200", "count": 1}, {"gpu": "L4", "count": 1, "waitFor": "10m"})
    answer = asked(spec, nodes())
    assert "1 x L4" == waiting(answer).gpus
    assert [("1 x B200", "NoNodes")] == [(one.what, one.reason) for one in answer.alternatives]


def test_at_a_terminal_nothing_is_waited_for_and_what_would_be_is_said() -> None:
    answer = plan(wish(), facts_of(SMALL), nodes(("A100-80", 1), ("L4", 1)))
    assert ("A100-80GB", 1) == taken(answer)
    assert ["would be waited for 10m: no node has H100"] == [one.message for one in answer.alternatives]


def test_another_wish_is_waited_with_anew() -> None:
    recorded = waiting(plan(wish(), facts_of(SMALL), nodes(), Moment(BEGAN)))
    late = BEGAN + minutes(9)
    same = plan(wish(), facts_of(SMALL), nodes(), Moment(late, recorded))
    other = plan(wish(*H100_THEN_A100_THEN_L4[:2]), facts_of(SMALL), nodes(), Moment(late, recorded))
    assert (BEGAN, late) == (waiting(same).since, waiting(other).since)


def test_what_a_deployments_own_pods_have_taken_is_free_for_it() -> None:
    own = pod("h100-x2", 2)
    there = nodes(("H100", 2), pods=(own,))
    assert "2 x H100" == waiting(asked(wish(), there)).gpus
    assert ("H100", 2) == taken(asked(wish(), without_pods(there, [own])))


waits = st.sampled_from([None, "0s", "10s", "5m", "1h"])
few_gpus = st.sampled_from(["H100", "A100-80", "L4", "T4"])
preferences = st.lists(
    st.builds(
        lambda gpu, count, wait: {"gpu": gpu, "count": count} | ({"waitFor": wait} if wait else {}),
        few_gpus,
        st.sampled_from([1, 2, 4]),
        waits,
    ),
    min_size=1,
    max_size=4,
)
clusters = st.lists(st.tuples(few_gpus, st.sampled_from([1, 2, 4])), max_size=3, unique_by=lambda one: one[0])
SECONDS = {None: 0, "0s": 0, "10s": 10, "5m": 300, "1h": 3600}


@settings(max_examples=40)
@given(preferences, clusters, st.integers(0, 4 * 3600))
def test_no_answer_is_later_than_all_waits_together(
    candidates: list[dict[str, Any]], there: list[tuple[str, int]], seconds: int
) -> None:
    total = timedelta(seconds=sum(SECONDS[one.get("waitFor")] for one in candidates))
    waited = timedelta(seconds=seconds)
    answer = asked(wish(*candidates), nodes(*there), waited)
    if isinstance(answer, Refusal):
        assert waited < waiting(answer).until - BEGAN <= total
    assert isinstance(asked(wish(*candidates), nodes(*there), total), PlanStatus)


@settings(max_examples=40)
@given(preferences, clusters)
def test_nothing_is_taken_before_what_is_free_and_preferred(
    candidates: list[dict[str, Any]], there: list[tuple[str, int]]
) -> None:
    answer = asked(wish(*candidates), nodes(*there))
    counts = dict(there)
    free = [one for one in candidates if counts.get(one["gpu"], 0) >= one["count"]]
    if isinstance(answer, PlanStatus) and free:
        first = plan(wish(free[0]), facts_of(SMALL), nodes(*there))
        assert taken(first) == taken(answer)
