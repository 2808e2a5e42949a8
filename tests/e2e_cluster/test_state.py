import json
import threading

import pytest

from e2e.cluster import ClusterError
from e2e.cluster.host.state import State, locked


@pytest.fixture(autouse=True)
def _caches(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["", "Upper", "a.b", "-a", "a-", "a" * 21, "../etc"])
def test_a_name_that_could_be_mistaken_is_refused(name, tmp_path):
    with pytest.raises(ClusterError, match="is no cluster name"):
        State(name, tmp_path)


def test_clusters_claim_different_networks(tmp_path):
    first, second = State("one", tmp_path), State("two", tmp_path)
    assert first.claim([]) != second.claim([])


def test_a_claim_ends_with_its_folder(tmp_path):
    state = State("one", tmp_path / "root")
    state.claim([])
    state.remove()
    assert not state.exists
    assert not (tmp_path / "root").exists()
    assert State("two", tmp_path / "root").claim([]).index == 0


def test_a_folder_without_a_claim_is_removed_too(tmp_path):
    state = State("one", tmp_path)
    state.folder.mkdir()
    state.remove()
    assert not state.folder.exists()


def test_nodes_are_known_by_their_folders(tmp_path):
    state = State("one", tmp_path)
    state.claim([])
    for number in (2, 1):
        state.node(number).mkdir()
    assert state.node_numbers() == [1, 2]


def test_no_free_network_is_said_in_words(tmp_path):
    for index in range(64):
        folder = tmp_path / f"c{index}"
        folder.mkdir()
        (folder / "cluster.json").write_text(json.dumps({"index": index}))
    with pytest.raises(ClusterError, match="take a cluster down"):
        State("late", tmp_path).claim([])


def test_who_must_wait_for_a_lock_is_told():
    told = threading.Event()
    order = []

    def second():
        with locked("x", told.set):
            order.append("second")

    with locked("x"):
        waiting = threading.Thread(target=second)
        waiting.start()
        assert told.wait(5)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
