"""A cluster that is somebody's already: used only after a yes, never created, never removed."""

# ruff: noqa: D102 # `provider` says what each method does

import os
from pathlib import Path

from e2e.cluster.commands import ClusterError, UnsupportedError, succeeds
from e2e.cluster.provider import Cluster


class ExistingCluster(Cluster):
    """The current context of KUBECONFIG."""

    provider = "existing"

    @property
    def kubeconfig(self) -> Path:
        default = Path.home() / ".kube" / "config"
        return Path(os.environ.get("KUBECONFIG", "").partition(os.pathsep)[0] or default)

    def up(self, nodes: int = 1) -> None:  # noqa: ARG002 # it has the nodes it has
        context = self.kubectl_run("config", "current-context").strip()
        if not self.confirm(f"Tests will install and delete things in {context!r} ({self.kubeconfig}). Go on?"):
            raise ClusterError(f"not confirmed: {context!r} is left alone (--yes confirms)")
        if not self.is_up():
            raise ClusterError(f"{context!r} does not answer")

    def down(self, *, purge: bool = False) -> None:  # noqa: ARG002 # there is nothing of ours
        self.progress.say("an existing cluster is not taken down")

    def is_up(self) -> bool:
        ready = (self.kubectl, "--kubeconfig", self.kubeconfig, "get", "--raw", "/readyz")
        return succeeds(self.run, *ready)

    def load_image(self, reference: str) -> str:
        raise UnsupportedError(f"push {reference} to a registry that the cluster reads: this provider cannot load it")

    def pod_image(self, reference: str) -> str:
        return reference
