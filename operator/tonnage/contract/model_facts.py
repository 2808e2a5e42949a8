"""What is known of a model before any weight is read: the result of reading its config and safetensors headers.

Public hubs are read by the operator, everything else by the facts pod, which prints this very document (or a
`FactsFailure`) as its termination message: it must stay under 4 KiB.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from tonnage.contract.base import Bytes, Commit, Contract, Count, Message, ShortText
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Task


class AttentionKind(StrEnum):
    """How keys and values are kept; decides the KV cache's size."""

    MULTI_HEAD = "MultiHead"
    GROUPED_QUERY = "GroupedQuery"
    MULTI_QUERY = "MultiQuery"
    LATENT = "Latent"
    ENCODER_ONLY = "EncoderOnly"
    UNKNOWN = "Unknown"


class ContextExtension(Contract):
    """How the model's rotary positions are scaled, so that it reads further than it was first trained for."""

    kind: ShortText
    """The kind of scaling, as the config names it: yarn, longrope, llama3, linear, dynamic."""
    factor: ShortText
    """By how much, in decimals."""
    original_context_length: Count | None = None
    """The longest sequence before the scaling; unset where the config does not tell."""

    def __str__(self) -> str:
        """For people: `yarn x4 of 32,768`."""
        origin = "" if self.original_context_length is None else f" of {self.original_context_length:,}"
        return f"{self.kind} x{self.factor}{origin}"


class ModelFacts(Contract):
    """One model at one commit. Counts of heads and layers are those of the text decoder."""

    source: ShortText
    """Where the model is, as spec.model.source had it."""
    requested_revision: ShortText
    """The revision that was asked for."""
    commit: Commit
    """The commit that every pod uses; where there are none, in a claim or a bucket, a digest of the model's files."""
    architecture: ShortText
    """The engine's name for the kind of model."""
    task: Task | None = None
    """What it is for, by its files; absent where the engine does not know the architecture."""
    pooling: ShortText | None = None
    """How the vectors of a text's tokens become one, where the files say it: CLS, MEAN or LAST."""
    parameters: Annotated[int, Field(ge=0, le=2**53)]
    """Elements of all tensors; a checkpoint in 4 bits packs several parameters into one."""
    weights_bytes: Bytes
    """Bytes of all tensors that the engine loads, as the checkpoint's headers give them."""
    weights_dtype: ShortText
    """The type of most of these bytes."""
    weights_bytes_by_dtype: Annotated[dict[ShortText, Bytes], Field(max_length=16)] = {}
    """These bytes by type, by torch's names; empty where no header was read."""
    download_bytes: Bytes
    """Bytes of all files that a pod needs."""
    layers: Count
    """Layers of the text decoder."""
    hidden_size: Count
    """Width of the text decoder."""
    attention_heads: Count
    """Query heads of a layer."""
    # Per token and layer a model keeps 2 x kv_heads x head_dim elements (keys and values). Latent attention keeps one
    # compressed vector instead: kv_heads is 1, head_dim is that vector's length, and there is no factor of 2.
    kv_heads: Count
    """Key-value heads of a layer."""
    head_dim: Count
    """Dimension of one head."""
    vocabulary_size: Count
    """Tokens that the model knows."""
    attention: AttentionKind
    """How keys and values are kept."""
    max_context_length: Count
    """The longest sequence that the model is made for."""
    quantization: ShortText | None = None
    """The method that the checkpoint was quantized with."""
    needs_remote_code: bool = False
    """Whether it can only be loaded with code from its repository."""
    context_extension: ContextExtension | None = None
    """How the model came to that length, where its rotary positions are scaled."""
    has_chat_template: bool = False
    """Whether it can be asked in chat form."""
    handles_tools: bool | None = None
    """Whether its chat template handles tools; unset where there is none, or none that can be read."""
    config: Annotated[str, Field(max_length=65536)] = ""
    """The model's config.json, from which plans for GPUs are computed: zlib in base64, see `facts.packed`. Empty where
    it had no room in the facts pod's message."""
    licence: ShortText | None = None
    """The licence, as the hub or the model's card gives it."""
    languages: Annotated[list[Annotated[str, Field(max_length=16)]], Field(max_length=32)] | None = None
    """The first languages that the model's card names."""
    hub_task: ShortText | None = None
    """What the model is for, as the hub or its card says: text-generation, feature-extraction."""


class FactsFailure(Contract):
    """Why there are no facts, in words for the person who wrote the deployment."""

    reason: Reason
    message: Message
    is_permanent: bool


class FactsReport(Contract):
    """The facts pod's termination message: exactly one of the two."""

    schema_version: Literal[1] = 1
    facts: ModelFacts | None = None
    failure: FactsFailure | None = None
