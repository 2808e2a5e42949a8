"""What encoders of images and sound share: how they differ from a plain transformer, and the tensors of a layer."""

from dataclasses import dataclass

from tonnage.facts.shape.description import Tensor
from tonnage.facts.shape.fields import Fields
from tonnage.facts.shape.parts import Projection, norm, projections


@dataclass(frozen=True)
class Kind:
    """How a family's tower differs from a plain ViT with biases and one projection of patches."""

    is_gated: bool = False
    linear_bias: bool = True
    qkv_bias: bool = True
    norm_bias: bool = True
    layer_vectors: int = 0
    """Of a layer, beside its two norms: norms of queries and keys, scales of its outputs."""
    outer_vectors: int = 0
    """Weights and biases of the norms around the layers."""
    position_table: bool = True
    class_token: bool = False
    max_patches: int = 0
    """Of the largest image; 0: the square of `image_size`."""
    patches_per_token: int = 1
    whole_item_tokens: int = 0
    frames: int = 1
    """Images that one patch spans."""
    has_tiles: bool = False
    """Whether a large image is cut as the processor's config says, so that its size is unknown here."""
    is_whole: bool = False
    may_stay_whole: bool = False
    is_quick_gelu: bool = False
    """x * sigmoid(1.702 x), in three kernels."""

    @property
    def activation_copies(self) -> int:
        """Vectors of the intermediate width that are alive together: gated, the gate, what it gates, the product."""
        return 3 if self.is_gated or self.is_quick_gelu else 2


def block(kind: Kind, hidden: int, width: int) -> tuple[Tensor, ...]:
    """One layer."""
    has_bias = kind.linear_bias
    has_qkv_bias = has_bias and kind.qkv_bias
    return (
        *projections(
            *(Projection(f"attn.{name}_proj", hidden, hidden, has_bias=has_qkv_bias, storage="qkv") for name in "qkv"),
            Projection("attn.o_proj", hidden, hidden, has_bias=has_bias, is_by_inputs=True),
            *(
                (Projection("mlp.gate_proj", hidden, width, has_bias=has_bias, storage="gate_up"),)
                if kind.is_gated
                else ()
            ),
            Projection("mlp.up_proj", hidden, width, has_bias=has_bias, storage="gate_up"),
            Projection("mlp.down_proj", width, hidden, has_bias=has_bias, is_by_inputs=True),
        ),
        norm("norms", 2 * hidden, has_bias=kind.norm_bias),
        *((Tensor("scales", kind.layer_vectors * hidden),) if kind.layer_vectors else ()),
    )


@dataclass(frozen=True)
class Place:
    """Where a tower is: what its projectors need to know."""

    fields: Fields
    hidden: int
    width: int
    text_hidden: int
    whole: Fields
