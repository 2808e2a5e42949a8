"""Becoming a Ray node: the last thing this package does in a head's or worker's first process is an exec.

`tini` is pid 1: it reaps what Ray orphans and hands SIGTERM to `ray start --block`, which drains the node and exits.
A wrong turn here is a supervisor of our own between Kubernetes and Ray: then two things decide when a pod ends.
"""

import json
import logging
import os
import shutil
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import AGENT_PORT, DASHBOARD_PORT, GCS_PORT, METRICS_PORT, ServeDocument
from tonnage_runtime.application_options import FOLLOWER_GPU_RESOURCE, REPLICA_RESOURCE, WORKER_GPU_RESOURCE
from tonnage_runtime.engine_report import logging_configuration
from tonnage_runtime.environment import ENGINE_REPORT_LOGGING, head_environment, worker_environment
from tonnage_runtime.failures import RuntimeFailure

# Ray's least; nothing of ours goes through the object store, and it is memory of the pod.
OBJECT_STORE_BYTES = 80_000_000
HEAD_WAIT_SECONDS = 600
logger = logging.getLogger("tonnage")


def become_head(document: ServeDocument, environment: Mapping[str, str]) -> NoReturn:
    """Become the revision's head: GCS, dashboard with Serve's REST API, no replica."""
    logger.info("head of revision %s of %s/%s", document.revision, document.namespace, document.deployment)
    _become(head_command(environment), head_environment(document, environment))


def become_worker(document: ServeDocument, environment: Mapping[str, str]) -> NoReturn:
    """Wait for the head, then become a worker: a Ray node that can hold exactly one replica, or its first stages."""
    _join("worker", worker_options(document), document, environment)


def become_follower(document: ServeDocument, environment: Mapping[str, str]) -> NoReturn:
    """Wait for the head, then become a follower: a Ray node that can hold the other stages of one replica."""
    _join("follower", follower_options(document), document, environment)


def _join(role: str, options: list[str], document: ServeDocument, environment: Mapping[str, str]) -> NoReturn:
    head = environment.get("TONNAGE_HEAD_ADDRESS", "")
    if not head:
        raise RuntimeFailure(Reason.CONTAINER_FAILED, "TONNAGE_HEAD_ADDRESS is not set: it names the head, host:port")
    logger.info("%s of revision %s of %s/%s", role, document.revision, document.namespace, document.deployment)
    cores = len(os.sched_getaffinity(0))
    Path(ENGINE_REPORT_LOGGING).write_text(json.dumps(logging_configuration()))
    seed_engine_cache(Path(sys.prefix, "vllm-cache"), Path(environment.get("HOME", "/tmp"), ".cache", "vllm"))  # noqa: S108
    wait_for_head(head, HEAD_WAIT_SECONDS)
    command = [f"--address={head}", *options, *_common_options(environment)]
    _become(command, worker_environment(document, environment, cores))


def seed_engine_cache(baked: Path, cache: Path) -> None:
    """Bring what the image's build found out about model classes to where vLLM looks, and may write, when it runs."""
    if baked.is_dir():
        shutil.copytree(baked, cache, dirs_exist_ok=True)


def head_command(environment: Mapping[str, str]) -> list[str]:
    """The command line of `ray start` on the head."""
    return [
        "--head",
        f"--port={GCS_PORT}",
        "--dashboard-host=0.0.0.0",
        f"--dashboard-port={DASHBOARD_PORT}",
        "--num-cpus=0",
        "--num-gpus=0",
        # Ray's autoscaler; nodes come and go with pods.
        "--no-monitor",
        *_common_options(environment),
    ]


def worker_options(document: ServeDocument) -> list[str]:
    """What `ray start` is told of a worker's resources: room for one replica."""
    shared = {WORKER_GPU_RESOURCE: document.engine.gpus_per_pod} if document.engine.pods > 1 else {}
    # Ray's CPUs only count actors; the replica takes one.
    return _resource_options(1, document, {REPLICA_RESOURCE: 1, **shared})


def follower_options(document: ServeDocument) -> list[str]:
    """What `ray start` is told of a follower's resources: GPUs for stages, and nothing else is put there."""
    return _resource_options(0, document, {FOLLOWER_GPU_RESOURCE: document.engine.gpus_per_pod})


def _resource_options(cpus: int, document: ServeDocument, resources: Mapping[str, int]) -> list[str]:
    return [
        f"--num-cpus={cpus}",
        # Exactly the pod's; unsaid, Ray counts what the driver shows.
        f"--num-gpus={document.engine.gpus_per_pod}",
        f"--resources={json.dumps(resources)}",
    ]


def _common_options(environment: Mapping[str, str]) -> list[str]:
    address = environment.get("POD_IP")
    return [
        *([f"--node-ip-address={address}"] if address else []),
        f"--metrics-export-port={METRICS_PORT}",
        f"--dashboard-agent-listen-port={AGENT_PORT}",
        f"--object-store-memory={OBJECT_STORE_BYTES}",
        # Nothing is written to the files that it would read.
        "--include-log-monitor=false",
        "--disable-usage-stats",
        "--block",
    ]


def wait_for_head(address: str, seconds: float) -> None:
    """Return once `address` (host:port) accepts a connection: its name does not exist before its pod has an address."""
    host, _, port = address.rpartition(":")
    began = time.monotonic()
    next_line = began + 5
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
        except OSError as error:
            now = time.monotonic()
            if now - began > seconds:
                raise RuntimeFailure(
                    Reason.CONTAINER_FAILED, f"no head at {address} after {seconds:.0f} s: {error}; is its pod running?"
                ) from error
            if now > next_line:
                logger.info("waiting for the head at %s (%.0f s): %s", address, now - began, error)
                next_line = now + 10
            time.sleep(0.2)
        else:
            return


def _become(options: list[str], environment: dict[str, str]) -> NoReturn:
    tini = shutil.which("tini")
    if not tini:
        raise RuntimeFailure(Reason.CONTAINER_FAILED, "the image has no tini: something must reap orphans as pid 1")
    ray = str(Path(sys.executable).with_name("ray"))
    # -s: reap even where another process is pid 1, as with a shared process namespace.
    command = [tini, "-s", "--", ray, "start", *options]
    logger.info("%s", " ".join(command))
    sys.stderr.flush()
    os.execve(tini, command, environment)  # noqa: S606 # a list, never a shell
