"""Layers of attention: what they keep of each token, and their tensors.

A reader would get wrong that a window in the config is not always used: Qwen2 has one and a switch that is off, Phi-3's
is longer than its context, and families with both kinds of layers say which is which in four ways.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from tonnage.facts.config import HEAD_DIM, KV_HEADS
from tonnage.facts.shape.description import Attention, AttentionKind, Split, Tensor
from tonnage.facts.shape.fields import Fields
from tonnage.facts.shape.parts import Model, Projection, norm, projections

_WINDOW_WORDS = ("sliding", "local")
# Families whose attention's output passes a gate of its own width.
_GATED_OUTPUTS = ("afmoe", "hrm_text", "muse_glimmer_text")


def attention(model: Model, index: int) -> tuple[Attention, tuple[Tensor, ...]]:
    """The attention of one layer, of whatever kind."""
    fields = model.fields
    if model.model_type in ("deepseek_v4", "deepseek_ref"):
        return _compressed(model)
    if fields.number("kv_lora_rank") is not None:
        return _latent(model, has_indexer=_has_indexer(model.fields, index))
    cross = fields.items("cross_attention_layers")
    if cross and index in cross:
        return _cross(model)
    return _multi_head(model, index)


def _multi_head(model: Model, index: int) -> tuple[Attention, tuple[Tensor, ...]]:
    kind, window = _window(model, index)
    heads, kv_heads, key_dim, value_dim = _dimensions(model, index, kind)
    shares = index >= first_sharing_layer(model)
    described = Attention(kind, heads, kv_heads, key_dim, value_dim, window, shares_cache=shares)
    return described, _tensors(model, described)


def first_sharing_layer(model: Model) -> int:
    """From which on layers read the cache of an earlier one (Gemma 3n, the small Gemma 4)."""
    return model.layers - (model.fields.number("num_kv_shared_layers") or 0)


def _dimensions(model: Model, index: int, kind: AttentionKind) -> tuple[int, int, int, int]:
    """Heads, key-value heads, and the dimensions of a key and a value."""
    fields = model.fields
    heads = _per_layer(fields.items("num_attention_heads_per_layer"), index) or model.heads
    kv_heads = _per_layer(fields.items("num_key_value_heads"), index) or _kv_heads(model)
    head_dim = fields.number(*HEAD_DIM) or model.head_dim
    value_dim = head_dim
    if model.model_type.startswith("mimo_v2"):
        prefix = "swa_" if kind is AttentionKind.SLIDING else ""
        heads = fields.number(f"{prefix}num_attention_heads") or heads
        kv_heads = fields.number(f"{prefix}num_key_value_heads") or kv_heads
        head_dim = fields.number(f"{prefix}head_dim") or head_dim
        value_dim = fields.number(f"{prefix}v_head_dim") or head_dim
    if model.model_type.startswith("gemma4") and kind is AttentionKind.FULL:
        head_dim = fields.number("global_head_dim") or head_dim
        value_dim = head_dim
        kv_heads = fields.number("num_global_key_value_heads") or kv_heads
    return heads, kv_heads, head_dim, value_dim


def _per_layer(values: Sequence[object] | None, index: int) -> int | None:
    value = values[index] if values and index < len(values) else None
    return value if isinstance(value, int) and value > 0 else None


def _kv_heads(model: Model) -> int:
    # Falcon and GPTBigCode say it with a switch, whatever number is beside it; Falcon's newer decoder ignores it.
    fields = model.fields
    is_multi_query = fields.is_set("multi_query", default=model.model_type in ("falcon", "gpt_bigcode"))
    if is_multi_query and not fields.is_set("new_decoder_architecture"):
        return 1
    return fields.number(*KV_HEADS) or model.heads


def _window(model: Model, index: int) -> tuple[AttentionKind, int | None]:
    """The kind of a layer, and its window in tokens."""
    if model.family.is_encoder:
        return AttentionKind.ENCODER, None
    fields = model.fields
    chunk = fields.number("attention_chunk_size")
    if chunk and model.model_type.startswith("llama4"):
        # Every fourth layer has no rotation and sees everything; an empty list means just that.
        local = fields.items("no_rope_layers")
        is_local = bool(local[index]) if local and index < len(local) else (index + 1) % 4 != 0
        return (AttentionKind.CHUNKED, chunk) if is_local else (AttentionKind.FULL, None)
    window = fields.number("sliding_window", "sliding_window_size", "window_size")
    if window is None or not fields.is_set("use_sliding_window", default=True):
        return AttentionKind.FULL, None
    return (AttentionKind.SLIDING, window) if _is_windowed(model, index) else (AttentionKind.FULL, None)


def _is_windowed(model: Model, index: int) -> bool:
    fields = model.fields
    kinds = fields.items("layer_types") or fields.items("attn_types")
    if kinds and index < len(kinds):
        return any(word in str(kinds[index]) for word in _WINDOW_WORDS)
    pattern = fields.items("hybrid_layer_pattern")
    if pattern and index < len(pattern):
        return bool(pattern[index])
    period = fields.number("sliding_window_pattern", "_sliding_window_pattern") or model.family.window_period
    if period == 2:  # noqa: PLR2004
        # Gemma 2 begins with a window, the others end their period with the full layer.
        return index % 2 == 0
    return (index + 1) % period != 0 if period else True


@lru_cache(maxsize=8)
def _tensors(model: Model, described: Attention) -> tuple[Tensor, ...]:
    fields, family, hidden = model.fields, model.family, model.hidden_size
    heads, kv_heads = described.heads, described.kv_heads
    query, key, value = heads * described.key_dim, kv_heads * described.key_dim, kv_heads * described.value_dim
    output = heads * described.value_dim
    has_bias = _has_bias(model, family.qkv_bias)
    # Qwen3-Next's queries come with a gate of the same size.
    gate = 2 if _is_query_gated(model) else 1
    # Gemma 4's full layers use their keys as values.
    shares_key = fields.is_set("attention_k_eq_v") and described.kind is AttentionKind.FULL
    found = [
        Projection("self_attn.q_proj", hidden, gate * query, has_bias=has_bias, storage="qkv"),
        Projection("self_attn.k_proj", hidden, key, Split.KV_HEADS, has_bias, "qkv", kv_heads),
    ]
    if not shares_key:
        found.append(Projection("self_attn.v_proj", hidden, value, Split.KV_HEADS, has_bias, "qkv", kv_heads))
    has_output_bias = _has_bias(model, family.output_bias)
    found.append(Projection("self_attn.o_proj", output, hidden, has_bias=has_output_bias, is_by_inputs=True))
    return (*projections(*found), *_extra_tensors(model, described, query, key))


def _extra_tensors(model: Model, described: Attention, query: int, key: int) -> tuple[Tensor, ...]:
    """Norms of queries and keys, sinks, gates."""
    fields, heads = model.fields, described.heads
    found = []
    kind = model.family.qk_norm
    if kind.startswith("?"):
        kind = kind[1:] if fields.is_set("use_qk_norm") or fields.is_set("qk_layernorm") else ""
    if kind == "head":
        found.append(norm("self_attn.qk_norm", 2 * described.key_dim))
    elif kind:
        found.append(norm("self_attn.qk_norm", query + key))
    if model.model_type == "gpt_oss" or (
        described.kind is AttentionKind.SLIDING and fields.is_set("add_swa_attention_sink_bias")
    ):
        found.append(Tensor("self_attn.sinks", heads, Split.SHARDED))
    if model.model_type == "laguna" and fields.section.get("gating"):
        found.extend(Projection("self_attn.g_proj", model.hidden_size, heads).tensors)
    if model.model_type in _GATED_OUTPUTS:
        found.extend(Projection("self_attn.gate_proj", model.hidden_size, query).tensors)
    return tuple(found)


def _has_bias(model: Model, bias: bool | str) -> bool:
    if isinstance(bias, str) and model.bias_is_default:
        return model.fields.is_set(bias, default=True)
    return model.has_bias(bias)


def _is_query_gated(model: Model) -> bool:
    return model.fields.is_set("attn_output_gate", default=model.model_type.startswith(("qwen3_next", "qwen3_5")))


def _has_indexer(fields: Fields, index: int) -> bool:
    """Whether a layer of sparse attention chooses its tokens itself, or takes those of the layer before.

    As vLLM's models/deepseek_v32/attention.py and models/hy_v4/nvidia/attention.py.
    """
    if not fields.number("index_head_dim"):
        return False
    kinds = fields.items("indexer_types") or []
    if index < len(kinds):
        return str(kinds[index]) != "shared"
    pattern = fields.text("index_topk_pattern")
    if pattern:
        return pattern[index : index + 1] != "S"
    first, period = fields.number("index_skip_topk_offset") or 2, fields.number("index_topk_freq") or 1
    return max(index - first + 1, 0) % period == 0


@lru_cache(maxsize=8)
def _latent(model: Model, *, has_indexer: bool) -> tuple[Attention, tuple[Tensor, ...]]:
    """DeepSeek's: queries and keys through narrow projections, which every rank holds whole."""
    fields, hidden, heads = model.fields, model.hidden_size, model.heads
    rank = fields.required("rank of latent attention", "kv_lora_rank")
    rope = fields.number("qk_rope_head_dim") or 0
    nope = fields.required("dimension of a head without rotation", "qk_nope_head_dim")
    value = fields.required("dimension of a value", "v_head_dim") if "v_head_dim" in fields.section else nope
    index_dim = fields.number("index_head_dim") or 0
    found: list[Tensor] = []
    query_rank = fields.number("q_lora_rank")
    if query_rank:
        found += projections(
            Projection("self_attn.q_a_proj", hidden, query_rank, Split.WHOLE, storage="qkv_a"),
            Projection("self_attn.q_b_proj", query_rank, heads * (nope + rope)),
        )
        found.append(norm("self_attn.q_a_layernorm", query_rank))
    else:
        found += projections(Projection("self_attn.q_proj", hidden, heads * (nope + rope)))
    found += projections(
        Projection("self_attn.kv_a_proj_with_mqa", hidden, rank + rope, Split.WHOLE, storage="qkv_a"),
        Projection("self_attn.kv_b_proj", rank, heads * (nope + value)),
        Projection("self_attn.o_proj", heads * value, hidden),
    )
    found.append(norm("self_attn.kv_a_layernorm", rank))
    if has_indexer:
        found += _indexer(model, query_rank or hidden, index_dim)
    if fields.is_set("mla_use_output_gate", default=model.model_type == "hy_v4"):
        found += projections(Projection("self_attn.g_proj", hidden, heads * value))
    described = Attention(
        AttentionKind.LATENT,
        heads,
        1,
        rank + rope,
        0,
        prefill_dim=nope + value,
        query_inputs=query_rank or hidden,
        nope_dim=nope,
        is_sparse=index_dim > 0,
        indexer_dim=index_dim if has_indexer else 0,
    )
    return described, tuple(found)


def _indexer(model: Model, query_inputs: int, dimension: int) -> tuple[Tensor, ...]:
    """What chooses the tokens of sparse attention; every rank holds all of it."""
    heads = model.fields.required("heads of the indexer", "index_n_heads")
    return (
        *projections(
            Projection("self_attn.indexer.wq_b", query_inputs, heads * dimension, Split.WHOLE),
            Projection("self_attn.indexer.wk", model.hidden_size, dimension, Split.WHOLE),
            Projection("self_attn.indexer.weights_proj", model.hidden_size, heads, Split.WHOLE),
        ),
        norm("self_attn.indexer.k_norm", dimension, has_bias=True),
    )


def _cross(model: Model) -> tuple[Attention, tuple[Tensor, ...]]:
    """Over the output of a vision tower (Llama 3.2): keys and values of its tokens, with gates."""
    _, kv_heads, head_dim, _ = _dimensions(model, 0, AttentionKind.CROSS)
    described = Attention(AttentionKind.CROSS, model.heads, kv_heads, head_dim, head_dim)
    gates = (Tensor("cross_attn.gates", 2), norm("cross_attn.qk_norm", 2 * head_dim))
    return described, (*_tensors(model, described), *gates)


def cross_attention(model: Model) -> tuple[Attention, tuple[Tensor, ...]]:
    """Of an encoder-decoder: over as many tokens as its encoder always gives."""
    own, tensors = _multi_head(model, 0)
    tokens = model.fields.required("tokens of the encoder", "max_source_positions")
    renamed = (
        replace(tensor, name=tensor.name.replace("self_attn", "encoder_attn"), storage=_cross_storage(tensor))
        for tensor in tensors
    )
    return replace(own, kind=AttentionKind.CROSS, window=None, encoder_tokens=tokens), tuple(renamed)


def _cross_storage(tensor: Tensor) -> str:
    """Keys and values come from elsewhere than queries, so only they are fused."""
    return "kv" if tensor.storage and ".q_proj" not in tensor.name else ""


def _compressed(model: Model) -> tuple[Attention, tuple[Tensor, ...]]:
    """DeepSeek V4's: one key for all heads, a window, and compressed history whose layout is not described here."""
    fields, hidden, heads = model.fields, model.hidden_size, model.heads
    head_dim = fields.required("dimension of a head", "head_dim")
    query_rank = fields.required("rank of the queries", "q_lora_rank")
    groups = fields.number("o_groups") or 1
    output_rank = fields.number("o_lora_rank") or head_dim
    found = projections(
        Projection("self_attn.q_a_proj", hidden, query_rank, Split.WHOLE, storage="qkv_a"),
        Projection("self_attn.kv_proj", hidden, head_dim, Split.WHOLE, storage="qkv_a"),
        Projection("self_attn.q_b_proj", query_rank, heads * head_dim),
        Projection("self_attn.o_a_proj", heads * head_dim // groups, groups * output_rank),
        Projection("self_attn.o_b_proj", groups * output_rank, hidden),
    )
    norms = (norm("self_attn.norms", query_rank + head_dim), Tensor("self_attn.sinks", heads, Split.SHARDED))
    described = Attention(AttentionKind.LATENT, heads, 1, head_dim, 0, prefill_dim=0)
    return described, (*found, *norms)
