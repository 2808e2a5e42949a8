import json
import socket
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Device, ServeDocument
from tonnage_runtime import node
from tonnage_runtime.failures import RuntimeFailure


class BecameRayError(Exception):
    """In place of the exec, from which nothing returns."""


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    seen: list[Any] = []

    def execve(*arguments: Any) -> NoReturn:
        seen.extend(arguments)
        raise BecameRayError

    monkeypatch.setattr(node.os, "execve", execve)
    monkeypatch.setattr(node.shutil, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(node, "ENGINE_REPORT_LOGGING", str(tmp_path / "logging.json"))
    return seen


def option(command: list[str], name: str) -> str:
    [value] = [word.partition("=")[2] for word in command if word.startswith(f"{name}=")]
    return value


def test_the_head_is_ray_under_an_init_that_reaps(document: ServeDocument, became: list[Any]) -> None:
    with pytest.raises(BecameRayError):
        node.become_head(document, {"POD_IP": "10.0.0.1"})
    program, command, environment = became
    assert "/usr/bin/tini" == program
    assert ["/usr/bin/tini", "-s", "--"] == command[:3]
    assert "start" == command[4]
    assert "token" == environment["RAY_AUTH_MODE"]


def test_the_head_holds_no_replica() -> None:
    command = node.head_command({"POD_IP": "10.0.0.1"})
    assert ("0", "0") == (option(command, "--num-cpus"), option(command, "--num-gpus"))
    assert "10.0.0.1" == option(command, "--node-ip-address")
    assert "--block" in command


def test_a_worker_has_room_for_exactly_one_replica(document: ServeDocument) -> None:
    options = node.worker_options(document)
    assert {"tonnage_replica": 1} == json.loads(option(options, "--resources"))
    assert ("1", "0") == (option(options, "--num-cpus"), option(options, "--num-gpus"))


def test_a_gpu_worker_offers_the_gpus_of_its_replica(document: ServeDocument) -> None:
    engine = document.engine.model_copy(update={"device": Device.GPU, "tensor_parallel": 4, "pipeline_parallel": 2})
    options = node.worker_options(document.model_copy(update={"engine": engine}))
    assert "8" == option(options, "--num-gpus")


def test_the_pods_of_a_replica_on_several_nodes_offer_equal_shares_of_its_gpus(document: ServeDocument) -> None:
    fields = {"device": Device.GPU, "tensor_parallel": 4, "pipeline_parallel": 3, "pods": 3}
    wide = document.model_copy(update={"engine": document.engine.model_copy(update=fields)})
    worker, follower = node.worker_options(wide), node.follower_options(wide)
    assert {"tonnage_replica": 1, "tonnage_worker_gpu": 4} == json.loads(option(worker, "--resources"))
    assert {"tonnage_follower_gpu": 4} == json.loads(option(follower, "--resources"))
    assert ("4", "4") == (option(worker, "--num-gpus"), option(follower, "--num-gpus"))
    assert "0" == option(follower, "--num-cpus")


def test_a_worker_without_the_heads_address_says_so(document: ServeDocument) -> None:
    with pytest.raises(RuntimeFailure, match="TONNAGE_HEAD_ADDRESS is not set"):
        node.become_worker(document, {})


def test_a_worker_waits_for_a_head_that_comes_later(document: ServeDocument, became: list[Any], tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"

        def listen() -> None:
            time.sleep(0.3)
            reserved.listen()

        head = threading.Thread(target=listen)
        head.start()
        with pytest.raises(BecameRayError):
            node.become_worker(document, {"TONNAGE_HEAD_ADDRESS": address, "HOME": str(tmp_path)})
        head.join()
    assert address == option(became[1], "--address")


def test_a_head_that_never_comes_is_named() -> None:
    with pytest.raises(RuntimeFailure) as caught:
        node.wait_for_head("no-such-host.invalid:6379", seconds=0)
    assert Reason.CONTAINER_FAILED == caught.value.reason
    assert "no-such-host.invalid:6379" in caught.value.message


def test_an_image_without_tini_is_refused(document: ServeDocument, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.shutil, "which", lambda _: None)
    with pytest.raises(RuntimeFailure, match="no tini"):
        node.become_head(document, {})


def test_what_the_image_knows_of_models_is_where_the_engine_looks(tmp_path: Path) -> None:
    baked, cache = tmp_path / "baked", tmp_path / "home" / ".cache" / "vllm"
    (baked / "modelinfos").mkdir(parents=True)
    (baked / "modelinfos" / "llama.json").write_text("{}")
    for _ in ("first start", "restart"):
        node.seed_engine_cache(baked, cache)
    assert (cache / "modelinfos" / "llama.json").exists()
    node.seed_engine_cache(tmp_path / "nothing", cache)
