"""When a new status is worth a write to the API server, and what else goes with it: log lines, events, metrics.

What people wait for is written at once: whether it is ready, whether anything is wrong, that a wish has been fulfilled.
What follows from the operator's own writes is gathered for a moment, because pods appear one by one; and words that
only tell how far something is are written seldom. So a changed number of replicas costs three writes, not a dozen.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol

from tonnage.cluster.api import Kubernetes
from tonnage.cluster.events import Recorder, transitions
from tonnage.contract.reasons import ConditionType
from tonnage.contract.status import Condition, ConditionStatus, ModelDeploymentStatus
from tonnage.desired.names import Owner
from tonnage.queue import Key

logger = logging.getLogger(__name__)

GATHER_SECONDS = 2.0
_WORDS_SECONDS = 5.0
# While clients are served, nobody waits for the words.
_WORDS_WHILE_READY_SECONDS = 60.0

_AT_ONCE = (
    ConditionType.ACCEPTED,
    ConditionType.PLANNED,
    ConditionType.READY,
    ConditionType.DEGRADED,
    ConditionType.STALLED,
)


class StatusObserver(Protocol):
    """Is told of transitions; see `metrics`."""

    def changed(self, key: Key, before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> None:
        """A new status was written."""

    def gone(self, key: Key) -> None:
        """The deployment no longer exists."""


@dataclass
class Times:
    """When something last happened to one deployment, in the loop's seconds."""

    written_at: float = float("-inf")
    acted_at: float = float("-inf")


def is_due(before: ModelDeploymentStatus, after: ModelDeploymentStatus, times: Times, now: float) -> bool:
    """Whether `after` should be written now; if not, a later visit asks again."""
    if after == before:
        return False
    if not before.conditions or _urgent(before) != _urgent(after) or _has_arrived(before, after):
        return True
    if now - times.acted_at < GATHER_SECONDS:
        return False
    if _without_words(before) != _without_words(after):
        return True
    patience = _WORDS_WHILE_READY_SECONDS if after.is_true(ConditionType.READY) else _WORDS_SECONDS
    return now - times.written_at >= patience


class Announcer:
    """Writes the status of any deployment."""

    def __init__(self, kubernetes: Kubernetes, recorder: Recorder, observer: StatusObserver | None) -> None:
        self._kubernetes = kubernetes
        self._recorder = recorder
        self._observer = observer

    async def announce(
        self, owner: Owner, before: ModelDeploymentStatus, after: ModelDeploymentStatus, times: Times
    ) -> None:
        """Write `after`, whatever it is. Raises ClusterError."""
        key = Key(owner.namespace, owner.name)
        await self._kubernetes.apply_status(owner.namespace, owner.name, owner.uid, after.to_json_object())
        times.written_at = asyncio.get_running_loop().time()
        _log_changes(key, before, after)
        if self._observer:
            self._observer.changed(key, before, after)
        news = transitions(before.conditions, after.conditions)
        await self._recorder.record(owner.namespace, owner.name, owner.uid, news)


def _urgent(one: ModelDeploymentStatus) -> tuple[object, ...]:
    """The part of a status that waits for nothing: the pins, and what people wait for."""
    return (
        one.model,
        one.plan.pin if one.plan else None,
        one.waiting,
        *(_judgement(one.condition(kind)) for kind in _AT_ONCE),
    )


def _has_arrived(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> bool:
    """Whether a wish has been fulfilled since."""
    was, now = _settled_generation(before), _settled_generation(after)
    return now is not None and now != was


def _settled_generation(one: ModelDeploymentStatus) -> int | None:
    progressing = one.condition(ConditionType.PROGRESSING)
    is_settled = progressing is not None and progressing.status is ConditionStatus.FALSE
    return one.observed_generation if is_settled else None


def _judgement(condition: Condition | None) -> tuple[object, ...]:
    return (condition.status, condition.reason) if condition else ()


def _without_words(one: ModelDeploymentStatus) -> ModelDeploymentStatus:
    silent = [condition.model_copy(update={"message": ""}) for condition in one.conditions]
    return one.model_copy(update={"conditions": silent})


def _log_changes(key: Key, before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> None:
    known = {condition.type: (condition.status, condition.reason) for condition in before.conditions}
    for condition in after.conditions:
        if known.get(condition.type) != (condition.status, condition.reason):
            logger.info("%s: %s=%s %s: %s", key, condition.type, condition.status, condition.reason, condition.message)
