"""The committed sizes are those of the engine that is installed, on as many ranks as it was built for; and our own are,
for the families that have no config among the committed ones.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracles.engine_weights import CONFIGS, one_process, size

pytest.importorskip("vllm")

from transformers import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from tonnage.facts.architectures import task
from tonnage.facts.shape import shape
from tonnage.memory import Setup
from tonnage.memory.setup import run
from tonnage.memory.weights import checkpoint_bytes

# Two divide whatever can be divided.
RANKS = 2
TOLERANCE = 1e-3
LEAST_BUILT = 60
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


def test_of_every_family_a_rank_holds_what_the_engine_allocates(tmp_path: Path) -> None:
    """Decoders as large as their class's default makes them, on two ranks: all that the engine builds of them here."""
    different, same = {}, 0
    for model_type, name in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.items():
        if task(name) is None:
            continue
        path = tmp_path / f"{model_type}.json"
        try:
            document = json.loads(CONFIG_MAPPING[model_type]().to_json_string(use_diff=False))
            path.write_text(json.dumps({**document, "architectures": [name], "dtype": "bfloat16"}))
            allocated = size(path, RANKS)
        except Exception:  # noqa: BLE001, S112 # whatever it is, it is not built here
            continue
        found = shape(json.loads(path.read_text()))
        share = run(Setup(gpu="H100", memory_bytes=80 * 2**30, tensor_parallel=RANKS), found).share
        if allocated == pytest.approx(checkpoint_bytes(share), rel=TOLERANCE):
            same += 1
        elif not found.unknown:
            different[model_type] = (allocated, checkpoint_bytes(share))
    assert not different
    assert same >= LEAST_BUILT
