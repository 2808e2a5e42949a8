"""What tests of several packages share: the golden option and one small real model."""

from pathlib import Path

import hypothesis
import pytest

from tonnage.contract.model_facts import AttentionKind, ModelFacts
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.settings import Settings

# What is slow on a loaded machine is not wrong; the time limit of every test still holds.
hypothesis.settings.register_profile(
    "tonnage", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], database=None
)
hypothesis.settings.load_profile("tonnage")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden-update", action="store_true", help="write golden files instead of comparing with them")


@pytest.fixture
def smollm2() -> ModelFacts:
    """SmolLM2-135M-Instruct, as its config.json and safetensors header say."""
    return ModelFacts(
        source="hf://HuggingFaceTB/SmolLM2-135M-Instruct",
        requested_revision="main",
        commit="12fd25f77366fa6b3b4b768ec3050bf629380bac",
        architecture="LlamaForCausalLM",
        parameters=134_515_008,
        weights_bytes=269_030_016,
        weights_dtype="bfloat16",
        download_bytes=271_190_144,
        layers=30,
        hidden_size=576,
        attention_heads=9,
        kv_heads=3,
        head_dim=64,
        vocabulary_size=49_152,
        attention=AttentionKind.GROUPED_QUERY,
        max_context_length=8192,
        has_chat_template=True,
        licence="apache-2.0",
    )


@pytest.fixture
def cpu_spec() -> ModelDeploymentSpec:
    """The least that a person writes for a CPU."""
    return ModelDeploymentSpec.model_validate(
        {"model": {"source": "hf://HuggingFaceTB/SmolLM2-135M-Instruct"}, "placement": {"device": "Cpu"}}
    )


@pytest.fixture
def operator_settings() -> Settings:
    """An operator as the chart installs it."""
    return Settings(
        namespace="tonnage-system",
        watched_namespace=None,
        cpu_image="registry.example/tonnage-runtime:0.1.0-cpu",
        cuda_image="registry.example/tonnage-runtime:0.1.0-cuda",
        operator_image="registry.example/tonnage-operator:0.1.0",
        image_pull_secrets=(),
        hub_endpoint=None,
        modelscope_endpoint=None,
        ray_token_key=Path("/etc/tonnage/ray-token-key/key"),
    )
