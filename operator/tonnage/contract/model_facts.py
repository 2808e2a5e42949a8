"""What is known of a model before any weight is read: the result of reading its config and safetensors headers.

Public hubs are read by the operator, everything else by the facts pod, which prints this very document (or a
`FactsFailure`) as its termination message: it must stay under 4 KiB.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from tonnage.contract.base import Bytes, Commit, Contract, Count, Message, ShortText
from tonnage.contract.reasons import Reason


class AttentionKind(StrEnum):
    """How keys and values are kept; decides the KV cache's size."""

    MULTI_HEAD = "MultiHead"
    GROUPED_QUERY = "GroupedQuery"
    MULTI_QUERY = "MultiQuery"
    LATENT = "Latent"
    ENCODER_ONLY = "EncoderOnly"
    UNKNOWN = "Unknown"


class ModelFacts(Contract):
    """One model at one commit. Counts of heads and layers are those of the text decoder."""

    source: ShortText
    requested_revision: ShortText
    # A claim's folder has no commit; its identity is a digest of its file list, sizes and config.
    commit: Commit
    architecture: ShortText
    parameters: Annotated[int, Field(ge=0, le=2**53)]
    weights_bytes: Bytes
    weights_dtype: ShortText
    download_bytes: Bytes
    layers: Count
    hidden_size: Count
    attention_heads: Count
    # Per token and layer a model keeps 2 x kv_heads x head_dim elements (keys and values). Latent attention keeps one
    # compressed vector instead: kv_heads is 1, head_dim is that vector's length, and there is no factor of 2.
    kv_heads: Count
    head_dim: Count
    vocabulary_size: Count
    attention: AttentionKind
    max_context_length: Count
    quantization: ShortText | None = None
    needs_remote_code: bool = False
    has_chat_template: bool = False
    licence: ShortText | None = None


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
