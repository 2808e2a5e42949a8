"""Families that people ask for by name and whose config.json is not among the committed ones, nor in `test_shape.py`.

The sizes in their configs and the parameters that the hub counts in their safetensors headers were both written down by
hand, from what was published. Each proves the other: a number that was remembered wrongly would not come to the same
parameter.
"""

from typing import Any

import pytest

from tonnage.facts.shape import Attention, shape


def config(architecture: str, sizes: tuple[int, int, int, int, int, int], **others: Any) -> dict[str, Any]:
    """`sizes`: hidden, intermediate, layers, heads, key-value heads, vocabulary."""
    hidden, intermediate, layers, heads, kv_heads, vocabulary = sizes
    defaults: dict[str, Any] = {
        "architectures": [architecture],
        "model_type": architecture.removesuffix("ForCausalLM").lower(),
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "vocab_size": vocabulary,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "max_position_embeddings": 4096,
    }
    return defaults | others


LLAMA, MISTRAL, QWEN = "LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM"


@pytest.mark.parametrize(
    ("document", "heads", "parameters"),
    [
        pytest.param(config(LLAMA, (4096, 11008, 32, 32, 32, 32000)), (32, 32), 6_738_415_616, id="Llama 1 7B"),
        pytest.param(config(LLAMA, (8192, 22016, 80, 64, 64, 32000)), (64, 64), 65_285_660_672, id="Llama 1 65B"),
        pytest.param(config(LLAMA, (4096, 11008, 32, 32, 4, 64000)), (32, 4), 6_061_035_520, id="Yi 1.5 6B"),
        pytest.param(config(LLAMA, (7168, 20480, 60, 56, 8, 64000)), (56, 8), 34_388_917_248, id="Yi 1.5 34B"),
        pytest.param(config(LLAMA, (4096, 11008, 30, 32, 32, 102400)), (32, 32), 6_910_365_696, id="DeepSeek LLM 7B"),
        pytest.param(
            config(LLAMA, (4096, 11008, 32, 32, 32, 32256)), (32, 32), 6_740_512_768, id="DeepSeek Coder 6.7B"
        ),
        pytest.param(config(LLAMA, (7168, 19200, 62, 56, 8, 32256)), (56, 8), 33_342_991_360, id="DeepSeek Coder 33B"),
        pytest.param(
            config(MISTRAL, (12288, 28672, 88, 96, 8, 32768), head_dim=128),
            (96, 8),
            122_610_069_504,
            id="Mistral Large 2407",
        ),
        pytest.param(
            config(MISTRAL, (6144, 16384, 56, 48, 8, 32768), head_dim=128),
            (48, 8),
            22_247_282_688,
            id="Mistral Small 2409",
        ),
        pytest.param(
            config(MISTRAL, (5120, 32768, 40, 32, 8, 131072), head_dim=128),
            (32, 8),
            23_572_403_200,
            id="Mistral Small 2501: heads are wider than hidden divided by heads",
        ),
        pytest.param(
            config(QWEN, (1536, 8960, 28, 12, 2, 151936), tie_word_embeddings=True),
            (12, 2),
            1_543_714_304,
            id="Qwen 2.5 Coder 1.5B",
        ),
        pytest.param(config(QWEN, (3584, 18944, 28, 28, 4, 152064)), (28, 4), 7_615_616_512, id="Qwen 2.5 Coder 7B"),
        pytest.param(config(QWEN, (5120, 27648, 64, 40, 8, 152064)), (40, 8), 32_763_876_352, id="Qwen 2.5 Coder 32B"),
        pytest.param(
            config("BaiChuanForCausalLM", (4096, 11008, 32, 32, 32, 64000)), (32, 32), 7_000_559_616, id="Baichuan 1 7B"
        ),
        pytest.param(
            config("OlmoForCausalLM", (4096, 11008, 32, 32, 32, 50304)), (32, 32), 6_888_095_744, id="OLMo 1 7B"
        ),
        pytest.param(
            config("OlmoForCausalLM", (2048, 8192, 16, 16, 16, 50304), tie_word_embeddings=True),
            (16, 16),
            1_176_764_416,
            id="OLMo 1 1B",
        ),
        pytest.param(
            config("GraniteForCausalLM", (4096, 12800, 40, 32, 8, 49155), tie_word_embeddings=True),
            (32, 8),
            8_170_848_256,
            id="Granite 3.1 8B",
        ),
        pytest.param(
            config(LLAMA, (3072, 23040, 28, 12, 4, 131072), head_dim=256), (12, 4), 7_455_550_464, id="Falcon 3 7B"
        ),
    ],
)
def test_the_parameters_are_those_that_were_published(
    document: dict[str, Any], heads: tuple[int, int], parameters: int
) -> None:
    read = shape(document)
    assert parameters == read.parameters
    mixers = [layer.mixer for layer in read.distinct_layers]
    assert [heads] == [(mixer.heads, mixer.kv_heads) for mixer in mixers if isinstance(mixer, Attention)]
