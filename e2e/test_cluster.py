"""The host provider itself: what it promises about crashes, neighbours, nodes and what it leaves behind.

Every test has clusters of its own names, so a cluster that other tests use is left alone.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from e2e.cluster import Settings
from e2e.cluster.fake_gpus import FakeGpus, add_fake_nodes, give_gpus
from e2e.cluster.host import cgroups, links
from e2e.cluster.host.cluster import HostCluster
from e2e.cluster.host.dns import answers
from e2e.cluster.host.services import API_NAME
from e2e.cluster.logs import collect
from e2e.cluster.provider import choose_provider
from e2e.cluster.waiting import wait_until

pytestmark = pytest.mark.timeout(600)
READY = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
UP_SECONDS = 8


@pytest.fixture(autouse=True)
def _host_only(request: pytest.FixtureRequest) -> None:
    if choose_provider(request.config.getoption("--provider")) != "host":
        pytest.skip("another provider is tested")
    if os.geteuid() != 0:
        pytest.skip("host clusters need root")


@pytest.fixture
def cluster() -> Iterator[HostCluster]:
    made = HostCluster(Settings(name="self-test"))
    yield made
    made.down(purge=True)


@pytest.fixture
def neighbour() -> Iterator[HostCluster]:
    made = HostCluster(Settings(name="self-test-2"))
    yield made
    made.down(purge=True)


def leftovers(cluster: HostCluster) -> list[str]:
    """What is on this machine of a cluster, by kind."""
    name = cluster.name
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return [
        *(f"link {link}" for link in links.links_of(name, None)),
        *(f"control group {group}" for group in cgroups.existing(name)),
        *(f"mount {line.split()[4]}" for line in mounts if f"tonnage/{name}/" in line),
        *(f"folder {folder}" for folder in (cluster.state.folder,) if folder.exists()),
    ]


def has_names(cluster: HostCluster) -> bool:
    return answers(cluster.state.addresses.dns_service, API_NAME)


def is_ready(cluster: HostCluster, node: str) -> bool:
    return cluster.kubectl_run("get", "node", node, "-o", READY) == "True"


def test_up_leaves_a_running_cluster_alone(cluster: HostCluster) -> None:
    cluster.up()
    before = cluster.kubectl_run("get", "namespace", "default", "-o", "jsonpath={.metadata.uid}")
    cluster.up()
    assert before == cluster.kubectl_run("get", "namespace", "default", "-o", "jsonpath={.metadata.uid}")
    assert has_names(cluster)


def test_down_leaves_nothing_and_is_repeatable(cluster: HostCluster) -> None:
    cluster.up(nodes=2)
    cluster.down()
    assert leftovers(cluster) == []
    cluster.down()


def test_up_works_after_all_processes_were_killed(cluster: HostCluster) -> None:
    cluster.up()
    for pid in cgroups.processes(cgroups.group_name(cluster.name, 1)):
        # One dies of another's death in the meantime.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not cluster.is_up(), "the killed cluster is down", deadline_seconds=10)
    cluster.up()
    assert has_names(cluster)


@pytest.mark.parametrize("attempt", range(4))
def test_up_works_after_an_up_that_was_killed_at_any_moment(cluster: HostCluster, attempt: int) -> None:
    killed_after = random.Random(attempt).uniform(0, UP_SECONDS)  # noqa: S311 # repeatable, not secret
    first = subprocess.Popen([sys.executable, "-m", "e2e.cluster", "--provider", "host", "--name", cluster.name, "up"])
    time.sleep(killed_after)
    first.kill()
    first.wait()
    cluster.up()
    assert has_names(cluster), f"killed after {killed_after:.2f} s"
    cluster.down()
    assert leftovers(cluster) == []


def test_components_that_die_come_back(cluster: HostCluster) -> None:
    cluster.up()
    first = cluster.nodes()[0]
    before = first.components()["kubelet"]["starts"]
    inside = subprocess.run(
        ["nsenter", f"--target={first.pid}", "--pid", "--mount", "pkill", "-9", "-x", "kubelet"], check=False
    )
    assert inside.returncode == 0
    wait_until(lambda: first.components()["kubelet"]["starts"] > before, "kubelet is restarted", deadline_seconds=10)
    wait_until(lambda: is_ready(cluster, "n1"), "n1 is Ready", deadline_seconds=60)


def test_two_clusters_do_not_meet(cluster: HostCluster, neighbour: HostCluster) -> None:
    cluster.up()
    neighbour.up()
    assert cluster.state.addresses.index != neighbour.state.addresses.index
    assert has_names(cluster)
    assert has_names(neighbour)
    cluster.down()
    assert leftovers(cluster) == []
    assert has_names(neighbour)


def test_a_second_node_joins_and_can_be_lost_restored_and_removed(cluster: HostCluster) -> None:
    cluster.up()
    assert cluster.add_node() == "n2"
    cluster.cut_node("n2")
    wait_until(lambda: not is_ready(cluster, "n2"), "the loss of n2 is noticed", deadline_seconds=90)
    cluster.restore_node("n2")
    wait_until(lambda: is_ready(cluster, "n2"), "n2 is back", deadline_seconds=60)
    cluster.remove_node("n2")
    assert cluster.kubectl_run("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}") == "n1"
    assert cluster.add_node() == "n2"


def test_gpus_can_be_claimed_by_fake_nodes_and_by_real_ones(cluster: HostCluster) -> None:
    cluster.up()
    names = add_fake_nodes(cluster, FakeGpus.of("NVIDIA-L4", 4), nodes=2)
    assert len(names) == 2
    give_gpus(cluster, "n1", FakeGpus.of("NVIDIA-H200", 1))
    query = (
        r"jsonpath={range .items[*]}{.metadata.labels.nvidia\.com/gpu\.product}={.status.allocatable.nvidia\.com/gpu} "
    )
    assert cluster.kubectl_run("get", "nodes", "-o", query + "{end}").split() == [
        "NVIDIA-L4=4",
        "NVIDIA-L4=4",
        "NVIDIA-H200=1",
    ]


def test_logs_name_every_part(cluster: HostCluster, tmp_path: Path) -> None:
    cluster.up()
    collect(cluster, tmp_path)
    assert "Ready" in (tmp_path / "nodes.txt").read_text()
    assert (tmp_path / "components" / "n1" / "kubelet.log").stat().st_size > 0
    assert list(tmp_path.glob("pods/kube-system/coredns-*/coredns.log"))
