"""The one interface to a test cluster, and the choice among its providers.

An image's name in a pod is not its name where it was built: always use what `load_image` or `pod_image` returns.
"""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster.commands import Runner, UnsupportedError, run, succeeds
from e2e.cluster.progress import Progress

PROVIDERS = ("host", "kind", "minikube", "existing")
DEFAULT_NAME = "tonnage"


@dataclass(frozen=True)
class Settings:
    """What every provider needs: the cluster's name, how programs are run, where progress goes, and who confirms."""

    name: str = DEFAULT_NAME
    runner: Runner = run
    progress: Progress = field(default_factory=Progress)
    confirm: Callable[[str], bool] = lambda _question: False


class Cluster(ABC):
    """A Kubernetes cluster for tests. Every method raises ClusterError with a message for a person."""

    provider: str

    def __init__(self, settings: Settings) -> None:
        self.name = settings.name
        self.run = settings.runner
        self.progress = settings.progress
        self.confirm = settings.confirm

    @property
    @abstractmethod
    def kubeconfig(self) -> Path:
        """The file that kubectl, helm and client libraries use; exists once `up` returned."""

    @property
    def kubectl(self) -> Path:
        """A kubectl that fits the cluster."""
        return Path("kubectl")

    @property
    def helm(self) -> Path:
        """Helm."""
        return Path("helm")

    @property
    def host_address(self) -> str:
        """The address under which pods reach servers on this machine."""
        raise UnsupportedError(f"with {self.provider} this machine has no address known to pods")

    @abstractmethod
    def up(self, nodes: int = 1) -> None:
        """Make the cluster run; one that runs is left as it is."""

    @abstractmethod
    def down(self, *, purge: bool = False) -> None:
        """Remove the cluster, from whatever state it is in; `purge` also drops what would make the next `up` fast."""

    @abstractmethod
    def is_up(self) -> bool:
        """Whether the cluster answers."""

    @abstractmethod
    def load_image(self, reference: str) -> str:
        """Bring a local image into the cluster; returns the name that pods must use."""

    @abstractmethod
    def pod_image(self, reference: str) -> str:
        """The name that pods must use for a local image, once it was loaded."""

    def add_node(self) -> str:
        """Add a real node; returns its name when it is Ready."""
        raise UnsupportedError(f"{self.provider} cannot add a node to a running cluster")

    def remove_node(self, node: str) -> None:
        """Remove a node that `add_node` made."""
        raise UnsupportedError(f"{self.provider} cannot remove {node} from a running cluster")

    def cut_node(self, node: str) -> None:
        """Cut the node's network link; its pods go on running, alone."""
        raise UnsupportedError(f"{self.provider} cannot cut the link of {node}")

    def restore_node(self, node: str) -> None:
        """Join the node's network link again."""
        raise UnsupportedError(f"{self.provider} cannot restore the link of {node}")

    def start_fake_nodes(self) -> None:
        """Run what keeps fake nodes alive and makes pods on them look running (KWOK)."""
        raise UnsupportedError(f"{self.provider} cannot run KWOK for fake nodes")

    def collect_component_logs(self, folder: Path) -> None:  # noqa: B027 # a cluster may have none to give
        """Write what only this provider can get: the logs of the cluster's own parts."""

    def details(self) -> dict[str, str]:
        """What a person might want to know about this cluster, by name."""
        return {}

    def kubectl_run(self, *words: str | Path, stdin: str | None = None, deadline_seconds: float = 60) -> str:
        """Run kubectl against this cluster and return what it printed."""
        return self.run(
            self.kubectl, "--kubeconfig", self.kubeconfig, *words, stdin=stdin, deadline_seconds=deadline_seconds
        )


def choose_provider(wanted: str | None, runner: Runner = run) -> str:
    """The provider asked for, else kind, minikube or host: the first that this machine can run."""
    if wanted is not None:
        return wanted
    if shutil.which("kind") and succeeds(runner, "docker", "version", "--format", "{{.Server.Version}}"):
        return "kind"
    if shutil.which("minikube"):
        return "minikube"
    return "host"
