"""Encoders of sound beside the decoder, or before it: most are Whisper's, with a projector of the family's own.

A reader would get wrong that a long recording makes a large tower input: the encoder hears pieces of 30 seconds, 3,000
frames of a spectrogram, of which its convolutions make 1,500 vectors. Families differ in how these become tokens.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tonnage.facts.shape.conformer import conformer
from tonnage.facts.shape.description import Split, Tensor, Tower
from tonnage.facts.shape.encoder import Kind, block
from tonnage.facts.shape.fields import Fields
from tonnage.facts.shape.parts import Projection, norm, projections

_SECTIONS = ("audio_config", "encoder_config", "speech_config")
# Frames of the spectrogram that one of Whisper's vectors is made of.
_FRAMES = 2
_CONFORMERS = ("gemma3n", "gemma4")
# What a section leaves out where it is the encoder of Whisper's largest model.
_WHISPER = {
    "d_model": 1280,
    "encoder_layers": 32,
    "encoder_ffn_dim": 5120,
    "encoder_attention_heads": 20,
    "num_mel_bins": 128,
    "max_source_positions": 1500,
}
Stem = Callable[[Fields, int, int], tuple[Tensor, ...]]
"""The tower's section, its width and the bins -> tensors of the convolutions."""
Projector = Callable[[Fields, int, int, Fields], tuple[Tensor, ...]]
"""The tower's section, its width, the decoder's width and the whole config -> tensors."""


@dataclass(frozen=True)
class _Sound:
    """How a family's encoder differs from Whisper's."""

    projector: Projector
    stem: Stem
    frames: int = _FRAMES
    """Of the spectrogram, that one vector is made of."""
    vectors_per_token: int = 1
    has_positions: bool = True
    """Whether its table of positions is a parameter."""
    is_bounded: bool = True
    """Whether the engine's dummy recording is one piece, not as long as the context."""
    is_whole: bool = False
    """Whether the engine runs the encoder of transformers, whole on every rank."""
    may_stay_whole: bool = False
    """Whether the engine leaves it whole by itself where its heads cannot be divided."""


def sounds(whole: Mapping[str, Any], text_hidden: int) -> tuple[tuple[Tower, ...], tuple[str, ...]]:
    """The towers of sound, and what is unknown of them."""
    fields = Fields(whole)
    model_type = str(whole.get("model_type") or "")
    if model_type == "whisper":
        return (_tower(_KINDS[model_type], Fields(whole), text_hidden, fields),), ()
    name = next((name for name in _SECTIONS if fields.part(name)), None)
    if name is None:
        return (), ()
    if model_type in _CONFORMERS:
        return (conformer(model_type, Fields(fields.part(name) or {}), text_hidden),), ()
    kind = _KINDS.get(model_type)
    if kind is None:
        return (), (f"weights and activations of the tower in {name}",)
    tower = _tower(kind, Fields(fields.part(name) or {}, _WHISPER), text_hidden, fields)
    return (tower,), () if kind.is_bounded else ("activations of recordings as long as the context",)


def _tower(kind: _Sound, fields: Fields, text_hidden: int, whole: Fields) -> Tower:
    hidden = fields.required("width of the encoder of sound", "hidden_size", "d_model")
    depth = fields.layers("num_hidden_layers", "encoder_layers") or 0
    width = fields.number("intermediate_size", "encoder_ffn_dim") or 4 * hidden
    bins = fields.required("bins of the spectrogram", "num_mel_bins")
    vectors = fields.required("tokens of the encoder", "max_source_positions") * _FRAMES // kind.frames
    positions = (Tensor("embed_positions", vectors * hidden),) if kind.has_positions else ()
    return Tower(
        name="audio",
        hidden_size=hidden,
        intermediate=width,
        tensors=(
            *kind.stem(fields, hidden, bins),
            *positions,
            *(tensor for _ in range(depth) for tensor in block(Kind(), hidden, width)),
            norm("layer_norm", hidden, has_bias=True),
            *kind.projector(fields, hidden, text_hidden, whole),
        ),
        max_patches=vectors * kind.is_bounded,
        max_tokens=-(-vectors // kind.vectors_per_token) * kind.is_bounded,
        values_per_patch=kind.frames * bins,
        heads=fields.number("num_attention_heads", "encoder_attention_heads") or 0,
        is_whole=kind.is_whole,
        may_stay_whole=kind.may_stay_whole,
    )


def _two_convolutions(_fields: Fields, hidden: int, bins: int) -> tuple[Tensor, ...]:
    return Tensor("conv1", (3 * bins + 1) * hidden), Tensor("conv2", (3 * hidden + 1) * hidden)


def _three_convolutions(fields: Fields, hidden: int, bins: int) -> tuple[Tensor, ...]:
    """Qwen3-Omni's: over time and bins, each halving both."""
    inner = fields.number("downsample_hidden_size") or 480
    return (
        Tensor("conv2d", (9 + 1) * inner + 2 * (9 * inner + 1) * inner),
        Tensor("conv_out", inner * -(-bins // 8) * hidden),
    )


def _none(_fields: Fields, _hidden: int, _text_hidden: int, _whole: Fields) -> tuple[Tensor, ...]:
    """Whisper's: its decoder reads the vectors as they are."""
    return ()


def _one_layer(_fields: Fields, hidden: int, text_hidden: int, _whole: Fields) -> tuple[Tensor, ...]:
    return projections(Projection("multi_modal_projector.linear", hidden, text_hidden, Split.WHOLE, has_bias=True))


def _omni(fields: Fields, hidden: int, text_hidden: int, _whole: Fields) -> tuple[Tensor, ...]:
    """Qwen 2.5 Omni's, with two vectors for the ends of a recording."""
    output = fields.number("output_dim") or text_hidden
    return (
        Tensor("audio_bos_eos_token", 2 * output),
        *projections(Projection("proj", hidden, output, Split.WHOLE, has_bias=True)),
    )


def _two_layers(fields: Fields, hidden: int, text_hidden: int, _whole: Fields) -> tuple[Tensor, ...]:
    output = fields.number("output_dim") or text_hidden
    return projections(
        Projection("proj1", hidden, hidden, Split.WHOLE, has_bias=True),
        Projection("proj2", hidden, output, Split.WHOLE, has_bias=True),
    )


def _stacked(fields: Fields, hidden: int, text_hidden: int, _whole: Fields) -> tuple[Tensor, ...]:
    """Voxtral's: four vectors become one token."""
    inputs = fields.number("intermediate_size") or 4 * hidden
    return projections(
        Projection("multi_modal_projector.linear_1", inputs, text_hidden, Split.WHOLE),
        Projection("multi_modal_projector.linear_2", text_hidden, text_hidden, Split.WHOLE),
    )


def _gated(_fields: Fields, hidden: int, text_hidden: int, whole: Fields) -> tuple[Tensor, ...]:
    """Ultravox's: eight vectors become one token, through half of a gated width, with a norm on the way."""
    inputs = (whole.number("stack_factor") or 8) * hidden
    inner = whole.number("hidden_size") or 4096
    middle = inner // 2 if whole.text("projector_act") in ("", "swiglu") else inner
    return (
        norm("ln_pre", inputs),
        *projections(
            Projection("linear_1", inputs, inner, Split.WHOLE), Projection("linear_2", middle, text_hidden, Split.WHOLE)
        ),
        norm("ln", middle if whole.is_set("projector_ln_mid") else text_hidden),
    )


_QWEN3_OMNI = _Sound(_two_layers, _three_convolutions, frames=8, has_positions=False, may_stay_whole=True)
_KINDS = {
    "whisper": _Sound(_none, _two_convolutions),
    # Encoders of transformers: qwen2_audio.py, qwen2_5_omni_thinker.py, and ultravox.py (ModifiedWhisperEncoder).
    "qwen2_audio": _Sound(_one_layer, _two_convolutions, vectors_per_token=2, is_whole=True),
    "qwen2_5_omni": _Sound(_omni, _two_convolutions, vectors_per_token=2, has_positions=False, is_whole=True),
    "qwen2_5_omni_thinker": _Sound(_omni, _two_convolutions, vectors_per_token=2, has_positions=False, is_whole=True),
    "qwen3_omni_moe": _QWEN3_OMNI,
    "qwen3_omni_moe_thinker": _QWEN3_OMNI,
    "voxtral": _Sound(_stacked, _two_convolutions, vectors_per_token=4, is_bounded=False),
    "ultravox": _Sound(_gated, _two_convolutions, vectors_per_token=8, is_whole=True),
}
