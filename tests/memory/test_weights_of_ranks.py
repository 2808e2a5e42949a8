"""What one rank holds of the weights, against what the engine allocates for it (tests/oracles/engine_weights.py)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.facts.test_families_unlike_a_llama import FALCON_H1
from tests.support.gpu_plans import config
from tonnage.facts.shape import State, shape
from tonnage.memory import Setup
from tonnage.memory.cache import state_bytes
from tonnage.memory.setup import run
from tonnage.memory.weights import checkpoint_bytes

ENGINE: dict[str, dict[str, int]] = json.loads((Path(__file__).parents[1] / "data" / "engine_weights.json").read_text())
# Scales of FP8 in blocks are not counted: 0.024 %; where ranks cut blocks there are more of them, to 0.1 %.
TOLERANCE = 1e-3


@pytest.mark.parametrize(
    ("name", "ranks", "size"),
    [(name, int(ranks), size) for name, sizes in ENGINE.items() for ranks, size in sizes.items()],
)
def test_a_rank_holds_what_the_engine_allocates(name: str, ranks: int, size: int) -> None:
    setup = Setup(gpu="H100", memory_bytes=80 * 2**30, tensor_parallel=ranks)
    assert size == pytest.approx(checkpoint_bytes(run(setup, shape(config(name))).share), rel=TOLERANCE)


BIG_CODE = {
    "architectures": ["GPTBigCodeForCausalLM"],
    "model_type": "gpt_bigcode",
    "n_embd": 768,
    "n_head": 12,
    "n_layer": 12,
    "n_positions": 1024,
    "multi_query": True,
    "vocab_size": 50257,
}


@pytest.mark.parametrize(
    ("document", "ranks", "size"),
    [
        pytest.param(FALCON_H1, 2, 8_582_422_528, id="Mamba's single group is copied"),
        pytest.param(FALCON_H1, 4, 4_358_668_288, id="and copied"),
        pytest.param(BIG_CODE, 2, 170_167_296, id="transformers' code divides attention alone"),
    ],
)
def test_what_is_not_divided_is_on_every_rank(document: dict[str, Any], ranks: int, size: int) -> None:
    setup = Setup(gpu="H100", memory_bytes=80 * 2**30, tensor_parallel=ranks)
    assert size == pytest.approx(checkpoint_bytes(run(setup, shape(document)).share), rel=TOLERANCE)


@pytest.mark.parametrize(("ranks", "elements"), [(1, 1024 + 512), (2, 512 + 512), (4, 256 + 512)])
def test_the_convolution_of_a_single_group_is_copied(ranks: int, elements: int) -> None:
    found = shape(FALCON_H1)
    share = run(Setup(gpu="H100", memory_bytes=80 * 2**30, tensor_parallel=ranks), found).share
    state = next(layer.mixer for layer in found.layers if isinstance(layer.mixer, State))
    # vLLM mamba_utils.py, mamba2_state_shape: three inputs of the convolution, and a matrix of 8 by 256 for each head.
    assert 2 * (3 * elements + 128 // ranks * 8 * 256) == state_bytes(share, state)
