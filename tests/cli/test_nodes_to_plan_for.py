"""The nodes that are stated on the command line, listed from a cluster, or assumed."""

import json
from argparse import ArgumentTypeError
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from tonnage.cli.cluster_nodes import default_nodes, gpu_nodes, listed_nodes
from tonnage.cluster.errors import UnreachableError
from tonnage.contract.serve_document import Device
from tonnage.facts.gpus import gpu, table

NODE = {
    "metadata": {"name": "real", "labels": {"nvidia.com/gpu.product": "NVIDIA-L4"}},
    "status": {
        "allocatable": {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "2"},
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}
POD = {
    "metadata": {"name": "busy", "namespace": "default"},
    "spec": {"nodeName": "real", "containers": [{"resources": {"limits": {"nvidia.com/gpu": "1"}}}]},
    "status": {"phase": "Running"},
}


def shown(text: str) -> list[tuple[str, str, str | None, int, int | None]]:
    """Of each node: its name, GPU, resource's product, how many, and how many are free."""
    nodes = gpu_nodes(text).inventory.nodes
    return [(n.name, g.gpu.name if g.gpu else "", g.product, g.allocatable, g.free) for n in nodes for g in n.gpus]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("NVIDIA-L4:2", [("stated-1", "L4", "NVIDIA-L4", 2, 2)], id="product"),
        pytest.param("a100-80:8", [("stated-1", "A100-80GB", "NVIDIA-A100-SXM4-80GB", 8, 8)], id="short name"),
        pytest.param(
            "L4:1x2, T4:4",
            [
                ("stated-1", "L4", "NVIDIA-L4", 1, 1),
                ("stated-2", "L4", "NVIDIA-L4", 1, 1),
                ("stated-3", "T4", "Tesla-T4", 4, 4),
            ],
            id="several nodes",
        ),
        pytest.param("MI300X:8", [("stated-1", "MI300X", "AMD_Instinct_MI300X_OAM", 8, 8)], id="AMD"),
        pytest.param(
            "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb:7",
            [("stated-1", "A100-40GB 1g.5gb", "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", 7, 7)],
            id="slices",
        ),
    ],
)
def test_gpus_are_stated_by_name(text: str, expected: list[Any]) -> None:
    assert expected == shown(text)


@pytest.mark.parametrize("known", table(), ids=lambda one: one.name)
def test_a_stated_gpu_is_the_one_of_the_table(known: Any) -> None:
    [node] = gpu_nodes(f"{known.name}:1").inventory.nodes
    assert [known] == [gpus.gpu for gpus in node.gpus]


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        pytest.param("A100:8", "A100-40GB, A100-40GB-PCIe, A100-80GB, A100-80GB-PCIe", id="several fit"),
        pytest.param("NVIDIA-H10O:8", "H100", id="misspelt"),
    ],
)
def test_an_unknown_gpu_is_refused_with_the_nearest_names(text: str, nearest: str) -> None:
    with pytest.raises(ArgumentTypeError) as refused:
        gpu_nodes(text)
    names = str(refused.value).partition("the nearest are ")[2]
    assert nearest in names
    assert all(gpu(name) for name in names.split(", "))


def test_what_was_taken_for_granted_is_said() -> None:
    expected = "Planned for 2 nodes with 8 × L4; each node taken to have 64 CPUs and 512 GiB."
    assert expected == gpu_nodes("L4:8x2").note


def test_without_a_word_a_plan_for_cpus_is_made_for_a_stated_default() -> None:
    assumed = default_nodes(Device.CPU)
    [node] = assumed.inventory.nodes
    assert (8000, 64 * 2**30, True) == (node.cpu_millis, node.memory_bytes, node.is_schedulable)
    assert "8 CPUs and 64 GiB" in assumed.note


class Api(BaseHTTPRequestHandler):
    """A cluster of one node and one pod, over HTTP."""

    may_list_pods = True

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        status, items = (200, [NODE]) if path == "/api/v1/nodes" else (200 if self.may_list_pods else 403, [POD])
        body = json.dumps({"metadata": {}, "items": items}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""


class ApiWithoutPods(Api):
    may_list_pods = False


def kubeconfig(folder: Path, address: str) -> Path:
    path = folder / "kubeconfig"
    name = {"name": "test"}
    content = {
        "clusters": [name | {"cluster": {"server": address}}],
        "users": [name | {"user": {"token": "secret"}}],
        "contexts": [name | {"context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    ("api", "free", "said"),
    [
        pytest.param(Api, 1, "Planned for the 1 node of a cluster.", id="all may be listed"),
        pytest.param(ApiWithoutPods, None, "what is free is not known", id="pods may not be listed"),
    ],
)
def test_a_cluster_is_listed(tmp_path: Path, api: type[Api], free: int | None, said: str) -> None:
    with HTTPServer(("127.0.0.1", 0), api) as server:
        Thread(target=server.serve_forever).start()
        try:
            found = listed_nodes(kubeconfig(tmp_path, f"http://127.0.0.1:{server.server_port}"))
        finally:
            server.shutdown()
    [node] = found.inventory.nodes
    assert [("L4", free)] == [(gpus.gpu and gpus.gpu.name, gpus.free) for gpus in node.gpus]
    assert said in found.note


def test_a_cluster_that_is_away_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="GET /api/v1/nodes"):
        listed_nodes(kubeconfig(tmp_path, "http://127.0.0.1:1"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "there is no kubeconfig", id="missing"),
        pytest.param("a: [", "cannot be used", id="broken"),
        pytest.param("text", "cannot be used", id="not a map"),
        pytest.param("kind: Config", "cannot be used", id="empty"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UnreachableError, match=said) as error:
        listed_nodes(path)
    assert str(path) in error.value.message
