"""A cluster's folder on this machine: which index it holds, and where its parts are.

The folder exists from the moment an index is claimed until the last thing that the index names is gone, so two
clusters never share addresses, not even while one is half up or half down. Only links, control groups and this folder
exist outside of the nodes' own namespaces.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from ipaddress import IPv4Network
from pathlib import Path

from e2e.cluster.commands import ClusterError
from e2e.cluster.host.addresses import Addresses, first_free_index
from e2e.cluster.states import cache_folder

# One for the whole machine, whoever's home it is: the addresses that clusters claim are the machine's.
ROOT = Path("/var/lib/tonnage")
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")


@dataclass(frozen=True)
class State:
    """The folder of the cluster `name`."""

    name: str
    root: Path = ROOT

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ClusterError(f"{self.name!r} is no cluster name: at most 20 of a-z, 0-9 and -, not at the ends")

    @property
    def folder(self) -> Path:
        """Everything of this cluster but its caches."""
        return self.root / self.name

    @property
    def keys(self) -> Path:
        """Certificates, keys and kubeconfigs; every node sees them as /var/lib/tonnage/pki."""
        return self.folder / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.keys / "admin.kubeconfig"

    @property
    def exists(self) -> bool:
        """Whether an index is claimed."""
        return self._claim.exists()

    @property
    def addresses(self) -> Addresses:
        """The network that was claimed."""
        return Addresses(json.loads(self._claim.read_text())["index"])

    def node(self, number: int) -> Path:
        """A node's folder: `lib` is its /var/lib, `log` its /var/log."""
        return self.folder / f"n{number}"

    def node_numbers(self) -> list[int]:
        """The nodes that were made, running or not."""
        return sorted(int(folder.name[1:]) for folder in self.folder.glob("n[1-9]"))

    def claim(self, routed: list[IPv4Network]) -> Addresses:
        """Take an index for this cluster. Raises ClusterError when there is none left."""
        with locked("allocation"):
            taken = {json.loads(file.read_text())["index"] for file in self.root.glob("*/cluster.json")}
            index = first_free_index(taken, routed)
            if index is None:
                raise ClusterError("no free network is left in 10.64.0.0/10: take a cluster down")
            self.folder.mkdir(parents=True)
            partial = self._claim.with_suffix(".new")
            partial.write_text(json.dumps({"index": index}))
            partial.rename(self._claim)
        return self.addresses

    def remove(self) -> None:
        """Delete the folder. Raises ClusterError rather than delete through something still mounted in it."""
        mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        inside = [point for point in mounted if Path(point).is_relative_to(self.folder)]
        if inside:
            raise ClusterError(f"still mounted, nothing deleted: {' '.join(inside)}")
        with locked("allocation"):
            if self.folder.exists():
                shutil.rmtree(self.folder)
            if self.root.exists() and not any(self.root.iterdir()):
                self.root.rmdir()

    @property
    def _claim(self) -> Path:
        return self.folder / "cluster.json"


@contextmanager
def locked(name: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock that ends with this process, however it ends; `on_wait` is called if another one holds it now."""
    folder = cache_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            flock(handle, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            on_wait()
            flock(handle, LOCK_EX)
        yield
    finally:
        os.close(handle)
