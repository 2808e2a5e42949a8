"""A config.json -> what the model computes and keeps: `shape(config)`.

Reading order: `description` (the result), `fields` (how a config is asked), `families` (how families differ), `parts`,
`attention`, `state`, `feed_forward`, `layers`, `encoder`, `projectors`, `conformer`, `sounds`, `towers`, `bits`,
`quantization`; this module puts them together. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tonnage.contract.serve_document import Task
from tonnage.facts import config as names
from tonnage.facts.architectures import task
from tonnage.facts.errors import shown, unusable
from tonnage.facts.left_out import PREDICTION_LAYERS
from tonnage.facts.shape.description import (
    Attention,
    AttentionKind,
    FeedForward,
    Layer,
    Role,
    Shape,
    Split,
    State,
    StatePart,
    Tensor,
    Tower,
)
from tonnage.facts.shape.families import DEFAULTS, family, is_known
from tonnage.facts.shape.feed_forward import uneven
from tonnage.facts.shape.fields import MOST_LAYERS, Fields, senseless
from tonnage.facts.shape.layers import layer_pattern, layers
from tonnage.facts.shape.parts import Model, Projection, norm, projections
from tonnage.facts.shape.quantization import Quantization, first_section, quantization, requested
from tonnage.facts.shape.rotary import rotary_elements
from tonnage.facts.shape.towers import towers

__all__ = [
    "WHOLE_TEXT_POOLING",
    "Attention",
    "AttentionKind",
    "FeedForward",
    "Layer",
    "Quantization",
    "Role",
    "Shape",
    "Split",
    "State",
    "StatePart",
    "Tensor",
    "Tower",
    "pooled",
    "requested",
    "shape",
]

# Its bytes are still a number of the contract's (2**53) in 64 bits; the largest model there is has 2.4e12.
_MOST_PARAMETERS = 2**50
_LONGEST_DTYPE = 32
_HEAD = "lm_head"
# Kinds of pooling that need the vectors of all tokens at once, or the first one's.
WHOLE_TEXT_POOLING = ("CLS", "MEAN")
_POOLING_WORDS = ("ForSequenceClassification", "ForTokenClassification", "RewardModel")
# Families with parts that nothing here describes.
_PARTLY_DESCRIBED = {
    "deepseek_v4": "compressed history, hash layers and hyper-connections of the layers",
    "deepseek_ref": "compressed history, hash layers and hyper-connections of the layers",
    "gemma3n_text": "alternating updates",
    "hrm_text": "layers that are run several times",
    "zamba2": "shared attention blocks",
}


def shape(config: Mapping[str, Any]) -> Shape:
    """The shape of a model. Raises FactsError, permanent, where the config makes no sense or lacks a dimension."""
    try:
        return _shape(config)
    # A config is written by anybody: text where a list belongs, lists of the wrong things.
    except (ValueError, TypeError, ArithmeticError, AttributeError, KeyError, IndexError) as error:
        raise unusable(f"the config.json makes no sense: {error}") from error


def _shape(config: Mapping[str, Any]) -> Shape:
    read = names.config(config)
    text = read.text
    model_type = str(text.get("model_type") or read.model_type)
    fields = Fields(text, DEFAULTS.get(model_type, {}))
    row = family(model_type, fields.text("hidden_act"))
    hidden = fields.required("hidden size", *names.HIDDEN_SIZE)
    vocabulary = fields.required("vocabulary size", *names.VOCABULARY_SIZE)
    count = _layer_count(fields)
    heads = fields.number(*names.ATTENTION_HEADS) or 1
    model = Model(fields, row, model_type, hidden, count, heads)
    stack = layers(model)
    found, gaps = towers(config, hidden)
    generates = _generates(read.architecture, is_encoder=row.is_encoder)
    is_tied = row.is_tied if read.is_tied is None else read.is_tied
    section = first_section((config, text))
    quantized = quantization(section) if section else None
    whole = Shape(
        architecture=read.architecture,
        model_type=model_type,
        hidden_size=hidden,
        vocabulary_size=vocabulary,
        max_context_length=fields.number(*names.CONTEXT_LENGTH) or 0,
        dtype=_dtype(read),
        is_tied=is_tied,
        layers=stack,
        first=tuple(_first(model, vocabulary)),
        last=tuple(_last(model, vocabulary, has_head=not is_tied)),
        towers=found,
        quantization=quantized,
        rotary_elements=rotary_elements(model, stack),
        generates=generates,
        is_causal=read.is_causal,
        left_out=_left_out(fields),
        unknown=(*gaps, *_unknown(model, stack, quantized), *_missing_towers(read.architecture, found, gaps)),
    )
    if whole.parameters > _MOST_PARAMETERS:
        size = f"{whole.parameters:,} parameters; its largest number is {_largest(config)}"
        raise unusable(f"the config.json makes no sense: {size}")
    return whole if generates else pooled(whole, None)


def _largest(config: Mapping[str, Any]) -> str:
    """The largest number of a config, with its name."""
    sections = (config, *(part for part in config.values() if isinstance(part, Mapping)))
    numbers = ((value, name) for part in sections for name, value in part.items() if isinstance(value, int))
    value, name = max(numbers, default=(0, "nothing"))
    return f"{name}, {shown(value)}"


def pooled(read: Shape, kind: str | None) -> Shape:
    """The same model with a pooler in place of its output head and sampler; `kind` is how its tokens are pooled.

    The engine never loads the head (vLLM models/adapters.py, _create_pooling_model_cls). Where the pooler needs all of
    a text, or all its tokens see each other, a text is one batch (config/model.py, is_chunked_prefill_supported).
    """
    changed = {layer: layer if read.is_causal else _seeing_all(layer) for layer in read.distinct_layers}
    layers_then = tuple(changed[layer] for layer in read.layers)
    mixers = [layer.mixer for layer in changed.values() if isinstance(layer.mixer, Attention)]
    sees_all = bool(mixers) and all(mixer.kind is AttentionKind.ENCODER for mixer in mixers)
    return replace(
        read,
        is_tied=False,
        layers=layers_then,
        last=tuple(tensor for tensor in read.last if not tensor.name.startswith(_HEAD)),
        generates=False,
        whole_texts=sees_all or kind in WHOLE_TEXT_POOLING,
    )


def _seeing_all(layer: Layer) -> Layer:
    """The layer with tokens that see those after them, so that nothing of them is worth keeping."""
    mixer = layer.mixer
    if not isinstance(mixer, Attention) or mixer.kind is AttentionKind.LATENT:
        return layer
    return replace(layer, mixer=replace(mixer, kind=AttentionKind.ENCODER, window=None))


def _generates(architecture: str, *, is_encoder: bool) -> bool:
    """Whether there is a sampler. The engine makes a pooling model of any decoder whose name ends in a pooling task."""
    is_pooling = any(word in architecture for word in _POOLING_WORDS)
    return not is_encoder and not is_pooling and task(architecture) in (Task.GENERATE, None)


def _layer_count(fields: Fields) -> int:
    pattern = layer_pattern(fields)
    if len(pattern) > MOST_LAYERS:
        raise senseless("hybrid_override_pattern", pattern)
    return len(pattern) or fields.layers(*names.LAYERS) or fields.required("number of layers", *names.LAYERS)


def _dtype(read: names.Config) -> str:
    """The type of the weights, by torch's name; the engine takes float32 checkpoints down to 16 bits by itself."""
    for part in (read.whole, read.text):
        for name in ("torch_dtype", "dtype"):
            value = part.get(name)
            if isinstance(value, str) and len(value) > _LONGEST_DTYPE:
                raise senseless(name, value)
            if isinstance(value, str) and value:
                return value.removeprefix("torch.")
    return ""


def _first(model: Model, vocabulary: int) -> Iterator[Tensor]:
    yield Tensor(
        "embed_tokens",
        vocabulary * model.hidden_size,
        # whisper.py: an embedding of PyTorch's.
        Split.WHOLE if model.model_type == "whisper" else Split.VOCABULARY,
        Role.EMBEDDING,
        rows=vocabulary,
        active_elements=model.hidden_size,
    )
    width = (model.fields.number("hidden_size_per_layer_input") or 0) * model.layers
    if width:
        # Gemma 3n and 4: each layer has an embedding of its own.
        tokens = model.fields.number("vocab_size_per_layer_input") or vocabulary
        table = tokens * width
        yield Tensor(
            "embed_tokens_per_layer", table, Split.VOCABULARY, Role.EMBEDDING, rows=tokens, active_elements=width
        )
        yield from projections(Projection("per_layer_model_projection", model.hidden_size, width))
        yield norm("per_layer_projection_norm", width // model.layers)
    row = model.family
    if row.positions:
        positions = (model.fields.number(row.positions) or 0) + row.position_offset
        # Of BERT's kin a table like that of words, of others one of PyTorch's.
        split = Split.VOCABULARY if row.is_encoder else Split.WHOLE
        yield Tensor("embed_positions", positions * model.hidden_size, split, rows=positions)
    if row.is_encoder:
        kinds = model.fields.number("type_vocab_size") or 0
        if kinds:
            yield Tensor("embed_types", kinds * model.hidden_size, Split.VOCABULARY, rows=kinds)
        yield norm("embed_norm", model.hidden_size, has_bias=True)


def _last(model: Model, vocabulary: int, *, has_head: bool) -> Iterator[Tensor]:
    if model.family.has_final_norm:
        yield norm("norm", model.hidden_size, has_bias=model.family.norm_bias)
    if has_head:
        yield Tensor(_HEAD, vocabulary * model.hidden_size, Split.VOCABULARY, Role.HEAD, rows=vocabulary)
        if model.family.head_bias:
            yield Tensor(f"{_HEAD}.bias", vocabulary, Split.VOCABULARY, rows=vocabulary)


def _left_out(fields: Fields) -> tuple[str, ...]:
    count = fields.number(*PREDICTION_LAYERS)
    return (f"{count} multi-token-prediction layers",) if count else ()


def _missing_towers(architecture: str, found: tuple[Tower, ...], gaps: tuple[str, ...]) -> Iterator[str]:
    if "ConditionalGeneration" in architecture and not found and not gaps:
        yield "weights and activations of the vision tower"


def _unknown(model: Model, stack: tuple[Layer, ...], quantized: Quantization | None) -> Iterator[str]:
    if not is_known(model.model_type):
        yield f"how the family {shown(model.model_type)} differs from a Llama"
    if model.model_type in _PARTLY_DESCRIBED:
        yield _PARTLY_DESCRIBED[model.model_type]
    if quantized is not None and quantized.milli_bits is None and not quantized.by_module:
        yield f"bits of a weight quantized with {quantized.method}"
    yield from uneven(model.fields)
    # Gemma 4 says the same in names of its own.
    if model.fields.part("per_layer_config") and model.model_type != "gemma4_text":
        yield "sizes that some layers have of their own"
    if model.fields.part("sparse_attention_config"):
        yield "index of sparse attention"
    mixers = {layer.mixer for layer in stack if isinstance(layer.mixer, Attention)}
    if any(mixer.kind is AttentionKind.CROSS and not mixer.encoder_tokens for mixer in mixers):
        yield "tokens of the encoder that cross-attention keeps"
