"""Control groups of nodes, in all hierarchies of version 1 or the one of version 2.

They are also how a node's processes are found: whatever a node starts is born in its group, so no list of process
numbers has to be kept or trusted. Version 2 was written by its documentation and has not been run.
"""

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from e2e.cluster.commands import ClusterError

# The node's own programs live here: in version 2 a group with processes cannot give controllers to its children.
LEAF = "system"
KILL_DEADLINE_SECONDS = 20


def group_name(cluster: str, node: int) -> str:
    """The group of a node; a cluster's name holds no dot, so no two clusters' groups can be mistaken."""
    return f"tonnage.{cluster}.n{node}"


def hierarchies(mountinfo: str | None = None) -> list[Path]:
    """Where control groups are mounted."""
    text = mountinfo if mountinfo is not None else Path("/proc/self/mountinfo").read_text()
    lines = [line.split() for line in text.splitlines()]
    return [Path(words[4]) for words in lines if words[words.index("-") + 1] in {"cgroup", "cgroup2"}]


def create(name: str) -> list[Path]:
    """Make the group everywhere; returns the groups that the node's process 1 joins."""
    leaves = []
    for hierarchy in hierarchies():
        for group in (hierarchy / name, hierarchy / name / LEAF):
            _hand_down_controllers(group.parent)
            group.mkdir(exist_ok=True)
            _hand_down_cpusets(group)
        leaves.append(hierarchy / name / LEAF)
    return leaves


def _hand_down_controllers(parent: Path) -> None:
    """Version 2: let children of `parent` have what it has."""
    available = parent / "cgroup.controllers"
    if available.exists() and (names := available.read_text().split()):
        (parent / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in names))


def _hand_down_cpusets(group: Path) -> None:
    """Version 1: a new cpuset is empty, and nothing may join it."""
    for file in ("cpuset.cpus", "cpuset.mems"):
        if (group / file).exists() and not (group / "cgroup.controllers").exists():
            (group / file).write_text((group.parent / file).read_text())


def existing(cluster: str) -> list[str]:
    """The groups of this cluster's nodes that are there."""
    pattern = re.compile(re.escape(f"tonnage.{cluster}.n") + r"\d")
    return sorted({group.name for root in hierarchies() for group in root.iterdir() if pattern.fullmatch(group.name)})


def processes(name: str) -> set[int]:
    """The processes in the group and below."""
    found: set[int] = set()
    for hierarchy in hierarchies():
        for folder, _, _ in os.walk(hierarchy / name):
            with contextlib.suppress(OSError):  # gone meanwhile
                found.update(int(word) for word in Path(folder, "cgroup.procs").read_text().split())
    # 0 stands for a process of an outer namespace, which cannot be one of ours.
    return found - {0}


def destroy(name: str) -> None:
    """Kill what is in the group and remove it. Raises ClusterError naming what would not go."""
    deadline = time.monotonic() + KILL_DEADLINE_SECONDS
    while True:
        alive = processes(name)
        _kill(alive)
        if not alive and _remove_folders(name):
            return
        if time.monotonic() > deadline:
            raise ClusterError(f"control group {name} does not empty; left in it: {sorted(alive)}")
        time.sleep(0.02)


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _remove_folders(name: str) -> bool:
    """Remove the group's folders, leaves first; False while one is still busy."""
    for hierarchy in hierarchies():
        for folder, _, _ in os.walk(hierarchy / name, topdown=False):
            try:
                Path(folder).rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                return False
    return True
