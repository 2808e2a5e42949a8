"""The committed sizes are those of the engine that is installed, on as many ranks as it was built for."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracles.engine_weights import CONFIGS, one_process, size

pytest.importorskip("vllm")

EXPECTED: dict[str, dict[str, int]] = json.loads(
    (Path(__file__).parents[1] / "data" / "engine_weights.json").read_text()
)


@pytest.fixture(scope="module", autouse=True)
def alone() -> Iterator[None]:
    os.environ["HF_HUB_OFFLINE"] = "1"
    with one_process():
        yield


@pytest.mark.parametrize("name", EXPECTED)
def test_the_engine_allocates_the_same(name: str) -> None:
    ranks, expected = max((int(ranks), found) for ranks, found in EXPECTED[name].items())
    assert expected == size(CONFIGS / f"{name}.json", ranks)
