"""What must hold of every model: laws of the memory model, over all configs."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tonnage.facts.shape import Attention, Shape, shape
from tonnage.memory import Estimate, Setup, estimate
from tonnage.memory.setup import has_cross_attention

CONFIGS = Path(__file__).parents[1] / "data" / "model_configs"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.json"))
GIB = 2**30
H200 = Setup(gpu="NVIDIA H200", memory_bytes=int(139.8 * GIB), max_model_len=4096, engine_version="0.29.0")
RANKS = (1, 2, 4, 8)


@cache
def described(name: str) -> Shape:
    return shape(json.loads((CONFIGS / f"{name}.json").read_text()))


def estimated(name: str, weights_bytes: int | None = None, **changes: object) -> Estimate:
    return estimate(replace(H200, **changes), described(name), weights_bytes)


def keeps_all_tokens(name: str) -> bool:
    """Windows and states make longer sequences cheaper for each token."""
    mixers = [layer.mixer for layer in described(name).layers if layer.mixer is not None]
    return all(isinstance(mixer, Attention) and mixer.window is None for mixer in mixers)


@pytest.mark.parametrize("name", NAMES)
def test_more_ranks_never_hold_more_each(name: str) -> None:
    weights = [estimated(name, tensor_parallel=ranks).weights_bytes for ranks in RANKS]
    assert weights == sorted(weights, reverse=True)


@pytest.mark.parametrize("name", NAMES)
def test_all_ranks_together_hold_at_least_the_model(name: str) -> None:
    alone = estimated(name).weights_bytes
    # The allocator's rests differ with the size of the pieces.
    assert all(ranks * estimated(name, tensor_parallel=ranks).weights_bytes > 0.97 * alone for ranks in RANKS)


@pytest.mark.parametrize("name", [name for name in NAMES if described(name).quantization is None])
def test_quantizing_never_takes_more(name: str) -> None:
    weights = [estimated(name, quantization=method).weights_bytes for method in ("bitsandbytes", "fp8", None)]
    assert weights == sorted(weights)


@pytest.mark.parametrize("name", NAMES)
def test_a_smaller_cache_type_never_holds_fewer_tokens(name: str) -> None:
    fp8, auto = (estimated(name, 10 * GIB, kv_cache_dtype=dtype) for dtype in ("fp8", "bfloat16"))
    # Pages of states make longer blocks of smaller tokens, of which the last is never full.
    assert fp8.kv_cache_tokens >= auto.kv_cache_tokens * 0.97


@pytest.mark.parametrize("name", NAMES)
def test_a_longer_context_never_leaves_more_for_the_cache(name: str) -> None:
    found = [estimated(name, 10 * GIB, max_model_len=tokens) for tokens in (1024, 8192, 65536)]
    sizes = [each.kv_cache_bytes for each in found]
    sequences = [each.concurrency for each in found]
    assert sizes == sorted(sizes, reverse=True)
    assert sequences == sorted(sequences, reverse=True)


@pytest.mark.parametrize("name", [name for name in NAMES if keeps_all_tokens(name)])
def test_a_longer_context_never_holds_more_tokens_where_all_are_kept(name: str) -> None:
    tokens = [estimated(name, 10 * GIB, max_model_len=length).kv_cache_tokens for length in (1024, 8192, 65536)]
    assert tokens == sorted(tokens, reverse=True)


@pytest.mark.parametrize("name", NAMES)
def test_more_memory_never_holds_fewer_tokens(name: str) -> None:
    found = [estimated(name, 10 * GIB, memory_bytes=gib * GIB).kv_cache_tokens for gib in (80, 100, 150)]
    assert found == sorted(found)


# Cross-attention ended with an engine that did not take graphs off the budget.
@pytest.mark.parametrize("name", [name for name in NAMES if not has_cross_attention(described(name))])
def test_a_start_stays_within_its_budget_and_a_refusal_has_a_reason(name: str) -> None:
    for ranks in RANKS:
        found = estimated(name, tensor_parallel=ranks)
        parts = found.weights_bytes + found.activation_bytes + found.non_torch_bytes + found.graph_bytes
        assert found.budget_bytes == parts + found.kv_cache_bytes
        assert found.starts is (found.reason == "")
        if not found.starts:
            assert any(character.isdigit() for character in found.reason)


@pytest.mark.parametrize("version", ["0.6.4", "0.8.5", "0.10.2", "0.13.0", "0.17.0", "0.21.0", "0.29.0", None])
def test_every_version_runs_every_model(version: str | None) -> None:
    for name in NAMES:
        found = estimated(name, engine_version=version, tensor_parallel=8)
        assert found.weights_bytes > 0
