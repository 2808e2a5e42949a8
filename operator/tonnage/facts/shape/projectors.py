"""Projectors: what turns the outputs of a tower into tokens of the decoder, by model type."""

from collections.abc import Callable

from tonnage.facts.shape.description import Split, Tensor
from tonnage.facts.shape.encoder import Kind, Place, block
from tonnage.facts.shape.parts import Projection, norm, projections


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


def _with_newline(place: Place) -> tuple[Tensor, ...]:
    """LLaVA-NeXT's and OneVision's: a vector ends each row of tiles."""
    return (Tensor("image_newline", place.text_hidden), *_two_layers(place))


def _biased(place: Place) -> tuple[Tensor, ...]:
    return projections(Projection("multi_modal_projector", place.hidden, place.text_hidden, Split.WHOLE, has_bias=True))


def _square(place: Place) -> tuple[Tensor, ...]:
    """Idefics 3's: a square of patches becomes one token."""
    merged = (place.whole.number("scale_factor") or 2) ** 2 * place.hidden
    return projections(Projection("connector.modality_projection", merged, place.text_hidden, Split.WHOLE))


def _normed_square(place: Place) -> tuple[Tensor, ...]:
    """InternVL's: four patches, a norm and two layers."""
    merged = 4 * place.hidden
    return (
        norm("mlp1.0", merged, has_bias=True),
        *projections(
            Projection("mlp1.1", merged, place.text_hidden, Split.WHOLE, has_bias=True),
            Projection("mlp1.3", place.text_hidden, place.text_hidden, Split.WHOLE, has_bias=True),
        ),
    )


def _gated_square(place: Place) -> tuple[Tensor, ...]:
    """Aya Vision's: four patches, a norm, and a gated width."""
    merged = (place.whole.number("downsample_factor") or 2) ** 2 * place.hidden
    inner = place.whole.number("alignment_intermediate_size") or place.text_hidden
    return (
        norm("multi_modal_projector.layernorm", merged, has_bias=True),
        *projections(
            Projection("multi_modal_projector.linear_1", merged, inner, Split.WHOLE, has_bias=True),
            Projection("multi_modal_projector.linear_2", inner // 2, place.text_hidden, Split.WHOLE, has_bias=True),
        ),
    )


def _separated(place: Place) -> tuple[Tensor, ...]:
    """Phi 3's and DeepSeek VL 2's: four patches, two layers, and vectors between rows and tiles."""
    merged = 4 * place.hidden
    separators = 2 * (merged if place.whole.text("model_type") == "phi3_v" else place.text_hidden)
    return (
        Tensor("separators", separators),
        *projections(
            Projection("img_projection.0", merged, place.text_hidden, Split.WHOLE, has_bias=True),
            Projection("img_projection.2", place.text_hidden, place.text_hidden, Split.WHOLE, has_bias=True),
        ),
    )


def _downsampled(place: Place) -> tuple[Tensor, ...]:
    """GLM-4V's: a convolution takes four patches, then a gated layer."""
    output = place.fields.number("out_hidden_size") or place.text_hidden
    inner = place.fields.required("width of the projector", "intermediate_size")
    return (
        Tensor("downsample", (4 * place.hidden + 1) * output),
        norm("merger.post_projection_norm", output, has_bias=True),
        *projections(
            Projection("merger.proj", output, output, Split.WHOLE),
            Projection("merger.gate_proj", output, inner, storage="merger.gate_up"),
            Projection("merger.up_proj", output, inner, storage="merger.gate_up"),
            Projection("merger.down_proj", inner, output),
        ),
    )


def _resampler(place: Place) -> tuple[Tensor, ...]:
    """MiniCPM-V's: learnt queries read the patches of a slice."""
    width = place.text_hidden
    queries = place.whole.number("query_num") or 64
    return (
        Tensor("resampler.query", queries * width),
        norm("resampler.norms", 3 * width, has_bias=True),
        Tensor("resampler.proj", width * width),
        *projections(
            Projection("resampler.kv_proj", place.hidden, width, Split.WHOLE),
            Projection("resampler.attn.in_proj", width, 3 * width, Split.WHOLE, has_bias=True),
            Projection("resampler.attn.out_proj", width, width, Split.WHOLE, has_bias=True),
        ),
    )


_PROJECTORS: dict[str, Callable[[Place], tuple[Tensor, ...]]] = {
    "qwen2_vl": _merger,
    "qwen2_5_vl": _merger,
    "qwen2_5_omni": _merger,
    "qwen2_5_omni_thinker": _merger,
    "qwen3_vl": _merger,
    "qwen3_omni_moe": _merger,
    "qwen3_omni_moe_thinker": _merger,
    "qwen3_vl_moe": _merger,
    "qwen3_5": _merger,
    "qwen3_5_moe": _merger,
    "mllama": _global_layers,
    "llama4": _adapter,
    "muse_glimmer": _adapter,
    "kimi_k25": _patch_merger,
    "llava": _two_layers,
    "llava_next": _with_newline,
    "llava_next_video": _two_layers,
    "llava_onevision": _with_newline,
    "paligemma": _biased,
    "idefics3": _square,
    "smolvlm": _square,
    "internvl_chat": _normed_square,
    "internvl": _normed_square,
    "aya_vision": _gated_square,
    "phi3_v": _separated,
    "deepseek_vl_v2": _separated,
    "glm4v": _downsampled,
    "glm4v_moe": _downsampled,
    "minicpmv": _resampler,
    "minicpmo": _resampler,
    "mistral3": _two_layers,
}


def projector(model_type: str, place: Place) -> tuple[Tensor, ...]:
    """The projector of a family; a single matrix where there is no row."""
    return _PROJECTORS.get(model_type, _one_layer)(place)
