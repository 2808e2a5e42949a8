"""Encoders of images beside the decoder: their tensors, and how large the engine's dummy image is.

What the config does not tell is the size of the largest image: it is in the processor's config. So the sizes here are
those of each family's published processor, and a family without a row has none: its tower's activations are unknown.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tonnage.facts.shape.description import Tensor, Tower
from tonnage.facts.shape.encoder import Kind, Place, block
from tonnage.facts.shape.fields import Fields
from tonnage.facts.shape.projectors import projector
from tonnage.facts.shape.sounds import sounds

_VISION_PARTS = ("vision_config", "visual")
_COLOURS = 3
# phi3v.py, CLIP_VIT_LARGE_PATCH14_336_CONFIG: the config only names it.
_CLIP = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
}


# Largest images: preprocessor_config.json of each family (max_pixels 12,845,056; longest_edge 16,777,216).
_QWEN2_5 = Kind(is_gated=True, norm_bias=False, position_table=False, max_patches=65536, patches_per_token=4, frames=2)
_GLM4V = Kind(
    is_gated=True, linear_bias=False, norm_bias=False, outer_vectors=2, frames=2, patches_per_token=4, has_tiles=True
)
# max_dynamic_patch 12, and the whole image once more, each of 448 pixels. intern_vit.py leaves 25 heads whole.
_INTERN = Kind(class_token=True, layer_vectors=2, max_patches=13 * 1024, patches_per_token=4, may_stay_whole=True)
# max_slice_nums 9, and the whole image once more, each of 64 tokens.
_MINICPM = Kind(outer_vectors=2, max_patches=10 * 1024, patches_per_token=16)
_QWEN3 = Kind(max_patches=65536, patches_per_token=4, frames=2)
_KINDS = {
    "qwen2_vl": Kind(position_table=False, max_patches=65536, patches_per_token=4, frames=2, is_quick_gelu=True),
    "qwen2_5_vl": _QWEN2_5,
    "qwen3_vl": _QWEN3,
    "qwen3_vl_moe": _QWEN3,
    "qwen3_omni_moe": _QWEN3,
    "qwen3_omni_moe_thinker": _QWEN3,
    "qwen3_5": _QWEN3,
    "qwen3_5_moe": _QWEN3,
    "qwen2_5_omni": _QWEN2_5,
    "qwen2_5_omni_thinker": _QWEN2_5,
    "gemma3": Kind(patches_per_token=16),
    # 32 frames of 70 tokens, each of 9 patches, with 8 tokens around it (gemma4_mm.py, get_mm_max_tokens_per_item).
    "gemma4": Kind(
        is_gated=True,
        linear_bias=False,
        norm_bias=False,
        max_patches=32 * 70 * 9,
        patches_per_token=9,
        whole_item_tokens=32 * 78,
        # gemma4_mm.py: AutoModel.from_config, the encoder of transformers.
        is_whole=True,
    ),
    "llava": Kind(class_token=True),
    # The largest of the published grids: four tiles, and the whole image once more.
    "llava_next": Kind(class_token=True, outer_vectors=4, max_patches=5 * 577),
    "llava_next_video": Kind(class_token=True, outer_vectors=4, max_patches=5 * 577),
    "llava_onevision": Kind(outer_vectors=2, has_tiles=True),
    "paligemma": Kind(outer_vectors=2),
    "idefics3": Kind(outer_vectors=2, patches_per_token=4, has_tiles=True),
    "smolvlm": Kind(outer_vectors=2, patches_per_token=4, has_tiles=True),
    "aya_vision": Kind(outer_vectors=2, patches_per_token=4, has_tiles=True),
    "deepseek_vl_v2": Kind(outer_vectors=2, patches_per_token=4, has_tiles=True),
    "glm4v": _GLM4V,
    "glm4v_moe": _GLM4V,
    "internvl_chat": _INTERN,
    "internvl": _INTERN,
    "minicpmv": _MINICPM,
    "minicpmo": _MINICPM,
    "phi3_v": Kind(class_token=True, outer_vectors=4, has_tiles=True),
    "llama4": Kind(class_token=True, max_patches=17 * 576, patches_per_token=4),
    "mllama": Kind(class_token=True, linear_bias=False, max_patches=4 * 1608),
    "mistral3": Kind(is_gated=True, linear_bias=False, norm_bias=False, position_table=False, patches_per_token=4),
    "pixtral": Kind(is_gated=True, linear_bias=False, norm_bias=False, position_table=False, patches_per_token=4),
    # These two ask is_vit_use_data_parallel(num_heads) (models/vision.py).
    "muse_glimmer": Kind(patches_per_token=4, frames=2, may_stay_whole=True),
    "kimi_k25": Kind(patches_per_token=4, max_patches=16384, may_stay_whole=True),
}


def towers(whole: Mapping[str, Any], text_hidden: int) -> tuple[tuple[Tower, ...], tuple[str, ...]]:
    """The towers of a model, and what is unknown of them."""
    fields = Fields(whole)
    inner = fields.part("thinker_config")
    if inner is not None:
        return towers({"model_type": whole.get("model_type"), **inner}, text_hidden)
    found: list[Tower] = []
    unknown: list[str] = []
    section = _CLIP if whole.get("model_type") == "phi3_v" else fields.part(*_VISION_PARTS)
    if section is not None:
        tower, gaps = _vision(str(whole.get("model_type") or ""), Fields(section), text_hidden, whole)
        found += [tower] if tower else []
        unknown += gaps
    heard, gaps = sounds(whole, text_hidden)
    found += heard
    unknown += gaps
    # Phi 4's is named in the same way as Phi 3's.
    if section is None and fields.part("img_processor", "embd_layer"):
        unknown.append("weights and activations of the image processor")
    return tuple(found), tuple(unknown)


def _vision(
    model_type: str, fields: Fields, text_hidden: int, whole: Mapping[str, Any]
) -> tuple[Tower | None, tuple[str, ...]]:
    kind = _told(_KINDS.get(model_type, Kind()), model_type, fields)
    hidden = fields.number("embed_dim", "vt_hidden_size", "hidden_size", "width")
    depth = fields.layers("depth", "num_hidden_layers", "vt_num_hidden_layers", "layers")
    if not hidden or not depth:
        return None, ("weights and activations of the vision tower",)
    width = fields.number(*_width_names(model_type)) or _scaled_width(fields, hidden)
    tensors = (
        *_embeddings(kind, fields, hidden),
        *((Tensor("outer_norms", kind.outer_vectors * hidden),) if kind.outer_vectors else ()),
        *(tensor for _ in range(depth) for tensor in block(kind, hidden, width)),
        *projector(model_type, Place(fields, hidden, width, text_hidden, Fields(whole))),
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


def _told(kind: Kind, model_type: str, fields: Fields) -> Kind:
    """The kind with what this family's configs say of their encoder (InternVL's large one differs from its small)."""
    if not model_type.startswith("internvl"):
        return kind
    has_qk_norm = fields.is_set("qk_normalization") or fields.is_set("use_qk_norm")
    return replace(
        kind,
        qkv_bias=fields.is_set("qkv_bias") or fields.is_set("attention_bias"),
        norm_bias=fields.text("norm_type") != "rms_norm",
        layer_vectors=kind.layer_vectors + 2 * has_qk_norm,
    )


def _width_names(model_type: str) -> tuple[str, ...]:
    # GLM's intermediate_size is its projector's.
    return ("out_hidden_size",) if model_type.startswith("glm4v") else ("intermediate_size", "vt_intermediate_size")


def _side(fields: Fields, name: str) -> int | None:
    """A number of pixels, which may be given for both sides."""
    both = fields.items(name)
    return Fields({name: both[0]}).number(name) if both else fields.number(name)


def _scaled_width(fields: Fields, hidden: int) -> int:
    ratio = fields.section.get("mlp_ratio")
    return int(hidden * ratio) if isinstance(ratio, int | float) and 0 < ratio < 100 else 4 * hidden  # noqa: PLR2004


def _patch_values(kind: Kind, fields: Fields) -> int:
    patch = _side(fields, "patch_size") or 14
    return _COLOURS * patch * patch * kind.frames


def _largest_image(kind: Kind, model_type: str, fields: Fields) -> tuple[int, tuple[str, ...]]:
    if kind.max_patches:
        return kind.max_patches, ()
    size, patch = _side(fields, "image_size"), _side(fields, "patch_size")
    if model_type not in _KINDS:
        return 0, ("exact weights of the vision tower", "size of the largest image")
    if size and patch and not kind.has_tiles:
        return (size // patch) ** 2, ()
    return 0, ("size of the largest image",)


def _embeddings(kind: Kind, fields: Fields, hidden: int) -> tuple[Tensor, ...]:
    size, patch = _side(fields, "image_size"), _side(fields, "patch_size")
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
