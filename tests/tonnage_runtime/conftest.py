"""A serve document of a small model on a CPU."""

from pathlib import Path

import pytest

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
        limits=ServingLimits(
            target_ongoing_requests=8, max_ongoing_requests=64, start_deadline_seconds=600, drain_seconds=50
        ),
    )
