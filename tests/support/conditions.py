"""A condition as the operator writes it, of whatever a test is about."""

from datetime import UTC, datetime

from tonnage.contract.reasons import ConditionType, Reason
from tonnage.contract.status import Condition, ConditionStatus


def condition(kind: ConditionType, status: ConditionStatus, reason: Reason, message: str = "because") -> Condition:
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=datetime(2026, 1, 1, tzinfo=UTC),
        observed_generation=1,
    )
