"""What is computed and kept, layer by layer: the vocabulary of this package. No config is read here.

A tensor is a parameter as the engine allocates it, not as a checkpoint stores it: projections that the engine fuses
share one `storage`, experts are one tensor. A reader would get wrong that `kv_heads` of latent attention is 1 whatever
the config says: one compressed vector stands for all heads, on every rank.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from tonnage.facts.shape.quantization import Quantization


class Split(StrEnum):
    """How a tensor is divided among the ranks of tensor parallelism."""

    SHARDED = "Sharded"
    KV_HEADS = "KvHeads"
    """By key-value heads, or groups of heads: copies, once there are more ranks than these."""
    VOCABULARY = "Vocabulary"
    """By rows, after the vocabulary was padded."""
    WHOLE = "Whole"
    """Every rank holds all of it."""


class Role(StrEnum):
    """What a tensor is for; decides whether quantization may touch it."""

    LINEAR = "Linear"
    EXPERTS = "Experts"
    EMBEDDING = "Embedding"
    HEAD = "Head"
    OTHER = "Other"
    """Norms, biases, convolutions: never quantized."""


@dataclass(frozen=True)
class Tensor:
    """One parameter. `name` is the module's in a checkpoint, from its layer on."""

    name: str
    elements: int
    split: Split = Split.WHOLE
    role: Role = Role.OTHER
    storage: str = ""
    """Tensors with the same non-empty storage are one allocation."""
    active_elements: int | None = None
    """What one token uses of it, where that is less than all."""
    rows: int = 1
    """Of an embedding: the tokens, which are padded."""
    units: int = 1
    """Of a split by heads: how many there are."""
    is_float32: bool = False
    """Kept in 32 bits whatever the model's type."""


class AttentionKind(StrEnum):
    """How a layer keeps what it has read."""

    FULL = "Full"
    SLIDING = "Sliding"
    """Only the last `window` tokens."""
    CHUNKED = "Chunked"
    """Only the tokens of the current chunk of `window`."""
    LATENT = "Latent"
    """One compressed vector of `key_dim` for keys and values of all heads."""
    CROSS = "Cross"
    """Over an encoder's output, not over the tokens."""
    ENCODER = "Encoder"
    """Nothing is kept."""


@dataclass(frozen=True)
class Attention:
    """A layer that reads its earlier tokens. Dimensions are of one head; `window` is in tokens."""

    kind: AttentionKind
    heads: int
    kv_heads: int
    key_dim: int
    value_dim: int
    window: int | None = None
    shares_cache: bool = False
    """Whether it reads the keys and values of an earlier layer, and keeps none."""
    prefill_dim: int = 0
    """Of latent attention: keys and values of one head, once decompressed for a prompt."""
    query_inputs: int = 0
    """Of latent attention: the width that queries are projected from."""
    nope_dim: int = 0
    """Of latent attention: the part of a query's head that is not rotated."""
    is_sparse: bool = False
    """Whether it reads only tokens that an index chose."""
    indexer_dim: int = 0
    """Of sparse attention: the index key that is kept beside each token; 0 where another layer's choice is taken."""
    encoder_tokens: int = 0
    """Of cross-attention: what an encoder of fixed length gives each sequence; 0 where the config does not tell."""


@dataclass(frozen=True)
class StatePart:
    """A piece of the state that a sequence keeps however long it is."""

    elements: int
    is_float32: bool = False
    units: int = 0
    """Of a part that is copied once there are more ranks than this; 0: always divided."""


@dataclass(frozen=True)
class State:
    """A layer with a fixed state (Mamba, linear attention, gated delta): its parts are divided among the ranks."""

    name: str
    parts: tuple[StatePart, ...]
    heads: int = 0
    """What must be a multiple of the ranks; 0: nothing but widths."""
    groups: int = 1
    """Of Mamba 2's heads: divided as well, unless there is one."""


@dataclass(frozen=True)
class FeedForward:
    """A dense layer has no experts; `shared` is the width of the experts that every token uses."""

    intermediate: int
    experts: int = 0
    active: int = 0
    shared: int = 0
    is_gated: bool = True
    expert_hidden: int = 0
    """The width that experts read and write, where it is not the model's."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer of the decoder (or encoder). Equal layers of a model are one object, so identity compares them.

    What reads its own tokens and an encoder's in turn is two layers here: each keeps a cache of its own.
    """

    mixer: Attention | State | None
    feed_forward: FeedForward | None
    tensors: tuple[Tensor, ...]


@dataclass(frozen=True)
class Tower:
    """An encoder of images or sound. A patch is what its layers see, a token what the decoder gets."""

    name: str
    hidden_size: int
    intermediate: int
    tensors: tuple[Tensor, ...]
    max_patches: int = 0
    """Of one item as large as the engine's dummy item; 0 where the config alone does not tell."""
    max_tokens: int = 0
    values_per_patch: int = 0
    """Numbers of the input that one patch is made of."""
    whole_item_tokens: int = 0
    """Of the largest item that must be in one batch as a whole, where attention goes both ways in it."""
    activation_copies: int = 2
    """Vectors of the intermediate width that are alive together in a forward pass."""
    kept_layers: int = 0
    """Layers whose outputs are kept until the end, where the projector reads them too."""
    heads: int = 0
    """Attention heads, which tensor parallelism must divide; 0 where the config does not tell."""
    is_whole: bool = False
    """Whether every rank holds all of it, as where the engine runs another library's encoder."""
    may_stay_whole: bool = False
    """Whether the engine leaves it whole by itself where its heads cannot be divided."""

    def ranks(self, tensor_parallel: int) -> int:
        """How many ranks share it."""
        is_indivisible = self.heads > 0 and self.heads % tensor_parallel > 0
        return 1 if self.is_whole or (self.may_stay_whole and is_indivisible) else tensor_parallel

    def is_divisible(self, tensor_parallel: int) -> bool:
        """Whether the engine can run it on so many ranks."""
        return self.heads % self.ranks(tensor_parallel) == 0


@dataclass(frozen=True, eq=False)
class Shape:
    """A whole model. `unknown` names what the config does not tell; nothing in the shape was guessed for it.

    Two readings of one config are two shapes: what is computed from a shape is kept by its identity.
    """

    architecture: str
    model_type: str
    hidden_size: int
    vocabulary_size: int
    max_context_length: int
    dtype: str
    is_tied: bool
    """Whether the output head is the input embedding."""
    layers: tuple[Layer, ...]
    first: tuple[Tensor, ...]
    """Embeddings, of the first pipeline stage."""
    last: tuple[Tensor, ...]
    """Final norm and output head, of the last pipeline stage."""
    towers: tuple[Tower, ...] = ()
    quantization: Quantization | None = None
    rotary_elements: int = 0
    """Of the tables of rotations that the engine keeps beside the weights."""
    generates: bool = True
    """Whether there is a sampler; embedding models and rerankers have a pooler."""
    is_causal: bool = True
    """False where the tokens of a pooled decoder see those after them; the attention of an encoder says it itself."""
    whole_texts: bool = False
    """Whether a text must be one batch as a whole."""
    left_out: tuple[str, ...] = ()
    """What the checkpoint holds and the engine does not load."""
    unknown: tuple[str, ...] = field(default=())

    @cached_property
    def distinct_layers(self) -> tuple[Layer, ...]:
        """Each kind of layer once, in the order in which they first come: a handful, however deep the model is."""
        return tuple(dict.fromkeys(self.layers))

    @cached_property
    def attentions(self) -> tuple[Attention, ...]:
        """The mixers of these that are attention."""
        return tuple(layer.mixer for layer in self.distinct_layers if isinstance(layer.mixer, Attention))

    @cached_property
    def feed_forwards(self) -> tuple[FeedForward, ...]:
        """The feed-forward parts of these."""
        return tuple(layer.feed_forward for layer in self.distinct_layers if layer.feed_forward is not None)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of them."""
        parts = (self.first, *(layer.tensors for layer in self.layers), self.last, *(t.tensors for t in self.towers))
        return tuple(tensor for part in parts for tensor in part)

    @cached_property
    def parameters(self) -> int:
        """Elements of all tensors; a head tied to the embedding counts once."""
        return sum(tensor.elements for tensor in self.tensors)

    @cached_property
    def active_parameters(self) -> int:
        """What one token uses: of a mixture only the experts that it is sent to."""
        return sum(
            tensor.elements if tensor.active_elements is None else tensor.active_elements for tensor in self.tensors
        )
