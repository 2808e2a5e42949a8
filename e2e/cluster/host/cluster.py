"""The host provider: every node a process tree of this machine, in namespaces and control groups of its own.

`up` never repairs: a cluster that does not answer is taken down, whatever is left of it, and made anew. What is slow
to make again (images) is in the caches, which only `down --purge` drops.
"""

# ruff: noqa: D102 # `provider` says what each method does

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

from e2e.cluster.commands import ClusterError, StartError, succeeds
from e2e.cluster.host import builds, cgroups, components, links, packages, registry, services
from e2e.cluster.host.addresses import MAX_NODES
from e2e.cluster.host.certificates import API_PORT, Authority, make_all, make_node
from e2e.cluster.host.configs import REGISTRY_NAME, REGISTRY_PORT
from e2e.cluster.host.dns import answers
from e2e.cluster.host.node import Node
from e2e.cluster.host.parts import Parts, build_parts, node_cache
from e2e.cluster.host.state import State, locked
from e2e.cluster.provider import Cluster, Settings
from e2e.cluster.states import cache_folder, check_disk
from e2e.cluster.waiting import wait_until

READY_DEADLINE_SECONDS = 90
UP_BYTES = 3 * 1024**3


class HostCluster(Cluster):
    """A cluster of processes."""

    provider = "host"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.state = State(self.name)

    @property
    def kubeconfig(self) -> Path:
        return self.state.kubeconfig

    @property
    def kubectl(self) -> Path:
        return self._kube / "kubectl"

    @property
    def helm(self) -> Path:
        return self._helm / "helm"

    @property
    def host_address(self) -> str:
        return self.state.addresses.host

    def up(self, nodes: int = 1) -> None:
        _check_machine(nodes)
        packages.ensure(packages.NODE, self.progress)
        parts = self._parts
        with self._lock():
            if self.is_up():
                self.progress.say(f"cluster {self.name} is up")
            else:
                self._take_down()
                self._bring_up(parts)
            self._remove_half_made()
            while len(self.state.node_numbers()) < nodes:
                self._add_node(parts)

    def down(self, *, purge: bool = False) -> None:
        packages.require_root("taking a host cluster down")
        with self._lock(), self.progress.step(f"taking cluster {self.name} down"):
            self._take_down()
            if purge:
                shutil.rmtree(node_cache(self.name), ignore_errors=True)

    def is_up(self) -> bool:
        first = self._node(1)
        if not self.state.exists or not first.is_complete or first.pid is None:
            return False
        ready = (self.kubectl, "--kubeconfig", self.kubeconfig, "get", "--raw", "/readyz")
        return succeeds(self.run, *ready)

    def load_image(self, reference: str) -> str:
        self._require_up()
        packages.ensure(packages.IMAGES, self.progress)
        with self.progress.step(f"pushing {reference}"):
            registry.push(reference, self.registry_address)
        image = self.pod_image(reference)
        with self.progress.step(f"pulling {image}"):
            self._node(1).pull(image)
        return image

    def pod_image(self, reference: str) -> str:
        return registry.pod_image(reference)

    @property
    def registry_address(self) -> str:
        """The cluster's own registry, as this machine sees it (plain HTTP)."""
        return f"{self.state.addresses.node(1)}:{REGISTRY_PORT}"

    def add_node(self) -> str:
        self._require_up()
        with self._lock():
            self._remove_half_made()
            return self._add_node(self._parts)

    def remove_node(self, node: str) -> None:
        removed = self._second_node(node)
        with self._lock(), self.progress.step(f"removing node {node}"):
            self._remove(removed)

    def cut_node(self, node: str) -> None:
        links.set_link(self.state.addresses, self._second_node(node).number, is_up=False)

    def restore_node(self, node: str) -> None:
        links.set_link(self.state.addresses, self._second_node(node).number, is_up=True)

    def start_fake_nodes(self) -> None:
        self._require_up()
        node = self._node(1)
        if "kwok" in node.components():
            return
        program = builds.build(builds.KWOK, self.progress)
        shutil.copy(Path(__file__).with_name("kwok.yaml"), node.home / "configs")
        node.declare("kwok", components.kwok(self.state.addresses, program.name))

    def collect_component_logs(self, folder: Path) -> None:
        for node in self.nodes():
            target = folder / node.name
            shutil.copytree(node.logs, target, ignore=shutil.ignore_patterns("pods", "containers"), dirs_exist_ok=True)
            status = node.home / "status.json"
            if status.exists():
                shutil.copy(status, target / "components.json")

    def details(self) -> dict[str, str]:
        if not self.state.exists:
            return {}
        found = {"registry": f"{self.registry_address} (in pods: {REGISTRY_NAME})"}
        for node in self.nodes():
            down = [name for name, seen in node.components().items() if seen["pid"] is None and not seen["is_done"]]
            found[f"node {node.name}"] = f"process {node.pid or 'gone'}" + (f", not running: {down}" if down else "")
            found[f"logs of {node.name}"] = str(node.logs)
        return found

    @cached_property
    def _kube(self) -> Path:
        return builds.build(builds.KUBE, self.progress)

    @cached_property
    def _helm(self) -> Path:
        return builds.build(builds.HELM, self.progress)

    @cached_property
    def _parts(self) -> Parts:
        return build_parts(self.progress)

    def _lock(self) -> AbstractContextManager[None]:
        wait = f"waiting for another command on cluster {self.name}"
        return locked(f"cluster {self.name}", lambda: self.progress.say(wait))

    def _node(self, number: int) -> Node:
        return Node(self.state, number)

    def nodes(self) -> list[Node]:
        """The nodes that were made, running or not."""
        return [self._node(number) for number in self.state.node_numbers()]

    def _second_node(self, name: str) -> Node:
        self._require_up()
        for node in self.nodes()[1:]:
            if node.name == name:
                return node
        raise ClusterError(f"{name!r} is no node that was added to cluster {self.name}")

    def _require_up(self) -> None:
        if not self.is_up():
            raise ClusterError(f"cluster {self.name} is not up")

    def _authority(self) -> Authority:
        return Authority(self.state.keys, f"https://{self.state.addresses.node(1)}:{API_PORT}")

    def _bring_up(self, parts: Parts) -> None:
        with self.progress.step(f"starting the control plane of cluster {self.name}"):
            addresses = self.state.claim(links.routed_networks())
            links.create_bridge(self.name, addresses)
            make_all(self._authority(), addresses, f"tonnage-{self.name}")
            first = self._start(parts, 1)
            self._wait(first, "kube-apiserver", "the API server is ready", lambda: has_started(first, "kube-scheduler"))
        with self.progress.step("starting node n1, names and storage"):
            objects = services.manifests(addresses, parts.images["coredns"], first.name)
            self.kubectl_run("apply", "--server-side", "--validate=false", "-f", "-", stdin=objects)
            self._wait_ready(first)
            self._wait(first, "kube-proxy", "names resolve", lambda: answers(addresses.dns_service, services.API_NAME))
            first.complete()

    def _add_node(self, parts: Parts) -> str:
        taken = self.state.node_numbers()
        free = [number for number in range(2, MAX_NODES + 1) if number not in taken]
        if not free:
            raise ClusterError(f"a cluster has at most {MAX_NODES} nodes")
        with self.progress.step(f"adding node n{free[0]}"):
            node = self._start(parts, free[0])
            for other in self.nodes():
                if other.number != node.number:
                    other.route(self.state.addresses.node_pods(node.number), node.address)
            self._wait_ready(node)
            node.complete()
        return node.name

    def _remove(self, node: Node) -> None:
        node.stop()
        addresses = self.state.addresses
        links.detach(addresses, node.number)
        for other in self.nodes():
            other.forget(addresses.node_pods(node.number))
        self.kubectl_run("delete", "node", node.name, "--ignore-not-found")
        node.remove()

    def _remove_half_made(self) -> None:
        for node in self.nodes():
            if not node.is_complete:
                self._remove(node)

    def _start(self, parts: Parts, number: int) -> Node:
        node = self._node(number)
        make_node(self._authority(), node.name, node.address, f"tonnage-{self.name}")
        parts.make(node, self.state.addresses, node_cache(self.name))
        node.start()
        return node

    def _wait_ready(self, node: Node) -> None:
        condition = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
        query = ("get", "node", node.name, "--ignore-not-found", "-o", condition)
        self._wait(node, "kubelet", f"node {node.name} is Ready", lambda: self.kubectl_run(*query) == "True")

    def _wait(self, node: Node, component: str, what: str, is_reached: Callable[[], bool]) -> None:
        def is_reached_or_dead() -> bool:
            if node.pid is None:
                raise ClusterError(f"{what}: node {node.name} has ended")
            return is_reached()

        try:
            wait_until(is_reached_or_dead, what, deadline_seconds=READY_DEADLINE_SECONDS)
        except ClusterError as error:
            said = node.log_tail(component)
            raise StartError(f"{error}\n{component} ({node.logs}) said last:\n{said}") from error

    def _take_down(self) -> None:
        for group in cgroups.existing(self.name):
            cgroups.destroy(group)
        links.remove_links(self.name, self.state.addresses if self.state.exists else None)
        self.state.remove()


def has_started(node: Node, component: str) -> bool:
    """Whether the component's gates have opened."""
    return bool(node.components().get(component, {}).get("starts"))


def _check_machine(nodes: int) -> None:
    packages.require_root("a host cluster")
    check_disk(cache_folder(), UP_BYTES, "a cluster")
    if nodes > MAX_NODES:
        raise ClusterError(f"a cluster has at most {MAX_NODES} nodes")
