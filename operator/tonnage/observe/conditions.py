"""A situation -> the eight conditions, one small function each.

What a reader would get wrong: a condition says what is so, not what changed. `Stalled` is true only where waiting is no
use, because tools stop waiting when they see it; whatever the operator tries again is `Progressing` or `Degraded`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tonnage.contract.reasons import ConditionType, Reason
from tonnage.contract.status import ConditionStatus, PlanStatus
from tonnage.observe.progress import progress
from tonnage.observe.situation import Situation
from tonnage.plan.refusal import Refusal
from tonnage.plan.support import unsupported_message

# Reasons for which the wish itself is at fault, whoever found out.
_FAULTS_OF_THE_WISH = (Reason.INVALID_SPEC, Reason.NOT_YET_SUPPORTED)


@dataclass(frozen=True)
class Verdict:
    """What a condition says now."""

    status: ConditionStatus
    reason: str
    message: str


def _true(reason: Reason, message: str) -> Verdict:
    return Verdict(ConditionStatus.TRUE, reason, message)


def _false(reason: Reason, message: str) -> Verdict:
    return Verdict(ConditionStatus.FALSE, reason, message)


def _unknown(reason: Reason, message: str) -> Verdict:
    return Verdict(ConditionStatus.UNKNOWN, reason, message)


def accepted(situation: Situation) -> Verdict:
    """Whether the spec asks for something that can be done at all."""
    decision = situation.decision
    if decision.is_paused:
        return _true(Reason.PAUSED, "nothing is written while the annotation tonnage.dev/paused is true")
    if decision.unsupported:
        return _false(Reason.NOT_YET_SUPPORTED, unsupported_message(decision.unsupported))
    error, plan = decision.facts_error, decision.plan
    if error is not None and error.reason in _FAULTS_OF_THE_WISH:
        return _false(error.reason, error.message)
    if isinstance(plan, Refusal) and plan.reason in _FAULTS_OF_THE_WISH:
        return _false(plan.reason, plan.message)
    return _true(Reason.ACCEPTED, "the spec is understood")


def planned(situation: Situation) -> Verdict:
    """Whether there is a plan."""
    decision = situation.decision
    before = situation.before(ConditionType.PLANNED)
    if decision.is_paused and before is not None:
        return Verdict(before.status, before.reason, before.message)
    refused = accepted(situation)
    if refused.status is ConditionStatus.FALSE:
        return Verdict(ConditionStatus.FALSE, refused.reason, "there is no plan for a spec that is not accepted")
    if decision.facts_error is not None:
        return _false(decision.facts_error.reason, decision.facts_error.message)
    if isinstance(decision.plan, Refusal):
        return _false(decision.plan.reason, decision.plan.message)
    if decision.plan is not None:
        return _true(Reason.PLANNED, _in_short(decision.plan))
    return _unknown(Reason.RESOLVING, "the model's facts are being read")


def _in_short(plan: PlanStatus) -> str:
    hardware = "a CPU" if plan.gpu is None else f"{plan.gpus_per_replica} x {plan.gpu}"
    if plan.pods_per_replica > 1:
        hardware += f" on {plan.pods_per_replica} nodes"
    return f"{hardware} with a context of {plan.context_length:,}, {plan.concurrency} requests of that length at once"


def scheduled(situation: Situation) -> Verdict:
    """Whether every pod has a node."""
    revision = situation.shown
    if revision is None:
        return _unknown(Reason.WAITING, "there are no pods yet")
    pods = [pod for pod in (revision.head, *revision.live_pods) if pod is not None]
    homeless = [pod for pod in pods if pod.unschedulable_message is not None]
    if homeless:
        found = situation.failure
        reason = found.reason if found and found.reason is Reason.VOLUME_NOT_FOUND else Reason.UNSCHEDULABLE
        said = " ".join((homeless[0].unschedulable_message or "").split())
        gpus = "" if homeless[0] is revision.head else _wanted_gpus(situation)
        return _false(reason, f"no node for {homeless[0].name}{gpus}: {said}")
    wanted = 1 + (revision.worker_replicas or 0) + (revision.follower_replicas or 0)
    if len(pods) < wanted or not all(pod.is_scheduled for pod in pods):
        return _unknown(Reason.WAITING, "pods are waiting for a node")
    return _true(Reason.SCHEDULED, f"all pods of revision {revision.name} have a node")


def _wanted_gpus(situation: Situation) -> str:
    """By the GPU's usual name: the scheduler speaks of a resource, or only of an affinity that no node matches."""
    plan = situation.decision.plan
    if not isinstance(plan, PlanStatus) or plan.gpu_resource is None:
        return ""
    return f" with {plan.gpus_per_pod} x {plan.gpu} ({plan.gpu_resource})"


def model_loaded(situation: Situation) -> Verdict:
    """Whether at least one replica holds the model and has answered."""
    revision = situation.shown
    if revision is None:
        return _unknown(Reason.WAITING, "there are no pods yet")
    is_running = revision.serve is not None and revision.serve.running_replicas > 0
    if is_running or situation.is_serving(revision):
        return _true(Reason.LOADED, f"revision {revision.name} has answered its first request")
    if situation.replicas == 0:
        return _false(Reason.SCALED_TO_ZERO, "spec.replicas is 0")
    if situation.failure is not None:
        return _false(situation.failure.reason, situation.failure.message)
    step = progress(revision, situation.snapshot)
    return _false(step.reason, step.message)


def ready(situation: Situation) -> Verdict:
    """Whether the endpoint answers."""
    serving = situation.serving
    if serving is not None:
        return _true(Reason.READY, f"revision {serving.name} answers")
    if situation.replicas == 0:
        return _false(Reason.SCALED_TO_ZERO, "spec.replicas is 0")
    return _false(Reason.NO_READY_REPLICA, "no replica answers")


def progressing(situation: Situation) -> Verdict:
    """Whether the operator or the cluster is on its way to what is wanted."""
    stuck, wish = stalled(situation), accepted(situation)
    if wish.reason == Reason.PAUSED:
        return _false(Reason.PAUSED, wish.message)
    if stuck.status is ConditionStatus.TRUE:
        return Verdict(ConditionStatus.FALSE, stuck.reason, "it will not go on without a change")
    plan = planned(situation)
    if plan.status is not ConditionStatus.TRUE:
        return Verdict(ConditionStatus.TRUE, plan.reason, plan.message)
    return _motion(situation)


def _motion(situation: Situation) -> Verdict:
    """Where the pods are on their way to the plan."""
    revision = situation.shown
    if situation.others:
        old = ", ".join(one.name for one in situation.others)
        return _true(Reason.ROLLING_OUT, f"revision {situation.decision.revision} replaces {old}{_step(situation)}")
    if revision is not None and situation.is_complete and revision.worker_replicas == situation.replicas:
        return _false(Reason.SETTLED, f"revision {revision.name} runs as wanted")
    if revision is not None and (revision.name in situation.served or situation.is_serving(revision)):
        # How far each is, its pod says: words of ours would be one more write to the API server for each scaling.
        return _true(Reason.SCALING, f"{situation.replicas} replicas are wanted")
    step = progress(revision, situation.snapshot)
    return _true(step.reason, step.message)


def _step(situation: Situation) -> str:
    if situation.is_complete:
        return ""
    step = progress(situation.shown, situation.snapshot)
    return f": {step.message}"


def degraded(situation: Situation) -> Verdict:
    """Whether something is wrong that was or should be right."""
    if situation.decision.api_error is not None:
        return _true(Reason.API_ERROR, situation.decision.api_error)
    if situation.failure is not None:
        return _true(situation.failure.reason, situation.failure.message)
    if _has_lost_replicas(situation):
        return _true(
            Reason.REPLICAS_UNAVAILABLE, f"{situation.ready_replicas} of {situation.replicas} replicas are ready"
        )
    return _false(Reason.HEALTHY, "nothing is known to be wrong")


def _has_lost_replicas(situation: Situation) -> bool:
    """Fewer are ready than were, although nobody asked for another number."""
    if situation.ready_replicas >= situation.replicas:
        return False
    before = situation.before(ConditionType.PROGRESSING)
    was_settled = (
        before is not None
        and before.reason == Reason.SETTLED
        # Settled for another wish is no measure for this one.
        and before.observed_generation == situation.generation
    )
    revision = situation.shown
    is_sized = revision is not None and revision.worker_replicas == situation.replicas
    return (was_settled and is_sized) or situation.was(ConditionType.DEGRADED, Reason.REPLICAS_UNAVAILABLE)


def stalled(situation: Situation) -> Verdict:
    """Whether waiting is no use."""
    decision = situation.decision
    wish = accepted(situation)
    if wish.status is ConditionStatus.FALSE:
        return Verdict(ConditionStatus.TRUE, wish.reason, wish.message)
    if decision.facts_error is not None and decision.facts_error.is_permanent:
        return _true(decision.facts_error.reason, decision.facts_error.message)
    if isinstance(decision.plan, Refusal) and decision.plan.is_permanent:
        return _true(decision.plan.reason, decision.plan.message)
    if situation.failure is not None and situation.failure.is_permanent:
        return _true(situation.failure.reason, situation.failure.message)
    return _false(Reason.HEALTHY, "nothing needs a person")


CONDITIONS: dict[ConditionType, Callable[[Situation], Verdict]] = {
    ConditionType.ACCEPTED: accepted,
    ConditionType.PLANNED: planned,
    ConditionType.SCHEDULED: scheduled,
    ConditionType.MODEL_LOADED: model_loaded,
    ConditionType.READY: ready,
    ConditionType.PROGRESSING: progressing,
    ConditionType.DEGRADED: degraded,
    ConditionType.STALLED: stalled,
}


def summary(verdicts: dict[ConditionType, Verdict]) -> str:
    """The reason of the condition that matters most: first what a person has to change, then what is wrong."""
    for kind, bad in (
        (ConditionType.ACCEPTED, ConditionStatus.FALSE),
        (ConditionType.PLANNED, ConditionStatus.FALSE),
        (ConditionType.STALLED, ConditionStatus.TRUE),
        (ConditionType.DEGRADED, ConditionStatus.TRUE),
        (ConditionType.PROGRESSING, ConditionStatus.TRUE),
    ):
        if verdicts[kind].status is bad:
            return verdicts[kind].reason
    return verdicts[ConditionType.READY].reason
