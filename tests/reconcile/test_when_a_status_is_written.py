import pytest

from tests.support.conditions import condition
from tonnage.announcement import Times, is_due
from tonnage.contract.reasons import ConditionType, Reason
from tonnage.contract.status import Condition, ConditionStatus, ModelDeploymentStatus

TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE
NOW = 1000.0


def status(*conditions: Condition, replicas: int = 1, generation: int = 1) -> ModelDeploymentStatus:
    return ModelDeploymentStatus(conditions=list(conditions), replicas=replicas, observed_generation=generation)


READY = condition(ConditionType.READY, TRUE, Reason.READY)
NOT_READY = condition(ConditionType.READY, FALSE, Reason.NO_READY_REPLICA)
SETTLED = condition(ConditionType.PROGRESSING, FALSE, Reason.SETTLED)
SCALING = condition(ConditionType.PROGRESSING, TRUE, Reason.SCALING, "2 wanted")
LOADING = condition(ConditionType.PROGRESSING, TRUE, Reason.SCALING, "2 wanted: loading")
LONG_AGO = Times()
JUST_ACTED = Times(acted_at=NOW - 0.5)
JUST_WRITTEN = Times(written_at=NOW - 1)
WRITTEN_BEFORE = Times(written_at=NOW - 10)


@pytest.mark.parametrize(
    ("before", "after", "times", "due"),
    [
        pytest.param(status(READY), status(READY), LONG_AGO, False, id="nothing new"),
        pytest.param(status(), status(NOT_READY), JUST_ACTED, True, id="the first visit"),
        pytest.param(status(NOT_READY), status(READY), JUST_ACTED, True, id="ready at once"),
        pytest.param(status(READY, SCALING), status(READY, SETTLED), JUST_ACTED, True, id="arrived at once"),
        pytest.param(
            status(READY, SETTLED), status(READY, SETTLED, generation=2), JUST_ACTED, True, id="another wish fulfilled"
        ),
        pytest.param(
            status(READY, SETTLED), status(READY, SCALING), JUST_ACTED, False, id="our own writes settle first"
        ),
        pytest.param(status(READY, SETTLED), status(READY, SCALING), LONG_AGO, True, id="then it is told"),
        pytest.param(status(READY), status(READY, replicas=2), JUST_WRITTEN, True, id="counts are told"),
        pytest.param(status(NOT_READY, SCALING), status(NOT_READY, LOADING), JUST_WRITTEN, False, id="words wait"),
        pytest.param(status(NOT_READY, SCALING), status(NOT_READY, LOADING), WRITTEN_BEFORE, True, id="words are told"),
        pytest.param(
            status(READY, SCALING), status(READY, LOADING), WRITTEN_BEFORE, False, id="words wait longer when ready"
        ),
    ],
)
def test_a_status_is_written_when_it_matters(
    before: ModelDeploymentStatus, after: ModelDeploymentStatus, times: Times, due: bool
) -> None:
    assert due is is_due(before, after, times, NOW)
