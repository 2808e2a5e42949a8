"""What was decided and seen -> the status of a ModelDeployment.

Equal input gives equal output, and no message holds an age or a counter that runs by itself: that is what keeps an idle
cluster free of writes.
"""

from tonnage.contract.reasons import ConditionType
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import (
    Condition,
    ModelDeploymentStatus,
    Observed,
    PlanStatus,
    RevisionState,
    RevisionStatus,
    WaitingStatus,
)
from tonnage.desired.names import Owner, endpoint, selector_text
from tonnage.observe.conditions import CONDITIONS, Verdict, summary
from tonnage.observe.situation import Decision, Situation
from tonnage.observe.snapshot import ObservedRevision, Snapshot
from tonnage.plan.refusal import Refusal

__all__ = ["Decision", "status"]

_LONGEST_MESSAGE = 4096
_MOST_REVISIONS = 16


def status(  # noqa: PLR0913, PLR0917 # six is where the style draws the line
    previous: ModelDeploymentStatus,
    owner: Owner,
    generation: int,
    spec: ModelDeploymentSpec,
    decision: Decision,
    snapshot: Snapshot,
) -> ModelDeploymentStatus:
    """The status to write. `previous` gives transition times, and what this visit did not learn anew."""
    situation = Situation(previous, spec, decision, snapshot, generation)
    verdicts = {kind: judge(situation) for kind, judge in CONDITIONS.items()}
    serving = situation.serving
    return ModelDeploymentStatus(
        observed_generation=generation,
        conditions=[_condition(situation, kind, verdict, generation) for kind, verdict in verdicts.items()],
        model=decision.facts or previous.model,
        plan=_plan(situation),
        waiting=_waiting(situation),
        observed=_observed(situation),
        revisions=[_revision(situation, one) for one in snapshot.revisions[-_MOST_REVISIONS:]],
        current_revision=serving.name if serving else decision.revision or previous.current_revision,
        replicas=sum(len(one.live_workers) for one in snapshot.revisions),
        ready_replicas=situation.ready_replicas,
        ready_of_wanted=f"{situation.ready_replicas}/{spec.replicas}",
        selector=selector_text(owner),
        endpoint=endpoint(owner),
        summary=summary(verdicts),
    )


def _plan(situation: Situation) -> PlanStatus | None:
    """The plan that pods run by, or will: a refusal does not end the life of what runs."""
    plan = situation.decision.plan
    if isinstance(plan, PlanStatus):
        return plan
    return None if isinstance(plan, Refusal) and not situation.snapshot.revisions else situation.previous.plan


def _waiting(situation: Situation) -> WaitingStatus | None:
    """Kept while nothing was decided: a pause or a hub that is away must not begin the waiting anew."""
    plan = situation.decision.plan
    if plan is None:
        return situation.previous.waiting
    return plan.waiting if isinstance(plan, Refusal) else None


def _observed(situation: Situation) -> Observed | None:
    """What an engine of the revision that answers said; of another revision it would be compared with a wrong plan."""
    serving, known = situation.serving, situation.previous.observed
    if serving is None:
        return known
    report = situation.snapshot.reports.get(serving.name)
    if report is not None:
        return Observed(revision=serving.name, **report.model_dump())
    return known if known is not None and known.revision == serving.name else None


def _condition(situation: Situation, kind: ConditionType, verdict: Verdict, generation: int) -> Condition:
    before = situation.before(kind)
    has_changed = before is None or before.status is not verdict.status
    return Condition(
        type=kind,
        status=verdict.status,
        reason=verdict.reason,
        message=verdict.message[:_LONGEST_MESSAGE],
        # The API keeps whole seconds; more here would look like a change on every visit.
        last_transition_time=situation.snapshot.now.replace(microsecond=0)
        if before is None or has_changed
        else before.last_transition_time,
        observed_generation=generation,
    )


def _revision(situation: Situation, revision: ObservedRevision) -> RevisionStatus:
    has_served = revision.name in situation.served or situation.is_serving(revision)
    is_retiring = revision is not situation.shown and (revision.worker_replicas is None or situation.is_complete)
    state = RevisionState.STARTING
    if has_served:
        state = RevisionState.RETIRING if is_retiring else RevisionState.SERVING
    return RevisionStatus(
        name=revision.name,
        state=state,
        commit=revision.document.model.commit if revision.document else "",
        image=revision.image,
        replicas=revision.worker_replicas or 0,
        ready_replicas=revision.ready_replicas,
    )
