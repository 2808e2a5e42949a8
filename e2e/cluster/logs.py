"""Collects what explains a failure, into one folder: objects, events, logs of pods and of the cluster's own parts.

It is called when something is already wrong, so nothing here may raise: what cannot be had is noted in its file.
"""

import base64
import io
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from e2e.cluster.commands import ClusterError
from e2e.cluster.provider import Cluster

OBJECTS = {
    "nodes.yaml": ("get", "nodes", "-o", "yaml"),
    "nodes.txt": ("describe", "nodes"),
    "events.txt": ("get", "events", "-A", "--sort-by=.lastTimestamp"),
    "workloads.txt": ("get", "all,configmaps,persistentvolumeclaims,networkpolicies", "-A", "-o", "wide"),
    "pods.yaml": ("get", "pods", "-A", "-o", "yaml"),
    "pods.txt": ("describe", "pods", "-A"),
    "modeldeployments.yaml": ("get", "modeldeployments.tonnage.dev", "-A", "-o", "yaml"),
}
RAY_LOGS = "/tmp/ray/session_latest/logs"  # noqa: S108 # where Ray writes
RAY_LABEL = "tonnage.dev/deployment"
LOG_LINES = "5000"
AT_ONCE = 4


def collect(cluster: Cluster, folder: Path) -> None:
    """Write it all below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with cluster.progress.step(f"collecting logs into {folder}"), ThreadPoolExecutor(AT_ONCE) as pool:
        for name, words in OBJECTS.items():
            pool.submit(_write, cluster, folder / name, *words)
        for pod in _pods(cluster):
            pool.submit(_collect_pod, cluster, folder / "pods", pod)
        pool.submit(_collect_components, cluster, folder / "components")


def _pods(cluster: Cluster) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(cluster.kubectl_run("get", "pods", "-A", "-o", "json"))["items"]
    except (ClusterError, ValueError):
        return []
    return found


def _collect_pod(cluster: Cluster, folder: Path, pod: dict[str, Any]) -> None:
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    target = folder / namespace / name
    target.mkdir(parents=True, exist_ok=True)
    words = ("logs", "--namespace", namespace, name, "--timestamps", "--tail", LOG_LINES)
    spec, status = pod["spec"], pod.get("status", {})
    restarts = {each["name"]: each["restartCount"] for each in _container_statuses(status)}
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        container_name = container["name"]
        _write(cluster, target / f"{container_name}.log", *words, "--container", container_name)
        if restarts.get(container_name):
            previous = target / f"{container_name}.previous.log"
            _write(cluster, previous, *words, "--container", container_name, "--previous")
    if RAY_LABEL in pod["metadata"].get("labels", {}) and status.get("phase") == "Running":
        _collect_ray(cluster, target / "ray", namespace, name)


def _container_statuses(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _collect_ray(cluster: Cluster, folder: Path, namespace: str, pod: str) -> None:
    """Ray's own files; base64, because commands return text."""
    script = f"tar -C {RAY_LOGS} -cz . | base64"
    try:
        packed = cluster.kubectl_run("exec", "--namespace", namespace, pod, "--", "sh", "-c", script)
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(packed))) as tar:
            tar.extractall(folder, filter="data")
    except (ClusterError, OSError, ValueError, tarfile.TarError) as error:
        folder.with_suffix(".txt").write_text(f"{error}\n")


def _collect_components(cluster: Cluster, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        cluster.collect_component_logs(folder)
    except (ClusterError, OSError) as error:
        (folder / "error.txt").write_text(f"{error}\n")


def _write(cluster: Cluster, file: Path, *words: str) -> None:
    try:
        text = cluster.kubectl_run(*words)
    except ClusterError as error:
        text = f"{error}\n"
    file.write_text(text)
