"""minikube: a cluster in a virtual machine or a container. Not run where this was written."""

# ruff: noqa: D102 # `provider` says what each method does

from pathlib import Path

from e2e.cluster.commands import succeeds
from e2e.cluster.provider import Cluster
from e2e.cluster.states import kubeconfig_folder

UP_DEADLINE_SECONDS = 900
LOAD_DEADLINE_SECONDS = 1200


class MinikubeCluster(Cluster):
    """A cluster by `minikube`; its name is minikube's profile."""

    provider = "minikube"

    @property
    def kubeconfig(self) -> Path:
        return kubeconfig_folder() / f"minikube-{self.name}"

    def up(self, nodes: int = 1) -> None:
        with self.progress.step(f"minikube start {self.name}"):
            self._minikube("start", "--nodes", str(nodes), "--wait", "all", deadline_seconds=UP_DEADLINE_SECONDS)

    def down(self, *, purge: bool = False) -> None:  # noqa: ARG002 # minikube's own purge takes other profiles with it
        self._minikube("delete", deadline_seconds=UP_DEADLINE_SECONDS)
        self.kubeconfig.unlink(missing_ok=True)

    def is_up(self) -> bool:
        return succeeds(self.run, "minikube", "--profile", self.name, "status", deadline_seconds=30)

    def load_image(self, reference: str) -> str:
        with self.progress.step(f"minikube image load {reference}"):
            self._minikube("image", "load", reference, deadline_seconds=LOAD_DEADLINE_SECONDS)
        return self.pod_image(reference)

    def pod_image(self, reference: str) -> str:
        return reference

    def add_node(self) -> str:
        before = self._nodes()
        self._minikube("node", "add", deadline_seconds=UP_DEADLINE_SECONDS)
        return (self._nodes() - before).pop()

    def remove_node(self, node: str) -> None:
        self._minikube("node", "delete", node, deadline_seconds=UP_DEADLINE_SECONDS)

    def collect_component_logs(self, folder: Path) -> None:
        self._minikube("logs", "--file", str(folder / "minikube.log"), deadline_seconds=120)

    def _nodes(self) -> set[str]:
        return {line.split()[0] for line in self._minikube("node", "list").splitlines() if line}

    def _minikube(self, *words: str, deadline_seconds: float = 60) -> str:
        return self.run(
            *("minikube", "--profile", self.name, *words),
            deadline_seconds=deadline_seconds,
            env={"KUBECONFIG": str(self.kubeconfig)},
        )
