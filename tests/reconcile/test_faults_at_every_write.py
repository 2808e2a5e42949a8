"""A fault at each write of a life ends in the same state as no fault, with nothing double and nothing left.

Each write meets one kind of fault, from write to write another; with TONNAGE_ALL_FAULTS=1 each write meets each kind.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.simulation import Simulation

Simulate = Callable[[Callable[[Simulation], Awaitable[Any]]], Any]
KINDS = ["before", "after", "lost", "409", "429", "500", "422"]
ARE_ALL_WANTED = os.environ.get("TONNAGE_ALL_FAULTS") == "1"


async def nothing(_: Simulation) -> None:
    pass


async def created(simulation: Simulation) -> None:
    simulation.apply()
    await simulation.until_ready()


async def scaled(simulation: Simulation) -> None:
    simulation.apply({"replicas": 2})
    await simulation.until_ready()
    simulation.apply({"replicas": 1})
    await simulation.until_ready()


async def changed(simulation: Simulation) -> None:
    simulation.apply({"serving": {"contextLength": 2048}})
    await simulation.until_ready()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("before", "change"),
    [
        pytest.param(nothing, created, id="create"),
        pytest.param(created, scaled, id="scale"),
        pytest.param(created, changed, id="change"),
    ],
)
def test_a_fault_at_any_write_ends_in_the_same_state(simulate: Simulate, before: Any, change: Any) -> None:
    async def played(simulation: Simulation, at: int, kind: str) -> tuple[dict[str, Any], int]:
        await before(simulation)
        first = simulation.api.attempts
        simulation.arm(at, kind)
        await change(simulation)
        # The last pods drain, and what was held back is written.
        await asyncio.sleep(30)
        return simulation.end_state(), simulation.api.attempts - first

    expected, writes = simulate(lambda simulation: played(simulation, -1, "before"))
    faults = [(at, KINDS[(at + turn) % len(KINDS)]) for at in range(writes) for turn in range(len(KINDS))]
    for at, kind in faults if ARE_ALL_WANTED else faults[:: len(KINDS)]:
        state, _ = simulate(lambda simulation, at=at, kind=kind: played(simulation, at, kind))
        assert expected == state, f"{kind} at write {at}"


@pytest.mark.parametrize("seconds", [pytest.param(one / 2, id=f"after {one / 2} s") for one in range(0, 24, 4)])
def test_an_operator_killed_at_any_moment_goes_on(simulate: Simulate, seconds: float) -> None:
    async def reference(simulation: Simulation) -> dict[str, Any]:
        await created(simulation)
        return simulation.end_state()

    async def scenario(simulation: Simulation) -> dict[str, Any]:
        simulation.apply()
        await asyncio.sleep(seconds)
        await simulation.restart_operator()
        await simulation.until_ready()
        return simulation.end_state()

    assert simulate(reference) == simulate(scenario)


def test_an_api_server_that_is_away_for_half_a_minute_delays_only(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await asyncio.sleep(2)
        simulation.api.is_away = True
        await asyncio.sleep(30)
        simulation.api.is_away = False
        await simulation.until_ready()

    simulate(scenario)
