"""One visit as the conditions see it: what was decided, what was seen, and the questions that several of them ask."""

from dataclasses import dataclass
from functools import cached_property

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import ConditionType, Reason
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import Condition, ModelDeploymentStatus, PlanStatus
from tonnage.facts.errors import FactsError
from tonnage.observe.failures import Failure, failure
from tonnage.observe.rollout import is_complete
from tonnage.observe.snapshot import ObservedRevision, Snapshot
from tonnage.plan.refusal import Refusal


@dataclass(frozen=True)
class Decision:
    """How far this visit came: facts -> plan -> revision. What was not reached is None."""

    unsupported: tuple[tuple[str, str], ...] = ()
    facts: ModelFacts | None = None
    # Also for a source that cannot be parsed.
    facts_error: FactsError | None = None
    plan: PlanStatus | Refusal | None = None
    # The wanted revision's name.
    revision: str | None = None
    is_paused: bool = False
    # An answer of the API server that stopped this visit; one sentence.
    api_error: str | None = None


@dataclass(frozen=True)
class Situation:
    """Everything a condition may look at."""

    previous: ModelDeploymentStatus
    spec: ModelDeploymentSpec
    decision: Decision
    snapshot: Snapshot
    # Of the spec that this visit looks at.
    generation: int = 0

    def before(self, kind: ConditionType) -> Condition | None:
        """The condition as it was written last."""
        return self.previous.condition(kind)

    def was(self, kind: ConditionType, reason: Reason) -> bool:
        """Whether this condition was true for this reason."""
        before = self.before(kind)
        return before is not None and self.previous.is_true(kind) and before.reason == reason

    @property
    def replicas(self) -> int:
        """How many are wanted."""
        return self.spec.replicas

    @property
    def served(self) -> frozenset[str]:
        """Revisions that were serving before this visit."""
        return self.previous.served

    @cached_property
    def shown(self) -> ObservedRevision | None:
        """The revision that the conditions speak of: the wanted one, else the youngest there is."""
        if self.decision.revision is not None:
            return self.snapshot.revision(self.decision.revision)
        return self.snapshot.revisions[-1] if self.snapshot.revisions else None

    @cached_property
    def is_complete(self) -> bool:
        """Whether the shown revision runs all that is wanted. A Serve that is silent does not undo what it said."""
        revision = self.shown
        if revision is None:
            return False
        is_silent = revision.serve is None and revision.name in self.served
        return is_complete(revision, self.replicas) or (is_silent and revision.ready_workers >= self.replicas)

    @property
    def others(self) -> tuple[ObservedRevision, ...]:
        """Revisions beside the shown one."""
        return tuple(one for one in self.snapshot.revisions if one is not self.shown)

    @property
    def ready_replicas(self) -> int:
        """Replicas that answer, of all revisions."""
        return sum(one.ready_replicas for one in self.snapshot.revisions)

    def is_serving(self, revision: ObservedRevision) -> bool:
        """Whether clients get answers from it: a ready pod, and a replica that Serve knows or knew of."""
        if not revision.endpoints:
            return False
        if revision.serve is None:
            return revision.name in self.served
        return revision.serve.running_replicas > 0

    @property
    def serving(self) -> ObservedRevision | None:
        """The youngest revision that answers."""
        return next((one for one in reversed(self.snapshot.revisions) if self.is_serving(one)), None)

    @cached_property
    def failure(self) -> Failure | None:
        """What keeps the shown revision from being complete."""
        if self.shown is None or self.is_complete:
            return None
        found = failure(self.shown)
        return found or self._lateness(self.shown)

    def _lateness(self, revision: ObservedRevision) -> Failure | None:
        document = revision.document
        if document is None or self.replicas == 0 or self.is_serving(revision):
            return None
        deadline_seconds = document.limits.start_deadline_seconds
        if (self.snapshot.now - revision.created_at).total_seconds() <= deadline_seconds:
            return None
        return Failure(
            Reason.START_DEADLINE_EXCEEDED,
            f"revision {revision.name} has not answered within {deadline_seconds} s of its start: see its pods' logs",
        )
