"""Tells people what happened: one Kubernetes event per transition of a condition that matters, none for repetitions.

An event is a courtesy: it is written after the status, and one that cannot be written is dropped. Scaling and the steps
of a start are not events; the conditions show them, and each event is one more write.
"""

import hashlib
import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from tonnage.cluster.api import Kubernetes, Manifest
from tonnage.cluster.errors import ClusterError
from tonnage.contract.reasons import ConditionType, Reason
from tonnage.contract.status import API_VERSION, KIND, Condition, ConditionStatus

logger = logging.getLogger(__name__)

# By condition: the status that is told as good news and the one that is told as bad.
_TOLD: dict[ConditionType, tuple[ConditionStatus | None, ConditionStatus | None]] = {
    ConditionType.ACCEPTED: (None, ConditionStatus.FALSE),
    ConditionType.PLANNED: (ConditionStatus.TRUE, ConditionStatus.FALSE),
    ConditionType.READY: (ConditionStatus.TRUE, None),
    ConditionType.DEGRADED: (None, ConditionStatus.TRUE),
    ConditionType.STALLED: (None, ConditionStatus.TRUE),
}
# These say that something else has to come first.
_SILENT = frozenset({Reason.WAITING, Reason.WAITING_FOR_GPUS, Reason.RESOLVING, Reason.PAUSED, Reason.STARTING})
_NOTE_LENGTH = 1000
_NAME_LENGTH = 200


def transitions(before: Iterable[Condition], after: Iterable[Condition]) -> tuple[Condition, ...]:
    """The conditions that are news: told ones whose status or reason changed, each reason once."""
    known = {condition.type: (condition.status, condition.reason) for condition in before}
    news: dict[str, Condition] = {}
    for condition in after:
        is_changed = known.get(condition.type) != (condition.status, condition.reason)
        if is_changed and condition.status in _TOLD.get(condition.type, ()) and condition.reason not in _SILENT:
            news.setdefault(condition.reason, condition)
    return tuple(news.values())


class Recorder:
    """Writes events about ModelDeployments."""

    def __init__(self, kubernetes: Kubernetes, instance: str) -> None:
        self._kubernetes = kubernetes
        self._instance = instance

    async def record(self, namespace: str, name: str, uid: str, news: Iterable[Condition]) -> None:
        """Write an event for each condition; never raises ClusterError."""
        for condition in news:
            try:
                await self._kubernetes.create_event(self._event(namespace, name, uid, condition))
            except ClusterError as error:
                logger.info("%s/%s: event %s not written: %s", namespace, name, condition.reason, error)

    def _event(self, namespace: str, name: str, uid: str, condition: Condition) -> Manifest:
        is_good = condition.status is _TOLD[condition.type][0]
        # The same transition has the same name: a repeated write is refused by the API server instead of doubled.
        what = f"{uid} {condition.type} {condition.reason} {condition.last_transition_time.isoformat()}"
        digest = hashlib.sha256(what.encode()).hexdigest()[:16]
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"namespace": namespace, "name": f"{name[:_NAME_LENGTH]}.{digest}"},
            "eventTime": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "reportingController": "tonnage.dev/operator",
            "reportingInstance": self._instance[:128],
            "action": "Reconcile",
            "reason": condition.reason,
            "note": condition.message[:_NOTE_LENGTH],
            "type": "Normal" if is_good else "Warning",
            "regarding": {"apiVersion": API_VERSION, "kind": KIND, "namespace": namespace, "name": name, "uid": uid},
        }
