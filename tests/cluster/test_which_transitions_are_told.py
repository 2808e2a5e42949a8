import pytest

from tests.support.api_server import ApiServer, Fault
from tests.support.conditions import condition
from tonnage.cluster.api import Kubernetes
from tonnage.cluster.events import Recorder, transitions
from tonnage.contract.reasons import ConditionType, Reason
from tonnage.contract.status import Condition, ConditionStatus

TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE


READY = condition(ConditionType.READY, TRUE, Reason.READY)
REFUSED = condition(ConditionType.PLANNED, FALSE, Reason.INSUFFICIENT_MEMORY)


@pytest.mark.parametrize(
    ("after", "told"),
    [
        pytest.param(READY, True, id="ready"),
        pytest.param(REFUSED, True, id="no plan"),
        pytest.param(condition(ConditionType.DEGRADED, TRUE, Reason.REPLICAS_UNAVAILABLE), True, id="degraded"),
        pytest.param(condition(ConditionType.STALLED, TRUE, Reason.ENGINE_FAILED), True, id="stalled"),
        pytest.param(condition(ConditionType.ACCEPTED, TRUE, Reason.ACCEPTED), False, id="accepted is expected"),
        pytest.param(condition(ConditionType.PROGRESSING, TRUE, Reason.SCALING), False, id="scaling is a step"),
        pytest.param(condition(ConditionType.PLANNED, FALSE, Reason.RESOLVING), False, id="something comes first"),
        pytest.param(condition(ConditionType.PLANNED, FALSE, Reason.WAITING_FOR_GPUS), False, id="a wished-for wait"),
    ],
)
def test_only_what_matters_is_told(after: Condition, told: bool) -> None:
    assert ((after,) if told else ()) == transitions([], [after])


def test_what_has_not_changed_is_not_told_again() -> None:
    changed_words = READY.model_copy(update={"message": "in other words"})
    assert () == transitions([READY], [changed_words])


def test_one_reason_in_two_conditions_is_one_event() -> None:
    degraded = condition(ConditionType.DEGRADED, TRUE, Reason.ENGINE_FAILED)
    stalled = condition(ConditionType.STALLED, TRUE, Reason.ENGINE_FAILED)
    assert (degraded,) == transitions([], [degraded, stalled])


async def test_bad_news_is_a_warning_about_the_deployment() -> None:
    server = ApiServer()
    await Recorder(Kubernetes(server), "operator-0").record("default", "chat", "u1", [READY, REFUSED])
    assert [("Normal", "Ready", "chat"), ("Warning", "InsufficientMemory", "chat")] == [
        (event["type"], event["reason"], event["regarding"]["name"]) for event in server.events
    ]


async def test_an_event_that_cannot_be_written_is_dropped() -> None:
    server = ApiServer(fault=Fault(0, "500"))
    await Recorder(Kubernetes(server), "operator-0").record("default", "chat", "u1", [READY, REFUSED])
    assert ["InsufficientMemory"] == [event["reason"] for event in server.events]
