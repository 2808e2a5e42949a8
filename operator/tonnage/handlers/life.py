"""Puts the operator together, runs it, and takes it apart again within the five seconds that a restart may take.

Our own tasks run beside Kopf's, in its loop: started before it, stopped in its cleanup. If one of them ends, the
operator ends; half an operator would look alive.
"""

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Any

import kopf
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from tonnage.cluster.api import Kubernetes
from tonnage.cluster.errors import ClusterError
from tonnage.cluster.resources import MODEL_DEPLOYMENTS
from tonnage.cluster.serve import Serve
from tonnage.cluster.sources.hubs import read_facts
from tonnage.cluster.transport import PodTransport, api_server_transport
from tonnage.handlers.probes import health_application, metrics_application, served
from tonnage.handlers.resync import Sightings, resync
from tonnage.handlers.watches import registry
from tonnage.metrics import Metrics
from tonnage.observation import Tokens
from tonnage.queue import Queue
from tonnage.reconcile import Outside, Reconciler
from tonnage.settings import Settings, SettingsError

logger = logging.getLogger(__name__)

_STUCK_RESYNCS = 3
_SHORTEST_KEY = 16
_KIND_AGAIN_SECONDS = 2.0


async def operate(settings: Settings) -> int:
    """Run the operator until SIGTERM; returns the exit status. Raises SettingsError."""
    tokens = Tokens(_token_key(settings))
    async with AsyncExitStack() as stack:
        metrics_registry = _metrics_registry()
        metrics = Metrics(metrics_registry)
        api_server, pods = await api_server_transport(), PodTransport()
        stack.push_async_callback(api_server.close)
        stack.push_async_callback(pods.close)
        kubernetes = Kubernetes(api_server, metrics.written)
        reconciler = Reconciler(Outside(kubernetes, Serve(pods), read_facts), tokens, settings, metrics)
        queue = Queue(reconciler.visit, expected=ClusterError, retry_after=_retry_after, observer=metrics)
        sightings = Sightings()
        # First, so that the kubelet sees a living operator while it waits for its CRD.
        health = health_application(lambda: _complaint(queue, sightings, settings))
        for application, port in (
            (health, settings.health_port),
            (metrics_application(metrics_registry), settings.metrics_port),
        ):
            runner = await served(application, port)
            stack.push_async_callback(runner.cleanup)
        await _wait_for_kind(kubernetes, settings.watched_namespace)
        return await _watch(settings, kubernetes, queue, sightings)


async def _watch(settings: Settings, kubernetes: Kubernetes, queue: Queue, sightings: Sightings) -> int:
    stop = asyncio.Event()
    tasks = [
        asyncio.create_task(queue.run(), name="queue"),
        asyncio.create_task(
            resync(kubernetes, settings.watched_namespace, queue, sightings, settings.resync_seconds), name="resync"
        ),
    ]
    for task in tasks:
        task.add_done_callback(lambda _: stop.set())
    handlers = registry(queue, sightings)

    async def stop_tasks(**_: Any) -> None:  # noqa: ANN401 # Kopf's own signature
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    kopf.on.cleanup(registry=handlers)(stop_tasks)
    where = settings.watched_namespace
    logger.info("watching ModelDeployments in %s", f"namespace {where}" if where else "all namespaces")
    broken: list[str] = []
    try:
        await kopf.operator(
            registry=handlers,
            standalone=True,
            clusterwide=where is None,
            namespaces=[where] if where else [],
            stop_flag=stop,
        )
    except Exception as error:  # noqa: BLE001 # whatever Kopf cannot go on with, the kubelet's restart is the answer
        broken.append(f"watching: {type(error).__name__}: {error}")
    broken.extend(f"{task.get_name()}: {task.exception()!r}" for task in tasks if _has_failed(task))
    for what in broken:
        logger.error("ended by an error, to be started again: %s", what)
    logger.info("stopped")
    return 1 if broken else 0


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


async def _wait_for_kind(kubernetes: Kubernetes, namespace: str | None) -> None:
    """Kopf looks once which kinds exist; a CRD that comes later would never be watched."""
    said: type[ClusterError] | None = None
    while True:
        try:
            await kubernetes.list(MODEL_DEPLOYMENTS, namespace)
        except ClusterError as error:
            if type(error) is not said:
                logger.warning("waiting until ModelDeployments can be listed: %s", error)
                said = type(error)
            await asyncio.sleep(_KIND_AGAIN_SECONDS)
        else:
            return


def _complaint(queue: Queue, sightings: Sightings, settings: Settings) -> str | None:
    if queue.is_stuck(_STUCK_RESYNCS * settings.resync_seconds):
        return "the queue has not moved for three resyncs"
    if sightings.is_deaf:
        return "a watch has kept back a change for a whole resync"
    return None


def _retry_after(error: Exception) -> float | None:
    return error.retry_after_seconds if isinstance(error, ClusterError) else None


def _token_key(settings: Settings) -> bytes:
    path = settings.ray_token_key
    try:
        key = path.read_bytes()
    except OSError as error:
        message = f"TONNAGE_RAY_TOKEN_KEY: {path} cannot be read ({error.strerror}): mount the chart's Secret there"
        raise SettingsError(message) from error
    if len(key) < _SHORTEST_KEY:
        raise SettingsError(
            f"TONNAGE_RAY_TOKEN_KEY: {path} has {len(key)} bytes, {_SHORTEST_KEY} random ones are needed"
        )
    return key


def _metrics_registry() -> CollectorRegistry:
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    PlatformCollector(registry=made)
    GCCollector(registry=made)
    return made
