import shutil

import pytest
import yaml

from e2e.cluster import ClusterError, UnsupportedError, get_cluster
from e2e.cluster.existing import ExistingCluster
from e2e.cluster.kind import KindCluster
from e2e.cluster.minikube import MinikubeCluster
from e2e.cluster.provider import Settings, choose_provider


@pytest.fixture
def installed(monkeypatch):
    programs = set()
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name in programs else None)
    return programs


def test_the_provider_asked_for_is_taken(installed, recorder):
    installed.add("kind")
    assert choose_provider("existing", recorder) == "existing"


@pytest.mark.parametrize(
    ("programs", "expected"),
    [
        pytest.param({"kind", "minikube"}, "kind", id="kind-is-preferred"),
        pytest.param({"minikube"}, "minikube", id="minikube-without-kind"),
        pytest.param(set(), "host", id="host-where-nothing-is"),
    ],
)
def test_the_default_provider_is_the_first_that_can_run(installed, recorder, programs, expected):
    installed.update(programs)
    assert expected == choose_provider(None, recorder)


def test_kind_without_a_docker_engine_is_not_chosen(installed, recorder):
    installed.add("kind")
    recorder.failures.add("docker version")
    assert choose_provider(None, recorder) == "host"


def test_an_unknown_provider_is_refused_by_name(settings):
    with pytest.raises(ClusterError, match="'docker-desktop' is no provider"):
        get_cluster("docker-desktop", settings=settings)


def test_kind_makes_all_nodes_at_once(settings, recorder):
    recorder.answers["kind get clusters"] = "another\n"
    KindCluster(settings).up(nodes=3)
    created = next(index for index, line in enumerate(recorder.lines) if line.startswith("kind create cluster"))
    roles = [node["role"] for node in yaml.safe_load(recorder.stdin[created])["nodes"]]
    assert roles == ["control-plane", "worker", "worker"]
    assert "--name test" in recorder.lines[created]


def test_kind_leaves_a_running_cluster_as_it_is(settings, recorder):
    recorder.answers["kind get clusters"] = "test\n"
    KindCluster(settings).up()
    assert not [line for line in recorder.lines if "create" in line]


def test_kind_loads_images_of_the_engine_under_their_own_name(settings, recorder):
    assert KindCluster(settings).load_image("tonnage/operator:1") == "tonnage/operator:1"
    assert recorder.lines == ["kind load docker-image tonnage/operator:1 --name test"]


def test_kind_cannot_add_a_node(settings):
    with pytest.raises(UnsupportedError, match="kind cannot add a node"):
        KindCluster(settings).add_node()


def test_minikube_works_on_a_profile_of_its_own(settings, recorder):
    cluster = MinikubeCluster(settings)
    cluster.up(nodes=2)
    cluster.down()
    assert recorder.lines == [
        "minikube --profile test start --nodes 2 --wait all",
        "minikube --profile test delete",
    ]


def test_minikube_names_the_node_that_it_added(settings, recorder, monkeypatch):
    listed = iter(["test 10.0.0.1\n", "test 10.0.0.1\ntest-m02 10.0.0.2\n"])
    cluster = MinikubeCluster(settings)
    monkeypatch.setattr(cluster, "run", lambda *words, **_: next(listed) if words[-1] == "list" else recorder(*words))
    assert cluster.add_node() == "test-m02"


def test_an_existing_cluster_is_used_only_after_a_yes(settings, recorder, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/one:/two")
    recorder.answers["kubectl --kubeconfig /one config current-context"] = "production\n"
    with pytest.raises(ClusterError, match="not confirmed: 'production' is left alone"):
        ExistingCluster(settings).up()


def test_an_existing_cluster_is_never_removed(settings, recorder):
    ExistingCluster(settings).down(purge=True)
    assert recorder.lines == []


def test_an_existing_cluster_that_was_confirmed_is_used(recorder, settings):
    confirmed = Settings(runner=recorder, progress=settings.progress, confirm=lambda _: True)
    ExistingCluster(confirmed).up()
    assert recorder.lines[-1].endswith("get --raw /readyz")
