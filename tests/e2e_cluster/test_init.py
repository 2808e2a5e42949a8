import http.server
import json
import os
import socket
import threading
import time

import pytest

from e2e.cluster.host import init


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(init, "COMPONENTS", tmp_path / "components")
    monkeypatch.setattr(init, "LOGS", tmp_path)
    (tmp_path / "components").mkdir()
    return tmp_path


def component(*argv, after=(), once=False):
    return init.Component(list(argv), list(after), once, version=1)


def wait_for_end(components):
    deadline = time.monotonic() + 5
    while any(each.pid for each in components.values()) and time.monotonic() < deadline:
        init.reap(components)


def write(home, name, *argv):
    file = home / "components" / f"{name}.json"
    file.write_text(json.dumps({"argv": list(argv), "after": [], "once": False}))
    return file


def test_a_component_that_ended_is_due_again_after_a_pause():
    failing = component("false")
    init.start("failing", failing)
    wait_for_end({"failing": failing})
    assert failing.exit_code == 1
    assert not init.is_due(failing, {})
    failing.next_start = 0
    assert init.is_due(failing, {})


def test_pauses_grow_to_an_end():
    failing = component("false")
    pauses = []
    for _ in range(8):
        init.start("failing", failing)
        wait_for_end({"failing": failing})
        pauses.append(round(failing.next_start - time.monotonic(), 1))
    assert pauses == [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 10.0, 10.0]


def test_a_program_that_cannot_be_started_says_so_in_its_log(home):
    missing = component("/no/such/program")
    init.start("missing", missing)
    assert missing.exit_code == 127
    assert "No such file" in (home / "missing.log").read_text()


def test_what_runs_once_opens_the_gate_of_what_waits_for_it():
    first, second = component("true", once=True), component("true", after=["done:first"])
    components = {"first": first, "second": second}
    assert not init.is_due(second, components)
    init.start("first", first)
    wait_for_end(components)
    assert init.is_due(second, components)
    assert not init.is_due(first, components)


def test_output_is_appended_to_the_log(home):
    speaking = component("sh", "-c", "echo out; echo err >&2")
    for _ in range(2):
        init.start("speaking", speaking)
        wait_for_end({"speaking": speaking})
    assert (home / "speaking.log").read_text() == "out\nerr\nout\nerr\n"


def test_a_socket_opens_its_gate(home):
    path = home / "socket"
    assert not init.is_open(f"unix:{path}", {})
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert init.is_open(f"unix:{path}", {})


@pytest.mark.parametrize(("status", "expected"), [(200, True), (503, False)])
def test_only_a_good_answer_opens_a_gate(status, expected):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert expected == init.is_open(f"http://127.0.0.1:{server.server_port}/health", {})
        thread.join()


def test_a_new_file_declares_and_a_removed_one_ends_a_component(home):
    components = {}
    file = write(home, "sleeper", "sleep", "60")
    init.declare(components)
    sleeper = components["sleeper"]
    init.start("sleeper", sleeper)
    file.unlink()
    init.declare(components)
    assert components == {}
    assert os.waitstatus_to_exitcode(os.waitpid(sleeper.pid, 0)[1]) == -9


def test_a_changed_file_makes_a_new_component(home):
    components = {}
    file = write(home, "one", "true")
    init.declare(components)
    before = components["one"]
    write(home, "one", "false")
    os.utime(file, ns=(1, 1))
    init.declare(components)
    assert components["one"] is not before
    assert components["one"].argv == ["false"]


def test_an_unchanged_file_leaves_its_component(home):
    components = {}
    write(home, "one", "true")
    init.declare(components)
    before = components["one"]
    init.declare(components)
    assert components["one"] is before
