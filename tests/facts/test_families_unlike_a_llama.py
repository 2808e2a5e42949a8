"""Families whose layers differ from a Llama's in more than the names in their configs, and no config at hand.

`tests/oracles/test_default_configs.py` counts the same, and every other family, with transformers.
"""

from collections import Counter
from typing import Any

import pytest

from tests.facts.test_families_without_a_config import config
from tests.facts.test_shape import described
from tonnage.facts import config as names
from tonnage.facts.shape import Attention, Shape, State, shape

LATENT = {
    "kv_lora_rank": 512,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
}
AFMOE = config(
    "AfmoeForCausalLM",
    (2048, 6144, 32, 16, 16, 200192),
    head_dim=128,
    moe_intermediate_size=1408,
    num_dense_layers=1,
    num_experts=64,
    num_experts_per_tok=6,
    num_shared_experts=2,
)
JAIS2 = config(
    "Jais2ForCausalLM",
    (3328, 26624, 32, 26, 26, 150272),
    hidden_act="relu2",
    head_dim=128,
    attention_bias=True,
    mlp_bias=True,
)
HY4 = config(
    "HYV4ForCausalLM",
    (2816, 6912, 34, 32, 32, 120832),
    **{**LATENT, "qk_nope_head_dim": 192, "v_head_dim": 256},
    model_type="hy_v4",
    index_head_dim=128,
    index_n_heads=16,
    indexer_types=["full", *(["full"] + ["shared"] * 3) * 8, "full"],
    mlp_layer_types=["dense", *["sparse"] * 33],
    moe_intermediate_size=768,
    n_routed_experts=256,
    n_shared_experts=1,
    num_experts_per_tok=8,
)
FALCON_H1 = config(
    "FalconH1ForCausalLM",
    (4096, 14336, 32, 32, 8, 128000),
    model_type="falcon_h1",
    mamba_d_conv=4,
    mamba_d_head=8,
    mamba_d_state=256,
    mamba_n_groups=1,
    mamba_n_heads=128,
)
KIMI_LINEAR = config(
    "KimiLinearForCausalLM",
    (2304, 9216, 27, 32, 32, 163840),
    **{**LATENT, "q_lora_rank": None},
    model_type="kimi_linear",
    layer_types=["full_attention" if index in range(4, 25, 4) else "linear_attention" for index in range(27)],
    linear_conv_kernel_dim=4,
    linear_head_dim=128,
    linear_num_heads=32,
    mlp_layer_types=["dense", *["sparse"] * 26],
    moe_intermediate_size=1024,
    num_experts=256,
    num_experts_per_token=8,
    num_shared_experts=1,
)
DBRX = {
    "architectures": ["DbrxForCausalLM"],
    "model_type": "dbrx",
    "d_model": 6144,
    "n_heads": 48,
    "n_layers": 40,
    "max_seq_len": 32768,
    "vocab_size": 100352,
    "tie_word_embeddings": False,
    "attn_config": {"clip_qkv": 8, "kv_n_heads": 8, "rope_theta": 500000},
    "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4},
}
LONGCAT = {
    **LATENT,
    "architectures": ["LongcatFlashForCausalLM"],
    "model_type": "longcat_flash",
    "hidden_size": 6144,
    "ffn_hidden_size": 12288,
    "expert_ffn_hidden_size": 2048,
    "num_layers": 28,
    "num_attention_heads": 64,
    "vocab_size": 131072,
    "max_position_embeddings": 131072,
    "n_routed_experts": 512,
    "zero_expert_num": 256,
    "moe_topk": 12,
}
HUNYUAN = config(
    "HunYuanMoEV1ForCausalLM",
    (4096, 3072, 32, 32, 8, 128167),
    model_type="hunyuan_v1_moe",
    head_dim=128,
    use_qk_norm=True,
    tie_word_embeddings=True,
    num_experts=64,
    moe_topk=[8] * 32,
    moe_intermediate_size=[3072] * 32,
    num_shared_expert=[1] * 32,
)
ERNIE_VL = config(
    "Ernie4_5_VLMoeForConditionalGeneration",
    (2560, 12288, 28, 20, 4, 103424),
    model_type="ernie4_5_moe_vl",
    tie_word_embeddings=True,
    moe_num_experts=[64, 64],
    moe_intermediate_size=[1536, 512],
    moe_k=6,
    moe_num_shared_experts=2,
    moe_layer_start_index=1,
    vision_config={"hidden_size": 1280, "depth": 32, "num_heads": 16, "patch_size": 14, "mlp_ratio": 4},
)
LFM2_MOE = config(
    "Lfm2MoeForCausalLM",
    (2048, 7168, 32, 32, 8, 65536),
    model_type="lfm2_moe",
    tie_word_embeddings=True,
    layer_types=["conv", "conv", "full_attention", "conv"] * 8,
    conv_L_cache=3,
    moe_intermediate_size=1792,
    num_dense_layers=2,
    num_experts=32,
    num_experts_per_tok=4,
)


@pytest.mark.parametrize(
    ("document", "parameters", "share"),
    [
        pytest.param(AFMOE, 19_232_600_000, 1e-5, id="AFMoE: dense first layers, a gate on attention's output"),
        pytest.param(JAIS2, 8_090_401_280, 0, id="Jais 2: a squared ReLU without a gate"),
        pytest.param(HY4, 58_278_193_133, 2e-4, id="HY 4: gates, layers that share an index; no hyper-connections"),
        pytest.param(FALCON_H1, 8_514_961_408, 1e-5, id="Falcon-H1: Mamba beside attention"),
        pytest.param(KIMI_LINEAR, 49_133_074_464, 1e-6, id="Kimi Linear as transformers writes it"),
        pytest.param(DBRX, 131_596_523_520, 1e-6, id="DBRX: sections in the section"),
        # transformers counts 741,053,585,408: gates of 256 experts that have none are 180,388,626,432 of them.
        pytest.param(LONGCAT, 741_053_585_408 - 180_388_626_432, 1e-6, id="LongCat: two of each, and experts"),
        pytest.param(HUNYUAN, 80_393_183_232, 1e-4, id="Hunyuan A13B: the same number for each layer"),
        pytest.param(ERNIE_VL, 29_399_294_336, 5e-3, id="Ernie 4.5 VL: experts for images; its projector is not here"),
    ],
)
def test_they_have_the_parameters_that_transformers_builds(
    document: dict[str, Any], parameters: int, share: float
) -> None:
    assert parameters == pytest.approx(shape(document).parameters, rel=share, abs=0)


def mixers(found: Shape) -> Counter[str]:
    return Counter(type(layer.mixer).__name__ for layer in found.layers)


def test_mamba_beside_attention_keeps_both() -> None:
    assert {"State": 32, "Attention": 32} == mixers(shape(FALCON_H1))


def test_two_attentions_of_a_layer_keep_two_caches() -> None:
    assert {"Attention": 56} == mixers(shape(LONGCAT))


def test_layers_counted_from_one_are_those_of_the_list() -> None:
    found = shape(KIMI_LINEAR)
    assert list(range(4, 25, 4)) == [
        index for index, layer in enumerate(found.layers) if not isinstance(layer.mixer, State)
    ]


def test_the_number_of_key_value_heads_is_found_in_a_section_of_the_section() -> None:
    assert 8 == names.config(DBRX).positive(names.KV_HEADS)
    assert {8} == {mixer.kv_heads for mixer in shape(DBRX).attentions}


def test_a_token_of_text_uses_no_experts_for_images() -> None:
    assert 3.0 == pytest.approx(shape(ERNIE_VL).active_parameters / 1e9, rel=0.2)


def test_the_first_layers_of_lfm2_are_dense_and_as_wide_as_they_say() -> None:
    parts = [layer.feed_forward for layer in shape(LFM2_MOE).layers if layer.feed_forward]
    assert [(0, 7168)] * 2 + [(32, 1792)] * 30 == [(part.experts, part.intermediate) for part in parts]


@pytest.mark.parametrize("name", ["zai-org__GLM-5.2", "zai-org__GLM-5.2-FP8", "nvidia__GLM-5.2-NVFP4"])
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_layer_that_takes_the_index_of_an_earlier_one_keeps_none(name: str, *, is_listed: bool) -> None:
    found = described(name, *(() if is_listed else ("indexer_types",)))
    indexed = [
        index
        for index, layer in enumerate(found.layers)
        if isinstance(layer.mixer, Attention) and layer.mixer.indexer_dim
    ]
    assert [0, 1, *range(2, 78, 4)] == indexed


def test_a_family_that_nobody_described_is_named() -> None:
    found = shape({**AFMOE, "model_type": "newcomer", "architectures": ["NewcomerForCausalLM"]})
    assert ("how the family 'newcomer' differs from a Llama",) == found.unknown


def test_layers_with_sizes_of_their_own_are_named() -> None:
    found = shape({**AFMOE, "per_layer_config": {"02": {"num_attention_heads": 8}}})
    assert ("sizes that some layers have of their own",) == found.unknown


def test_experts_that_differ_from_layer_to_layer_are_named() -> None:
    found = shape({**AFMOE, "num_shared_experts": [1] * 31 + [2]})
    assert ("num_shared_experts, which differs from layer to layer",) == found.unknown
