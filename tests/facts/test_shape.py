"""config.json -> what a model computes and keeps, for every config there is."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tonnage.facts.errors import FactsError
from tonnage.facts.shape import Attention, Shape, State, shape

DATA = Path(__file__).parents[1] / "data"
CONFIGS = DATA / "model_configs"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.json"))
COUNTS: dict[str, int] = json.loads((DATA / "parameter_counts.json").read_text())

# Shares of all parameters that are not described, and why.
UNDESCRIBED = {
    "deepseek-ai__DeepSeek-V4-Flash": 2e-3,  # compressors, hyper-connections
    "deepseek-ai__DeepSeek-V4-Pro": 2e-3,
    "RedHatAI__DeepSeek-V4-Flash-NVFP4-FP8": 2e-3,
    "nvidia__DeepSeek-V4-Flash-NVFP4": 2e-3,
    "nvidia__DeepSeek-V4-Pro-NVFP4": 2e-3,
    "Qwen__Qwen3-VL-235B-A22B-Thinking": 1e-3,  # the published config leaves out the tower's sizes
    "meta-llama__Llama-4-Maverick-17B-128E-Instruct": 2e-3,  # the published config leaves out the tower
}
# All that the configs here do not tell: a change of it is a change of what people are promised.
V4 = ("compressed history, hash layers and hyper-connections of the layers",)
IMAGE = ("size of the largest image",)
CROSS = ("tokens of the encoder that cross-attention keeps",)
UNKNOWN = {
    "MiniMaxAI__MiniMax-M3": ("index of sparse attention",),
    "RedHatAI__DeepSeek-V4-Flash-NVFP4-FP8": V4,
    "deepseek-ai__DeepSeek-V4-Flash": V4,
    "deepseek-ai__DeepSeek-V4-Pro": V4,
    "deepseek-ai__deepseek-vl2-tiny": IMAGE,
    "meta-llama__Llama-3.2-11B-Vision-Instruct": CROSS,
    "meta-llama__Llama-3.2-90B-Vision-Instruct": CROSS,
    "meta-llama__Llama-4-Maverick-17B-128E-Instruct": ("weights and activations of the vision tower",),
    "meta-models__Muse-Glimmer-30B": IMAGE,
    "microsoft__Phi-3-vision-128k-instruct": IMAGE,
    "microsoft__Phi-3.5-vision-instruct": IMAGE,
    "moonshotai__Kimi-K3": ("exact weights of the vision tower", *IMAGE),
    "nvidia__DeepSeek-V4-Flash-NVFP4": V4,
    "nvidia__DeepSeek-V4-Pro-NVFP4": V4,
    "sgl-project__DeepSeek-V4-Flash-FP8": V4,
}
# Bits of a checkpoint's router corrections, gates and class tokens.
EXACT = 3e-5


def document(name: str) -> dict[str, Any]:
    return json.loads((CONFIGS / f"{name}.json").read_text())


def described(name: str, *without: str) -> Shape:
    return shape({key: value for key, value in document(name).items() if key not in without})


@pytest.mark.parametrize("name", NAMES)
def test_every_config_has_a_shape_that_says_what_it_does_not_tell(name: str) -> None:
    found = described(name)
    assert UNKNOWN.get(name, ()) == found.unknown
    assert found.layers
    assert found.parameters >= found.active_parameters > 0


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_those_that_transformers_counts(name: str) -> None:
    assert COUNTS[name] == pytest.approx(described(name).parameters, rel=UNDESCRIBED.get(name, EXACT))


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        pytest.param("microsoft__phi-2", 2.780, id="Phi 2"),
        pytest.param("THUDM__chatglm3-6b", 6.244, id="ChatGLM 3"),
        pytest.param("THUDM__glm-4-9b", 9.400, id="GLM 4"),
        pytest.param("baichuan-inc__Baichuan2-7B-Chat", 7.506, id="Baichuan 2"),
        pytest.param("internlm__internlm2-7b", 7.738, id="InternLM 2"),
        pytest.param("Qwen__Qwen-7B", 7.721, id="Qwen 1"),
        pytest.param("microsoft__Phi-3.5-MoE-instruct", 41.873, id="Phi 3.5 MoE"),
        pytest.param("deepseek-ai__deepseek-moe-16b-base", 16.376, id="DeepSeek MoE"),
        pytest.param("nvidia__Llama-3_3-Nemotron-Super-49B-v1", 49.867, id="pruned Llama"),
    ],
)
def test_families_that_transformers_does_not_build_have_their_published_size(name: str, billions: float) -> None:
    assert billions == pytest.approx(described(name).parameters / 1e9, abs=0.001)


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        pytest.param("Qwen__Qwen3-30B-A3B-Instruct-2507", 3.0, id="Qwen3 30B-A3B"),
        pytest.param("Qwen__Qwen3-235B-A22B", 21.6, id="Qwen3 235B-A22B"),
        pytest.param("deepseek-ai__DeepSeek-R1", 36.6, id="DeepSeek R1: 37B with the head"),
        pytest.param("RedHatAI__Llama-4-Scout-17B-16E-Instruct-FP8-dynamic", 17.0, id="Llama 4 Scout 17B"),
        pytest.param("openai__gpt-oss-120b", 5.1, id="gpt-oss 5.1B"),
    ],
)
def test_a_token_uses_only_some_experts(name: str, billions: float) -> None:
    assert billions == pytest.approx(described(name).active_parameters / 1e9, rel=0.03)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {("Full", None): 32}, id="Llama 3"),
        pytest.param("mistralai__Mistral-7B-v0.1", {("Sliding", 4096): 32}, id="Mistral 7B"),
        pytest.param("Qwen__Qwen2.5-7B-Instruct", {("Full", None): 28}, id="Qwen 2.5: a window that is off"),
        pytest.param("google__gemma-2-9b", {("Sliding", 4096): 21, ("Full", None): 21}, id="Gemma 2"),
        pytest.param("google__gemma-3-27b-it", {("Sliding", 1024): 52, ("Full", None): 10}, id="Gemma 3"),
        pytest.param("openai__gpt-oss-120b", {("Sliding", 128): 18, ("Full", None): 18}, id="gpt-oss"),
        pytest.param(
            "RedHatAI__Llama-4-Scout-17B-16E-Instruct-FP8-dynamic",
            {("Chunked", 8192): 36, ("Full", None): 12},
            id="Llama 4",
        ),
        pytest.param("deepseek-ai__DeepSeek-V3.1", {("Latent", None): 61}, id="DeepSeek V3"),
        pytest.param("moonshotai__Kimi-K2.5", {("Latent", None): 61}, id="Kimi K2"),
        pytest.param("Qwen__Qwen3.5-27B", {"gated delta": 48, ("Full", None): 16}, id="Qwen 3.5"),
        pytest.param("Qwen__Qwen3-Next-80B-A3B-Thinking", {"gated delta": 36, ("Full", None): 12}, id="Qwen3-Next"),
        pytest.param("moonshotai__Kimi-K3", {"Kimi delta": 69, ("Latent", None): 24}, id="Kimi K3"),
        pytest.param(
            "nvidia__NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", {"Mamba 2": 23, ("Full", None): 6, None: 23}, id="Nemotron 3"
        ),
        pytest.param(
            "meta-llama__Llama-3.2-11B-Vision-Instruct", {("Full", None): 32, ("Cross", None): 8}, id="Llama 3.2 Vision"
        ),
        pytest.param("XiaomiMiMo__MiMo-V2-Flash", {("Full", None): 9, ("Sliding", 128): 39}, id="MiMo V2"),
    ],
)
def test_layers_keep_what_their_family_keeps(name: str, kinds: dict[Any, int]) -> None:
    assert Counter(kinds) == Counter(kind(layer.mixer) for layer in described(name).layers)


def kind(mixer: Attention | State | None) -> object:
    if isinstance(mixer, Attention):
        return str(mixer.kind), mixer.window
    return mixer.name if mixer else None


@pytest.mark.parametrize(
    ("section", "milli_bits"),
    [
        pytest.param({"quant_method": "gptq", "bits": 4, "group_size": 128}, 4125, id="gptq"),
        pytest.param({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}, 4156, id="awq"),
        pytest.param({"quant_method": "fp8", "weight_block_size": [128, 128]}, 8000, id="fp8"),
        pytest.param({"quant_method": "mxfp4"}, 4250, id="mxfp4"),
        pytest.param({"quant_method": "modelopt", "quant_algo": "NVFP4"}, 4500, id="nvfp4"),
        pytest.param({"quant_method": "bitsandbytes", "load_in_4bit": True}, 4500, id="bitsandbytes"),
        pytest.param(
            {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True},
            4126,
            id="bitsandbytes, nested",
        ),
        pytest.param(
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 32, "type": "int"}}},
            },
            4500,
            id="compressed-tensors, w4a16",
        ),
        pytest.param(
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 8, "strategy": "channel", "type": "int"}}},
            },
            8000,
            id="compressed-tensors, w8a8",
        ),
        pytest.param({"quant_method": "gguf"}, None, id="gguf: not told"),
    ],
)
def test_bits_of_a_weight_include_its_scales(section: dict[str, Any], milli_bits: int | None) -> None:
    found = shape({**document("meta-llama__Llama-3.1-8B"), "quantization_config": section})
    assert found.quantization is not None
    assert milli_bits == found.quantization.milli_bits
    assert (milli_bits is None) == any("bits of a weight" in gap for gap in found.unknown)


@pytest.mark.parametrize(
    ("name", "module", "is_expert", "milli_bits"),
    [
        pytest.param("openai__gpt-oss-120b", "layers.3.mlp.experts.up_proj", True, 4250, id="gpt-oss: experts"),
        pytest.param("openai__gpt-oss-120b", "layers.3.self_attn.q_proj", False, None, id="gpt-oss: attention"),
        pytest.param("moonshotai__Kimi-K2.5", "layers.3.mlp.experts.up_proj", True, 4500, id="regular expression"),
        pytest.param(
            "moonshotai__Kimi-K2.5", "layers.3.self_attn.kv_b_proj", False, None, id="regular expression, out"
        ),
        pytest.param("nvidia__GLM-5.1-NVFP4", "layers.0.mlp.up_proj", False, None, id="prefix with a star"),
        pytest.param("nvidia__GLM-5.1-NVFP4", "layers.10.self_attn.o_proj", False, None, id="prefix with a star, deep"),
        pytest.param("nvidia__GLM-5.1-NVFP4", "layers.10.mlp.experts.up_proj", True, 4500, id="not a prefix"),
        pytest.param(
            "nvidia__Qwen3.6-35B-A3B-NVFP4", "layers.0.mlp.experts.up_proj", True, 4500, id="by module: 4 bits"
        ),
        pytest.param("nvidia__Qwen3.6-35B-A3B-NVFP4", "layers.0.linear_attn.out_proj", False, 8000, id="by module: 8"),
        pytest.param(
            "nvidia__Qwen3.6-35B-A3B-NVFP4", "layers.0.linear_attn.in_proj_b", False, None, id="by module: none"
        ),
        pytest.param("meta-llama__Meta-Llama-3.1-405B-Instruct-FP8", "layers.0.mlp.up_proj", False, None, id="a name"),
        pytest.param("meta-llama__Meta-Llama-3.1-405B-Instruct-FP8", "layers.1.mlp.up_proj", False, 8000, id="another"),
    ],
)
def test_what_a_checkpoint_ignores_is_not_quantized(
    name: str, module: str, is_expert: bool, milli_bits: int | None
) -> None:
    quantization = described(name).quantization
    assert quantization is not None
    assert milli_bits == quantization.milli_bits_of(module, is_expert=is_expert)


def test_awq_ignores_nothing_by_a_star() -> None:
    section = {"quant_method": "awq", "bits": 4, "group_size": 128, "modules_to_not_convert": ["model.*"]}
    found = shape({**document("Qwen__Qwen2.5-7B-Instruct"), "quantization_config": section}).quantization
    assert found is not None
    assert found.milli_bits_of("layers.0.mlp.down_proj", is_expert=False) is not None


@pytest.mark.parametrize(
    ("module", "is_expert", "is_quantized"),
    [
        pytest.param("layers.0.self_attn.o_proj", False, False, id="within a name"),
        pytest.param("layers.0.mlp.experts.gate_up_proj", True, True, id="the router's name is not the experts'"),
        pytest.param("layers.0.mlp.down_proj", False, True, id="another"),
    ],
)
def test_awq_ignores_parts_of_names(module: str, is_expert: bool, is_quantized: bool) -> None:
    section = {"quant_method": "awq", "bits": 4, "group_size": 128, "modules_to_not_convert": ["self_attn", "gate"]}
    found = shape({**document("Qwen__Qwen3-30B-A3B-Instruct-2507"), "quantization_config": section}).quantization
    assert found is not None
    assert is_quantized == (found.milli_bits_of(module, is_expert=is_expert) is not None)


@pytest.mark.parametrize(
    ("name", "names_layers"),
    [
        pytest.param("deepseek-ai__DeepSeek-R1", False, id="nothing ignored"),
        pytest.param("moonshotai__Kimi-K3", False, id="regular expressions"),
        pytest.param("nvidia__GLM-5.1-NVFP4", True, id="prefixes with a star"),
        pytest.param("nvidia__Qwen3.6-35B-A3B-NVFP4", True, id="by module"),
    ],
)
def test_a_checkpoint_may_name_layers_by_number(name: str, names_layers: bool) -> None:
    quantization = described(name).quantization
    assert quantization is not None
    assert names_layers == quantization.names_layers


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        pytest.param("meta-llama__Meta-Llama-3.1-405B", 1, id="all equal"),
        pytest.param("moonshotai__Kimi-K3", 3, id="hybrid"),
        pytest.param("nvidia__NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 3, id="by pattern"),
        pytest.param("nvidia__Llama-3_3-Nemotron-Super-49B-v1", 8, id="pruned"),
    ],
)
def test_equal_layers_are_one_object(name: str, kinds: int) -> None:
    found = described(name)
    contents = {(layer.mixer, layer.feed_forward, layer.tensors) for layer in found.layers}
    assert (kinds, kinds) == (len(contents), len(found.distinct_layers))


def test_what_the_engine_does_not_load_is_named() -> None:
    assert described("deepseek-ai__DeepSeek-R1").left_out == ("1 multi-token-prediction layers",)


@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_config_is_an_error_in_one_sentence(name: str) -> None:
    whole = document(name)
    text = next((whole[key] for key in ("text_config", "language_config") if key in whole), whole)
    for key in [key for key in text if key.startswith(("hidden", "num_", "n_", "vocab", "inter"))]:
        changed = {k: v for k, v in text.items() if k != key}
        attempt(changed if text is whole else {**whole, "text_config": changed})


@pytest.mark.parametrize("junk", [-1, 1.5, "many", True, [], {}, 2**70, [None]], ids=repr)
@pytest.mark.parametrize(
    "name", ["meta-llama__Llama-3.1-8B", "deepseek-ai__DeepSeek-R1", "google__gemma-3-27b-it", "nvidia__GLM-5-NVFP4"]
)
def test_a_senseless_config_is_an_error_in_one_sentence(name: str, junk: object) -> None:
    whole = document(name)
    for key in whole:
        attempt({**whole, key: junk})
    for key in whole.get("text_config", {}):
        attempt({**whole, "text_config": {**whole["text_config"], key: junk}})


def attempt(config: dict[str, Any]) -> None:
    try:
        shape(config)
    except FactsError as error:
        message, is_permanent = error.message, error.is_permanent
    else:
        return
    assert is_permanent
    assert "\n" not in message


def test_a_wrong_number_is_named_with_its_value() -> None:
    with pytest.raises(FactsError, match="hidden_size is -4096"):
        shape({**document("meta-llama__Llama-3.1-8B"), "hidden_size": -4096})


@pytest.mark.parametrize(
    ("config", "kv_heads", "parameters"),
    [
        pytest.param(
            {
                "architectures": ["FalconForCausalLM"],
                "model_type": "falcon",
                "hidden_size": 4544,
                "num_hidden_layers": 32,
                "num_attention_heads": 71,
                "multi_query": True,
                "parallel_attn": True,
                "bias": False,
                "vocab_size": 65024,
            },
            1,
            6_921_720_704,
            id="Falcon 7B",
        ),
        pytest.param(
            {
                "architectures": ["GraniteForCausalLM"],
                "model_type": "granite",
                "hidden_size": 2048,
                "num_hidden_layers": 40,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "intermediate_size": 8192,
                "vocab_size": 49155,
                "tie_word_embeddings": True,
            },
            8,
            2_533_531_648,
            id="Granite 3.1 2B",
        ),
        pytest.param(
            {
                "architectures": ["GPTBigCodeForCausalLM"],
                "model_type": "gpt_bigcode",
                "n_embd": 6144,
                "n_layer": 40,
                "n_head": 48,
                "n_inner": 24576,
                "n_positions": 8192,
                "multi_query": True,
                "vocab_size": 49152,
            },
            1,
            15_517_456_384,
            id="StarCoder",
        ),
        pytest.param(
            {
                "architectures": ["BertModel"],
                "model_type": "bert",
                "hidden_size": 1024,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "intermediate_size": 4096,
                "vocab_size": 30522,
                "max_position_embeddings": 512,
                "type_vocab_size": 2,
            },
            16,
            334_092_288,
            id="BERT large without its pooler",
        ),
    ],
)
def test_families_without_a_config_here_are_right_too(config: dict[str, Any], kv_heads: int, parameters: int) -> None:
    found = shape(config)
    mixer = found.layers[0].mixer
    assert isinstance(mixer, Attention)
    assert (kv_heads, parameters) == (mixer.kv_heads, found.parameters)


# Sizes that the published configs give; the parameters are those that transformers counts.
WHISPER = {
    "architectures": ["WhisperForConditionalGeneration"],
    "model_type": "whisper",
    "is_encoder_decoder": True,
    "d_model": 1280,
    "encoder_layers": 32,
    "encoder_attention_heads": 20,
    "encoder_ffn_dim": 5120,
    "decoder_layers": 32,
    "decoder_attention_heads": 20,
    "decoder_ffn_dim": 5120,
    "num_hidden_layers": 32,
    "vocab_size": 51866,
    "max_source_positions": 1500,
    "max_target_positions": 448,
    "num_mel_bins": 128,
    "torch_dtype": "float16",
}
WHISPER_SMALL = {
    "d_model": 768,
    **dict.fromkeys(("encoder_layers", "decoder_layers", "num_hidden_layers"), 12),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 12),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 3072),
    "vocab_size": 51865,
    "num_mel_bins": 80,
}


@pytest.mark.parametrize(
    ("changed", "parameters"),
    [
        pytest.param({}, 1_543_490_560, id="large-v3"),
        pytest.param({"decoder_layers": 4}, 808_878_080, id="large-v3-turbo"),
        pytest.param(WHISPER_SMALL, 241_734_912, id="small"),
    ],
)
def test_an_encoder_decoder_is_a_tower_and_layers_of_two_kinds(changed: dict[str, Any], parameters: int) -> None:
    config = {**WHISPER, **changed}
    found = shape(config)
    # The engine gives keys a bias that the checkpoint has not.
    key_biases = (config["encoder_layers"] + 2 * config["decoder_layers"]) * config["d_model"]
    assert parameters == found.parameters - key_biases
    count = config["decoder_layers"]
    assert Counter({("Full", None): count, ("Cross", None): count}) == Counter(
        kind(each.mixer) for each in found.layers
    )
    assert {0, 1500} == {mixer.encoder_tokens for mixer in found.attentions}
    assert found.unknown == ()


QWEN2_7B = {
    "model_type": "qwen2",
    "hidden_size": 4096,
    "intermediate_size": 22016,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 151936,
}
LLAMA_3B = {
    "model_type": "llama",
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 30,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 131072,
}


@pytest.mark.parametrize(
    ("config", "parameters", "unknown"),
    [
        pytest.param(
            {"model_type": "qwen2_audio", "audio_config": {"d_model": 1280}, "text_config": QWEN2_7B},
            12_692_062_208,
            (),
            id="Qwen2-Audio",
        ),
        pytest.param(
            {"model_type": "voxtral", "audio_config": {"hidden_size": 1280}, "text_config": LLAMA_3B},
            4_676_271_104,
            ("activations of recordings as long as the context",),
            id="Voxtral",
        ),
        pytest.param(
            {"model_type": "something", "audio_config": {"d_model": 1280}, "text_config": LLAMA_3B},
            4_014_136_320,
            ("weights and activations of the tower in audio_config",),
            id="a family nobody described",
        ),
    ],
)
def test_towers_of_sound_have_their_weights(config: dict[str, Any], parameters: int, unknown: tuple[str, ...]) -> None:
    found = shape({"architectures": ["AnyForConditionalGeneration"], **config})
    assert (parameters, unknown) == (pytest.approx(found.parameters, rel=EXACT), found.unknown)


# Sizes of towers as these models have them, written from memory; parameters likewise, where no oracle counts them.
SIGLIP = {
    "hidden_size": 1152,
    "image_size": 980,
    "intermediate_size": 4304,
    "num_attention_heads": 16,
    "num_hidden_layers": 27,
    "patch_size": 14,
}
INTERN_VIT = {
    "hidden_size": 1024,
    "image_size": 448,
    "intermediate_size": 4096,
    "num_attention_heads": 16,
    "num_hidden_layers": 24,
    "patch_size": 14,
    "qk_normalization": False,
    "qkv_bias": True,
    "norm_type": "layer_norm",
}
INTERN_VIT_6B = {
    **INTERN_VIT,
    "hidden_size": 3200,
    "intermediate_size": 12800,
    "num_attention_heads": 25,
    "num_hidden_layers": 45,
    "qk_normalization": True,
    "qkv_bias": False,
    "norm_type": "rms_norm",
}
QWEN25_7B = {
    "model_type": "qwen2",
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 151674,
}
QWEN25_72B = {
    **QWEN25_7B,
    "hidden_size": 8192,
    "intermediate_size": 29568,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
}
COMMAND_R7B = {
    "model_type": "cohere2",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 256000,
    "sliding_window": 4096,
}
LLAVA = {"model_type": "llava_next", "vision_config": {**INTERN_VIT, "image_size": 336}}


@pytest.mark.parametrize(
    ("config", "billions"),
    [
        pytest.param(
            {**QWEN25_7B, "model_type": "minicpmv", "vocab_size": 151666, "query_num": 64, "vision_config": SIGLIP},
            8.099,
            id="MiniCPM-V 2.6",
        ),
        pytest.param(
            {"model_type": "internvl_chat", "llm_config": QWEN25_7B, "vision_config": INTERN_VIT},
            7.944,
            id="InternVL3 8B",
        ),
        pytest.param(
            {"model_type": "internvl_chat", "llm_config": QWEN25_72B, "vision_config": INTERN_VIT_6B},
            78.408,
            id="InternVL3 78B",
        ),
        pytest.param(
            {
                "model_type": "aya_vision",
                "alignment_intermediate_size": 28672,
                "text_config": COMMAND_R7B,
                "vision_config": {**SIGLIP, "image_size": 364},
            },
            8.632,
            id="Aya Vision 8B",
        ),
        pytest.param(
            {**LLAVA, "text_config": {"model_type": "llama"}},
            7.063,
            id="LLaVA-NeXT 7B",
        ),
    ],
)
def test_towers_of_images_have_their_published_size(config: dict[str, Any], billions: float) -> None:
    found = shape({"architectures": ["Any"], **config})
    assert billions == pytest.approx(found.parameters / 1e9, abs=0.001)


def test_phi_3_vision_names_its_tower_and_gives_no_sizes() -> None:
    # What the published checkpoint holds.
    assert described("microsoft__Phi-3.5-vision-instruct").parameters == pytest.approx(4_146_621_440, rel=EXACT)


@pytest.mark.parametrize(
    ("section", "parameters"),
    [
        pytest.param(
            {"hidden_size": 1024, "num_hidden_layers": 12, "num_attention_heads": 8, "output_proj_dims": 1536},
            304_824_608 + 1536 * 3072,
            id="Gemma 4",
        ),
        pytest.param(
            {"hidden_size": 1536, "conf_num_hidden_layers": 12, "conf_num_attention_heads": 8, "vocab_size": 128},
            681_348_640 + 1536 * 3072 + 130 * 1536,
            id="Gemma 3n",
        ),
    ],
)
def test_gemmas_hear_with_a_conformer(section: dict[str, Any], parameters: int) -> None:
    model_type = "gemma4" if "output_proj_dims" in section else "gemma3n"
    config = {"architectures": ["Any"], "model_type": model_type, "audio_config": section, "text_config": LLAMA_3B}
    (tower,) = shape(config).towers
    assert parameters == sum(tensor.elements for tensor in tower.tensors)
