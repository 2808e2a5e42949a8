"""A serve document of a small model on a CPU, and a hub that has one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.hub.server import Server
from tests.support.hub import fill_with_model, running_hub
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
    return fill_with_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def hub(model_folder: Path) -> Iterator[Server]:
    with running_hub(model_folder) as server:
        yield server


@pytest.fixture
def endpoint(hub: Server) -> str:
    return f"http://127.0.0.1:{hub.server_port}"
