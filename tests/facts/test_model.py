"""Configs of real families -> facts."""

from collections import Counter
from typing import Any

import pytest

from tonnage.contract.model_facts import AttentionKind, ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Task
from tonnage.facts.errors import FactsError
from tonnage.facts.model import ModelReading, model_facts
from tonnage.facts.packed import packed
from tonnage.facts.source import parse_source
from tonnage.facts.weights import Weights

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
}


def facts(config: dict[str, Any], **changes: Any) -> ModelFacts:
    reading = ModelReading(
        source=parse_source("hf://org/name"),
        sizes=changes.get("sizes", {"config.json": 10, "model.safetensors": 2000}),
        config=config,
        weights=Weights(1000, 2000, Counter(BF16=1990, F32=10)),
    )
    return model_facts(reading, requested_revision="main", commit="0" * 40)


def test_a_llama_is_described_whole() -> None:
    expected = ModelFacts(
        source="hf://org/name",
        requested_revision="main",
        commit="0" * 40,
        architecture="LlamaForCausalLM",
        task=Task.GENERATE,
        parameters=1000,
        weights_bytes=2000,
        weights_dtype="bfloat16",
        weights_bytes_by_dtype={"bfloat16": 1990, "float32": 10},
        download_bytes=2010,
        layers=30,
        hidden_size=576,
        attention_heads=9,
        kv_heads=3,
        head_dim=64,
        vocabulary_size=49152,
        attention=AttentionKind.GROUPED_QUERY,
        max_context_length=8192,
        config=packed(LLAMA),
    )
    assert expected == facts(LLAMA)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"num_key_value_heads": 9}, (9, 64, AttentionKind.MULTI_HEAD), id="as many as heads"),
        pytest.param({"num_key_value_heads": None}, (9, 64, AttentionKind.MULTI_HEAD), id="not given"),
        pytest.param({"num_key_value_heads": 1}, (1, 64, AttentionKind.MULTI_QUERY), id="one"),
        pytest.param({"head_dim": 128}, (3, 128, AttentionKind.GROUPED_QUERY), id="own head size"),
        pytest.param({"head_dim": None}, (3, 64, AttentionKind.GROUPED_QUERY), id="head size of null"),
        pytest.param(
            {"num_key_value_heads": None, "multi_query": True}, (1, 64, AttentionKind.MULTI_QUERY), id="falcon's flag"
        ),
        pytest.param({"multi_query_group_num": 2}, (3, 64, AttentionKind.GROUPED_QUERY), id="the usual name first"),
        pytest.param(
            {"kv_lora_rank": 512, "qk_rope_head_dim": 64}, (1, 576, AttentionKind.LATENT), id="latent (DeepSeek)"
        ),
        pytest.param({"linear_num_key_heads": 16}, (3, 64, AttentionKind.UNKNOWN), id="linear layers (Qwen3-Next)"),
        pytest.param({"mamba_num_heads": 64}, (3, 64, AttentionKind.UNKNOWN), id="state space (Nemotron-H)"),
    ],
)
def test_what_is_cached_per_token_follows_the_attention(
    changes: dict[str, Any], expected: tuple[int, int, AttentionKind]
) -> None:
    read = facts(LLAMA | changes)
    assert expected == (read.kv_heads, read.head_dim, read.attention)


def test_numbers_of_a_model_of_several_parts_are_the_text_decoders() -> None:
    nested = {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "text_config": LLAMA | {"architectures": None},
        "vision_config": {"hidden_size": 1},
    }
    read = facts(nested)
    assert ("Gemma3ForConditionalGeneration", 576) == (read.architecture, read.hidden_size)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"quantization_config": {"quant_method": "awq"}}, "awq", id="named"),
        pytest.param({"compression_config": {"quant_method": "compressed_tensors"}}, "compressed-tensors", id="older"),
        pytest.param({"quantization_config": {"bits": 4}}, "unknown", id="unnamed is not none"),
    ],
)
def test_a_checkpoints_own_quantization_is_named(changes: dict[str, Any], expected: str | None) -> None:
    assert expected == facts(LLAMA | changes).quantization


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, False, id="no code"),
        pytest.param({"auto_map": {"AutoConfig": "x.Y"}}, False, id="code that the engine does not need"),
        pytest.param({"auto_map": {"AutoConfig": "x.Y"}, "model_type": "mine"}, True, id="code that it needs"),
    ],
)
def test_remote_code_is_needed_where_the_engine_does_not_know_the_family(
    changes: dict[str, Any], *, expected: bool
) -> None:
    assert expected == facts(LLAMA | changes).needs_remote_code


@pytest.mark.parametrize(
    ("changes", "reason", "why"),
    [
        pytest.param({"architectures": None}, Reason.UNUSABLE_CONFIG, "names no architecture", id="no architecture"),
        pytest.param({"architectures": "Llama"}, Reason.UNUSABLE_CONFIG, "names no architecture", id="not a list"),
        pytest.param({"num_hidden_layers": None}, Reason.UNUSABLE_CONFIG, "number of layers", id="no layers"),
        pytest.param({"num_attention_heads": "9"}, Reason.UNUSABLE_CONFIG, "attention heads", id="text for a number"),
        pytest.param({"num_attention_heads": True}, Reason.UNUSABLE_CONFIG, "attention heads", id="true for a number"),
        pytest.param({"vocab_size": 0}, Reason.UNUSABLE_CONFIG, "vocabulary size", id="zero"),
        pytest.param({"max_position_embeddings": None}, Reason.UNUSABLE_CONFIG, "how long a context", id="no context"),
        pytest.param({"hidden_size": 2**60}, Reason.UNUSABLE_CONFIG, "hidden_size", id="beyond all bounds"),
        pytest.param({"architectures": ["A" * 300]}, Reason.UNUSABLE_CONFIG, "architecture", id="name too long"),
        pytest.param(
            {"architectures": ["UNet2D"], "num_attention_heads": None},
            Reason.ARCHITECTURE_UNSUPPORTED,
            "is a UNet2D, which vLLM 0.29.0 does not serve",
            id="another kind of model",
        ),
    ],
)
def test_a_fact_that_cannot_be_known_is_an_error_and_never_a_guess(
    changes: dict[str, Any], reason: Reason, why: str
) -> None:
    with pytest.raises(FactsError) as caught:
        facts(LLAMA | changes)
    assert (reason, True) == (caught.value.reason, caught.value.is_permanent)
    assert why in caught.value.message
    assert "hf://org/name" in caught.value.message
