"""What tests of commands share."""

from pathlib import Path

import pytest

CONFIGS = Path(__file__).parents[1] / "data" / "model_configs"

DEPLOYMENT = """\
apiVersion: tonnage.dev/v1alpha1
kind: ModelDeployment
metadata:
  name: chat
spec:
  model:
    source: hf://HuggingFaceTB/SmolLM-1.7B
  placement:
    device: Cpu
"""


@pytest.fixture
def deployment() -> str:
    """A file that needs nothing that is not supported."""
    return DEPLOYMENT


@pytest.fixture
def config() -> str:
    """The path of the config of the model in it."""
    return str(CONFIGS / "HuggingFaceTB__SmolLM-1.7B.json")
