"""A serve document of a small model on a CPU, and a hub that has one."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.hub.repositories import TINY_LLAMA, repositories
from e2e.hub.server import Server
from e2e.hub.weights import data_bytes, header, llama_shapes
from tonnage.contract.serve_document import Device, EngineSettings, ServedModel, ServeDocument, ServingLimits


@pytest.fixture
def document(tmp_path: Path) -> ServeDocument:
    return ServeDocument(
        namespace="demo",
        deployment="chat",
        revision="abcd1234",
        model=ServedModel(
            source="hf://HuggingFaceTB/SmolLM2-135M-Instruct",
            commit="12fd25f77366fa6b3b4b768ec3050bf629380bac",
            path=str(tmp_path / "model"),
            served_name="chat",
        ),
        engine=EngineSettings(
            architecture="LlamaForCausalLM",
            device=Device.CPU,
            dtype="float32",
            context_length=2048,
            max_num_seqs=8,
            max_num_batched_tokens=2048,
            kv_cache_bytes=2**28,
        ),
        limits=ServingLimits(max_ongoing_requests=64, start_deadline_seconds=600, drain_seconds=50),
    )


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    shapes = llama_shapes(TINY_LLAMA)
    # Not zeros: a byte at the wrong place must be seen.
    data = bytes(index % 251 for index in range(data_bytes(shapes)))
    (folder / "model.safetensors").write_bytes(header(shapes) + data)
    (folder / "config.json").write_text(json.dumps(TINY_LLAMA))
    (folder / "tokenizer_config.json").write_text("{}")
    (folder / "README.md").write_text("not needed")
    return folder


@pytest.fixture
def hub(model_folder: Path) -> Iterator[Server]:
    server = Server(repositories(model_folder), 0, host="127.0.0.1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def endpoint(hub: Server) -> str:
    return f"http://127.0.0.1:{hub.server_port}"
