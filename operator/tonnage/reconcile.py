"""The one place where pure meets effect: a visit reads everything about one deployment, decides, and acts.

    read → facts → plan → revision → act → status

What a reader would get wrong: a new pin (`status.model`, `status.plan`) is written before anything is created from it,
so that a visit that dies anywhere after finds the same commit again. And a status shows what was seen before the visit
acted: acting causes events, events cause the next visit, and that one shows the effect.

Reading order: `target` (what is wanted), `observation` (what is), `resolution` (facts), this, `execution` (doing it),
`announcement` (saying it).
What is remembered between visits only saves writes; a restart may forget it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tonnage.announcement import GATHER_SECONDS, Announcer, StatusObserver, Times, is_due
from tonnage.cluster.api import Kubernetes
from tonnage.cluster.errors import ClusterError, NamespaceTerminatingError, NotFoundError, PermanentError
from tonnage.cluster.events import Recorder
from tonnage.cluster.resources import MODEL_DEPLOYMENTS
from tonnage.cluster.serve import Serve
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import ConditionType
from tonnage.contract.status import Condition, ModelDeploymentStatus, PlanStatus
from tonnage.desired import Revision, revision
from tonnage.execution import Hands, Scene
from tonnage.facts.errors import FactsError
from tonnage.observation import Eyes, Tokens
from tonnage.observe.rollout import actions
from tonnage.observe.snapshot import Snapshot
from tonnage.observe.status import Decision, status
from tonnage.plan import Moment, Refusal, kept, plan, unsupported_fields
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
    times: Times = field(default_factory=Times)
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
        self._announcer = Announcer(kubernetes, Recorder(kubernetes, settings.namespace), observer)
        self._settings = settings
        self._observer = observer
        self._now = outside.now
        self._memories: dict[Key, _Memory] = {}

    async def visit(self, key: Key) -> float | None:
        """Seconds until the next visit is wanted, or None: only on events. Raises ClusterError."""
        manifest = await self._read(key)
        if manifest is None:
            self._forget(key)
            return None
        try:
            return await self._reconcile(key, target(manifest))
        except NamespaceTerminatingError:
            logger.info("%s: its namespace is being deleted", key)
            return None
        except NotFoundError:
            if await self._read(key) is not None:
                raise
            # Deleted under our hands, at any of the writes.
            self._forget(key)
            return None

    async def _read(self, key: Key) -> Manifest | None:
        """The deployment, unless it is gone or going: its children go by owner reference, and nothing is to be done."""
        manifest = await self._kubernetes.get(MODEL_DEPLOYMENTS, key.namespace, key.name)
        return None if manifest is None or "deletionTimestamp" in manifest["metadata"] else manifest

    async def _reconcile(self, key: Key, wanted: Target) -> float | None:
        memory = self._memory(key, wanted.owner.uid)
        objects = await self._eyes.children(wanted.owner)
        now = self._now()
        reported = wanted.previous.observed.revision if wanted.previous.observed else None
        seen = await self._eyes.snapshot(wanted.owner, objects, now, reported)
        outcome = await self._decide(wanted, objects, now)
        recorded = wanted.previous
        if not _is_pinned(outcome.decision, recorded):
            first = self._status(wanted, recorded, outcome, seen, memory)
            await self._announcer.announce(wanted.owner, recorded, first, memory.times)
            recorded = first
        problem = None if wanted.is_paused else await self._try_to_act(wanted, outcome, objects, seen, memory)
        current = self._status(wanted, recorded, outcome, seen, memory)
        if is_due(recorded, current, memory.times, _loop_time()):
            await self._announcer.announce(wanted.owner, recorded, current, memory.times)
        if problem:
            raise problem
        if wanted.is_paused:
            return None
        return _next_visit_seconds(current, outcome.decision, seen, memory.times)

    def _status(
        self, wanted: Target, recorded: ModelDeploymentStatus, outcome: _Outcome, seen: Snapshot, memory: _Memory
    ) -> ModelDeploymentStatus:
        decision = replace(outcome.decision, api_error=memory.api_error)
        return status(recorded, wanted.owner, wanted.generation, wanted.spec, decision, seen)

    async def _try_to_act(
        self, wanted: Target, outcome: _Outcome, objects: Sequence[Manifest], seen: Snapshot, memory: _Memory
    ) -> ClusterError | None:
        """The error that ended acting; status must be written all the same, and tell it if it is there to stay."""
        try:
            has_written = await self._act(wanted, outcome, objects, seen)
        except NamespaceTerminatingError:
            raise
        except ClusterError as error:
            if isinstance(error, PermanentError):
                memory.api_error = error.message
            return error
        memory.api_error = None
        if has_written:
            memory.times.acted_at = _loop_time()
        return None

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
        return await self._plan(wanted, facts, objects, now) if facts else _Outcome(Decision())

    async def _plan(self, wanted: Target, facts: ModelFacts, objects: Sequence[Manifest], now: datetime) -> _Outcome:
        planned: PlanStatus | Refusal | None = kept(wanted.spec, facts, wanted.previous.plan)
        if planned is None:
            inventory = await self._eyes.inventory(objects)
            planned = plan(wanted.spec, facts, inventory, Moment(now, wanted.previous.waiting))
        if isinstance(planned, Refusal):
            return _Outcome(Decision(facts=facts, plan=planned))
        made = revision(wanted.owner, wanted.spec, facts, planned, self._settings)
        return _Outcome(Decision(facts=facts, plan=planned, revision=made.name), made)

    async def _act(self, wanted: Target, outcome: _Outcome, objects: Sequence[Manifest], seen: Snapshot) -> bool:
        """Whether anything had to be written."""
        is_known = outcome.decision.facts is not None
        superfluous = self._resolver.superfluous(wanted.owner, wanted.spec, objects, is_known=is_known)
        for pod in superfluous:
            await self._kubernetes.delete(pod)
        if outcome.revision is None:
            return bool(superfluous)
        scene = Scene(wanted, outcome.revision, objects, seen)
        has_written = await self._hands.share(scene)
        made, served = outcome.revision, wanted.previous.served
        for action in actions(made.name, wanted.spec.replicas, seen, served, made.document.engine.pods):
            has_written |= await self._hands.act(action, scene)
        return has_written or bool(superfluous)

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


def _is_pinned(decision: Decision, recorded: ModelDeploymentStatus) -> bool:
    """Whether what the children are made from is on record."""
    if not recorded.conditions:
        return False
    recorded_pin = recorded.plan.pin if recorded.plan else None
    is_plan_known = not isinstance(decision.plan, PlanStatus) or decision.plan.pin == recorded_pin
    return is_plan_known and (decision.facts is None or decision.facts == recorded.model)


def _next_visit_seconds(
    current: ModelDeploymentStatus, decision: Decision, seen: Snapshot, times: Times
) -> float | None:
    age_seconds = min((_age_seconds(condition, seen.now) for condition in current.conditions), default=0.0)
    if decision.facts_error and decision.facts_error.is_permanent:
        # Asked again at the resync: a hub is not to be pestered for what is not there.
        return None
    if decision.revision is None:
        # Half as often with each try, without having to remember how many there were.
        seconds = min(_REFUSED_SECONDS, max(_FASTEST_SECONDS, age_seconds / 2))
        return seconds if current.waiting is None else min(seconds, _seconds_until(current.waiting.until, seen.now))
    if current.is_true(ConditionType.PROGRESSING):
        is_head_starting = any(one.serve is None and one.head and one.head.is_up for one in seen.revisions)
        fastest = _HEAD_SECONDS if is_head_starting else _FASTEST_SECONDS
        return min(_SLOWEST_SECONDS, max(fastest, age_seconds / 30))
    return GATHER_SECONDS if _loop_time() - times.acted_at < GATHER_SECONDS else _SETTLED_SECONDS


def _seconds_until(time: datetime, now: datetime) -> float:
    return max(0.0, (time - now).total_seconds())


def _age_seconds(condition: Condition, now: datetime) -> float:
    return max(0.0, (now - condition.last_transition_time).total_seconds())


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
