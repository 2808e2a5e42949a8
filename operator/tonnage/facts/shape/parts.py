"""What the builders of layers share: the model they are in, and the tensors that occur everywhere.

Names of modules are a Llama's, whatever the family calls them: patterns of quantization configs are written for the
names of their own checkpoint, and those families that are quantized by pattern follow a Llama's.
"""

from dataclasses import dataclass

from tonnage.facts.config import ATTENTION_HEADS, HIDDEN_SIZE
from tonnage.facts.errors import unusable
from tonnage.facts.shape.description import Role, Split, Tensor
from tonnage.facts.shape.families import Family
from tonnage.facts.shape.fields import Fields


@dataclass(frozen=True, eq=False)
class Model:
    """What every builder needs to know of the model. By its identity builders keep what they made for other layers."""

    fields: Fields
    family: Family
    model_type: str
    hidden_size: int
    layers: int
    heads: int

    @property
    def head_dim(self) -> int:
        """The dimension of a head where the config leaves it to division. Raises FactsError."""
        if self.heads > self.hidden_size:
            sizes = f"{self.heads:,} attention heads divide a hidden size of {self.hidden_size:,}"
            raise unusable(f"the config.json makes no sense: {sizes} ({', '.join((*ATTENTION_HEADS, *HIDDEN_SIZE))})")
        return self.hidden_size // self.heads

    def has_bias(self, bias: bool | str) -> bool:
        """Whether a bias of the family's row is there: always, never, or by the config's switch."""
        return self.fields.is_set(bias) if isinstance(bias, str) else bias

    @property
    def bias_is_default(self) -> bool:
        """StarCoder's switch is on where the config is silent."""
        return self.model_type == "starcoder2"


@dataclass(frozen=True)
class Projection:
    """A linear module: `inputs` x `outputs`, its bias and how the ranks divide it."""

    name: str
    inputs: int
    outputs: int
    split: Split = Split.SHARDED
    has_bias: bool = False
    storage: str = ""
    units: int = 1
    is_by_inputs: bool = False
    """Whether ranks divide its inputs, so that each has the whole bias."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The weight, and the bias if there is one."""
        weight = Tensor(self.name, self.inputs * self.outputs, self.split, Role.LINEAR, self.storage, units=self.units)
        if not self.has_bias:
            return (weight,)
        split = Split.WHOLE if self.is_by_inputs else self.split
        return (weight, Tensor(f"{self.name}.bias", self.outputs, split, units=self.units))


def projections(*wanted: Projection) -> tuple[Tensor, ...]:
    """The tensors of these, in order."""
    return tuple(tensor for projection in wanted for tensor in projection.tensors)


def norm(name: str, size: int, *, has_bias: bool = False) -> Tensor:
    """The weight of a norm, and its bias."""
    return Tensor(name, 2 * size if has_bias else size)
