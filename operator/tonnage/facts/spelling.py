"""Decoders' sections that say in another shape what this package reads: rewritten before anything is read of them.

Other *names* for a number are in the tuples where it is read. Here is what a tuple cannot say: sections inside the
decoder's section, lists with one entry for each kind of expert, a newer class's names for a nested section.
"""

from collections.abc import Mapping
from typing import Any

# Experts for images, beside those for text (Ernie 4.5 VL); every other family has none.
VISION_EXPERTS = "vision_experts"
VISION_EXPERT_WIDTH = "vision_expert_width"


# Flat configs of an encoder and a decoder (Whisper): what they call the decoder's numbers. Their num_hidden_layers
# counts the encoder's.
_DECODER_NAMES = {
    "num_hidden_layers": "decoder_layers",
    "num_attention_heads": "decoder_attention_heads",
    "intermediate_size": "decoder_ffn_dim",
}


def spelled(section: Mapping[str, Any]) -> Mapping[str, Any]:
    """The decoder's section in the spelling that this package reads."""
    model_type = str(section.get("model_type") or "")
    if all(name in section for name in _DECODER_NAMES.values()):
        return {**section, **{name: section[given] for name, given in _DECODER_NAMES.items()}}
    if model_type in ("dbrx", "mpt"):
        return _flat(section)
    widths = section.get("moe_intermediate_size")
    if model_type.startswith("ernie4_5") and isinstance(widths, list) and len(widths) == 2:  # noqa: PLR2004
        return _two_kinds_of_experts(section)
    if model_type == "kimi_linear" and "linear_attn_config" not in section:
        return _linear_part(section)
    return section


def _flat(section: Mapping[str, Any]) -> Mapping[str, Any]:
    """DBRX and MPT have sections for attention and feed-forward."""
    parts = (section.get("attn_config"), section.get("ffn_config"))
    return {name: value for part in (*parts, section) if isinstance(part, Mapping) for name, value in part.items()}


def _two_kinds_of_experts(section: Mapping[str, Any]) -> Mapping[str, Any]:
    """Widths, and in some configs numbers, as a pair: of text's experts, of images'."""
    width, vision_width = section["moe_intermediate_size"]
    experts = section.get("moe_num_experts")
    of_text, of_images = experts if isinstance(experts, list) else (experts, experts)
    return {
        **section,
        "moe_intermediate_size": width,
        "moe_num_experts": of_text,
        VISION_EXPERTS: of_images,
        VISION_EXPERT_WIDTH: vision_width,
    }


def _linear_part(section: Mapping[str, Any]) -> Mapping[str, Any]:
    """What transformers writes for Kimi Linear, as its first repository wrote it: layers are counted from 1."""
    kinds = section.get("layer_types")
    part = {
        "num_heads": section.get("linear_num_heads"),
        "head_dim": section.get("linear_head_dim"),
        "short_conv_kernel_size": section.get("linear_conv_kernel_dim"),
        "kda_layers": [index for index, kind in enumerate(kinds or (), start=1) if kind == "linear_attention"],
    }
    return {**section, "layer_types": None, "linear_attn_config": part}
