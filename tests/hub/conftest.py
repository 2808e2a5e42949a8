"""The test hub with a tiny model in place of the real one, on a port of its own."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from e2e.hub.repositories import SMOLLM, TINY_LLAMA, repositories
from e2e.hub.server import Server
from e2e.hub.weights import data_bytes, header, llama_shapes

PUBLIC = f"HuggingFaceTB/{SMOLLM}"
WEIGHTS = "model.safetensors"


class Hub:
    """Where it is, and what tests do to it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.endpoint = f"http://127.0.0.1:{server.server_port}"

    def administer(self, path: str) -> Any:
        return httpx2.post(f"{self.endpoint}/admin/{path}").raise_for_status().json()

    def sent_bytes(self, subject: str) -> int:
        return self.administer("requests")["sent_bytes"].get(subject, 0)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    shapes = llama_shapes(TINY_LLAMA)
    # Not zeros: a byte at the wrong place must be seen.
    data = bytes(index % 251 for index in range(data_bytes(shapes)))
    (folder / WEIGHTS).write_bytes(header(shapes) + data)
    (folder / "config.json").write_text(json.dumps(TINY_LLAMA))
    (folder / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    (folder / "README.md").write_text("not needed")
    return folder


@pytest.fixture
def hub(model: Path) -> Iterator[Hub]:
    server = Server(repositories(model), 0, host="127.0.0.1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Hub(server)
    server.shutdown()
    server.server_close()
    thread.join()
