import json

from e2e.cluster.existing import ExistingCluster
from e2e.cluster.logs import collect

PODS = {
    "items": [
        {
            "metadata": {"namespace": "a", "name": "p", "labels": {"tonnage.dev/deployment": "chat"}},
            "spec": {"initContainers": [{"name": "i"}], "containers": [{"name": "c"}]},
            "status": {"phase": "Running", "containerStatuses": [{"name": "c", "restartCount": 2}]},
        }
    ]
}


def answer(recorder, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/config")
    recorder.answers["kubectl --kubeconfig /config get pods -A -o json"] = json.dumps(PODS)


def test_every_container_has_a_log_and_a_restarted_one_its_previous(settings, recorder, monkeypatch, tmp_path):
    answer(recorder, monkeypatch)
    collect(ExistingCluster(settings), tmp_path)
    assert sorted(file.name for file in (tmp_path / "pods/a/p").glob("*.log")) == ["c.log", "c.previous.log", "i.log"]


def test_what_cannot_be_had_is_noted_and_nothing_is_raised(settings, recorder, monkeypatch, tmp_path):
    answer(recorder, monkeypatch)
    recorder.failures.update(["kubectl --kubeconfig /config describe", "kubectl --kubeconfig /config exec"])
    collect(ExistingCluster(settings), tmp_path)
    assert "failed" in (tmp_path / "nodes.txt").read_text()
    assert "failed" in (tmp_path / "pods/a/p/ray.txt").read_text()


def test_a_dead_cluster_still_gives_a_folder(settings, recorder, tmp_path):
    recorder.failures.add("kubectl")
    collect(ExistingCluster(settings), tmp_path / "logs")
    assert (tmp_path / "logs" / "events.txt").exists()
