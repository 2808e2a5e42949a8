"""The tables of rotations that the engine keeps beside the weights: cosines and sines of every position.

A reader would get wrong that they are small: Gemma 3 scales one of its two tables to eight times its context, and
families with positions in three dimensions keep four times their context (vLLM rotary_embedding/, one class per type).
"""

from collections.abc import Mapping
from typing import Any

from tonnage.facts import config as names
from tonnage.facts.shape.description import Attention, Layer
from tonnage.facts.shape.fields import Fields
from tonnage.facts.shape.parts import Model

# mrope.py: cache_max_position_num.
_MULTIMODAL_COPIES = 4
_LENGTHENING = ("linear", "dynamic")


def rotary_elements(model: Model, layers: tuple[Layer, ...]) -> int:
    """Elements of all tables of one rank; there is one for each base and dimension, whatever the number of layers."""
    fields = model.fields
    if model.family.positions:
        return 0
    rope = fields.part("rope_scaling", "rope_parameters") or {}
    dimensions = {
        fields.number("qk_rope_head_dim") or layer.mixer.key_dim
        for layer in layers
        if isinstance(layer.mixer, Attention)
    }
    width = int(sum(dimensions) * _share(model, rope))
    positions = fields.number(*names.CONTEXT_LENGTH) or 0
    nested = [section for section in rope.values() if isinstance(section, Mapping)]
    if nested:
        return sum(_positions(positions, section) for section in nested) * width
    # Gemma 3's layers with a window have a base of their own, which is not scaled.
    local = positions if model.model_type.startswith("gemma3") else 0
    return (_positions(positions, rope) + local) * width


def _positions(positions: int, rope: Mapping[str, Any]) -> int:
    kind = rope.get("rope_type") or rope.get("type") or "default"
    factor = Fields(rope).real("factor") or 1
    original = Fields(rope).number("original_max_position_embeddings")
    if rope.get("mrope_section"):
        return positions * _MULTIMODAL_COPIES
    if kind in _LENGTHENING:
        return int(positions * factor)
    if kind == "yarn":
        return int((original or positions) * factor)
    return positions


def _share(model: Model, rope: Mapping[str, Any]) -> float:
    """How much of a head is rotated."""
    for section in (rope, model.fields.section):
        share = section.get("partial_rotary_factor")
        if isinstance(share, int | float) and 0 < share <= 1:
            return share
    return 1
