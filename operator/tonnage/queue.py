"""The level-triggered queue: which deployments want a visit, and when.

It holds keys, never events: ten events about one deployment are one visit, and a visit reads everything afresh. One key
is never visited twice at the same time; a key that is added during its visit is visited once more. A visit answers in
how many seconds it wants the next one; a visit that raises is repeated with growing, jittered delay. Adding a key again
makes it due at once, also during such a delay: somebody may have repaired what failed.

Time is the event loop's, so that tests can run hours in milliseconds.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

logger = logging.getLogger(__name__)

# Timers are no finer: without it, a rest of a nanosecond is waited for by turning in a circle.
_TICK_SECONDS = 0.001


@dataclass(frozen=True, order=True)
class Key:
    """The name of one deployment."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class QueueObserver(Protocol):
    """Is told what the queue does; see `metrics`."""

    def depth(self, count: int) -> None:
        """So many keys are due or being visited."""

    def retried(self) -> None:
        """A visit failed and will be repeated."""

    def visited(self, result: str, seconds: float) -> None:
        """A visit ended: `success`, `error` or `requeue_after`."""


@dataclass(frozen=True)
class Pace:
    """How fast the queue works."""

    workers: int = 4
    # Between two visits of one key: gathers the dozen events that one change causes.
    gap_seconds: float = 0.2
    first_retry_seconds: float = 0.5
    last_retry_seconds: float = 60.0
    # No visit may take longer: every call in it has a limit of its own, so this is a bug or a very sick network.
    visit_seconds: float = 180.0


# What a failed visit asked for itself, e.g. by Retry-After.
RetryAfter = Callable[[Exception], float | None]
Visit = Callable[[Key], Awaitable[float | None]]


class Queue:
    """Keys and the times they are due. Only for use within one event loop."""

    def __init__(
        self,
        visit: Visit,
        *,
        pace: Pace | None = None,
        expected: type[Exception] | tuple[type[Exception], ...] = (),
        retry_after: RetryAfter = lambda _error: None,
        observer: QueueObserver | None = None,
    ) -> None:
        self._visit = visit
        self._pace = pace or Pace()
        # Ordinary life; any other error is a mistake of this program and is logged with its traceback.
        self._expected = expected
        self._retry_after = retry_after
        self._observer = observer
        self._due: dict[Key, float] = {}
        self._not_before: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        # Since when.
        self._running: dict[Key, float] = {}
        self._changed = asyncio.Event()
        self._last_end: float | None = None

    def add(self, key: Key, delay_seconds: float = 0.0) -> None:
        """Ask for a visit in at most so many seconds; an earlier wish stands."""
        due = self._now() + delay_seconds
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            self._tell()

    def is_stuck(self, patience_seconds: float) -> bool:
        """Whether something has been due for that long while no visit has ended."""
        now = self._now()
        if self._last_end is not None and now - self._last_end <= patience_seconds:
            return False
        waiting_since = min((*self._due.values(), *self._running.values()), default=now)
        return now - waiting_since > patience_seconds

    async def run(self) -> None:
        """Visit until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._pace.workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self._next()
            started = self._now()
            try:
                await self._visit_once(key, started)
            finally:
                del self._running[key]
                self._last_end = self._now()
                self._not_before[key] = self._last_end + self._pace.gap_seconds
                self._tell()

    async def _visit_once(self, key: Key, started: float) -> None:
        try:
            async with asyncio.timeout(self._pace.visit_seconds):
                next_seconds = await self._visit(key)
        except Exception as error:  # noqa: BLE001 # whatever one deployment does, the others must go on
            self._fail(key, error)
            self._note("error", started)
            return
        self._failures.pop(key, None)
        if next_seconds is not None:
            self.add(key, next_seconds)
        self._note("success" if next_seconds is None else "requeue_after", started)

    def _fail(self, key: Key, error: Exception) -> None:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        pace = self._pace
        # The exponent is bounded because a float is.
        delay = min(pace.last_retry_seconds, pace.first_retry_seconds * 2 ** min(failures, 30))
        # Jitter, so that all deployments do not come back at once after the API server was away.
        delay = max(delay * random.uniform(0.75, 1.25), self._retry_after(error) or 0.0)  # noqa: S311 # no secret
        trace = None if isinstance(error, self._expected) else error
        logger.warning("%s: visit failed, again in %.1f s: %s", key, delay, _one_line(error), exc_info=trace)
        self.add(key, delay)
        if self._observer:
            self._observer.retried()

    async def _next(self) -> Key:
        while True:
            now = self._now()
            self._not_before = {key: time for key, time in self._not_before.items() if time > now}
            ready = {
                key: max(due, self._not_before.get(key, due))
                for key, due in self._due.items()
                if key not in self._running
            }
            key = min(ready, key=lambda one: (ready[one], one), default=None)
            delay = None if key is None else ready[key] - now
            if key is not None and delay is not None and delay <= _TICK_SECONDS:
                del self._due[key]
                self._running[key] = self._now()
                return key
            # Cleared before waiting and never after: all workers wake up on each change and look for themselves.
            self._changed.clear()
            # Not `wait_for`: before Python 3.12 it swallows a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        if self._observer:
            now = self._now()
            self._observer.depth(len(self._running) + sum(due <= now for due in self._due.values()))

    def _note(self, result: str, started: float) -> None:
        if self._observer:
            self._observer.visited(result, self._now() - started)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
