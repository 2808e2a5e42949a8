"""Which kind each layer is, and the layer put together: mixer, feed-forward, norms."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from tonnage.facts.errors import unusable
from tonnage.facts.shape.attention import attention, cross_attention
from tonnage.facts.shape.description import Attention, AttentionKind, FeedForward, Layer, Split, State, Tensor
from tonnage.facts.shape.feed_forward import dense, feed_forward
from tonnage.facts.shape.fields import Fields, senseless
from tonnage.facts.shape.parts import Model, Projection, norm, projections
from tonnage.facts.shape.state import gated_delta, kimi_delta, lightning, mamba1, mamba2, short_convolution

_MIXERS = {
    "linear_attention": gated_delta,
    "mamba": mamba2,
    "mamba1": mamba1,
    "lightning": lightning,
    "conv": short_convolution,
}
# The letters of Nemotron-H's pattern: each of its layers is a mixer or a feed-forward part, never both.
_PATTERN_MIXERS = {"M": "mamba", "*": "attention"}
_PATTERN_FEED_FORWARD = "-E"
_PATTERN_LETTERS = {
    "mamba": "M",
    "linear_attention": "M",
    "attention": "*",
    "full_attention": "*",
    "mlp": "-",
    "moe": "E",
}
_NAS_MULTIPLE = 256
# Families for whose layers transformers has one word.
_LINEAR_KINDS = {"granitemoehybrid": "mamba", "bamba": "mamba", "zamba2": "mamba", "minimax": "lightning"}
_MAMBA1_TYPES = ("jamba", "mamba", "falcon_mamba")


def layers(model: Model) -> tuple[Layer, ...]:
    """All layers, in order; equal ones are one object. Raises FactsError."""
    kinds: dict[object, Layer] = {}
    return tuple(
        kinds.setdefault((layer.mixer, layer.feed_forward, layer.tensors), layer) for layer in _all_layers(model)
    )


def _all_layers(model: Model) -> Iterator[Layer]:
    pattern = layer_pattern(model.fields)
    if pattern:
        return (_pattern_layer(model, letter, index) for index, letter in enumerate(pattern))
    blocks = model.fields.items("block_configs")
    if blocks:
        wrong = next((block for block in blocks if not isinstance(block, Mapping)), None)
        if wrong is not None:
            raise senseless("block_configs", wrong)
        return (_block_layer(model, block) for block in blocks)
    pair = _PAIRS.get(model.model_type)
    if pair is not None:
        return chain.from_iterable(pair(model, index) for index in range(model.layers))
    return (_layer(model, kind, index) for index, kind in enumerate(_kinds(model)))


def layer_pattern(fields: Fields) -> str:
    """Nemotron-H's pattern, also where it is spelled out as a list of words; empty for other families."""
    words = fields.items("layers_block_type") or []
    if fields.text("model_type") == "nemotron_h" and words:
        return "".join(_PATTERN_LETTERS.get(str(word), "?") for word in words)
    return fields.text("hybrid_override_pattern")


def _kinds(model: Model) -> Iterator[str]:
    """The mixer of each layer, by the names of `_MIXERS`; everything else is attention."""
    fields = model.fields
    given = fields.items("layer_types") or fields.items("layers_block_type") or fields.items("attn_type_list") or []
    period = fields.number("full_attention_interval", "attn_layer_period")
    offset = fields.number("attn_layer_offset") or 0
    kda = fields.part("linear_attn_config")
    kda_layers = Fields(kda or {}).items("kda_layers") or []
    indices = fields.items("attn_layer_indices")
    for index in range(model.layers):
        if index < len(given) and not isinstance(given[index], int):
            yield str(given[index])
        elif index < len(given) and model.model_type in ("minimax", "minimax_text_01"):
            yield "attention" if given[index] else "lightning"
        elif kda is not None:
            # Counted from 1.
            yield "kimi_delta" if index + 1 in kda_layers else "attention"
        elif indices is not None:
            yield "attention" if index in indices else "mamba"
        elif fields.number("full_attention_interval"):
            yield "attention" if (index + 1) % (period or 1) == 0 else "linear_attention"
        elif fields.number("attn_layer_period"):
            yield "attention" if index % (period or 1) == offset else "mamba"
        else:
            yield "mamba" if model.model_type in ("mamba", "mamba2", "falcon_mamba", "bamba") else "attention"


def _layer(model: Model, kind: str, index: int) -> Layer:
    mixer, mixer_tensors = _mixer(model, kind, index)
    if model.model_type in ("mamba", "mamba2", "falcon_mamba"):
        return Layer(mixer, None, (*mixer_tensors, norm("norm", model.hidden_size)))
    part, part_tensors = feed_forward(model, index)
    return Layer(mixer, part, (*mixer_tensors, *part_tensors, *_norms(model), *_input_tensors(model)))


def _decoder_layers(model: Model, index: int) -> tuple[Layer, Layer]:
    """One layer of an encoder-decoder: over its own tokens, then over the encoder's."""
    own, own_tensors = attention(model, index)
    cross, cross_tensors = cross_attention(model)
    part, part_tensors = feed_forward(model, index)
    one = norm("norms", model.hidden_size, has_bias=model.family.norm_bias)
    return Layer(own, None, (*own_tensors, one)), Layer(cross, part, (*cross_tensors, *part_tensors, one, one))


def _parallel_layers(model: Model, index: int) -> tuple[Layer, Layer]:
    """One layer of Falcon-H1: Mamba beside attention, then one feed-forward part."""
    state, state_tensors = mamba2(model)
    return Layer(state, None, state_tensors), _layer(model, "attention", index)


def _shortcut_layers(model: Model, index: int) -> tuple[Layer, Layer]:
    """One layer of LongCat: attention and a dense part, twice, with the experts beside the first dense part."""
    mixer, mixer_tensors = attention(model, index)
    wide, wide_tensors = dense(model, model.fields.required("width of the dense parts", "ffn_hidden_size"))
    part, part_tensors = feed_forward(model, index)
    both = (*mixer_tensors, *wide_tensors, *_norms(model))
    return Layer(mixer, part, (*both, *part_tensors)), Layer(mixer, wide, both)


# Families whose layers keep two caches, or a cache and a state: each is two layers here.
_PAIRS = {"falcon_h1": _parallel_layers, "longcat_flash": _shortcut_layers, "whisper": _decoder_layers}


def _input_tensors(model: Model) -> tuple[Tensor, ...]:
    """What a layer of Gemma 3n and 4 makes of its own embedding; every rank holds all of it."""
    width = model.fields.number("hidden_size_per_layer_input")
    if not width:
        return ()
    return (
        *projections(
            Projection("per_layer_input_gate", model.hidden_size, width, Split.WHOLE),
            Projection("per_layer_projection", width, model.hidden_size, Split.WHOLE),
        ),
        norm("post_per_layer_input_norm", model.hidden_size),
    )


def _mixer(model: Model, kind: str, index: int) -> tuple[Attention | State, tuple[Tensor, ...]]:
    if kind == "kimi_delta":
        return kimi_delta(model, model.fields.part("linear_attn_config") or {})
    if kind == "mamba" and model.model_type in _MAMBA1_TYPES:
        kind = "mamba1"
    kda = model.fields.part("linear_attn_config")
    if kind == "linear_attention" and kda is not None:
        return kimi_delta(model, kda)
    if kind == "linear_attention":
        kind = _LINEAR_KINDS.get(model.model_type, kind)
    build = _MIXERS.get(kind)
    return build(model) if build else attention(model, index)


def _norms(model: Model) -> tuple[Tensor, ...]:
    count = model.family.norms
    # Falcon's newer decoder has a norm for each of its two parallel parts.
    if model.model_type == "falcon" and model.fields.is_set("new_decoder_architecture"):
        count = model.fields.number("num_ln_in_parallel_attn") or 2
    if model.model_type == "stablelm" and model.fields.is_set("use_parallel_residual"):
        count = 1
    return (norm("norms", count * model.hidden_size, has_bias=model.family.norm_bias),) if count else ()


def _pattern_layer(model: Model, letter: str, index: int) -> Layer:
    norms = _norms(model)
    if letter in _PATTERN_MIXERS:
        mixer, tensors = _mixer(model, _PATTERN_MIXERS[letter], index)
        return Layer(mixer, None, (*tensors, *norms))
    if letter not in _PATTERN_FEED_FORWARD:
        raise unusable(f"the config.json makes no sense: {letter!r} in hybrid_override_pattern is no kind of layer")
    width = model.fields.required("width of the feed-forward layers", "intermediate_size")
    part, tensors = dense(model, width) if letter == "-" else feed_forward(model, index)
    return Layer(None, part, (*tensors, *norms))


def _block_layer(model: Model, block: Mapping[str, Any]) -> Layer:
    """One layer of a pruned Llama (Nemotron NAS): either part may be missing."""
    how, width_how = Fields(block).part("attention") or {}, Fields(block).part("ffn") or {}
    mixer: Attention | None = None
    part: FeedForward | None = None
    tensors: tuple[Tensor, ...] = ()
    if not how.get("no_op") and not how.get("replace_with_linear"):
        group = Fields(how).number("n_heads_in_group") or 1
        head_dim = model.head_dim
        mixer = Attention(AttentionKind.FULL, model.heads, model.heads // group, head_dim, head_dim)
        fields = Fields({**model.fields.section, "num_key_value_heads": model.heads // group})
        tensors += attention(replace(model, fields=fields), 0)[1]
        tensors += (norm("input_layernorm", model.hidden_size),)
    if not width_how.get("no_op") and not width_how.get("replace_with_linear"):
        exact = int(2 * (Fields(width_how).real("ffn_mult") or 1) * model.hidden_size / 3)
        part, dense_tensors = dense(model, -(-exact // _NAS_MULTIPLE) * _NAS_MULTIPLE)
        tensors += (*dense_tensors, norm("post_attention_layernorm", model.hidden_size))
    return Layer(mixer, part, tensors)
