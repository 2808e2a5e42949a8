"""The one place where pure meets effect: a visit reads everything about one deployment, decides, and acts.

    read → facts → plan → revision → status → act

What a reader would get wrong: status is written before anything is created. It carries the pin (`status.model`), and a
visit that dies anywhere after it finds the same commit again. So a status shows what was seen before this visit acted;
acting causes events, events cause the next visit, and that one shows the effect.

Reading order: `target` (what is wanted), `observation` (what is), `resolution` (facts), this, `execution` (doing it).
What is remembered between visits only saves writes; a restart may forget it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from tonnage.cluster.api import Kubernetes
from tonnage.cluster.errors import NamespaceTerminatingError, PermanentError
from tonnage.cluster.events import Recorder, transitions
from tonnage.cluster.resources import MODEL_DEPLOYMENTS
from tonnage.cluster.serve import Serve
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import ConditionType
from tonnage.contract.status import Condition, ConditionStatus, ModelDeploymentStatus, RevisionState
from tonnage.desired import Revision, revision
from tonnage.execution import Hands, Scene
from tonnage.facts.errors import FactsError
from tonnage.observation import Eyes, Tokens
from tonnage.observe.rollout import actions
from tonnage.observe.snapshot import Snapshot
from tonnage.observe.status import Decision, status
from tonnage.plan import Refusal, plan, unsupported_fields
from tonnage.queue import Key
from tonnage.resolution import ReadFacts, Resolver
from tonnage.settings import Settings
from tonnage.target import Target, target

logger = logging.getLogger(__name__)
Manifest = Mapping[str, Any]

_SETTLED_SECONDS = 15.0
_REFUSED_SECONDS = 30.0
_FASTEST_SECONDS, _SLOWEST_SECONDS = 1.0, 5.0
# While Ray's head starts, every moment in which it could be told what to run counts.
_HEAD_SECONDS = 0.5
# Progress in percent is worth a write, but not each of them.
_MESSAGE_SECONDS = 5.0


class StatusObserver(Protocol):
    """Is told of transitions; see `metrics`."""

    def changed(self, key: Key, before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> None:
        """A new status was written."""

    def gone(self, key: Key) -> None:
        """The deployment no longer exists."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Outside:
    """Everything beyond this process that a visit reaches."""

    kubernetes: Kubernetes
    serve: Serve
    read_facts: ReadFacts
    now: Callable[[], datetime] = _utc_now


@dataclass
class _Memory:
    uid: str
    status_written_at: float = 0.0
    # The last refusal of the API server; shown until acting succeeds.
    api_error: str | None = None


@dataclass(frozen=True)
class _Outcome:
    decision: Decision
    revision: Revision | None = None


class Reconciler:
    """Brings one deployment a step nearer to what it should be, each time it is asked."""

    def __init__(
        self, outside: Outside, tokens: Tokens, settings: Settings, observer: StatusObserver | None = None
    ) -> None:
        kubernetes = outside.kubernetes
        self._kubernetes = kubernetes
        self._eyes = Eyes(kubernetes, outside.serve, tokens)
        self._resolver = Resolver(kubernetes, outside.read_facts, settings)
        self._hands = Hands(kubernetes, outside.serve, tokens, settings)
        self._recorder = Recorder(kubernetes, settings.namespace)
        self._settings = settings
        self._observer = observer
        self._now = outside.now
        self._memories: dict[Key, _Memory] = {}

    async def visit(self, key: Key) -> float | None:
        """Seconds until the next visit is wanted, or None: only on events. Raises ClusterError."""
        manifest = await self._kubernetes.get(MODEL_DEPLOYMENTS, key.namespace, key.name)
        if manifest is None or "deletionTimestamp" in manifest["metadata"]:
            # Children go by owner reference: there is nothing to do.
            self._forget(key)
            return None
        try:
            return await self._reconcile(key, target(manifest))
        except NamespaceTerminatingError:
            logger.info("%s: its namespace is being deleted", key)
            return None

    async def _reconcile(self, key: Key, wanted: Target) -> float | None:
        memory = self._memory(key, wanted.owner.uid)
        objects = await self._eyes.children(wanted.owner)
        now = self._now()
        seen = await self._eyes.snapshot(wanted.owner, objects, now)
        outcome = await self._decide(wanted, objects, now)
        decision = replace(outcome.decision, api_error=memory.api_error)
        current = status(wanted.previous, wanted.owner, wanted.generation, wanted.spec, decision, seen)
        await self._write_status(key, wanted, wanted.previous, current)
        if wanted.is_paused:
            return None
        try:
            await self._act(wanted, outcome, objects, seen)
        except NamespaceTerminatingError:
            raise
        except PermanentError as error:
            memory.api_error = error.message
            decision = replace(decision, api_error=error.message)
            refused = status(current, wanted.owner, wanted.generation, wanted.spec, decision, seen)
            await self._write_status(key, wanted, current, refused)
            raise
        if memory.api_error:
            memory.api_error = None
            return 0.0
        return _next_visit_seconds(current, decision, seen)

    async def _decide(self, wanted: Target, objects: Sequence[Manifest], now: datetime) -> _Outcome:
        if wanted.is_paused or wanted.invalid:
            return _Outcome(Decision(is_paused=wanted.is_paused, facts_error=wanted.invalid))
        unsupported = unsupported_fields(wanted.spec)
        if unsupported:
            return _Outcome(Decision(unsupported=unsupported))
        try:
            facts = await self._resolver.facts(wanted.owner, wanted.spec, wanted.previous.model, objects, now)
        except FactsError as error:
            return _Outcome(Decision(facts_error=error))
        return await self._plan(wanted, facts) if facts else _Outcome(Decision())

    async def _plan(self, wanted: Target, facts: ModelFacts) -> _Outcome:
        planned = plan(wanted.spec, facts, await self._eyes.inventory(), wanted.previous.plan)
        if isinstance(planned, Refusal):
            return _Outcome(Decision(facts=facts, plan=planned))
        made = revision(wanted.owner, wanted.spec, facts, planned, self._settings)
        return _Outcome(Decision(facts=facts, plan=planned, revision=made.name), made)

    async def _act(self, wanted: Target, outcome: _Outcome, objects: Sequence[Manifest], seen: Snapshot) -> None:
        is_known = outcome.decision.facts is not None
        for pod in self._resolver.superfluous(wanted.owner, wanted.spec, objects, is_known=is_known):
            await self._kubernetes.delete(pod)
        if outcome.revision is None:
            return
        scene = Scene(wanted, outcome.revision, objects, seen)
        await self._hands.share(scene)
        served = {
            one.name
            for one in wanted.previous.revisions
            if one.state in (RevisionState.SERVING, RevisionState.RETIRING)
        }
        for action in actions(outcome.revision.name, wanted.spec.replicas, seen, served):
            await self._hands.act(action, scene)

    async def _write_status(
        self, key: Key, wanted: Target, before: ModelDeploymentStatus, after: ModelDeploymentStatus
    ) -> None:
        if after == before:
            return
        memory = self._memories[key]
        now = asyncio.get_running_loop().time()
        if _without_words(after) == _without_words(before) and now - memory.status_written_at < _MESSAGE_SECONDS:
            return
        owner = wanted.owner
        await self._kubernetes.apply_status(owner.namespace, owner.name, owner.uid, after.to_json_object())
        memory.status_written_at = now
        _log_changes(key, before, after)
        if self._observer:
            self._observer.changed(key, before, after)
        news = transitions(before.conditions, after.conditions)
        await self._recorder.record(owner.namespace, owner.name, owner.uid, news)

    def _memory(self, key: Key, uid: str) -> _Memory:
        known = self._memories.get(key)
        if known is None or known.uid != uid:
            self._forget(key)
            known = self._memories[key] = _Memory(uid)
        return known

    def _forget(self, key: Key) -> None:
        known = self._memories.pop(key, None)
        if known:
            self._hands.forget(known.uid)
        if self._observer:
            self._observer.gone(key)


def _next_visit_seconds(current: ModelDeploymentStatus, decision: Decision, seen: Snapshot) -> float | None:
    conditions = {condition.type: condition for condition in current.conditions}
    age_seconds = min((_age_seconds(condition, seen.now) for condition in current.conditions), default=0.0)
    if decision.revision is None:
        # Half as often with each try, without having to remember how many there were.
        return min(_REFUSED_SECONDS, max(_FASTEST_SECONDS, age_seconds / 2))
    progressing = conditions.get(ConditionType.PROGRESSING)
    if progressing and progressing.status is ConditionStatus.TRUE:
        if any(one.serve is None and one.head and one.head.ip for one in seen.revisions):
            return _HEAD_SECONDS
        return min(_SLOWEST_SECONDS, max(_FASTEST_SECONDS, age_seconds / 30))
    return _SETTLED_SECONDS


def _age_seconds(condition: Condition, now: datetime) -> float:
    return max(0.0, (now - condition.last_transition_time).total_seconds())


def _without_words(one: ModelDeploymentStatus) -> ModelDeploymentStatus:
    silent = [condition.model_copy(update={"message": ""}) for condition in one.conditions]
    return one.model_copy(update={"conditions": silent})


def _log_changes(key: Key, before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> None:
    known = {condition.type: (condition.status, condition.reason) for condition in before.conditions}
    for condition in after.conditions:
        if known.get(condition.type) != (condition.status, condition.reason):
            logger.info("%s: %s=%s %s: %s", key, condition.type, condition.status, condition.reason, condition.message)
