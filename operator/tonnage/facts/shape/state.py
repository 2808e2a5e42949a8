"""Layers with a fixed state in place of keys and values: gated delta, Mamba, linear attention, short convolutions.

The state's parts are what the engine's `MambaStateShapeCalculator` (vLLM mamba_utils.py) gives for one rank: the last
`kernel - 1` inputs of a convolution, and a matrix per head. Both are divided among the ranks; a single group that all
heads of Mamba 2 share is copied.
"""

from collections.abc import Mapping
from typing import Any

from tonnage.facts.shape.description import Split, State, StatePart, Tensor
from tonnage.facts.shape.fields import Fields
from tonnage.facts.shape.parts import Model, Projection, norm, projections


def _sharded(name: str, elements: int, *, is_float32: bool = False) -> Tensor:
    return Tensor(name, elements, Split.SHARDED, is_float32=is_float32)


def gated_delta(model: Model) -> tuple[State, tuple[Tensor, ...]]:
    """Qwen3-Next's and Qwen3.5's."""
    fields, hidden = model.fields, model.hidden_size
    value_heads = fields.required("number of linear value heads", "linear_num_value_heads")
    key_dim = fields.required("dimension of a linear key", "linear_key_head_dim")
    value_dim = fields.required("dimension of a linear value", "linear_value_head_dim")
    key_heads = fields.required("number of linear key heads", "linear_num_key_heads")
    keys = key_heads * key_dim
    values = value_heads * value_dim
    kernel = fields.required("width of the convolution", "linear_conv_kernel_dim")
    channels = 2 * keys + values
    tensors = (
        *projections(
            Projection("linear_attn.in_proj_qkv", hidden, channels, storage="in_proj"),
            Projection("linear_attn.in_proj_z", hidden, values, storage="in_proj"),
            Projection("linear_attn.in_proj_b", hidden, value_heads, storage="in_proj_ba"),
            Projection("linear_attn.in_proj_a", hidden, value_heads, storage="in_proj_ba"),
            Projection("linear_attn.out_proj", values, hidden),
        ),
        _sharded("linear_attn.conv1d", channels * kernel),
        _sharded("linear_attn.dt_bias", value_heads),
        _sharded("linear_attn.A_log", value_heads, is_float32=True),
        norm("linear_attn.norm", value_dim),
    )
    is_float32 = fields.text("mamba_ssm_dtype") == "float32"
    parts = (StatePart((kernel - 1) * channels), StatePart(value_heads * key_dim * value_dim, is_float32))
    return State("gated delta", parts, key_heads), tensors


def mamba2(model: Model) -> tuple[State, tuple[Tensor, ...]]:
    """Nemotron-H's, Bamba's, Granite 4's, Falcon-H1's."""
    fields, hidden = model.fields, model.hidden_size
    heads = fields.required("number of Mamba heads", "mamba_num_heads", "mamba_n_heads", "n_mamba_heads", "num_heads")
    head_dim = fields.number("mamba_head_dim", "mamba_d_head")
    inner = heads * head_dim if head_dim else (fields.number("expand", "mamba_expand") or 2) * hidden
    groups = fields.number("n_groups", "mamba_n_groups") or 1
    state = fields.required("size of the Mamba state", "ssm_state_size", "mamba_d_state", "state_size")
    kernel = fields.required("width of the convolution", "conv_kernel", "mamba_d_conv")
    shared = 2 * groups * state
    has_bias = fields.is_set("use_bias") or fields.is_set("mamba_proj_bias")
    tensors = (
        *projections(
            Projection("mixer.in_proj", hidden, 2 * inner + heads, has_bias=has_bias, storage="in_proj"),
            Projection("mixer.in_proj.groups", hidden, shared, Split.KV_HEADS, has_bias, "in_proj", groups),
            Projection("mixer.out_proj", inner, hidden, has_bias=has_bias, is_by_inputs=True),
        ),
        Tensor("mixer.conv1d", inner * (kernel + 1), Split.SHARDED, storage="conv1d"),
        Tensor("mixer.conv1d.groups", shared * (kernel + 1), Split.KV_HEADS, storage="conv1d", units=groups),
        _sharded("mixer.A_log", heads, is_float32=True),
        _sharded("mixer.D", heads),
        _sharded("mixer.dt_bias", heads),
        _sharded("mixer.norm", inner),
    )
    is_float32 = "float32" in (fields.text("mamba_ssm_cache_dtype"), fields.text("mamba_ssm_dtype"))
    parts = (
        StatePart((kernel - 1) * inner),
        StatePart((kernel - 1) * shared, units=groups),
        StatePart(inner * state, is_float32),
    )
    return State("Mamba 2", parts, heads, groups), tensors


def mamba1(model: Model) -> tuple[State, tuple[Tensor, ...]]:
    """Jamba's and Falcon-Mamba's."""
    fields, hidden = model.fields, model.hidden_size
    inner = (fields.number("mamba_expand", "expand") or 2) * hidden
    state = fields.required("size of the Mamba state", "mamba_d_state", "state_size")
    kernel = fields.required("width of the convolution", "mamba_d_conv", "conv_kernel")
    rank = fields.number("mamba_dt_rank", "time_step_rank") or -(-hidden // 16)
    tensors = (
        *projections(
            Projection("mamba.in_proj", hidden, 2 * inner),
            Projection("mamba.x_proj", inner, rank + 2 * state),
            Projection("mamba.dt_proj", rank, inner, has_bias=True),
            Projection("mamba.out_proj", inner, hidden),
        ),
        _sharded("mamba.conv1d", inner * (kernel + 1)),
        _sharded("mamba.A_log", inner * state, is_float32=True),
        _sharded("mamba.D", inner),
    )
    return State("Mamba", (StatePart((kernel - 1) * inner), StatePart(inner * state))), tensors


def kimi_delta(model: Model, section: Mapping[str, Any]) -> tuple[State, tuple[Tensor, ...]]:
    """Kimi Linear's: three convolutions, and a matrix per head in 32 bits."""
    fields, hidden = Fields(section), model.hidden_size
    heads = fields.required("number of linear heads", "num_heads")
    dimension = fields.required("dimension of a linear head", "head_dim")
    kernel = fields.required("width of the convolution", "short_conv_kernel_size")
    width = heads * dimension
    tensors = (
        *projections(
            *(Projection(f"self_attn.{name}_proj", hidden, width, storage="qkv") for name in "qkv"),
            Projection("self_attn.f_a_proj", hidden, dimension, Split.WHOLE),
            Projection("self_attn.f_b_proj", dimension, width),
            Projection("self_attn.b_proj", hidden, heads),
            Projection("self_attn.g_a_proj", hidden, dimension, Split.WHOLE),
            Projection("self_attn.g_b_proj", dimension, width),
            Projection("self_attn.o_proj", width, hidden),
        ),
        _sharded("self_attn.conv1d", 3 * width * kernel),
        _sharded("self_attn.A_log", heads, is_float32=True),
        _sharded("self_attn.dt_bias", width, is_float32=True),
        norm("self_attn.o_norm", dimension),
    )
    parts = (StatePart(3 * (kernel - 1) * width), StatePart(heads * dimension * dimension, is_float32=True))
    return State("Kimi delta", parts, heads), tensors


def lightning(model: Model) -> tuple[State, tuple[Tensor, ...]]:
    """MiniMax-Text-01's."""
    dimension = model.fields.number("head_dim") or model.head_dim
    width = model.heads * dimension
    tensors = (
        *projections(
            Projection("self_attn.qkv_proj", model.hidden_size, 3 * width),
            Projection("self_attn.output_gate", model.hidden_size, width),
            Projection("self_attn.out_proj", width, model.hidden_size),
        ),
        _sharded("self_attn.norm", width),
    )
    return State("lightning", (StatePart(width * dimension, is_float32=True),), model.heads), tensors


def short_convolution(model: Model) -> tuple[State, tuple[Tensor, ...]]:
    """LFM2's."""
    hidden = model.hidden_size
    kernel = model.fields.required("width of the convolution", "conv_L_cache")
    tensors = (
        *projections(Projection("conv.in_proj", hidden, 3 * hidden), Projection("conv.out_proj", hidden, hidden)),
        _sharded("conv.conv", hidden * kernel),
    )
    return State("short convolution", (StatePart((kernel - 1) * hidden),)), tensors
