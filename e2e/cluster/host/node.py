"""A node from outside: makes its folder, starts its process 1, and reads what that reports.

The order matters for crashes: the folder says that a node was made before anything of it runs, and its control group
is there before any process, so `take_down` finds whatever an interrupted `start` left.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.cluster.commands import StartError, run, tail
from e2e.cluster.host import cgroups, links
from e2e.cluster.host.components import Declared
from e2e.cluster.host.configs import CONFIGS, CONTAINERD_SOCKET
from e2e.cluster.host.state import State
from e2e.cluster.waiting import wait_until

INIT = Path(__file__).with_name("init.py")
START_DEADLINE_SECONDS = 20
PULL_DEADLINE_SECONDS = 900
FOLDERS = ("components", "configs", "images", "pki", "programs", "tmp")


@dataclass(frozen=True)
class Node:
    """The node `number` of a cluster; node 1 carries the control plane."""

    state: State
    number: int

    @property
    def name(self) -> str:
        """Its name in Kubernetes."""
        return f"n{self.number}"

    @property
    def group(self) -> str:
        """Its control group."""
        return cgroups.group_name(self.state.name, self.number)

    @property
    def folder(self) -> Path:
        """Its folder on this machine."""
        return self.state.node(self.number)

    @property
    def home(self) -> Path:
        """What is /var/lib/tonnage inside."""
        return self.folder / "lib" / "tonnage"

    @property
    def logs(self) -> Path:
        """What is /var/log inside."""
        return self.folder / "log"

    @property
    def address(self) -> str:
        """Its address on the cluster's network."""
        return self.state.addresses.node(self.number)

    @property
    def pid(self) -> int | None:
        """The number of its process 1, if that runs."""
        try:
            pid = int((self.folder / "pid").read_text())
        except FileNotFoundError:
            return None
        return pid if pid in cgroups.processes(self.group) else None

    @property
    def is_complete(self) -> bool:
        """Whether the command that made it saw it Ready; if not, that command was killed."""
        return self._mark.exists()

    def complete(self) -> None:
        """Note that it was seen Ready."""
        self._mark.touch()

    @property
    def _mark(self) -> Path:
        return self.folder / "complete"

    def make(self, binds: dict[Path, str], files: dict[str, str], components: dict[str, Declared]) -> None:
        """Write the folder. `binds` are folders of this machine and where below `lib` the node sees them."""
        for name in FOLDERS:
            (self.home / name).mkdir(parents=True)
        self.logs.mkdir()
        targets = {self.state.keys: "tonnage/pki", **binds}
        for source, target in targets.items():
            source.mkdir(parents=True, exist_ok=True)
            (self.folder / "lib" / target).mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            file = self.home / "configs" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        for name, component in components.items():
            self.declare(name, component)
        addresses = self.state.addresses
        others = [number for number in self.state.node_numbers() if number != self.number]
        node = {
            "name": self.name,
            "address": f"{self.address}/24",
            "gateway": addresses.host,
            "routes": {addresses.node_pods(number): addresses.node(number) for number in others},
            "cgroups": [str(leaf) for leaf in cgroups.create(self.group)],
            "binds": {str(source): f"lib/{target}" for source, target in targets.items()},
        }
        (self.folder / "node.json").write_text(json.dumps(node, indent=1))

    def start(self) -> None:
        """Start process 1 and connect it. Raises StartError with what it said."""
        with (self.logs / "init.log").open("w") as output:
            # A grandchild: this process neither has to wait for it nor is its parent when it ends.
            subprocess.run(
                ["setsid", "--fork", sys.executable, "-I", INIT, self.folder],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        pid_file = self.folder / "pid"
        self._wait_for(pid_file)
        links.attach(self.state.name, self.state.addresses, self.number, int(pid_file.read_text()))
        self._wait_for(self.home / "status.json")

    def stop(self) -> None:
        """Kill all of its processes; its mounts and links go with them."""
        cgroups.destroy(self.group)

    def remove(self) -> None:
        """Delete the folder of a stopped node."""
        shutil.rmtree(self.folder)

    def declare(self, name: str, component: Declared) -> None:
        """Let process 1 run this component."""
        file = self.home / "components" / f"{name}.json"
        partial = file.with_suffix(".new")
        partial.write_text(json.dumps(component.as_dict(), indent=1))
        partial.rename(file)

    def components(self) -> dict[str, dict[str, Any]]:
        """What process 1 last reported of each component."""
        try:
            reported: dict[str, dict[str, Any]] = json.loads((self.home / "status.json").read_text())
        except FileNotFoundError:
            return {}
        return reported

    def route(self, subnet: str, via: str) -> None:
        """Let the running node send `subnet` to another node."""
        self._inside("ip", "route", "replace", subnet, "via", via)

    def forget(self, subnet: str) -> None:
        """Take such a route away."""
        self._inside("ip", "route", "flush", subnet)

    def pull(self, image: str) -> None:
        """Let containerd have an image before a pod asks for it."""
        hosts = f"--hosts-dir={CONFIGS}/certs.d"
        self._inside(
            *("ctr", f"--address={CONTAINERD_SOCKET}", "--namespace=k8s.io", "images", "pull", hosts, image),
            deadline_seconds=PULL_DEADLINE_SECONDS,
        )

    def log_tail(self, component: str) -> str:
        """The end of a component's log."""
        file = self.logs / f"{component}.log"
        return tail(file.read_text(errors="replace")) if file.exists() else "(no log)"

    def _inside(self, *words: str, deadline_seconds: float = 10) -> None:
        if (pid := self.pid) is not None:
            run("nsenter", f"--target={pid}", "--net", "--mount", *words, deadline_seconds=deadline_seconds)

    def _wait_for(self, file: Path) -> None:
        def is_there() -> bool:
            if file.exists():
                return True
            said = self.log_tail("init")
            if said and not cgroups.processes(self.group):
                raise StartError(f"node {self.name} ended at once:\n{said}")
            return False

        wait_until(
            is_there,
            f"node {self.name} starts (see {self.logs}/init.log)",
            deadline_seconds=START_DEADLINE_SECONDS,
            every_seconds=0.01,
        )
