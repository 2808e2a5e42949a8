"""How families differ where their configs do not say so: one row each, by `model_type`.

A family without a row is read as a Llama: gated feed-forward, two norms with a weight, no biases unless the config
asks. `PLAIN` names those for which that was shown to be right; of any other the shape says that it was assumed. The
rows come from the model files of vLLM 0.29 and transformers 5.23; parameter counts are checked against the latter.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Family:
    """Defaults of a family. A bias is `True`, `False`, or the name of the switch in the config."""

    qkv_bias: bool | str = "attention_bias"
    output_bias: bool | str = "attention_bias"
    mlp_bias: bool | str = "mlp_bias"
    norm_bias: bool = False
    norms: int = 2
    """Norms of a layer, without those of queries and keys."""
    qk_norm: str = ""
    """`head`: one weight per dimension of a head; `full`: per dimension of all heads; `heads`: the same, one for each
    head; a leading `?` needs the config's switch (`use_qk_norm`, `qk_layernorm`)."""
    is_gated: bool = True
    has_final_norm: bool = True
    head_bias: bool = False
    is_tied: bool = False
    """Where the config does not say."""
    is_encoder: bool = False
    window_period: int = 0
    """Every so many layers one has full attention, the others a sliding window; 0: the config tells."""
    router_bias: bool = False
    router_is_float32: bool = False
    """Whatever the model's type: the engine makes it so, or the checkpoint's is."""
    score_bias: bool = False
    """A correction added to the router's scores."""
    positions: str = ""
    """The config's name for the size of a table of learnt positions."""
    position_offset: int = 0


_LLAMA = Family()
_QWEN2 = Family(qkv_bias=True, output_bias=False)
_QWEN3 = Family(qk_norm="head")
_DEEPSEEK = Family(score_bias=True)
_PRECISE = Family(score_bias=True, router_is_float32=True)
_GEMMA2 = Family(norms=4, is_tied=True)
_BIASED = Family(qkv_bias=True, output_bias=True, mlp_bias=True, norm_bias=True, is_gated=False)
_COHERE = Family(norms=1, is_tied=True, qk_norm="?heads")
_BERT = replace(_BIASED, is_encoder=True, is_tied=True, has_final_norm=False, positions="max_position_embeddings")
_GLM4_MOE = replace(_PRECISE, output_bias=False, qk_norm="?head")
_STARCODER = replace(_BIASED, qkv_bias="use_bias", output_bias="use_bias", mlp_bias="use_bias", is_tied=True)

FAMILIES = {
    "afmoe": replace(_PRECISE, norms=4, qk_norm="head"),
    "apertus": Family(is_gated=False, qk_norm="head"),
    "arcee": Family(is_gated=False),
    "baichuan": Family(qkv_bias=False),
    "bert": _BERT,
    "bloom": replace(_BIASED, is_tied=True),
    "chatglm": Family(qkv_bias="add_qkv_bias", output_bias="add_bias_linear", mlp_bias="add_bias_linear"),
    "cohere": _COHERE,
    "cohere2": replace(_COHERE, window_period=4),
    "deepseek_v2": Family(),
    "deepseek_v3": _DEEPSEEK,
    "deepseek_v32": _DEEPSEEK,
    "dots1": replace(_DEEPSEEK, qk_norm="head"),
    "ernie4_5": Family(qkv_bias="use_bias", output_bias="use_bias", mlp_bias="use_bias"),
    "ernie4_5_moe": replace(_PRECISE, qkv_bias="use_bias", output_bias="use_bias", mlp_bias="use_bias"),
    "exaone4": Family(qk_norm="head"),
    "falcon": Family(
        qkv_bias="bias", output_bias="bias", mlp_bias="bias", norm_bias=True, norms=1, is_gated=False, is_tied=True
    ),
    "gemma": Family(is_tied=True),
    "gemma2": replace(_GEMMA2, window_period=2),
    "gemma3": replace(_GEMMA2, qk_norm="head", window_period=6),
    "gemma3_text": replace(_GEMMA2, qk_norm="head", window_period=6),
    "gemma3n_text": replace(_GEMMA2, qk_norm="head", window_period=5),
    "gemma4_text": replace(_GEMMA2, qk_norm="head", window_period=6),
    "glm": Family(output_bias=False),
    "glm4": Family(norms=4, output_bias=False),
    "glm4_moe": _GLM4_MOE,
    "glm4_moe_lite": _PRECISE,
    "glm4v_text": Family(norms=4, output_bias=False),
    "glm4v_moe_text": _GLM4_MOE,
    "glm_moe_dsa": _DEEPSEEK,
    "gpt2": replace(_BIASED, is_tied=True, positions="n_positions"),
    "gpt_bigcode": replace(_BIASED, is_tied=True, positions="n_positions"),
    "gpt_neox": replace(_BIASED, qkv_bias=True, output_bias=True),
    "gpt_oss": Family(router_bias=True, mlp_bias=True),
    "gptj": replace(_BIASED, qkv_bias=False, output_bias=False, norms=1, head_bias=True),
    "granitemoehybrid": Family(),
    "hunyuan_v1_dense": Family(qk_norm="?head"),
    "hunyuan_v1_moe": Family(qk_norm="?head"),
    "hy_v4": _PRECISE,
    "internlm": Family(qkv_bias="bias", output_bias="bias"),
    "internlm2": Family(qkv_bias="bias", output_bias="bias"),
    "internlm3": Family(qkv_bias="qkv_bias", output_bias="bias", mlp_bias="bias"),
    "jais2": Family(norm_bias=True),
    "kimi_k2": _DEEPSEEK,
    "kimi_linear": _DEEPSEEK,
    "laguna": Family(qk_norm="head", score_bias=True),
    "longcat_flash": _DEEPSEEK,
    "mimo": replace(_QWEN2, qkv_bias="attention_bias"),
    "mimo_v2_flash": _PRECISE,
    "minicpm": Family(is_tied=True),
    "minicpm3": Family(is_tied=True),
    "minimax_m2": replace(_PRECISE, qk_norm="full"),
    "minimax_m3": replace(_PRECISE, qk_norm="head"),
    "mpt": Family(qkv_bias=False, output_bias=False, mlp_bias=False, is_gated=False, is_tied=True, positions=""),
    # Gate and up projection are one matrix, and no norm has a bias.
    "modernbert": Family(is_encoder=True, is_tied=True),
    "muse_glimmer_text": Family(norms=4),
    "nemotron": Family(norm_bias=True, is_gated=False),
    "nemotron_h": Family(norms=1, is_gated=False, score_bias=True),
    # Alibaba's GTE: BERT with rotations and a gate.
    "new": Family(qkv_bias=True, output_bias=True, norm_bias=True, is_encoder=True, is_tied=True, has_final_norm=False),
    "nomic_bert": Family(norm_bias=True, is_encoder=True, is_tied=True, has_final_norm=False),
    "olmo": Family(norms=0, has_final_norm=False),
    "olmo2": Family(qk_norm="full"),
    "olmo3": Family(qk_norm="full"),
    "olmoe": Family(qk_norm="full"),
    "opt": replace(_BIASED, is_tied=True, positions="max_position_embeddings", position_offset=2),
    "persimmon": replace(_BIASED, qk_norm="head"),
    "phi": replace(_BIASED, norms=1, head_bias=True),
    "phi-msft": replace(_BIASED, norms=1, head_bias=True),
    "phimoe": Family(norm_bias=True, head_bias=True),
    "qwen": replace(_QWEN2, mlp_bias=False),
    "qwen2": _QWEN2,
    "qwen2_5_omni_text": _QWEN2,
    "qwen2_5_vl": _QWEN2,
    "qwen2_5_vl_text": _QWEN2,
    "qwen2_moe": _QWEN2,
    "qwen2_vl": _QWEN2,
    "qwen2_vl_text": _QWEN2,
    "qwen3": _QWEN3,
    "qwen3_5_moe_text": _QWEN3,
    "qwen3_5_text": _QWEN3,
    "qwen3_moe": _QWEN3,
    "qwen3_next": _QWEN3,
    "qwen3_omni_moe_text": _QWEN3,
    "qwen3_vl_moe_text": _QWEN3,
    "qwen3_vl_text": _QWEN3,
    "roberta": _BERT,
    "seed_oss": Family(output_bias="attention_out_bias"),
    "smollm3": Family(is_tied=True),
    "stablelm": Family(qkv_bias="use_qkv_bias", output_bias=False, norm_bias=True, qk_norm="?heads"),
    "starcoder2": _STARCODER,
    "step3p7": Family(qk_norm="head", score_bias=True),
    "whisper": replace(_BIASED, is_tied=True, positions="max_target_positions"),
    "xlm-roberta": _BERT,
}

# Without a row, and counted all the same: by transformers (tests/oracles), or as published (tests/facts).
PLAIN = frozenset({
    "axk1", "cohere2_moe", "cwm", "dbrx", "deepseek", "deepseek_ref", "deepseek_v4", "exaone", "exaone_moe",
    "falcon_h1", "falcon_mamba", "flex_olmo", "granite", "granite_swa", "granitemoe", "granitemoe_swa",
    "granitemoeshared", "gte", "hy_v3", "hyperclovax", "iquestcoder", "jamba", "lfm2", "lfm2_moe", "llama",
    "llama4_text", "mamba", "mamba2", "mellum", "minimax_m3_vl_text", "ministral3", "mistral", "mixtral",
    "mllama_text_model", "nemotron-nas", "olmo_hybrid", "phi3", "phi3_v", "vaultgemma", "xverse",
})  # fmt: skip

# What a family's class in transformers says where the config is silent; only what published configs leave out.
_LLAMA_SIZES = {
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32000,
}
DEFAULTS: dict[str, dict[str, int]] = {
    "llama": _LLAMA_SIZES,
    "mistral": {**_LLAMA_SIZES, "intermediate_size": 14336, "num_key_value_heads": 8},
    "gemma": {"head_dim": 256},
    "gemma2": {"head_dim": 256, "sliding_window": 4096},
    "gemma4_text": {"global_head_dim": 512},
    "gemma3_text": {
        "hidden_size": 2304,
        "intermediate_size": 9216,
        "num_hidden_layers": 26,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "vocab_size": 262208,
        "sliding_window": 4096,
        "max_position_embeddings": 131072,
    },
}


# A squared ReLU is its own gate: no model has one beside it.
_UNGATED = ("relu2",)


def is_known(model_type: str) -> bool:
    """Whether this package was shown to read the family right."""
    return model_type in FAMILIES or model_type in PLAIN


def family(model_type: str, activation: str = "") -> Family:
    """The row of a model type, a Llama's where there is none; `activation` may know better (`hidden_act`)."""
    row = FAMILIES.get(model_type, _LLAMA)
    return replace(row, is_gated=False) if activation in _UNGATED else row
