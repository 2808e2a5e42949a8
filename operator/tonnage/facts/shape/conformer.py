"""Gemma's encoder of sound: attention, a convolution over time and two feed-forward parts in each layer.

The engine runs the encoder of transformers (gemma3n_mm.py, gemma4_mm.py), so every rank holds all of it.
"""

from tonnage.facts.shape.description import Split, Tensor, Tower
from tonnage.facts.shape.fields import Fields
from tonnage.facts.shape.parts import Projection, norm, projections

# Pieces of 30 seconds, a vector for each 40 ms; Gemma 3n makes a token of four.
_VECTORS = 750
_FRAMES = 4
_TOKENS = {"gemma3n": 188}
_BINS = 128
_CHANNELS = (128, 32)


def conformer(model_type: str, fields: Fields, text_hidden: int) -> Tower:
    """The tower of a Gemma's section."""
    hidden = fields.required("width of the encoder of sound", "hidden_size")
    depth = fields.layers("num_hidden_layers", "conf_num_hidden_layers") or 0
    heads = fields.number("num_attention_heads", "conf_num_attention_heads") or 8
    kernel = fields.number("conv_kernel_size", "conf_conv_kernel_size") or 5
    return Tower(
        name="audio",
        hidden_size=hidden,
        intermediate=4 * hidden,
        tensors=(*_subsampling(hidden), *depth * _layer(hidden, heads, kernel), *_end(fields, hidden, text_hidden)),
        max_patches=_VECTORS,
        max_tokens=_TOKENS.get(model_type, _VECTORS),
        values_per_patch=_FRAMES * _BINS,
        is_whole=True,
    )


def _subsampling(hidden: int) -> tuple[Tensor, ...]:
    first, second = _CHANNELS
    return (
        Tensor("subsample", 9 * first + first + 9 * first * second + second),
        *projections(Projection("subsample.input_proj", second * _BINS // _FRAMES, hidden, Split.WHOLE)),
    )


def _layer(hidden: int, heads: int, kernel: int) -> tuple[Tensor, ...]:
    names = ("q_proj", "k_proj", "v_proj", "post", "relative_k_proj")
    return (
        *(tensor for _ in range(2) for tensor in _feed_forward(hidden)),
        *projections(*(Projection(f"self_attn.{name}", hidden, hidden, Split.WHOLE) for name in names)),
        *projections(
            Projection("lconv1d.linear_start", hidden, 2 * hidden, Split.WHOLE),
            Projection("lconv1d.linear_end", hidden, hidden, Split.WHOLE),
        ),
        Tensor("lconv1d.depthwise", kernel * hidden),
        norm("norms", 9 * hidden + hidden // heads),
    )


def _feed_forward(hidden: int) -> tuple[Tensor, ...]:
    return projections(
        Projection("ffw_layer_1", hidden, 4 * hidden, Split.WHOLE),
        Projection("ffw_layer_2", 4 * hidden, hidden, Split.WHOLE),
    )


def _end(fields: Fields, hidden: int, text_hidden: int) -> tuple[Tensor, ...]:
    """Gemma 4's output has a width of its own; Gemma 3n's has an embedding of marks beside it."""
    output = fields.number("output_proj_dims")
    marks = fields.number("vocab_size")
    return (
        *(projections(Projection("output_proj", hidden, output, Split.WHOLE, has_bias=True)) if output else ()),
        *((Tensor("embed_audio.embedding", (marks + 2) * hidden),) if marks else ()),
        *projections(Projection("embed_audio.embedding_projection", output or hidden, text_hidden, Split.WHOLE)),
    )
