"""The test hub with a tiny model in place of the real one, on a port of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from e2e.hub.repositories import SMOLLM
from e2e.hub.server import Server
from tests.support.hub import fill_with_model, running_hub

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
    return fill_with_model(tmp_path_factory.mktemp("model"), '{"chat_template": "{{ messages }}"}')


@pytest.fixture
def hub(model: Path) -> Iterator[Hub]:
    with running_hub(model) as server:
        yield Hub(server)
