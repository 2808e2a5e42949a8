"""Controllers, scheduler, kubelet and Ray Serve, as far as a deployment notices them, around the in-memory API server.

Pods take seconds of virtual time to start, a replica takes some more, and a Serve knows only what it was PUT. Nothing
here knows the operator: it looks at objects as the real ones do.
"""

import asyncio
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from tests.support.api_server import ApiServer, Manifest, copied
from tonnage.cluster.errors import UnreachableError
from tonnage.cluster.transport import Answer, Request
from tonnage.contract.serve_document import APPLICATION_NAME, DASHBOARD_PORT, REPORT_PORT

START = datetime(2026, 1, 1, tzinfo=UTC)
GIB = 2**30
# What the engine of every replica says.
ENGINE_REPORT = {"kvCacheBytes": 2**28, "kvCacheTokens": 5760}


def now() -> datetime:
    """The time of day that belongs to the loop's time."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())


@dataclass
class Pace:
    """How long things take, in seconds."""

    scheduling: float = 0.5
    download: float = 3.0
    container: float = 1.0
    # From the head's container to its REST API.
    head: float = 4.0
    replica: float = 5.0
    stopping: float = 2.0


@dataclass
class Replica:
    """One copy of the model on one worker."""

    name: str
    pod_ip: str
    state: str
    until: float
    # The addresses of the pods with its other stages.
    followers: frozenset[str] = frozenset()


@dataclass
class Ray:
    """What one head keeps; it survives the head's pod, as RocksDB does."""

    wish: Manifest = field(default_factory=lambda: {"applications": []})
    deployed_at: float | None = None
    replicas: list[Replica] = field(default_factory=list)

    @property
    def target(self) -> int:
        deployments = [one for application in self.wish["applications"] for one in application["deployments"]]
        capacity = self.wish.get("target_capacity", 100)
        return sum(-(-int(one["num_replicas"]) * capacity // 100) for one in deployments)


@dataclass
class World:
    """One node with everything that runs on it. A `Transport` to pods, too."""

    api: ApiServer
    pace: Pace = field(default_factory=Pace)
    # Reasons why the download container fails, by commit; what facts pods say, by pod name prefix.
    facts_pod_says: str | None = None
    secrets_missing: set[str] = field(default_factory=set)
    puts: int = 0
    report_requests: int = 0
    rays: dict[tuple[str, str, str], Ray] = field(default_factory=dict)
    is_serve_broken: bool = False
    _ips: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _names: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def run(self) -> None:
        """Play until cancelled."""
        while True:
            self.step()
            await asyncio.sleep(0.25)

    def step(self) -> None:
        """Everything that controllers and kubelet do in one moment."""
        self._collect_garbage()
        for owner in [*self.api.of_kind("Deployment"), *self.api.of_kind("StatefulSet")]:
            self._keep_pods(owner)
        for pod in self.api.of_kind("Pod"):
            self._advance(pod)
        for key, ray in self.rays.items():
            self._advance_ray(key, ray)
        for pod in self.api.of_kind("Pod"):
            self._probe(pod)
        for owner in [*self.api.of_kind("Deployment"), *self.api.of_kind("StatefulSet")]:
            self._count(owner)

    # Transport

    async def send(self, request: Request) -> Answer:
        """See Transport: the head's REST API and workers' progress."""
        url = urlsplit(request.address)
        pod = next((one for one in self.api.of_kind("Pod") if one["status"].get("podIP") == url.hostname), None)
        if pod is None or not _is_running(pod):
            raise UnreachableError(f"{request}: no route to host")
        if url.port == REPORT_PORT:
            if url.path == "/engine":
                self.report_requests += 1
                replicas = [one for ray in self.rays.values() for one in ray.replicas]
                is_loaded = any(one.pod_ip == url.hostname and one.state == "RUNNING" for one in replicas)
                return Answer(200, copied(ENGINE_REPORT)) if is_loaded else Answer(404, None)
            return Answer(200, {"doneBytes": 1, "totalBytes": 2})
        if url.port != DASHBOARD_PORT or _component(pod) != "head" or _age(pod) < self.pace.head:
            raise UnreachableError(f"{request}: connection refused")
        if request.headers.get("Authorization") != f"Bearer {self._token(pod)}":
            return Answer(403, "Forbidden")
        if self.is_serve_broken:
            return Answer(500, "Internal Server Error")
        ray = self.rays.setdefault(_revision_key(pod), Ray())
        if request.method == "PUT":
            self.puts += 1
            if request.body != ray.wish:
                ray.wish = copied(request.body)
                ray.deployed_at = now().timestamp()
            return Answer(200, None)
        return Answer(200, _serve_answer(ray))

    async def close(self) -> None:
        """See Transport."""

    # Controllers

    def _collect_garbage(self) -> None:
        uids = {one["metadata"]["uid"] for one in self.api.objects.values()}
        for one in list(self.api.objects.values()):
            owners = one["metadata"].get("ownerReferences") or ()
            if owners and not any(owner["uid"] in uids for owner in owners):
                self.api.remove(one)

    def _keep_pods(self, owner: Manifest) -> None:
        wanted = owner["spec"]["replicas"]
        mine = [
            pod for pod in self.api.of_kind("Pod") if _owner(pod) == owner["metadata"]["uid"] and not _is_going(pod)
        ]
        for _ in range(wanted - len(mine)):
            suffix = "0" if owner["kind"] == "StatefulSet" else f"{next(self._names):05d}"
            name = f"{owner['metadata']['name']}-{suffix}"
            if self.api.get("Pod", name, owner["metadata"]["namespace"]) is None:
                self._create_pod(owner, name)
        # A ReplicaSet removes what is not ready first, and the youngest among those.
        by_worth = sorted(mine, key=lambda pod: (_is_ready(pod), -_age(pod)))
        for pod in by_worth[: max(0, len(mine) - wanted)]:
            self.terminate(pod)

    def _create_pod(self, owner: Manifest, name: str) -> None:
        template = owner["spec"]["template"]
        self.api.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "namespace": owner["metadata"]["namespace"],
                    "labels": dict(template["metadata"]["labels"]),
                    "ownerReferences": [
                        {"kind": owner["kind"], "uid": owner["metadata"]["uid"], "name": "x", "controller": True}
                    ],
                },
                "spec": copied(template["spec"]),
                "status": {"phase": "Pending", "conditions": []},
            }
        )

    def _count(self, owner: Manifest) -> None:
        mine = [
            pod for pod in self.api.of_kind("Pod") if _owner(pod) == owner["metadata"]["uid"] and not _is_going(pod)
        ]
        counts = {
            "replicas": len(mine),
            "readyReplicas": sum(_is_ready(pod) for pod in mine),
            "observedGeneration": owner["metadata"]["generation"],
        }
        self._set_status(owner, **counts)

    # Kubelet

    def terminate(self, pod: Manifest) -> None:
        """Ask the pod to stop; it is gone some time later."""
        if not _is_going(pod):
            deadline = now() + timedelta(seconds=self.pace.stopping)
            stamp = deadline.strftime("%Y-%m-%dT%H:%M:%SZ")
            self.api.edit(pod, lambda one: one["metadata"].update(deletionTimestamp=stamp, _gone=deadline.timestamp()))

    def kill_head(self, name: str) -> None:
        """The head's pod is deleted; its StatefulSet makes another of the same name, with another address."""
        pod = next(
            one
            for one in self.api.of_kind("Pod")
            if _component(one) == "head" and one["metadata"]["name"].startswith(name)
        )
        self.api.remove(pod)

    def _advance(self, pod: Manifest) -> None:
        if _is_going(pod):
            if now().timestamp() >= pod["metadata"]["_gone"]:
                self.api.remove(pod)
            return
        age = _age(pod)
        if pod["status"].get("phase") in ("Running", "Succeeded", "Failed"):
            return
        status: Manifest = {"phase": "Pending", "conditions": pod["status"].get("conditions", [])}
        if age < self.pace.scheduling:
            self._set_status(pod, **status)
            return
        status["podIP"] = pod["status"].get("podIP") or f"10.0.{next(self._ips)}.1"
        status["conditions"] = _with_condition(status["conditions"], "PodScheduled", "True")
        start = self.pace.scheduling + self.pace.container
        if _component(pod) == "facts":
            self._advance_facts_pod(pod, status, is_started=age > start)
            return
        inits = pod["spec"].get("initContainers") or []
        downloaded = start + (self.pace.download if inits else 0)
        if inits:
            state = _running() if start <= age < downloaded else _waiting("PodInitializing")
            status["initContainerStatuses"] = [
                _container(one["name"], _done() if age >= downloaded else state) for one in inits
            ]
        is_running = age >= downloaded
        if is_running:
            status["phase"] = "Running"
        status["containerStatuses"] = [
            _container(one["name"], _running() if is_running else _waiting("ContainerCreating"))
            for one in pod["spec"]["containers"]
        ]
        self._set_status(pod, **status)

    def _advance_facts_pod(self, pod: Manifest, status: Manifest, *, is_started: bool) -> None:
        name = pod["spec"]["containers"][0]["name"]
        state = _waiting("ContainerCreating")
        if is_started and self.secrets_missing:
            missing = min(self.secrets_missing)
            state = _waiting("CreateContainerConfigError", f'secret "{missing}" not found')
        elif is_started and self.facts_pod_says is not None:
            status["phase"] = "Succeeded"
            state = {"terminated": {"exitCode": 0, "reason": "Completed", "message": self.facts_pod_says}}
        status["containerStatuses"] = [_container(name, state)]
        self._set_status(pod, **status)

    def _probe(self, pod: Manifest) -> None:
        if not _is_running(pod):
            return
        if _component(pod) == "head":
            is_ready = _age(pod) >= self.pace.head
        elif _component(pod) == "follower":
            ray = self.rays.get(_revision_key(pod), Ray())
            is_ready = any(pod["status"]["podIP"] in one.followers for one in ray.replicas)
        else:
            ray = self.rays.get(_revision_key(pod), Ray())
            # Serve runs a proxy where it has put a replica, and each proxy stands before all replicas that run.
            has_proxy = any(one.pod_ip == pod["status"]["podIP"] and one.state != "STOPPING" for one in ray.replicas)
            is_ready = has_proxy and any(one.state == "RUNNING" for one in ray.replicas)
        conditions = _with_condition(pod["status"]["conditions"], "Ready", "True" if is_ready else "False")
        containers = [{**one, "ready": is_ready} for one in pod["status"]["containerStatuses"]]
        self._set_status(pod, conditions=conditions, containerStatuses=containers)

    def _set_status(self, manifest: Manifest, **fields: Any) -> None:
        status = manifest.setdefault("status", {})
        if any(status.get(key) != value for key, value in fields.items()):
            self.api.edit(manifest, lambda one: one["status"].update(copied(fields)))

    # Ray Serve

    def _advance_ray(self, key: tuple[str, str, str], ray: Ray) -> None:
        moment = asyncio.get_running_loop().time()
        mine = [pod for pod in self.api.of_kind("Pod") if _revision_key(pod) == key and _is_running(pod)]
        staying = [pod for pod in mine if not _is_going(pod)]
        workers = {pod["status"]["podIP"] for pod in staying if _component(pod) == "worker"}
        followers = {pod["status"]["podIP"] for pod in mine if _component(pod) == "follower"}
        ray.replicas = [
            one
            for one in ray.replicas
            if one.pod_ip in workers
            and one.followers <= followers
            and not (one.state == "STOPPING" and moment >= one.until)
        ]
        for one in ray.replicas:
            if one.state == "STARTING" and moment >= one.until:
                one.state = "RUNNING"
        active = [one for one in ray.replicas if one.state != "STOPPING"]
        for one in active[max(0, ray.target) :]:
            one.state, one.until = "STOPPING", moment + self.pace.stopping
        free = sorted(workers - {one.pod_ip for one in ray.replicas})
        used = frozenset().union(*(one.followers for one in ray.replicas))
        idle = [pod["status"]["podIP"] for pod in staying if _component(pod) == "follower"]
        idle = sorted(ip for ip in idle if ip not in used)
        number = self._followers(key)
        for ip in free[: max(0, ray.target - len(active))]:
            if len(idle) < number:
                return
            taken, idle = frozenset(idle[:number]), idle[number:]
            ray.replicas.append(Replica(f"r{next(self._names)}", ip, "STARTING", moment + self.pace.replica, taken))

    def _followers(self, key: tuple[str, str, str]) -> int:
        """How many a replica of this revision needs, by its serve document."""
        for one in self.api.of_kind("ConfigMap"):
            if _revision_key(one) == key:
                pods: int = json.loads(one["data"]["serve.json"])["engine"]["pods"]
                return pods - 1
        return 0

    def _token(self, pod: Manifest) -> str | None:
        """What is in the Secret that the pod mounts."""
        for volume in pod["spec"].get("volumes") or ():
            name = (volume.get("secret") or {}).get("secretName")
            secret = self.api.get("Secret", name or "", pod["metadata"]["namespace"])
            if secret:
                return str(secret["stringData"]["token"])
        return None


def _serve_answer(ray: Ray) -> Manifest:
    if not ray.wish["applications"]:
        return {"controller_info": None, "proxies": {}, "applications": {}, "target_groups": []}
    running = sum(one.state == "RUNNING" for one in ray.replicas)
    is_steady = running == ray.target == len(ray.replicas)
    deployment = {
        "name": APPLICATION_NAME,
        "status": "HEALTHY" if is_steady else "UPDATING",
        "message": "",
        "target_num_replicas": ray.target,
        "deployment_config": {"num_replicas": ray.target},
        "replicas": [
            {"replica_id": one.name, "state": one.state, "node_ip": one.pod_ip, "start_time_s": 1.0}
            for one in ray.replicas
        ],
    }
    application = {
        "name": APPLICATION_NAME,
        "route_prefix": "/",
        "status": "RUNNING" if is_steady else "DEPLOYING",
        "message": "",
        "last_deployed_time_s": ray.deployed_at,
        "deployed_app_config": ray.wish["applications"][0],
        "deployments": {APPLICATION_NAME: deployment},
    }
    return {
        "proxies": {},
        "applications": {APPLICATION_NAME: application},
        "target_capacity": ray.wish.get("target_capacity"),
        "target_groups": [],
    }


def _container(name: str, state: Manifest) -> Manifest:
    return {"name": name, "state": state, "lastState": {}, "ready": False, "restartCount": 0, "image": "x"}


def _running() -> Manifest:
    return {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def _done() -> Manifest:
    return {"terminated": {"exitCode": 0, "reason": "Completed"}}


def _waiting(reason: str, message: str = "") -> Manifest:
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def _with_condition(conditions: list[Manifest], kind: str, status: str) -> list[Manifest]:
    known = {one["type"]: one for one in conditions} | {kind: {"type": kind, "status": status}}
    return [known[one] for one in sorted(known)]


def _owner(pod: Manifest) -> str | None:
    return next((one["uid"] for one in pod["metadata"].get("ownerReferences") or ()), None)


def _component(pod: Manifest) -> str:
    return str(pod["metadata"]["labels"].get("app.kubernetes.io/component"))


def _revision_key(pod: Manifest) -> tuple[str, str, str]:
    labels = pod["metadata"]["labels"]
    return pod["metadata"]["namespace"], labels["tonnage.dev/deployment"], labels.get("tonnage.dev/revision", "")


def _is_going(pod: Manifest) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _is_running(pod: Manifest) -> bool:
    return bool(pod["status"].get("phase") == "Running")


def _is_ready(pod: Manifest) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions") or ())


def _age(pod: Manifest) -> float:
    return (now() - datetime.fromisoformat(pod["metadata"]["creationTimestamp"])).total_seconds()
