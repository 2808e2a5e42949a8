"""A model's files, config and weight headers -> ModelFacts. Pure: hubs and folders are read by others.

Whether the facts can be served (an architecture the engine does not know, remote code, a quantization) is the planner's
to say. Here fails only what leaves a fact unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from tonnage.contract.model_facts import AttentionKind, ModelFacts
from tonnage.contract.model_files import needed_files
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Task
from tonnage.facts import config as names
from tonnage.facts.architectures import engine, has_config, task
from tonnage.facts.card import Card
from tonnage.facts.config import Config, config
from tonnage.facts.context import context
from tonnage.facts.errors import FactsError, shown, unusable
from tonnage.facts.packed import packed
from tonnage.facts.pooling import Pooling
from tonnage.facts.shape import shape
from tonnage.facts.shape.families import DEFAULTS, family
from tonnage.facts.source import Source
from tonnage.facts.weights import Weights

# Settings of layers that keep something else than one key and value per token: a state, or a compressed history.
_OTHER_CACHE_MARKS = ("mamba", "ssm", "linear_num", "linear_attn", "lru_", "layers_block_type", "compress_ratios")
# Families whose table of positions has places, up to the padding token's, that no text uses.
_PADDED_POSITIONS = ("camembert", "roberta", "xlm-roberta")
# What a pair of texts is scored with: one output for the pair.
_SCORING = ("ForSequenceClassification", "ForRanking")


@dataclass(frozen=True)
class Beside:
    """What the small files beside the config say."""

    tokenizer_config: Mapping[str, Any] = field(default_factory=dict)
    has_chat_template: bool = False
    handles_tools: bool | None = None
    sentence_config: Mapping[str, Any] = field(default_factory=dict)
    """Of sentence-transformers, where an embedding model has its limit."""
    pooling: Pooling | None = None
    """None where there is no pooling module."""


@dataclass(frozen=True)
class ModelReading:
    """What was read of one model; `sizes` are of all its files, in bytes."""

    source: Source
    sizes: Mapping[str, int]
    config: Mapping[str, Any]
    weights: Weights
    beside: Beside = Beside()


def model_facts(reading: ModelReading, *, requested_revision: str, commit: str, said: Card | None = None) -> ModelFacts:
    """The facts of what was read at `commit`, and of what the model's card `said`.

    Raises FactsError, permanent, where one of them cannot be known.
    """
    try:
        return _facts(reading, requested_revision, commit, said or Card())
    # A config is written by anybody: numbers and names beyond all bounds.
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        fact = ".".join(str(part) for part in first["loc"])
        message = f"the config.json of {reading.source} makes no sense: {fact} would be {shown(first['input'])}"
        raise unusable(f"{message} ({first['msg']})") from error


def _facts(reading: ModelReading, requested_revision: str, commit: str, said: Card) -> ModelFacts:
    read = _completed(config(reading.config))
    where = str(reading.source)
    architecture = read.architecture
    if not architecture:
        raise unusable(f"the config.json of {where} names no architecture: architectures must be a list of names")
    heads = _required(read, where, "number of attention heads", names.ATTENTION_HEADS)
    hidden_size = _required(read, where, "hidden size", names.HIDDEN_SIZE)
    kv_heads, head_dim, attention = _attention(read, where, heads, hidden_size)
    beside = reading.beside
    longest = context(read, beside.tokenizer_config, beside.sentence_config, where)
    pooling = beside.pooling
    return ModelFacts(
        source=where,
        requested_revision=requested_revision,
        commit=commit,
        architecture=architecture,
        task=model_task(read, pooling),
        pooling=pooling.kind if pooling else None,
        parameters=reading.weights.elements,
        weights_bytes=reading.weights.size_bytes,
        weights_dtype=reading.weights.dtype,
        weights_bytes_by_dtype=dict(reading.weights.named_bytes),
        download_bytes=sum(reading.sizes[name] for name in needed_files(reading.sizes)),
        layers=_required(read, where, "number of layers", names.LAYERS),
        hidden_size=hidden_size,
        attention_heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        vocabulary_size=_required(read, where, "vocabulary size", names.VOCABULARY_SIZE),
        attention=attention,
        max_context_length=_text_length(read, longest.maximum),
        context_extension=longest.extension,
        quantization=read.quantization,
        needs_remote_code=_needs_remote_code(read),
        has_chat_template=beside.has_chat_template,
        handles_tools=beside.handles_tools,
        config=_packed(reading),
        licence=said.licence,
        languages=list(said.languages) or None,
        hub_task=said.hub_task,
    )


def model_task(read: Config, pooling: Pooling | None) -> Task | None:
    """What a model is for: what its modules say, else what its name says; None if the engine does not know the name.

    A classifier scores pairs if it has one output (vLLM entrypoints/pooling/utils.py, enable_scoring_api).
    """
    named = task(read.architecture)
    if named is Task.GENERATE and pooling is not None:
        return Task.EMBED
    if named is Task.CLASSIFY and read.architecture.endswith(_SCORING) and read.labels == 1:
        return Task.SCORE
    return named


def _completed(read: Config) -> Config:
    """The same with what it leaves unsaid because its family's defaults, or a list of its layers, say it."""
    model_type = str(read.text.get("model_type") or read.model_type)
    text = {**DEFAULTS.get(model_type, {}), **read.text}
    if not any(name in text for name in names.LAYERS):
        try:
            text[names.LAYERS[0]] = len(shape(read.whole).layers)
        except FactsError:
            # That they are missing is said below.
            return read
    return Config(read.whole, text)


def _attention(read: Config, where: str, heads: int, hidden_size: int) -> tuple[int, int, AttentionKind]:
    """Key-value heads, the dimension of one, and the kind; for the kind Latent see `ModelFacts`."""
    kv_heads = read.positive(names.KV_HEADS) or (1 if _is_multi_query(read) else heads)
    head_dim = read.positive(names.HEAD_DIM) or hidden_size // heads
    if not head_dim:
        sizes = f"{heads:,} attention heads divide a hidden size of {hidden_size:,}"
        raise unusable(f"the config.json of {where} makes no sense: {sizes} ({', '.join(names.ATTENTION_HEADS)})")
    if family(read.model_type).is_encoder or not read.is_causal:
        return kv_heads, head_dim, AttentionKind.ENCODER_ONLY
    latent_rank = read.positive(("kv_lora_rank",))
    if any(key.startswith(_OTHER_CACHE_MARKS) for key in read.text):
        return kv_heads, head_dim, AttentionKind.UNKNOWN
    if latent_rank is not None:
        # One compressed vector stands for all heads; its rotary part is kept beside it.
        return 1, latent_rank + (read.positive(("qk_rope_head_dim",)) or 0), AttentionKind.LATENT
    if kv_heads == heads:
        return kv_heads, head_dim, AttentionKind.MULTI_HEAD
    return kv_heads, head_dim, AttentionKind.MULTI_QUERY if kv_heads == 1 else AttentionKind.GROUPED_QUERY


def _is_multi_query(read: Config) -> bool:
    # Falcon and GPTBigCode say it with a flag; Falcon's newer decoder ignores the flag.
    return read.text.get("multi_query") is True and read.text.get("new_decoder_architecture") is not True


def _text_length(read: Config, limit: int) -> int:
    """The same where some positions are no text's: by its padding token, RoBERTa's table begins two late."""
    if read.model_type not in _PADDED_POSITIONS:
        return limit
    positions, padding = read.positive(("max_position_embeddings",)), read.whole.get("pad_token_id")
    first = 1 + (padding if isinstance(padding, int) else 1)
    return limit if positions is None else max(1, min(limit, positions - first))


def _needs_remote_code(read: Config) -> bool:
    # Repositories keep their code long after the engine has learnt the family: only what it cannot read needs it.
    return bool(read.whole.get("auto_map")) and not has_config(read.model_type)


def _packed(reading: ModelReading) -> str:
    try:
        return packed(reading.config)
    except ValueError as error:
        raise unusable(f"the config.json of {reading.source} cannot be kept: {error}") from error


def _required(read: Config, where: str, noun: str, keys: tuple[str, ...]) -> int:
    value = read.positive(keys)
    if value is not None:
        return value
    if task(read.architecture) is None:
        raise FactsError(
            Reason.ARCHITECTURE_UNSUPPORTED,
            f"{where} is a {read.architecture}, which {engine()} does not serve",
            is_permanent=True,
        )
    raise unusable(f"the config.json of {where} does not give the {noun} ({', '.join(keys)})")
