"""What Prometheus sees of the operator. Names that users of controller-runtime know, so that their dashboards fit.

Counters are raised on transitions, never per visit: a settled deployment does not move them.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from tonnage.contract.reasons import ConditionType
from tonnage.contract.status import Condition, ConditionStatus, ModelDeploymentStatus
from tonnage.queue import Key

CONTROLLER = "modeldeployment"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """All of the operator's metrics; observes the queue and the reconciler."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # Half of all series, and nobody reads them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        names = ["controller"]
        self._reconciles = Counter(
            "controller_runtime_reconcile", "Visits by result.", [*names, "result"], registry=registry
        )
        self._seconds = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "Length of a visit.",
            names,
            registry=registry,
            buckets=_SECONDS,
        )
        self._depth = Gauge(
            "workqueue_depth", "Deployments that are due or being visited.", ["name"], registry=registry
        )
        self._retries = Counter("workqueue_retries", "Visits repeated after a failure.", ["name"], registry=registry)
        self._writes = Counter(
            "tonnage_api_writes", "Writes sent to the Kubernetes API.", ["verb", "kind"], registry=registry
        )
        self._plans = Counter("tonnage_plan", "Plans made or refused.", ["result", "reason"], registry=registry)
        self._rollouts = Counter("tonnage_rollout", "Rollouts that ended.", ["result"], registry=registry)
        self._ready = Gauge(
            "tonnage_deployment_ready", "Whether a deployment is Ready.", ["namespace", "name"], registry=registry
        )
        self._depth.labels(CONTROLLER).set(0)

    def depth(self, count: int) -> None:
        """See QueueObserver."""
        self._depth.labels(CONTROLLER).set(count)

    def retried(self) -> None:
        """See QueueObserver."""
        self._retries.labels(CONTROLLER).inc()

    def visited(self, result: str, seconds: float) -> None:
        """See QueueObserver."""
        self._reconciles.labels(CONTROLLER, result).inc()
        self._seconds.labels(CONTROLLER).observe(seconds)

    def written(self, verb: str, kind: str) -> None:
        """A write was sent to the API server."""
        self._writes.labels(verb, kind).inc()

    def changed(self, key: Key, before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> None:
        """See StatusObserver."""
        planned = after.condition(ConditionType.PLANNED)
        if planned and planned.status is not ConditionStatus.UNKNOWN and _differs(before, planned):
            result = "planned" if planned.status is ConditionStatus.TRUE else "refused"
            self._plans.labels(result, planned.reason).inc()
        if after.current_revision and after.current_revision != before.current_revision:
            self._rollouts.labels("completed").inc()
        stalled = after.condition(ConditionType.STALLED)
        if stalled and stalled.status is ConditionStatus.TRUE and _differs(before, stalled):
            self._rollouts.labels("stalled").inc()
        self._ready.labels(key.namespace, key.name).set(1 if after.is_true(ConditionType.READY) else 0)

    def gone(self, key: Key) -> None:
        """See StatusObserver."""
        self._ready.remove_by_labels({"namespace": key.namespace, "name": key.name})


def _differs(before: ModelDeploymentStatus, after: Condition) -> bool:
    was = before.condition(after.type)
    return was is None or (was.status, was.reason) != (after.status, after.reason)
