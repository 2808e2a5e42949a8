import asyncio

from tests.support.api_server import ApiServer, Manifest
from tests.support.virtual_time import run
from tonnage.cluster.api import Kubernetes
from tonnage.handlers.resync import Sightings, resync
from tonnage.queue import Key, Queue


def deployment(name: str) -> Manifest:
    return {
        "apiVersion": "tonnage.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {},
    }


async def resynced(server: ApiServer, sightings: Sightings, seconds: float) -> list[Key]:
    visited: list[Key] = []

    async def visit(key: Key) -> None:
        visited.append(key)

    queue = Queue(visit)
    tasks = [
        asyncio.create_task(queue.run()),
        asyncio.create_task(resync(Kubernetes(server), None, queue, sightings, 300)),
    ]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    return visited


def test_every_deployment_is_visited_once_per_interval() -> None:
    server = ApiServer()
    server.create(deployment("a"))
    server.create(deployment("b"))
    visited = run(resynced(server, Sightings(), 700))
    assert [Key("default", "a")] * 2 + [Key("default", "b")] * 2 == sorted(visited)


def test_an_api_server_that_is_away_does_not_end_the_resync() -> None:
    async def scenario() -> list[Key]:
        server = ApiServer(is_away=True)
        server.create(deployment("a"))
        asyncio.get_running_loop().call_later(400, setattr, server, "is_away", False)
        return await resynced(server, Sightings(), 600)

    assert [Key("default", "a")] == run(scenario())


def test_a_watch_that_tells_everything_is_not_deaf() -> None:
    sightings = Sightings()
    for generation in (1, 2, 3):
        sightings.saw("u", generation)
        sightings.listed({"u": generation})
    assert not sightings.is_deaf


def test_a_watch_that_is_only_late_is_not_deaf() -> None:
    sightings = Sightings()
    sightings.listed({"u": 1})
    sightings.saw("u", 1)
    sightings.listed({"u": 1})
    assert not sightings.is_deaf


def test_a_watch_that_keeps_a_change_back_for_a_whole_resync_is_deaf() -> None:
    sightings = Sightings()
    sightings.saw("u", 1)
    sightings.listed({"u": 2})
    sightings.listed({"u": 3})
    assert sightings.is_deaf


def test_a_deployment_that_was_deleted_meanwhile_does_not_make_a_watch_deaf() -> None:
    sightings = Sightings()
    sightings.listed({"u": 1})
    sightings.listed({})
    assert not sightings.is_deaf
