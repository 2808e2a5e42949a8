"""Process 1 of a node: makes the node's mounts and network, then starts and restarts its components.

It is run as a file by `python -I`, outside first (to join the node's control groups and enter new namespaces) and then
inside, so it imports nothing but the standard library. What it runs is declared, never told: every JSON file in
COMPONENTS is a component, a new file starts one, a changed file restarts it, and a file taken away ends it.

Whoever kills this process from outside takes the whole node down: the kernel then kills every process of the process
namespace, containers too, and with the last of them the node's mounts and links go.
"""

import contextlib
import dataclasses
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

HOME = Path("/var/lib/tonnage")
COMPONENTS = HOME / "components"
STATUS = HOME / "status.json"
LOGS = Path("/var/log")
TICK_SECONDS = 0.1
PROBE_SECONDS = 1.0
BACKOFF_SECONDS = (0.2, 0.5, 1, 2, 5, 10)
LINK_DEADLINE_SECONDS = 20
NAMESPACES = ("--pid", "--mount", "--net", "--uts", "--ipc")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": str(HOME),
    "TMPDIR": str(HOME / "tmp"),
    "OTEL_TRACES_EXPORTER": "none",
}
# The kubelet insists on these and would set them for the whole machine: it is shown files that already hold them.
KERNEL_SETTINGS = {"vm/overcommit_memory": "1", "kernel/panic": "10", "kernel/panic_on_oops": "1"}


@dataclasses.dataclass
class Component:
    """A program that the node keeps running, or with `once` runs to a good end; it waits for its gates to open."""

    argv: list[str]
    after: list[str]
    once: bool
    version: int
    pid: int | None = None
    starts: int = 0
    exit_code: int | None = None
    next_start: float = 0.0
    is_done: bool = False


def enter(folder: Path) -> None:
    """Join the node's control groups and come back as process 1 of new namespaces. Does not return."""
    node = json.loads((folder / "node.json").read_text())
    for group in node["cgroups"]:
        Path(group, "cgroup.procs").write_text("0")
    inside = [sys.executable, "-I", __file__, str(folder), "inside"]
    os.execvp("unshare", ["unshare", "--fork", *NAMESPACES, "--", *inside])  # noqa: S606 # it becomes that program


def prepare(folder: Path) -> None:
    """Report this process's number as the machine sees it, then make the network and the file system of the node."""
    node = json.loads((folder / "node.json").read_text())
    socket.sethostname(node["name"])
    # /proc is still the machine's.
    number = folder / "pid.new"
    number.write_text(os.readlink("/proc/self"))  # noqa: PTH115 # the text, not a path
    number.rename(folder / "pid")
    wait_for_link("eth0")
    ip("link", "set", "lo", "up")
    ip("link", "set", "eth0", "up")
    ip("address", "add", node["address"], "dev", "eth0")
    ip("route", "add", "default", "via", node["gateway"])
    for subnet, via in node["routes"].items():
        ip("route", "add", subnet, "via", via)
    mount_all(folder, node["binds"])


def wait_for_link(name: str) -> None:
    """Wait for the link that the machine's side moves in here, as soon as it knows this process's number."""
    deadline = time.monotonic() + LINK_DEADLINE_SECONDS
    while name not in {link for _, link in socket.if_nameindex()}:
        if time.monotonic() > deadline:
            sys.exit(f"{name} did not come within {LINK_DEADLINE_SECONDS} s: whoever started this node has gone")
        time.sleep(0.01)


def mount_all(folder: Path, binds: dict[str, str]) -> None:
    """Put the node's own folders over the machine's, so that everything inside has its usual path."""
    for source, target in binds.items():
        mount("--bind", source, str(folder / target))
    # In this order: `folder` itself is below /var/lib.
    mount("--bind", str(folder / "log"), "/var/log")
    mount("--rbind", str(folder / "lib"), "/var/lib")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    mount("-t", "proc", "proc", "/proc")
    mount("--bind", "/proc/sys", "/proc/sys")
    mount("--bind", "/proc/sys/net", "/proc/sys/net")
    mount("-o", "remount,bind,ro", "/proc/sys")
    for name, value in KERNEL_SETTINGS.items():
        shown = HOME / "tmp" / Path(name).name
        shown.write_text(value)
        mount("--bind", str(shown), f"/proc/sys/{name}")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    # Containers see a volume mounted later only if mounts propagate, as they do under systemd.
    mount("--make-rshared", "/")


def supervise() -> None:
    """Keep the declared components running until this process is killed."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    components: dict[str, Component] = {}
    shown = ""
    while True:
        declare(components)
        reap(components)
        for name, component in components.items():
            if is_due(component, components):
                start(name, component)
        status = json.dumps({name: vars(component) for name, component in components.items()}, indent=1)
        if status != shown:
            shown = status
            partial = STATUS.with_suffix(".new")
            partial.write_text(status)
            partial.rename(STATUS)
        signal.sigtimedwait([signal.SIGCHLD], TICK_SECONDS)


def declare(components: dict[str, Component]) -> None:
    """Bring the components in line with the files."""
    files = {file.stem: file for file in COMPONENTS.glob("*.json")}
    for name in [name for name in components if name not in files]:
        end(components.pop(name))
    for name, file in files.items():
        version = file.stat().st_mtime_ns
        known = components.get(name)
        if known is None or known.version != version:
            if known is not None:
                end(known)
            components[name] = Component(**json.loads(file.read_text()), version=version)


def end(component: Component) -> None:
    """Kill a component; what is left of it is reaped like any orphan."""
    if component.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(component.pid, signal.SIGKILL)


def reap(components: dict[str, Component]) -> None:
    """Collect every ended process, those of dead parents too, and note which component that was."""
    by_pid = {component.pid: component for component in components.values() if component.pid is not None}
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
            component = by_pid.get(ended[0])
            if component is not None:
                component.pid = None
                component.exit_code = os.waitstatus_to_exitcode(ended[1])
                component.is_done = component.once and component.exit_code == 0
                pause = BACKOFF_SECONDS[min(component.starts, len(BACKOFF_SECONDS)) - 1]
                component.next_start = time.monotonic() + pause


def is_due(component: Component, components: dict[str, Component]) -> bool:
    """Whether a component that does not run should be started now."""
    if component.pid is not None or component.is_done or time.monotonic() < component.next_start:
        return False
    return all(is_open(gate, components) for gate in component.after)


def is_open(gate: str, components: dict[str, Component]) -> bool:
    """Whether `done:NAME`, `unix:PATH` or `http(s)://HOST:PORT/PATH` holds right now."""
    kind, _, rest = gate.partition(":")
    if kind == "done":
        return rest in components and components[rest].is_done
    try:
        if kind == "unix":
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(rest)
            return True
        return answers_ok(kind, rest.removeprefix("//"))
    except (OSError, http.client.HTTPException):
        return False


def answers_ok(scheme: str, rest: str) -> bool:
    """Whether a GET answers 200."""
    host, _, path = rest.partition("/")
    if scheme == "https":
        context = ssl.create_default_context(cafile=str(HOME / "pki" / "ca.crt"))
        client: http.client.HTTPConnection = http.client.HTTPSConnection(host, timeout=PROBE_SECONDS, context=context)
    else:
        client = http.client.HTTPConnection(host, timeout=PROBE_SECONDS)
    with contextlib.closing(client):
        client.request("GET", f"/{path}")
        return client.getresponse().status == http.HTTPStatus.OK


def start(name: str, component: Component) -> None:
    """Start a component with its output appended to its log."""
    log = LOGS / f"{name}.log"
    try:
        component.pid = os.posix_spawnp(
            component.argv[0],
            component.argv,
            ENVIRONMENT,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE],
        )
    except OSError as error:
        log.write_text(f"{component.argv[0]}: {error}\n")
        component.exit_code = 127
        component.next_start = time.monotonic() + BACKOFF_SECONDS[-1]
    component.starts += 1


def ip(*words: str) -> None:
    """Change the node's network."""
    subprocess.run(["ip", *words], check=True)


def mount(*words: str) -> None:
    """Mount something that only this node sees."""
    subprocess.run(["mount", *words], check=True)


def main() -> None:
    """`init.py FOLDER` outside, `init.py FOLDER inside` in the new namespaces."""
    folder = Path(sys.argv[1])
    if sys.argv[2:] == ["inside"]:
        prepare(folder)
        supervise()
    else:
        enter(folder)


if __name__ == "__main__":
    main()
