"""The committed counts are those of the transformers that is installed."""

import json
from pathlib import Path

import pytest

from tests.oracles.parameter_counts import CONFIGS, count

pytest.importorskip("torch")
pytest.importorskip("transformers")

EXPECTED = json.loads((Path(__file__).parents[1] / "data" / "parameter_counts.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_transformers_counts_the_same(name: str) -> None:
    assert EXPECTED[name] == count(CONFIGS / f"{name}.json")
