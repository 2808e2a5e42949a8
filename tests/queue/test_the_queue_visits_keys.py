import asyncio
import itertools
from collections.abc import Awaitable, Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.virtual_time import run
from tonnage.queue import Key, Pace, Queue

A, B = Key("default", "a"), Key("default", "b")
Visit = Callable[[Key], Awaitable[float | None]]


def now() -> float:
    return asyncio.get_running_loop().time()


class Log:
    """Records visits; each takes some time, and answers or raises what it was told to."""

    def __init__(self, *, takes: float = 0.0, answers: list[float | Exception | None] | None = None) -> None:
        self.takes = takes
        self.answers = answers or []
        self.visits: list[tuple[float, Key]] = []
        self.at_once: dict[Key, int] = {}
        self.most_at_once = 0
        self.start = 0.0

    async def visit(self, key: Key) -> float | None:
        self.visits.append((round(now() - self.start, 3), key))
        self.at_once[key] = self.at_once.get(key, 0) + 1
        self.most_at_once = max(self.most_at_once, self.at_once[key])
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.at_once[key] -= 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


async def watched(
    log: Log, scenario: Callable[[Queue], Awaitable[None]], seconds: float, pace: Pace | None = None
) -> Queue:
    queue = Queue(log.visit, pace=pace or Pace())
    log.start = now()
    worker = asyncio.create_task(queue.run())
    await scenario(queue)
    await asyncio.sleep(seconds)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    return queue


def visits(log: Log, scenario: Callable[[Queue], Awaitable[None]], seconds: float = 100.0) -> list[tuple[float, Key]]:
    run(watched(log, scenario, seconds))
    return log.visits


def test_ten_events_about_one_deployment_are_one_visit() -> None:
    async def scenario(queue: Queue) -> None:
        for _ in range(10):
            queue.add(A)

    assert [(0.0, A)] == visits(Log(), scenario)


def test_a_key_that_is_added_during_its_visit_is_visited_once_more() -> None:
    async def scenario(queue: Queue) -> None:
        queue.add(A)
        await asyncio.sleep(1)
        queue.add(A)
        queue.add(A)

    assert [(0.0, A), (3.2, A)] == visits(Log(takes=3), scenario)


def test_a_key_is_never_visited_twice_at_the_same_time() -> None:
    log = Log(takes=5)

    async def scenario(queue: Queue) -> None:
        for _ in range(20):
            queue.add(A)
            await asyncio.sleep(0.7)

    run(watched(log, scenario, 50))
    assert 1 == log.most_at_once


def test_other_keys_go_on_while_one_takes_long() -> None:
    async def scenario(queue: Queue) -> None:
        queue.add(A)
        queue.add(B)

    assert [(0.0, A), (0.0, B)] == visits(Log(takes=60), scenario)


def test_a_visit_says_when_it_wants_the_next_one() -> None:
    async def scenario(queue: Queue) -> None:
        queue.add(A)

    assert [(0.0, A), (7.0, A), (17.0, A)] == visits(Log(answers=[7.0, 10.0, None]), scenario)


def test_an_event_comes_before_the_visit_that_was_wanted_later() -> None:
    async def scenario(queue: Queue) -> None:
        queue.add(A)
        await asyncio.sleep(3)
        queue.add(A)

    assert [(0.0, A), (3.0, A)] == visits(Log(answers=[50.0, None]), scenario)


def test_a_failing_visit_is_repeated_with_growing_delay() -> None:
    async def scenario(queue: Queue) -> None:
        queue.add(A)

    times = [time for time, _ in visits(Log(answers=[ValueError("no")] * 20), scenario, 1000)]
    delays = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(
        0.75 * wanted <= delay <= 1.25 * wanted + 0.01
        for delay, wanted in zip(delays, [0.5, 1, 2, 4, 8, 16, 32], strict=False)
    )
    assert max(delays) <= 60 * 1.25 + 0.01


def test_success_ends_the_growth_of_the_delay() -> None:
    async def scenario(queue: Queue) -> None:
        queue.add(A)
        await asyncio.sleep(90)
        queue.add(A)

    times = [time for time, _ in visits(Log(answers=[*[OSError()] * 5, None, OSError(), None]), scenario, 10)]
    assert times[-1] - times[-2] < 0.7


def test_a_failed_visit_waits_as_long_as_the_other_side_asks() -> None:
    log = Log(answers=[ConnectionError("busy"), None])

    async def scenario() -> None:
        queue = Queue(log.visit, retry_after=lambda _: 30.0)
        log.start = now()
        worker = asyncio.create_task(queue.run())
        queue.add(A)
        await asyncio.sleep(100)
        worker.cancel()

    run(scenario())
    assert [(0.0, A), (30.0, A)] == log.visits


def test_adding_a_failed_key_does_not_wait_for_its_delay() -> None:
    async def scenario(queue: Queue) -> None:
        queue.add(A)
        await asyncio.sleep(80)
        queue.add(A)

    log = Log(answers=[OSError()] * 9)
    assert (80.0, A) in visits(log, scenario)


def test_a_visit_that_hangs_is_ended_and_repeated() -> None:
    log = Log(takes=1e6)

    async def scenario(queue: Queue) -> None:
        queue.add(A)

    assert 2 <= len(visits(log, scenario, 400))


def test_a_queue_with_nothing_to_do_is_not_stuck() -> None:
    async def scenario() -> bool:
        queue = Queue(Log().visit)
        await asyncio.sleep(10_000)
        return queue.is_stuck(900)

    assert run(scenario()) is False


def test_a_queue_that_nobody_works_off_is_stuck() -> None:
    async def scenario() -> tuple[bool, bool]:
        queue = Queue(Log().visit)
        queue.add(A)
        early = queue.is_stuck(900)
        await asyncio.sleep(901)
        return early, queue.is_stuck(900)

    assert (False, True) == run(scenario())


def test_a_queue_that_works_is_not_stuck_by_a_key_that_is_wanted_later() -> None:
    async def scenario() -> bool:
        queue = Queue(Log(answers=[10.0] * 1000).visit)
        worker = asyncio.create_task(queue.run())
        queue.add(A)
        queue.add(B, 50_000)
        await asyncio.sleep(5000)
        worker.cancel()
        return queue.is_stuck(900)

    assert run(scenario()) is False


STEPS = st.lists(st.tuples(st.sampled_from([A, B]), st.floats(0, 3), st.floats(0, 5)), max_size=20)


@settings(deadline=None, max_examples=60)
@given(steps=STEPS, answers=st.lists(st.one_of(st.none(), st.just(OSError())), max_size=10), takes=st.floats(0, 2))
def test_every_added_key_is_visited_after_it_was_added(
    steps: list[tuple[Key, float, float]], answers: list[float | Exception | None], takes: float
) -> None:
    log = Log(takes=takes, answers=list(answers))
    added: dict[Key, float] = {}

    async def scenario(queue: Queue) -> None:
        for key, delay, pause in steps:
            queue.add(key, delay)
            added[key] = round(now() - log.start, 3)
            await asyncio.sleep(pause)

    run(watched(log, scenario, 200))
    assert 1 >= log.most_at_once
    assert all(any(visited >= time and key == one for visited, one in log.visits) for key, time in added.items())
