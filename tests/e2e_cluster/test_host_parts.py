import json
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from e2e.cluster import ClusterError
from e2e.cluster.host import archives, builds, cgroups, components, configs, packages, registry, services
from e2e.cluster.host.addresses import Addresses, Place
from e2e.cluster.host.dns import HEADER, has_address, question
from e2e.cluster.states import check_disk

PLACE = Place(Addresses(1), 2, "n2")
FOLDERS = {name: f"{name}-key" for name in ("kube", "etcd", "registry")}


def test_a_build_is_known_by_everything_that_goes_into_it(tmp_path):
    module = tmp_path / "etcd"
    module.mkdir()
    (module / "go.mod").write_text("module a")
    first = builds.key(builds.ETCD, "go1.26.0", tmp_path)
    assert first == builds.key(builds.ETCD, "go1.26.0", tmp_path)
    assert first != builds.key(builds.ETCD, "go1.26.1", tmp_path)
    (module / "go.mod").write_text("module b")
    assert first != builds.key(builds.ETCD, "go1.26.0", tmp_path)


def test_a_machine_without_go_is_told_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ClusterError, match=r"install Go 1\.26 or newer"):
        builds.go_version()


def test_an_old_go_is_named(monkeypatch):
    monkeypatch.setattr(builds, "run", lambda *_, **__: "go1.19.8\n")
    with pytest.raises(ClusterError, match=r"this machine has go1\.19\.8"):
        builds.go_version()


def test_a_short_disk_is_said_with_both_numbers(tmp_path):
    with pytest.raises(ClusterError, match=r"building kube takes up to 1073741824 GiB of disk, .* GiB free"):
        check_disk(tmp_path / "go", 2**60, "building kube")


def test_every_module_of_the_builds_is_there():
    programs = (builds.KUBE, builds.ETCD, builds.COREDNS, builds.PAUSE, builds.REGISTRY, builds.HELM, builds.KWOK)
    assert {program.name for program in programs} == {folder.name for folder in builds.SOURCES.iterdir()}


def test_only_missing_packages_are_named(tmp_path):
    (tmp_path / "ip").touch(mode=0o755)
    assert packages.missing({"iproute2": "ip", "nftables": "nft"}, str(tmp_path)) == ["nftables"]


def test_who_is_not_root_is_told_so(monkeypatch):
    monkeypatch.setattr(packages.os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match="needs root"):
        packages.require_root("a host cluster")


def test_every_gate_names_something_that_runs():
    declared = components.control_plane(PLACE.addresses, FOLDERS) | components.every_node(
        PLACE, FOLDERS, ["pause-1.tar"]
    )
    gates = {gate for component in declared.values() for gate in component.after}
    waited_for = {gate.removeprefix("done:") for gate in gates if gate.startswith("done:")}
    assert waited_for == {name for name, component in declared.items() if component.once}


def test_only_the_first_node_has_a_control_plane():
    assert "kube-apiserver" not in components.every_node(PLACE, FOLDERS, [])


def test_every_configuration_file_can_be_read_back():
    files = configs.files(PLACE, "tonnage.x.n2", pause_image="localhost/pause:1", cni_folder=Path("/cni"))
    parsed = {path: json.loads(text) for path, text in files.items() if path.endswith((".json", ".conflist"))}
    assert parsed["kubelet.json"]["clusterDNS"] == [PLACE.addresses.dns_service]
    assert parsed["proxy.json"]["clusterCIDR"] == PLACE.addresses.pods
    assert "{" not in files["containerd.toml"]
    assert yaml.safe_load(files["registry.yaml"])["http"]["addr"] == "0.0.0.0:5000"


def test_nodes_pull_from_the_registry_of_the_first_node():
    files = configs.files(PLACE, "g", pause_image="p", cni_folder=Path("/cni"))
    assert "http://10.65.0.1:5000" in files["certs.d/localhost:5000/hosts.toml"]


def test_the_services_of_a_cluster_are_valid_yaml():
    kinds = [
        each["kind"] for each in yaml.safe_load_all(services.manifests(PLACE.addresses, "localhost/coredns:1", "n1"))
    ]
    assert {"Deployment", "Service", "StorageClass"} <= set(kinds)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        pytest.param("localhost/tonnage/operator:1", "localhost:5000/tonnage/operator:1", id="local"),
        pytest.param("registry.example:443/a/b:1", "localhost:5000/a/b:1", id="of-a-registry"),
        pytest.param("tonnage/operator:1", "localhost:5000/tonnage/operator:1", id="without-a-registry"),
        pytest.param("operator:1", "localhost:5000/operator:1", id="one-word"),
    ],
)
def test_pods_name_images_by_the_clusters_own_registry(reference, expected):
    assert expected == registry.pod_image(reference)


def test_an_archive_holds_one_program_and_is_written_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    binary = tmp_path / "pause"
    binary.write_bytes(b"program")
    made = archives.archive("pause", "key", binary, "x86_64")
    with tarfile.open(made) as tar:
        manifest = json.loads(tar.extractfile("manifest.json").read())
    assert manifest[0]["RepoTags"] == ["localhost/pause:key"]
    binary.unlink()
    assert made == archives.archive("pause", "key", binary, "x86_64")


def test_a_question_to_a_name_server_spells_the_name():
    assert b"\x0akubernetes\x07default\x00" in question(7, "kubernetes.default")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param((7, 0x8180, 1, 1, 0, 0), True, id="answered"),
        pytest.param((7, 0x8183, 1, 0, 0, 0), False, id="no-such-name"),
        pytest.param((8, 0x8180, 1, 1, 0, 0), False, id="of-another-question"),
    ],
)
def test_what_counts_as_an_answer(header, expected):
    assert expected == has_address(HEADER.pack(*header), 7)


def test_an_empty_reply_is_no_answer():
    assert not has_address(b"", 7)


def test_control_groups_of_both_versions_are_found():
    mountinfo = """\
30 20 0:26 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu
31 20 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
32 20 0:28 / /proc rw - proc proc rw"""
    assert [str(path) for path in cgroups.hierarchies(mountinfo)] == [
        "/sys/fs/cgroup/cpu",
        "/sys/fs/cgroup/unified",
    ]


def test_process_1_of_a_node_imports_only_the_standard_library():
    init = Path(builds.__file__).with_name("init.py")
    done = subprocess.run(["python3", "-I", "-S", "-c", f"import runpy; runpy.run_path({str(init)!r})"], check=False)
    assert done.returncode == 0
