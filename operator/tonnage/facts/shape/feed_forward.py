"""Feed-forward layers, dense and mixtures: widths, experts, and their tensors.

A reader would get wrong that experts come fused: all of a layer are two tensors, so a layer's largest allocation is not
a matrix but a stack of them.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from tonnage.facts.shape.attention import first_sharing_layer
from tonnage.facts.shape.description import FeedForward, Role, Split, Tensor
from tonnage.facts.shape.fields import Fields
from tonnage.facts.shape.parts import Model, Projection, norm, projections
from tonnage.facts.spelling import VISION_EXPERT_WIDTH, VISION_EXPERTS

_EXPERTS = ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts", "num_routed_experts")
_ACTIVE = (
    "num_experts_per_tok",
    "num_experts_per_token",
    "experts_per_token",
    "top_k_experts",
    "moe_top_k",
    "moe_k",
    "moe_topk",
)
_DENSE_WIDTH = ("intermediate_size", "n_inner", "ffn_hidden_size", "ffn_dim", "d_ff")
_EXPERT_WIDTH = (
    "moe_intermediate_size",
    "expert_intermediate_size",
    "ffn_hidden_size_moe",
    "expert_ffn_hidden_size",
)
_SHARED_WIDTH = (
    "shared_expert_intermediate_size",
    "moe_shared_expert_intermediate_size",
    "shared_intermediate_size",
    "share_expert_dim",
)
_QWEN_MIXTURES = ("qwen2_moe", "qwen3_next", "qwen3_5")
_SHARED_COUNT = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts", "num_shared_expert")


def feed_forward(model: Model, index: int) -> tuple[FeedForward, tuple[Tensor, ...]]:
    """The feed-forward part of one layer."""
    experts = model.fields.number(*_EXPERTS)
    if experts and _is_mixture(model, index):
        return mixture(model, experts)
    return dense(model, _layer_width(model, index))


def uneven(fields: Fields) -> Iterator[str]:
    """Numbers of the experts that the config gives for each layer, not the same for all: nothing here reads them."""
    for name in (*_EXPERTS, *_ACTIVE, *_EXPERT_WIDTH, *_SHARED_WIDTH, *_SHARED_COUNT):
        if fields.items(name) and fields.number(name) is None:
            yield f"{name}, which differs from layer to layer"


def _layer_width(model: Model, index: int) -> int:
    """Of a dense layer, where layers differ: Gemma 3n lists them, Gemma 4 doubles those that share a cache."""
    fields = model.fields
    widths = fields.items("intermediate_size") or []
    width = widths[index] if index < len(widths) and isinstance(widths[index], int) else _dense_width(model)
    is_double = fields.is_set("use_double_wide_mlp") and index >= first_sharing_layer(model)
    return 2 * width if is_double else width


@lru_cache(maxsize=8)
def dense(model: Model, width: int) -> tuple[FeedForward, tuple[Tensor, ...]]:
    """One gated or plain pair of projections."""
    gated = model.family.is_gated
    return FeedForward(width, is_gated=gated), _dense_tensors(model, "mlp", width, has_bias=_has_bias(model))


@lru_cache(maxsize=8)
def mixture(model: Model, experts: int) -> tuple[FeedForward, tuple[Tensor, ...]]:
    """Experts, their router, and what every token uses beside them."""
    fields, hidden = model.fields, model.hidden_size
    active = min(experts, fields.required("number of active experts", *_ACTIVE))
    width = fields.number(*_EXPERT_WIDTH) or _dense_width(model, dense_first=False)
    narrow = fields.number("moe_latent_size", "routed_expert_hidden_size")
    inner = narrow or hidden
    shared = _shared_width(model, width)
    found = list(_expert_tensors(model, experts, active, width, inner))
    # LongCat's router may also choose experts that return what they are given.
    choices = experts + (fields.number("zero_expert_num") or 0)
    # The engine never quantizes a router.
    row = model.family
    found.append(Tensor("mlp.gate", choices * (hidden + row.router_bias), is_float32=row.router_is_float32))
    if row.score_bias:
        found.append(Tensor("mlp.gate.e_score_correction_bias", choices, is_float32=True))
    if narrow:
        found += projections(
            Projection("mlp.fc1_latent_proj", hidden, narrow, Split.WHOLE),
            Projection("mlp.fc2_latent_proj", narrow, hidden, Split.WHOLE),
        )
    images = fields.number(VISION_EXPERTS)
    if images:
        # A token of text uses none of them.
        width_then = fields.required("width of the experts for images", VISION_EXPERT_WIDTH)
        found += [
            replace(tensor, name=f"mlp.vision_experts.{number}", active_elements=0)
            for number, tensor in enumerate(_expert_tensors(model, images, 1, width_then, inner))
        ]
        found.append(Tensor("mlp.vision_gate", images * hidden))
    if shared:
        name = "mlp.shared_expert" if model.model_type.startswith(_QWEN_MIXTURES) else "mlp.shared_experts"
        found += _dense_tensors(model, name, shared, has_bias=False)
    if model.model_type.startswith(_QWEN_MIXTURES):
        found.append(norm("mlp.shared_expert_gate", hidden))
    if fields.is_set("enable_moe_block"):
        # Gemma 4: a dense layer beside the experts, with norms of its own, and scales in the router.
        width_beside = _dense_width(model)
        found += _dense_tensors(model, "mlp", width_beside, has_bias=False)
        found += [norm("mlp.norms", 3 * hidden), norm("mlp.router.scale", hidden + experts)]
        shared += width_beside
    described = FeedForward(width, experts, active, shared, model.family.is_gated, expert_hidden=narrow or 0)
    return described, tuple(found)


def _is_mixture(model: Model, index: int) -> bool:
    """What the first setting says that the config has; without any, every layer is a mixture."""
    return next((told for rule in _MIXTURE_RULES if (told := rule(model.fields, index)) is not None), True)


def _by_kind(fields: Fields, index: int) -> bool | None:
    kinds = fields.items("mlp_layer_types") or []
    return str(kinds[index]) != "dense" if index < len(kinds) else None


def _by_list(fields: Fields, index: int) -> bool | None:
    frequencies = fields.items("moe_layer_freq") or []
    return bool(frequencies[index]) if index < len(frequencies) else None


def _by_enumeration(fields: Fields, index: int) -> bool | None:
    enumerated = fields.text("moe_layers_enum")
    return str(index) in enumerated.split(",") if enumerated else None


def _by_exception(fields: Fields, index: int) -> bool | None:
    """The first layers of most mixtures are dense; some name others."""
    first = fields.number("first_k_dense_replace", "moe_layer_start_index", "num_dense_layers") or 0
    return False if index < first or index in (fields.items("mlp_only_layers") or ()) else None


def _by_step(fields: Fields, index: int) -> bool | None:
    step = fields.number("interleave_moe_layer_step", "decoder_sparse_step", "moe_layer_interval")
    return (index + 1) % step == 0 if step else None


def _by_period(fields: Fields, index: int) -> bool | None:
    period = fields.number("expert_layer_period", "moe_layer_freq")
    return index % period == (fields.number("expert_layer_offset") or 0) if period else None


_MIXTURE_RULES = (_by_kind, _by_list, _by_enumeration, _by_exception, _by_step, _by_period)


def _dense_width(model: Model, *, dense_first: bool = True) -> int:
    fields = model.fields
    special = fields.number("dense_intermediate_size", "intermediate_size_mlp") if dense_first else None
    # GPT-2's kin say nothing where the width is four times the model's.
    width = special or fields.number(*_DENSE_WIDTH) or 4 * model.hidden_size
    if model.model_type == "lfm2" and fields.is_set("block_auto_adjust_ff_dim", default=True):
        return _adjusted_width(fields, width)
    # The first Qwen counts gate and up projection together.
    return width // 2 if model.model_type == "qwen" else width


def _adjusted_width(fields: Fields, width: int) -> int:
    """LFM2's: two thirds, by a factor, in whole multiples (vLLM lfm2.py, Lfm2MLP)."""
    factor, multiple = fields.section.get("block_ffn_dim_multiplier"), fields.number("block_multiple_of") or 256
    narrow = 2 * width // 3
    if not isinstance(factor, int | float):
        return narrow
    return -(-int(factor * narrow) // multiple) * multiple


def _shared_width(model: Model, expert_width: int) -> int:
    fields = model.fields
    if model.model_type.startswith("llama4"):
        return expert_width
    width = fields.number(*_SHARED_WIDTH)
    return width if width is not None else (fields.number(*_SHARED_COUNT) or 0) * expert_width


def _has_bias(model: Model) -> bool:
    bias = model.family.mlp_bias
    if isinstance(bias, str):
        return model.fields.is_set(bias, default=model.bias_is_default)
    return bias


def _dense_tensors(model: Model, name: str, width: int, *, has_bias: bool) -> tuple[Tensor, ...]:
    hidden, storage = model.hidden_size, f"{name}.gate_up"
    # The engine runs the code of transformers, which divides no more than the attention.
    split = Split.WHOLE if model.model_type == "gpt_bigcode" else Split.SHARDED
    gate = (Projection(f"{name}.gate_proj", hidden, width, split, has_bias, storage),)
    return projections(
        *(gate if model.family.is_gated else ()),
        Projection(f"{name}.up_proj", hidden, width, split, has_bias, storage),
        Projection(f"{name}.down_proj", width, hidden, split, has_bias, is_by_inputs=True),
    )


def _expert_tensors(model: Model, experts: int, active: int, width: int, inner: int) -> tuple[Tensor, ...]:
    matrices = 2 if model.family.is_gated else 1
    # Gemma 4's are beside its dense layer, not in it.
    prefix = "experts" if model.fields.is_set("enable_moe_block") else "mlp.experts"

    def stack(name: str, each: int, role: Role = Role.EXPERTS) -> Tensor:
        return Tensor(name, experts * each, Split.SHARDED, role, active_elements=active * each)

    found = (
        stack(f"{prefix}.gate_up_proj", matrices * inner * width),
        stack(f"{prefix}.down_proj", width * inner),
    )
    if model.model_type == "gpt_oss":
        return (*found, stack(f"{prefix}.bias", matrices * width + inner, Role.OTHER))
    return found
