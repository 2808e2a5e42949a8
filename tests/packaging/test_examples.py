"""What a stranger copies works: the examples are valid and the same wherever they are shown."""

import re
from pathlib import Path

import pytest
import yaml

from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import API_VERSION, KIND

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "e2e" / "examples").glob("*.yaml"))
CHAT = (ROOT / "e2e" / "examples" / "chat.yaml").read_text()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_a_model_deployment(path):
    example = yaml.safe_load(path.read_text())
    assert (API_VERSION, KIND) == (example["apiVersion"], example["kind"])
    ModelDeploymentSpec.model_validate(example["spec"])


def test_readme_shows_the_example_that_the_demo_applies():
    shown = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert CHAT in shown


def test_chart_notes_show_the_same_example():
    notes = (ROOT / "charts" / "tonnage" / "templates" / "NOTES.txt").read_text()
    assert "".join(f"  {line}\n" for line in CHAT.splitlines()) in notes


def test_chart_page_shows_the_same_example():
    chart = yaml.safe_load((ROOT / "charts" / "tonnage" / "Chart.yaml").read_text())
    assert [yaml.safe_load(CHAT)] == yaml.safe_load(chart["annotations"]["artifacthub.io/crdsExamples"])
