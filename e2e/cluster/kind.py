"""kind: nodes are containers of a local Docker engine. Not run where this was written, which has no engine."""

# ruff: noqa: D102 # `provider` says what each method does

from pathlib import Path

import yaml

from e2e.cluster.provider import Cluster
from e2e.cluster.states import kubeconfig_folder

UP_DEADLINE_SECONDS = 600
LOAD_DEADLINE_SECONDS = 1200


class KindCluster(Cluster):
    """A cluster by `kind`; all its nodes are made at once by `up`."""

    provider = "kind"

    @property
    def kubeconfig(self) -> Path:
        return kubeconfig_folder() / f"kind-{self.name}"

    def up(self, nodes: int = 1) -> None:
        if self.is_up():
            self.progress.say(f"kind cluster {self.name} is already there")
        else:
            with self.progress.step(f"kind create cluster {self.name}"):
                roles = ["control-plane", *["worker"] * (nodes - 1)]
                config = {
                    "kind": "Cluster",
                    "apiVersion": "kind.x-k8s.io/v1alpha4",
                    "nodes": [{"role": role} for role in roles],
                }
                self.run(
                    *("kind", "create", "cluster", "--name", self.name, "--config", "-", "--wait", "300s"),
                    *("--kubeconfig", self.kubeconfig),
                    stdin=yaml.safe_dump(config),
                    deadline_seconds=UP_DEADLINE_SECONDS,
                )
        self.run("kind", "export", "kubeconfig", "--name", self.name, "--kubeconfig", self.kubeconfig)

    def down(self, *, purge: bool = False) -> None:  # noqa: ARG002 # nothing is kept that could be purged
        self.run("kind", "delete", "cluster", "--name", self.name, deadline_seconds=UP_DEADLINE_SECONDS)
        self.kubeconfig.unlink(missing_ok=True)

    def is_up(self) -> bool:
        return self.name in self.run("kind", "get", "clusters").split()

    def load_image(self, reference: str) -> str:
        with self.progress.step(f"kind load {reference}"):
            self.run(
                *("kind", "load", "docker-image", reference, "--name", self.name),
                deadline_seconds=LOAD_DEADLINE_SECONDS,
            )
        return self.pod_image(reference)

    def pod_image(self, reference: str) -> str:
        return reference

    def collect_component_logs(self, folder: Path) -> None:
        self.run("kind", "export", "logs", folder, "--name", self.name, deadline_seconds=120)
