"""`simulate(scenario)` runs a scenario against the in-memory cluster, in virtual time."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.simulation import Hub, Simulation
from tests.support.virtual_time import run
from tonnage.contract.model_facts import ModelFacts
from tonnage.settings import Settings

Scenario = Callable[[Simulation], Awaitable[Any]]


@pytest.fixture
def simulate(smollm2: ModelFacts, operator_settings: Settings) -> Callable[[Scenario], Any]:
    async def played(scenario: Scenario) -> Any:
        simulation = Simulation(Hub(smollm2), operator_settings)
        await simulation.start()
        try:
            return await scenario(simulation)
        finally:
            await simulation.stop()

    return lambda scenario: run(played(scenario))
