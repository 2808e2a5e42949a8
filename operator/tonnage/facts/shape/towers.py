"""Encoders of images beside the decoder: their tensors, and how large the engine's dummy image is.

What the config does not tell is the size of the largest image: it is in the processor's config. So the sizes here are
those of each family's published processor, and a family without a row has none: its tower's activations are unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tonnage.facts.shape.description import Split, Tensor, Tower
from tonnage.facts.shape.fields import Fields
from tonnage.facts.shape.parts import Projection, norm, projections

_VISION_PARTS = ("vision_config", "visual")
_COLOURS = 3


@dataclass(frozen=True)
class _Kind:
    """How a family's tower differs from a plain ViT with biases and one projection of patches."""

    is_gated: bool = False
    linear_bias: bool = True
    norm_bias: bool = True
    position_table: bool = True
    class_token: bool = False
    max_patches: int = 0
    """Of the largest image; 0: the square of `image_size`."""
    patches_per_token: int = 1
    whole_item_tokens: int = 0
    frames: int = 1
    """Images that one patch spans."""
    is_whole: bool = False
    may_stay_whole: bool = False
    is_quick_gelu: bool = False
    """x * sigmoid(1.702 x), in three kernels."""

    @property
    def activation_copies(self) -> int:
        """Vectors of the intermediate width that are alive together: gated, the gate, what it gates, the product."""
        return 3 if self.is_gated or self.is_quick_gelu else 2


# Largest images: preprocessor_config.json of each family (max_pixels 12,845,056; longest_edge 16,777,216).
_QWEN2 = _Kind(position_table=False, max_patches=65536, patches_per_token=4, frames=2)
_QWEN3 = _Kind(max_patches=65536, patches_per_token=4, frames=2)
_KINDS = {
    "qwen2_vl": _Kind(position_table=False, max_patches=65536, patches_per_token=4, frames=2, is_quick_gelu=True),
    "qwen2_5_vl": _Kind(
        is_gated=True, norm_bias=False, position_table=False, max_patches=65536, patches_per_token=4, frames=2
    ),
    "qwen3_vl": _QWEN3,
    "qwen3_vl_moe": _QWEN3,
    "qwen3_5": _QWEN3,
    "qwen3_5_moe": _QWEN3,
    "gemma3": _Kind(patches_per_token=16),
    # 32 frames of 70 tokens, each of 9 patches, with 8 tokens around it (gemma4_mm.py, get_mm_max_tokens_per_item).
    "gemma4": _Kind(
        is_gated=True,
        linear_bias=False,
        norm_bias=False,
        max_patches=32 * 70 * 9,
        patches_per_token=9,
        whole_item_tokens=32 * 78,
        # gemma4_mm.py: AutoModel.from_config, the encoder of transformers.
        is_whole=True,
    ),
    "llava": _Kind(class_token=True),
    "llama4": _Kind(class_token=True, max_patches=17 * 576, patches_per_token=4),
    "mllama": _Kind(class_token=True, linear_bias=False, max_patches=4 * 1608),
    "mistral3": _Kind(is_gated=True, linear_bias=False, norm_bias=False, position_table=False, patches_per_token=4),
    "pixtral": _Kind(is_gated=True, linear_bias=False, norm_bias=False, position_table=False, patches_per_token=4),
    # These two ask is_vit_use_data_parallel(num_heads) (models/vision.py).
    "muse_glimmer": _Kind(patches_per_token=4, frames=2, may_stay_whole=True),
    "kimi_k25": _Kind(patches_per_token=4, max_patches=16384, may_stay_whole=True),
}


def towers(whole: Mapping[str, Any], text_hidden: int) -> tuple[tuple[Tower, ...], tuple[str, ...]]:
    """The towers of a model, and what is unknown of them."""
    fields = Fields(whole)
    found: list[Tower] = []
    unknown: list[str] = []
    section = fields.part(*_VISION_PARTS)
    if section is not None:
        tower, gaps = _vision(str(whole.get("model_type") or ""), Fields(section), text_hidden, whole)
        found += [tower] if tower else []
        unknown += gaps
    for name in ("audio_config", "encoder_config", "speech_config"):
        if fields.part(name):
            unknown.append(f"weights and activations of the tower in {name}")
    if isinstance(whole.get("img_processor"), Mapping) or isinstance(whole.get("embd_layer"), Mapping):
        unknown.append("weights and activations of the image processor")
    return tuple(found), tuple(unknown)


def _vision(
    model_type: str, fields: Fields, text_hidden: int, whole: Mapping[str, Any]
) -> tuple[Tower | None, tuple[str, ...]]:
    kind = _KINDS.get(model_type, _Kind())
    hidden = fields.number("embed_dim", "vt_hidden_size", "hidden_size", "width")
    depth = fields.layers("depth", "num_hidden_layers", "vt_num_hidden_layers", "layers")
    if not hidden or not depth:
        return None, ("weights and activations of the vision tower",)
    width = fields.number("intermediate_size", "vt_intermediate_size") or _scaled_width(fields, hidden)
    tensors = (
        *_embeddings(kind, fields, hidden),
        *(tensor for _ in range(depth) for tensor in _block(kind, hidden, width)),
        *_PROJECTORS.get(model_type, _one_layer)(_Place(fields, hidden, width, text_hidden, Fields(whole))),
    )
    patches, unknown = _largest_image(kind, model_type, fields)
    tower = Tower(
        name="vision",
        hidden_size=hidden,
        intermediate=width,
        tensors=tensors,
        max_patches=patches,
        max_tokens=patches // kind.patches_per_token,
        values_per_patch=_patch_values(kind, fields),
        whole_item_tokens=kind.whole_item_tokens,
        activation_copies=kind.activation_copies,
        heads=fields.number("num_heads", "num_attention_heads", "vt_num_attention_heads", "attention_heads") or 0,
        is_whole=kind.is_whole,
        may_stay_whole=kind.may_stay_whole or model_type not in _KINDS,
        kept_layers=len(fields.items("intermediate_layers_indices") or ()),
    )
    return tower, unknown


def _scaled_width(fields: Fields, hidden: int) -> int:
    ratio = fields.section.get("mlp_ratio")
    return int(hidden * ratio) if isinstance(ratio, int | float) and 0 < ratio < 100 else 4 * hidden  # noqa: PLR2004


def _patch_values(kind: _Kind, fields: Fields) -> int:
    patch = fields.number("patch_size") or 14
    return _COLOURS * patch * patch * kind.frames


def _largest_image(kind: _Kind, model_type: str, fields: Fields) -> tuple[int, tuple[str, ...]]:
    if kind.max_patches:
        return kind.max_patches, ()
    size, patch = fields.number("image_size"), fields.number("patch_size")
    if model_type in _KINDS and size and patch:
        return (size // patch) ** 2, ()
    return 0, ("size of the largest image",)


def _embeddings(kind: _Kind, fields: Fields, hidden: int) -> tuple[Tensor, ...]:
    size, patch = fields.number("image_size"), fields.number("patch_size")
    positions = fields.number("num_position_embeddings")
    height = fields.number("pos_emb_height", "init_pos_emb_height")
    if height:
        positions = height * (fields.number("pos_emb_width", "init_pos_emb_width") or height)
    table = fields.number("position_embedding_size")
    if table:
        # Gemma 4 has a table for rows and one for columns.
        positions = 2 * table
    if positions is None and size and patch:
        positions = (size // patch) ** 2
    found = [Tensor("patch_embed", _patch_values(kind, fields) * hidden)]
    if kind.position_table and positions:
        found.append(Tensor("position_embedding", (positions + kind.class_token) * hidden))
    return tuple(found)


def _block(kind: _Kind, hidden: int, width: int) -> tuple[Tensor, ...]:
    has_bias = kind.linear_bias
    return (
        *projections(
            *(Projection(f"attn.{name}_proj", hidden, hidden, has_bias=has_bias, storage="qkv") for name in "qkv"),
            Projection("attn.o_proj", hidden, hidden, has_bias=has_bias),
            *(
                (Projection("mlp.gate_proj", hidden, width, has_bias=has_bias, storage="gate_up"),)
                if kind.is_gated
                else ()
            ),
            Projection("mlp.up_proj", hidden, width, has_bias=has_bias, storage="gate_up"),
            Projection("mlp.down_proj", width, hidden, has_bias=has_bias),
        ),
        norm("norms", 2 * hidden, has_bias=kind.norm_bias),
    )


@dataclass(frozen=True)
class _Place:
    """Where a tower is: what its projectors need to know."""

    fields: Fields
    hidden: int
    width: int
    text_hidden: int
    whole: Fields


def _merger(place: _Place) -> tuple[Tensor, ...]:
    """Qwen's: a square of patches becomes one token; some layers have a merger of their own."""
    merged = (place.fields.number("spatial_merge_size") or 1) ** 2 * place.hidden
    output = place.fields.number("out_hidden_size") or place.text_hidden
    mergers = 1 + len(place.fields.items("deepstack_visual_indexes") or ())
    return mergers * projections(
        Projection("merger.fc1", merged, merged, has_bias=True),
        Projection("merger.fc2", merged, output, has_bias=True),
    )


def _adapter(place: _Place) -> tuple[Tensor, ...]:
    """Llama 4's and Muse Glimmer's: four patches become one token."""
    inner = place.fields.number("projector_output_dim") or place.whole.number("projector_hidden_size") or 4096
    return projections(
        Projection("vision_adapter.fc1", 4 * place.hidden, inner),
        Projection("vision_adapter.fc2", inner, inner),
        Projection("multi_modal_projector", inner, place.text_hidden, Split.WHOLE),
    )


def _patch_merger(place: _Place) -> tuple[Tensor, ...]:
    merged = 4 * place.hidden
    return projections(
        Projection("projector.1", merged, merged, has_bias=True),
        Projection("projector.2", merged, place.text_hidden, has_bias=True),
    )


def _two_layers(place: _Place) -> tuple[Tensor, ...]:
    return projections(
        Projection("multi_modal_projector.linear_1", place.hidden, place.text_hidden, has_bias=True),
        Projection("multi_modal_projector.linear_2", place.text_hidden, place.text_hidden, has_bias=True),
    )


def _one_layer(place: _Place) -> tuple[Tensor, ...]:
    return projections(Projection("multi_modal_projector", place.hidden, place.text_hidden, Split.WHOLE))


def _global_layers(place: _Place) -> tuple[Tensor, ...]:
    """Llama 3.2's: global layers, embeddings of tiles and positions, and a projector of six layers' outputs."""
    fields, hidden = place.fields, place.hidden
    layers = fields.layers("num_global_layers") or 8
    size, patch = fields.number("image_size") or 560, fields.number("patch_size") or 14
    aspects, tiles = len(fields.items("supported_aspect_ratios") or ()) + 1, fields.number("max_num_tiles") or 4
    positions = (size // patch) ** 2 + 1
    return (
        *(tensor for _ in range(layers) for tensor in _block(_KINDS["mllama"], hidden, place.width)),
        Tensor("tile_position_embedding", aspects * tiles * (positions + 2) * hidden),
        *projections(
            Projection(
                "multi_modal_projector",
                fields.number("vision_output_dim") or 6 * hidden,
                place.text_hidden,
                Split.WHOLE,
                has_bias=True,
            )
        ),
    )


_PROJECTORS = {
    "qwen2_vl": _merger,
    "qwen2_5_vl": _merger,
    "qwen3_vl": _merger,
    "qwen3_vl_moe": _merger,
    "qwen3_5": _merger,
    "qwen3_5_moe": _merger,
    "mllama": _global_layers,
    "llama4": _adapter,
    "muse_glimmer": _adapter,
    "kimi_k25": _patch_merger,
    "llava": _two_layers,
    "llava_next": _two_layers,
    "mistral3": _two_layers,
}
