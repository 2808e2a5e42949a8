"""The whole operator but Kopf against the in-memory cluster, in virtual time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.api_server import ApiServer, Crash, Fault, Manifest, copied
from tests.support.world import World, now
from tonnage.cluster.api import Kubernetes
from tonnage.cluster.errors import ClusterError
from tonnage.cluster.serve import Serve
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.facts.errors import FactsError
from tonnage.facts.source import Source
from tonnage.observation import Tokens
from tonnage.queue import Key, Queue
from tonnage.reconcile import Outside, Reconciler
from tonnage.settings import Settings

SOURCE = "hf://HuggingFaceTB/SmolLM2-135M-Instruct"
RESYNC_SECONDS = 300.0


@dataclass
class Hub:
    """A model hub: repositories by name, and whether it answers."""

    facts: ModelFacts
    is_away: bool = False
    reads: int = 0
    # What a branch points to now; a read answers it.
    commit: str = "12fd25f77366fa6b3b4b768ec3050bf629380bac"

    async def read(self, source: Source, revision: str, _endpoint: str | None) -> ModelFacts:
        self.reads += 1
        await asyncio.sleep(0.2)
        if self.is_away:
            raise FactsError(Reason.HUB_UNREACHABLE, "the hub does not answer", is_permanent=False)
        if "missing" in source.name:
            raise FactsError(Reason.MODEL_NOT_FOUND, f"no model {source.name}", is_permanent=True)
        return self.facts.model_copy(
            update={"source": str(source), "requested_revision": revision, "commit": self.commit}
        )


@dataclass
class Simulation:
    """One cluster with one operator; make it inside the virtual loop."""

    hub: Hub
    settings: Settings
    api: ApiServer = field(default_factory=lambda: ApiServer(now=now))
    crashes: int = 0
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    queue: Queue | None = None

    def __post_init__(self) -> None:
        self.world = World(self.api)
        self.api.watchers.append(self._watch)
        self.api.create(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": "n1"},
                "spec": {},
                "status": {
                    "allocatable": {"cpu": "8", "memory": "64Gi", "pods": "110"},
                    "conditions": [{"type": "Ready", "status": "True"}],
                },
            }
        )

    # Life of the operator

    async def start(self) -> None:
        """The cluster's machinery, and the operator, which is started again whenever it crashes."""
        self.tasks = [
            asyncio.create_task(self.world.run(), name="world"),
            asyncio.create_task(self._operate(), name="operator"),
        ]
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """End everything; whatever the machinery raised is raised here."""
        for task in self.tasks:
            task.cancel()
        for result in await asyncio.gather(*self.tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def restart_operator(self, away_seconds: float = 0.0) -> None:
        """Kill the operator; it comes back without any memory."""
        self.tasks[1].cancel()
        await asyncio.gather(self.tasks[1], return_exceptions=True)
        await asyncio.sleep(away_seconds)
        self.tasks[1] = asyncio.create_task(self._operate(), name="operator")

    async def _operate(self) -> None:
        while True:
            outside = Outside(Kubernetes(self.api), Serve(self.world), self.hub.read, now=now)
            reconciler = Reconciler(outside, Tokens(b"k" * 32), self.settings)

            async def visit(key: Key, reconciler: Reconciler = reconciler) -> float | None:
                try:
                    return await reconciler.visit(key)
                except Exception as error:
                    self.failures.append(error)
                    raise

            self.queue = Queue(visit, expected=ClusterError)
            resync = asyncio.create_task(self._resync(self.queue))
            try:
                await self.queue.run()
            except* Crash:
                self.crashes += 1
            finally:
                self.queue = None
                resync.cancel()
            # What Kubernetes takes to start it again.
            await asyncio.sleep(3)

    async def _resync(self, queue: Queue) -> None:
        while True:
            for one in self.api.of_kind("ModelDeployment"):
                queue.add(Key(one["metadata"]["namespace"], one["metadata"]["name"]))
            await asyncio.sleep(RESYNC_SECONDS)

    def _watch(self, manifest: Manifest) -> None:
        if self.queue is None:
            return
        metadata = manifest["metadata"]
        if manifest["kind"] == "ModelDeployment":
            self.queue.add(Key(metadata["namespace"], metadata["name"]))
        elif "tonnage.dev/deployment" in metadata["labels"] and manifest["kind"] != "Secret":
            self.queue.add(Key(metadata["namespace"], metadata["labels"]["tonnage.dev/deployment"]))

    # What people do

    def apply(self, spec: dict[str, Any] | None = None, name: str = "chat", **metadata: Any) -> Manifest:
        """`kubectl apply` of a ModelDeployment."""
        fields = {"model": {"source": SOURCE}, "placement": {"device": "Cpu"}, "replicas": 1, **(spec or {})}
        live = self.api.get("ModelDeployment", name)
        if live is None:
            return self.api.create(
                {
                    "apiVersion": "tonnage.dev/v1alpha1",
                    "kind": "ModelDeployment",
                    "metadata": {"name": name, "namespace": "default", **metadata},
                    "spec": fields,
                }
            )
        self.api.edit(live, lambda one: one.update(spec=fields))
        return live

    def delete(self, name: str = "chat") -> None:
        """`kubectl delete`."""
        live = self.api.get("ModelDeployment", name)
        assert live is not None
        self.api.remove(live)

    async def until(self, is_so: Callable[[], bool], seconds: float = 300.0) -> float:
        """Wait; returns the seconds that it took."""
        start = asyncio.get_running_loop().time()
        while not is_so():
            passed = asyncio.get_running_loop().time() - start
            assert passed < seconds, f"not so after {seconds} s: {self.story()}"
            await asyncio.sleep(0.25)
        return asyncio.get_running_loop().time() - start

    async def until_ready(self, name: str = "chat", replicas: int | None = None, seconds: float = 300.0) -> float:
        """Wait until the deployment is Ready at its present generation, with everything settled."""
        return await self.until(lambda: self.is_settled(name, replicas), seconds)

    # What people see

    def is_settled(self, name: str = "chat", replicas: int | None = None) -> bool:
        live = self.api.get("ModelDeployment", name)
        assert live is not None
        status = live.get("status") or {}
        wanted = live["spec"].get("replicas", 1) if replicas is None else replicas
        return bool(
            status.get("observedGeneration") == live["metadata"]["generation"]
            and self.condition("Ready", name)[0] == "True"
            and self.condition("Progressing", name)[0] == "False"
            and status.get("readyReplicas") == wanted
            and len(status.get("revisions") or ()) == 1
        )

    def status(self, name: str = "chat") -> Manifest:
        """The status, or nothing."""
        return (self.api.get("ModelDeployment", name) or {}).get("status") or {}

    def condition(self, kind: str, name: str = "chat") -> tuple[str, str, str]:
        """Status, reason and message of a condition."""
        for one in self.status(name).get("conditions") or ():
            if one["type"] == kind:
                return one["status"], one["reason"], one["message"]
        return "", "", ""

    def children(self, *kinds: str) -> list[str]:
        """`Kind/name` of everything but nodes and deployments."""
        skipped = {"Node", "ModelDeployment"}
        return sorted(
            f"{kind}/{name}"
            for kind, _, name in self.api.objects
            if kind not in skipped and (not kinds or kind in kinds)
        )

    def story(self) -> str:
        """What explains a failed test."""
        conditions = [
            f"{one['metadata']['name']}: {c['type']}={c['status']} {c['reason']}: {c['message']}"
            for one in self.api.of_kind("ModelDeployment")
            for c in (one.get("status") or {}).get("conditions") or ()
        ]
        return "\n".join([*conditions, *self.children(), *map(repr, self.failures[-3:])])

    def end_state(self) -> dict[str, Any]:
        """Everything that must be equal after equal wishes: all but uids, times, versions, pods and events."""
        state: dict[str, Any] = {}
        for (kind, _, name), one in sorted(self.api.objects.items()):
            if kind in ("Pod", "Node"):
                continue
            masked = copied(one)
            for key in ("uid", "resourceVersion", "creationTimestamp", "generation"):
                masked["metadata"].pop(key, None)
            for owner in masked["metadata"].get("ownerReferences") or ():
                owner.pop("uid")
            masked.get("stringData", {}).pop("token", None)
            status = masked.get("status") or {}
            status.pop("observedGeneration", None)
            for condition in status.get("conditions") or ():
                condition.pop("lastTransitionTime", None)
                condition.pop("observedGeneration", None)
            state[f"{kind}/{name}"] = masked
        state["pods"] = len(self.api.of_kind("Pod"))
        return state

    def arm(self, at: int, kind: str) -> None:
        """The write with this number, from now on, goes wrong."""
        self.api.fault = Fault(self.api.attempts + at, kind)
