"""Projectors: what turns the outputs of a tower into tokens of the decoder, by model type."""

from collections.abc import Callable

from tonnage.facts.shape.description import Split, Tensor
from tonnage.facts.shape.encoder import Kind, Place, block
from tonnage.facts.shape.parts import Projection, projections


def _merger(place: Place) -> tuple[Tensor, ...]:
    """Qwen's: a square of patches becomes one token; some layers have a merger of their own."""
    merged = (place.fields.number("spatial_merge_size") or 1) ** 2 * place.hidden
    output = place.fields.number("out_hidden_size") or place.text_hidden
    mergers = 1 + len(place.fields.items("deepstack_visual_indexes") or ())
    return mergers * projections(
        Projection("merger.fc1", merged, merged, has_bias=True),
        Projection("merger.fc2", merged, output, has_bias=True),
    )


def _adapter(place: Place) -> tuple[Tensor, ...]:
    """Llama 4's and Muse Glimmer's: four patches become one token."""
    inner = place.fields.number("projector_output_dim") or place.whole.number("projector_hidden_size") or 4096
    return projections(
        Projection("vision_adapter.fc1", 4 * place.hidden, inner),
        Projection("vision_adapter.fc2", inner, inner),
        Projection("multi_modal_projector", inner, place.text_hidden, Split.WHOLE),
    )


def _patch_merger(place: Place) -> tuple[Tensor, ...]:
    merged = 4 * place.hidden
    return projections(
        Projection("projector.1", merged, merged, has_bias=True),
        Projection("projector.2", merged, place.text_hidden, has_bias=True),
    )


def _two_layers(place: Place) -> tuple[Tensor, ...]:
    return projections(
        Projection("multi_modal_projector.linear_1", place.hidden, place.text_hidden, has_bias=True),
        Projection("multi_modal_projector.linear_2", place.text_hidden, place.text_hidden, has_bias=True),
    )


def _one_layer(place: Place) -> tuple[Tensor, ...]:
    return projections(Projection("multi_modal_projector", place.hidden, place.text_hidden, Split.WHOLE))


def _global_layers(place: Place) -> tuple[Tensor, ...]:
    """Llama 3.2's: global layers, embeddings of tiles and positions, and a projector of six layers' outputs."""
    fields, hidden = place.fields, place.hidden
    layers = fields.layers("num_global_layers") or 8
    size, patch = fields.number("image_size") or 560, fields.number("patch_size") or 14
    aspects, tiles = len(fields.items("supported_aspect_ratios") or ()) + 1, fields.number("max_num_tiles") or 4
    positions = (size // patch) ** 2 + 1
    return (
        *(tensor for _ in range(layers) for tensor in block(Kind(linear_bias=False), hidden, place.width)),
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


_PROJECTORS: dict[str, Callable[[Place], tuple[Tensor, ...]]] = {
    "qwen2_vl": _merger,
    "qwen2_5_vl": _merger,
    "qwen2_5_omni": _merger,
    "qwen2_5_omni_thinker": _merger,
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


def projector(model_type: str, place: Place) -> tuple[Tensor, ...]:
    """The projector of a family; a single matrix where there is no row."""
    return _PROJECTORS.get(model_type, _one_layer)(place)
