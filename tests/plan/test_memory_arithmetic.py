"""The arithmetic of one replica's memory, by hand on small numbers."""

import pytest

from tonnage.contract.model_facts import AttentionKind, ModelFacts
from tonnage.plan import memory

GIB = 2**30


def test_weights_in_float32_take_four_bytes_a_parameter_and_a_packed_output_head(smollm2: ModelFacts) -> None:
    assert 134_515_008 * 4 + 49_152 * 576 * 4 == memory.weights_bytes(smollm2)


@pytest.mark.parametrize(
    ("dtype", "factor"),
    [
        pytest.param("bfloat16", 2, id="bfloat16 doubles"),
        pytest.param("float16", 2, id="float16 doubles"),
        pytest.param("float32", 1, id="float32 stays"),
    ],
)
def test_without_a_parameter_count_the_files_size_is_scaled(smollm2: ModelFacts, dtype: str, factor: int) -> None:
    facts = smollm2.model_copy(update={"parameters": 0, "vocabulary_size": 0, "weights_dtype": dtype})
    assert 269_030_016 * factor == memory.weights_bytes(facts)


@pytest.mark.parametrize(
    ("attention", "kv_heads", "head_dim", "expected"),
    [
        pytest.param(
            AttentionKind.MULTI_HEAD, 9, 64, 30 * 2 * 9 * 64 * 4, id="multi-head: keys and values of all heads"
        ),
        pytest.param(AttentionKind.GROUPED_QUERY, 3, 64, 30 * 2 * 3 * 64 * 4, id="grouped query: of the shared heads"),
        pytest.param(AttentionKind.MULTI_QUERY, 1, 64, 30 * 2 * 64 * 4, id="multi-query: of one head"),
        pytest.param(AttentionKind.LATENT, 1, 576, 30 * 576 * 4, id="latent: one vector for both"),
        pytest.param(AttentionKind.ENCODER_ONLY, 3, 64, 0, id="encoder only: none"),
        pytest.param(AttentionKind.UNKNOWN, 3, 64, 30 * 2 * 3 * 64 * 4, id="unknown: in full"),
    ],
)
def test_kv_cache_of_a_token_follows_the_attention_kind(
    smollm2: ModelFacts, attention: AttentionKind, kv_heads: int, head_dim: int, expected: int
) -> None:
    facts = smollm2.model_copy(update={"attention": attention, "kv_heads": kv_heads, "head_dim": head_dim})
    assert expected == memory.kv_bytes_per_token(facts)


@pytest.mark.parametrize(
    ("context_length", "sequences", "blocks"),
    [
        pytest.param(128, 1, 2, id="one block and the engine's own"),
        pytest.param(129, 1, 3, id="a begun block is a whole one"),
        pytest.param(256, 4, 9, id="each sequence has blocks of its own"),
    ],
)
def test_kv_cache_is_counted_in_blocks(smollm2: ModelFacts, context_length: int, sequences: int, blocks: int) -> None:
    assert blocks == memory.kv_blocks(smollm2, context_length, sequences)


def test_latent_attention_has_smaller_blocks(smollm2: ModelFacts) -> None:
    facts = smollm2.model_copy(update={"attention": AttentionKind.LATENT})
    assert memory.kv_blocks(facts, 128, 1) == 128 // 16 + 1


@pytest.mark.parametrize("parts", [1, 64 * 2**20, 3 * GIB, 7 * GIB + 12345, 100 * GIB])
def test_a_pod_is_the_smallest_step_that_leaves_the_headroom(parts: int) -> None:
    step = 64 * 2**20
    pod = memory.pod_bytes(parts)
    assert pod % step == 0
    assert memory.usable_bytes(pod) >= parts
    assert memory.usable_bytes(pod - step) < parts


@pytest.mark.parametrize(
    ("size", "text"),
    [
        pytest.param(0, "0.00 GiB", id="nothing"),
        pytest.param(GIB // 2, "0.50 GiB", id="hundredths below one"),
        pytest.param(131 * GIB // 10, "13.1 GiB", id="tenths above"),
    ],
)
def test_sizes_are_shown_in_gib(size: int, text: str) -> None:
    assert text == memory.gib(size)
