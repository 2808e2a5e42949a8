import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.simulation import SOURCE, Simulation
from tests.support.world import ENGINE_REPORT
from tonnage.cluster.errors import ClusterError

Simulate = Callable[[Callable[[Simulation], Awaitable[Any]]], Any]


async def quiet_writes(simulation: Simulation, seconds: float = 700) -> list[tuple[str, str, str]]:
    """The writes of a while in which nobody changes anything; it contains two resyncs."""
    before = len(simulation.api.writes)
    await asyncio.sleep(seconds)
    return simulation.api.writes[before:]


def workers(simulation: Simulation) -> list[str]:
    return [name for name in simulation.children("Pod") if "-worker-" in name]


def test_a_deployment_becomes_ready(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await simulation.until_ready()
        assert 1 == simulation.status()["readyReplicas"]
        assert [] == simulation.failures

    simulate(scenario)


def test_our_own_share_of_a_start_is_under_five_seconds(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        pace = simulation.world.pace
        await simulation.until(lambda: simulation.condition("Ready")[0] == "True")
        seconds = asyncio.get_running_loop().time() - 1000
        # The worker's pod runs before the head answers or the other way round; then the replica starts.
        theirs = max(pace.head, pace.scheduling + pace.container + pace.download) + pace.replica
        assert seconds - theirs < 5

    simulate(scenario)


def test_a_settled_deployment_is_not_written(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await simulation.until_ready()
        assert [] == await quiet_writes(simulation)

    simulate(scenario)


def test_the_engines_figures_are_in_the_status_and_asked_for_once(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await simulation.until_ready()
        first = simulation.status()
        assert {"revision": first["currentRevision"], **ENGINE_REPORT} == first["observed"]
        asked = simulation.world.report_requests
        assert [] == await quiet_writes(simulation)
        assert asked == simulation.world.report_requests
        simulation.apply({"serving": {"contextLength": 2048}})
        await simulation.until(lambda: simulation.status()["observed"]["revision"] != first["currentRevision"])

    simulate(scenario)


def test_the_pin_is_recorded_before_anything_is_created(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await simulation.until_ready()
        assert ("apply", "ModelDeployment/status", "chat") == simulation.api.writes[0]

    simulate(scenario)


@pytest.mark.parametrize("replica_seconds", [5, 150], ids=["fast", "slow"])
def test_scaling_up_by_one_is_at_most_three_writes(simulate: Simulate, replica_seconds: float) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.world.pace.replica = replica_seconds
        simulation.apply()
        await simulation.until_ready()
        before = len(simulation.api.writes)
        simulation.apply({"replicas": 2})
        await simulation.until_ready()
        assert 3 >= len(simulation.api.writes[before:]), simulation.api.writes[before:]
        assert 2 == len(workers(simulation))
        assert {"min": 2, "max": 2} == simulation.status()["plan"]["replicas"]
        assert [] == await quiet_writes(simulation)

    simulate(scenario)


def test_scaling_down_tells_serve_before_pods_go(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply({"replicas": 3})
        await simulation.until_ready()
        simulation.apply({"replicas": 1})
        running: list[tuple[int, int]] = []

        def look() -> bool:
            ray = next(iter(simulation.world.rays.values()))
            deployment = simulation.api.of_kind("Deployment")[0]
            running.append((ray.target, deployment["spec"]["replicas"]))
            return simulation.is_settled()

        await simulation.until(look)
        assert all(pods >= target for target, pods in running)
        assert (1, 3) in running
        assert (1, 1) == running[-1]

    simulate(scenario)


def test_scaling_down_by_one_is_at_most_three_writes(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply({"replicas": 2})
        await simulation.until_ready()
        before = len(simulation.api.writes)
        simulation.apply({"replicas": 1})
        await simulation.until_ready()
        assert 3 >= len(simulation.api.writes[before:]), simulation.api.writes[before:]

    simulate(scenario)


def test_zero_replicas_keep_the_head_and_no_worker(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply({"replicas": 0})
        await simulation.until(lambda: simulation.condition("Progressing")[0] == "False")
        await simulation.until(lambda: not workers(simulation))
        assert [] == await quiet_writes(simulation)

    simulate(scenario)


def test_a_changed_spec_makes_a_new_revision_that_takes_over_when_it_answers(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await simulation.until_ready()
        old = simulation.status()["revisions"][0]["name"]
        simulation.apply({"serving": {"contextLength": 2048}})
        lost = False

        def look() -> bool:
            nonlocal lost
            ready = [
                pod
                for pod in simulation.api.of_kind("Pod")
                if "-worker-" in pod["metadata"]["name"]
                and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"]["conditions"])
            ]
            lost = lost or not ready
            return simulation.is_settled()

        await simulation.until(look)
        assert not lost
        new = simulation.status()["revisions"][0]["name"]
        assert new != old
        assert [] == [name for name in simulation.children() if old in name]
        assert [] == await quiet_writes(simulation)

    simulate(scenario)


def test_a_spec_changed_while_pods_start_leaves_only_the_last_revision(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await asyncio.sleep(3)
        simulation.apply({"serving": {"contextLength": 2048}})
        await asyncio.sleep(3)
        simulation.apply({"serving": {"contextLength": 1024}})
        await simulation.until_ready()
        await asyncio.sleep(30)
        assert 1 == len(simulation.children("StatefulSet"))
        assert 1 == len(simulation.children("Deployment"))
        assert 1024 == simulation.status()["plan"]["contextLength"]

    simulate(scenario)


def test_going_back_to_the_old_spec_during_a_rollout_goes_back_to_the_old_revision(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await simulation.until_ready()
        old = simulation.status()["revisions"][0]["name"]
        simulation.apply({"serving": {"contextLength": 2048}})
        await asyncio.sleep(4)
        simulation.apply()
        await simulation.until_ready()
        assert old == simulation.status()["revisions"][0]["name"]

    simulate(scenario)


def test_a_head_that_is_lost_and_comes_back_changes_nothing(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply({"replicas": 2})
        await simulation.until_ready()
        puts = simulation.world.puts
        simulation.world.kill_head("chat")
        for _ in range(60):
            assert "True" == simulation.condition("Ready")[0]
            await asyncio.sleep(0.5)
        await simulation.until_ready()
        assert puts == simulation.world.puts

    simulate(scenario)


def test_a_head_that_lost_its_store_is_told_again(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await simulation.until_ready()
        simulation.world.kill_head("chat")
        simulation.world.rays.clear()
        await asyncio.sleep(20)
        await simulation.until_ready()
        assert 1 == len(next(iter(simulation.world.rays.values())).replicas)

    simulate(scenario)


def test_a_serve_that_refuses_is_not_flooded(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        simulation.world.is_serve_broken = True
        await asyncio.sleep(60)
        simulation.world.is_serve_broken = False
        await simulation.until_ready()
        assert all(isinstance(error, ClusterError) for error in simulation.failures)

    simulate(scenario)


def test_a_deleted_child_comes_back(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await simulation.until_ready()
        before = simulation.end_state()
        for kind in ("Service", "ConfigMap", "NetworkPolicy", "PodDisruptionBudget", "ServiceAccount"):
            for child in list(simulation.api.of_kind(kind)):
                simulation.api.remove(child)
                await simulation.until(lambda: simulation.end_state() == before, 320)

    simulate(scenario)


def test_an_edited_child_is_set_right(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await simulation.until_ready()
        deployment = simulation.api.of_kind("Deployment")[0]
        simulation.api.edit(deployment, lambda one: one["spec"].update(replicas=5))
        await asyncio.sleep(1)
        await simulation.until_ready()
        await simulation.until(lambda: 1 == len(workers(simulation)))
        assert 1 == deployment["spec"]["replicas"]

    simulate(scenario)


def test_a_paused_deployment_is_left_as_it_is(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        live = simulation.apply()
        await simulation.until_ready()
        simulation.api.edit(live, lambda one: one["metadata"].update(annotations={"tonnage.dev/paused": "true"}))
        simulation.apply({"replicas": 3})
        await asyncio.sleep(400)
        assert 1 == len(workers(simulation))
        assert {"ModelDeployment/status"} >= {kind for _, kind, _ in await quiet_writes(simulation)}
        simulation.api.edit(live, lambda one: one["metadata"].update(annotations={}))
        await simulation.until_ready(replicas=3)

    simulate(scenario)


def test_deleting_at_any_time_leaves_nothing_and_fails_nothing(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        for tenths in range(0, 150, 7):
            simulation.apply()
            await asyncio.sleep(tenths / 10)
            simulation.delete()
            await asyncio.sleep(5)
            assert [] == simulation.children()
        assert [] == simulation.failures

    simulate(scenario)


def test_a_deployment_that_is_deleted_and_created_again_at_once_becomes_ready(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await simulation.until_ready()
        simulation.delete()
        simulation.apply()
        await simulation.until_ready()

    simulate(scenario)


def test_a_namespace_that_goes_away_fails_nothing(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.api.namespaces["default"] = "Terminating"
        simulation.apply()
        await asyncio.sleep(30)
        assert [] == simulation.failures

    simulate(scenario)


def test_a_service_of_somebody_else_is_named_and_left_alone(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        theirs = simulation.api.create(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "chat", "namespace": "default"},
                "spec": {"selector": {"their": "app"}},
            }
        )
        simulation.apply()
        await asyncio.sleep(60)
        messages = " ".join(one["message"] for one in simulation.status()["conditions"])
        assert "Service chat exists and does not belong to this ModelDeployment" in messages
        assert {"their": "app"} == theirs["spec"]["selector"]
        simulation.api.remove(theirs)
        await simulation.until_ready()

    simulate(scenario)


def test_two_operators_at_once_make_no_double_children(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        other = asyncio.create_task(simulation._operate())
        simulation.tasks.append(other)
        simulation.apply({"replicas": 2})
        await simulation.until_ready()
        simulation.apply({"replicas": 2, "serving": {"contextLength": 2048}})
        await simulation.until_ready()
        assert 1 == len(simulation.children("Deployment"))
        assert [] == await quiet_writes(simulation)

    simulate(scenario)


def test_a_branch_that_moves_does_not_move_running_pods(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await simulation.until_ready()
        before = simulation.status()["model"]["commit"]
        simulation.hub.commit = "f" * 40
        await simulation.restart_operator()
        await asyncio.sleep(700)
        assert before == simulation.status()["model"]["commit"]
        assert 1 == simulation.hub.reads

    simulate(scenario)


def test_a_restart_while_the_hub_is_away_keeps_everything(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await simulation.until_ready()
        before = simulation.end_state()
        simulation.hub.is_away = True
        await simulation.restart_operator(away_seconds=60)
        await asyncio.sleep(700)
        assert before == simulation.end_state()

    simulate(scenario)


def test_a_hub_that_is_away_for_a_minute_delays_a_start_only(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.hub.is_away = True
        simulation.apply()
        await asyncio.sleep(60)
        assert "HubUnreachable" in {one["reason"] for one in simulation.status()["conditions"]}
        assert [] == simulation.children()
        simulation.hub.is_away = False
        assert 60 > await simulation.until_ready()

    simulate(scenario)


def test_a_new_model_that_cannot_be_found_leaves_the_old_one_serving(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply()
        await simulation.until_ready()
        children = simulation.children()
        simulation.apply({"model": {"source": "hf://org/missing"}})
        await simulation.until(lambda: "ModelNotFound" in {one["reason"] for one in simulation.status()["conditions"]})
        await asyncio.sleep(120)
        assert children == simulation.children()
        assert "True" == simulation.condition("Ready")[0]
        simulation.apply({"model": {"source": SOURCE}})
        await simulation.until_ready()

    simulate(scenario)
