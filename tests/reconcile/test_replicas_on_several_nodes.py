"""The life of a deployment whose replicas take several nodes each: no running replica ever loses a follower."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.gpu_plan import llama_facts
from tests.support.gpu_plans import gpu_node
from tests.support.simulation import Simulation

Simulate = Callable[[Callable[[Simulation], Awaitable[Any]]], Any]
SIX_ON_THREE_NODES = {
    "placement": {"candidates": [{"gpu": "L4", "count": 6}]},
    "serving": {"contextLength": 4096, "tensorParallel": 2},
}


def wish(**fields: Any) -> dict[str, Any]:
    return {**SIX_ON_THREE_NODES, **fields}


def pods(simulation: Simulation, component: str) -> list[str]:
    return [name for name in simulation.children("Pod") if f"-{component}-" in name]


def running(simulation: Simulation) -> set[str]:
    replicas = (one for ray in simulation.world.rays.values() for one in ray.replicas)
    return {one.name for one in replicas if one.state == "RUNNING"}


def is_ready_worker(pod: dict[str, Any]) -> bool:
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
    return "-worker-" in pod["metadata"]["name"] and conditions.get("Ready") == "True"


@pytest.fixture
def wide(simulate: Simulate) -> Simulate:
    """A scenario on nodes with two GPUs each."""

    def run(scenario: Callable[[Simulation], Awaitable[Any]]) -> Any:
        async def played(simulation: Simulation) -> Any:
            simulation.hub.facts = llama_facts(simulation.hub.facts)
            for number in range(6):
                node = {"apiVersion": "v1", "kind": "Node", **gpu_node("L4", 2)}
                node["metadata"]["name"] = f"node-{number}"
                simulation.api.create(node)
            return await scenario(simulation)

        return simulate(played)

    return run


def test_a_replica_is_one_worker_and_two_followers_and_then_nothing_is_written(wide: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply(wish())
        await simulation.until_ready()
        assert (1, 2) == (len(pods(simulation, "worker")), len(pods(simulation, "follower")))
        plan = simulation.status()["plan"]
        assert (3, 2, 3) == (plan["podsPerReplica"], plan["tensorParallel"], plan["pipelineParallel"])
        before = len(simulation.api.writes)
        await asyncio.sleep(200)
        assert [] == simulation.api.writes[before:]

    wide(scenario)


def test_up_and_down_never_stops_a_replica_that_is_to_stay(wide: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply(wish())
        await simulation.until_ready()
        [first] = running(simulation)
        simulation.apply(wish(replicas=3))
        await simulation.until_ready(replicas=3)
        assert 6 == len(pods(simulation, "follower"))
        assert first in running(simulation)
        simulation.apply(wish(replicas=1))
        lowest = 3

        def is_down() -> bool:
            nonlocal lowest
            lowest = min(lowest, len(running(simulation)))
            return simulation.is_settled() and 2 == len(pods(simulation, "follower"))

        await simulation.until(is_down)
        assert 1 == lowest

    wide(scenario)


def test_a_changed_spec_takes_over_without_a_gap_and_leaves_nothing_behind(wide: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply(wish())
        await simulation.until_ready()
        [old] = [name for name in simulation.children("Deployment") if name.endswith("-follower")]
        simulation.apply(wish(serving={"contextLength": 2048, "tensorParallel": 2}))
        lowest = 1

        def is_over() -> bool:
            nonlocal lowest
            lowest = min(lowest, sum(is_ready_worker(pod) for pod in simulation.api.of_kind("Pod")))
            return simulation.is_settled() and old not in simulation.children("Deployment")

        await simulation.until(is_over)
        assert 1 == lowest
        assert 2 == len(simulation.children("Deployment"))

    wide(scenario)


def test_none_leaves_no_pods_but_the_heads(wide: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply(wish())
        await simulation.until_ready()
        simulation.apply(wish(replicas=0))
        await simulation.until(lambda: not pods(simulation, "worker") and not pods(simulation, "follower"))

    wide(scenario)
