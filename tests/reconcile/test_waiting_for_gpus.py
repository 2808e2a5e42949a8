"""Named GPUs that are waited for: the operator wakes at the right moment, and forgets nothing when it restarts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.gpu_plan import llama_facts
from tests.support.gpu_plans import gpu_node
from tests.support.simulation import Simulation

Simulate = Callable[[Callable[[Simulation], Awaitable[Any]]], Any]
H100_THEN_L4 = {
    "placement": {"candidates": [{"gpu": "H100", "count": 1, "waitFor": "2m"}, {"gpu": "L4", "count": 1}]},
    "serving": {"contextLength": 4096},
}


def add_node(simulation: Simulation, product: str) -> None:
    node = {"apiVersion": "v1", "kind": "Node", **gpu_node(product, 1)}
    simulation.api.create(node)


def busy_pod(node: str) -> dict[str, Any]:
    """A pod of another deployment that has the node's only GPU."""
    container = {"name": "x", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "busy", "namespace": "default", "labels": {"tonnage.dev/deployment": "other"}},
        "spec": {"nodeName": node, "containers": [container]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [{"name": "x"}],
        },
    }


def seconds() -> float:
    return asyncio.get_running_loop().time()


def gpu(simulation: Simulation) -> str | None:
    found: str | None = (simulation.status().get("plan") or {}).get("gpu")
    return found


async def until_waiting(simulation: Simulation) -> None:
    await simulation.until(lambda: simulation.condition("Planned")[1] == "WaitingForGpus")


@pytest.fixture
def wait(simulate: Simulate) -> Simulate:
    """A scenario with a model for GPUs and one L4; H100s have to come."""

    def run(scenario: Callable[[Simulation], Awaitable[Any]]) -> Any:
        async def played(simulation: Simulation) -> Any:
            simulation.hub.facts = llama_facts(simulation.hub.facts)
            add_node(simulation, "L4")
            return await scenario(simulation)

        return simulate(played)

    return run


def test_the_second_is_taken_within_a_second_of_the_firsts_time(wait: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply(H100_THEN_L4)
        began = seconds()
        await until_waiting(simulation)
        assert "1 x H100" == simulation.status()["waiting"]["gpus"]
        assert [] == simulation.children("Deployment")
        await simulation.until(lambda: gpu(simulation) == "L4")
        assert 119 <= seconds() - began <= 121
        assert "waiting" not in simulation.status()
        await simulation.until_ready()

    wait(scenario)


def test_gpus_that_come_in_time_are_taken(wait: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply(H100_THEN_L4)
        await asyncio.sleep(30)
        add_node(simulation, "H100")
        assert 20 > await simulation.until(lambda: gpu(simulation) == "H100")
        assert "waiting" not in simulation.status()
        await asyncio.sleep(700)
        assert "H100" == gpu(simulation)

    wait(scenario)


def test_pods_have_taken_gpus_until_they_are_gone(wait: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        add_node(simulation, "H100")
        busy = simulation.api.create(busy_pod("h100-x1"))
        simulation.apply(H100_THEN_L4)
        await until_waiting(simulation)
        assert "0 of 1 are free on one node; then 1 x L4 is taken" in simulation.condition("Planned")[2]
        simulation.api.remove(busy)
        assert 20 > await simulation.until(lambda: gpu(simulation) == "H100")

    wait(scenario)


def test_gpus_count_as_free_where_the_pods_of_others_may_not_be_listed(wait: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.api.unlistable.add("Pod")
        add_node(simulation, "H100")
        simulation.api.create(busy_pod("h100-x1"))
        simulation.apply(H100_THEN_L4)
        await simulation.until(lambda: gpu(simulation) == "H100")

    wait(scenario)


def test_gpus_that_come_too_late_change_nothing(wait: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply(H100_THEN_L4)
        await simulation.until(lambda: gpu(simulation) == "L4")
        add_node(simulation, "H100")
        await simulation.until_ready()
        await asyncio.sleep(700)
        assert "L4" == gpu(simulation)

    wait(scenario)


def test_a_restart_in_the_middle_goes_on_waiting_from_where_it_was(wait: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply(H100_THEN_L4)
        began = seconds()
        await until_waiting(simulation)
        recorded = simulation.status()["waiting"]
        await asyncio.sleep(60)
        await simulation.restart_operator(away_seconds=20)
        await asyncio.sleep(10)
        assert recorded == simulation.status()["waiting"]
        await simulation.until(lambda: gpu(simulation) == "L4")
        assert 119 <= seconds() - began <= 121

    wait(scenario)


def test_a_restart_after_the_time_is_over_answers_at_once(wait: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply(H100_THEN_L4)
        await until_waiting(simulation)
        await simulation.restart_operator(away_seconds=200)
        assert 2 > await simulation.until(lambda: gpu(simulation) == "L4")

    wait(scenario)


def test_a_wait_that_goes_on_is_written_once(wait: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply(H100_THEN_L4)
        await until_waiting(simulation)
        before = len(simulation.api.writes)
        await asyncio.sleep(100)
        assert [] == simulation.api.writes[before:]

    wait(scenario)


def test_another_wish_begins_the_wait_anew(wait: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply(H100_THEN_L4)
        await asyncio.sleep(100)
        simulation.apply({**H100_THEN_L4, "serving": {"contextLength": 2048}})
        began = seconds()
        await simulation.until(lambda: gpu(simulation) == "L4")
        assert 119 <= seconds() - began <= 121

    wait(scenario)


def test_replicas_and_a_pause_do_not_begin_the_wait_anew(wait: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        live = simulation.apply(H100_THEN_L4)
        began = seconds()
        await asyncio.sleep(30)
        simulation.apply({**H100_THEN_L4, "replicas": 2})
        await asyncio.sleep(30)
        simulation.api.edit(live, lambda one: one["metadata"].update(annotations={"tonnage.dev/paused": "true"}))
        await asyncio.sleep(30)
        simulation.api.edit(live, lambda one: one["metadata"].update(annotations={}))
        await simulation.until(lambda: gpu(simulation) == "L4")
        assert 119 <= seconds() - began <= 121

    wait(scenario)


def test_what_runs_goes_on_while_gpus_for_another_wish_are_waited_for(wait: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply({"placement": {"candidates": [{"gpu": "L4", "count": 1}]}, "serving": {"contextLength": 4096}})
        await simulation.until_ready()
        before, plan = simulation.children(), simulation.status()["plan"]
        simulation.apply(H100_THEN_L4)
        await until_waiting(simulation)
        await asyncio.sleep(60)
        assert (before, plan) == (simulation.children(), simulation.status()["plan"])
        assert "True" == simulation.condition("Ready")[0]
        add_node(simulation, "H100")
        await simulation.until_ready()
        assert "H100" == gpu(simulation)

    wait(scenario)
