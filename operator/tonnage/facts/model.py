"""A model's files, config and weight headers -> ModelFacts. Pure: hubs and folders are read by others.

Whether the facts can be served (an architecture the engine does not know, remote code, a quantization) is the planner's
to say. Here fails only what leaves a fact unknown.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tonnage.contract.model_facts import AttentionKind, ModelFacts
from tonnage.contract.model_files import needed_files
from tonnage.contract.reasons import Reason
from tonnage.facts import config as names
from tonnage.facts.architectures import engine, has_config, task
from tonnage.facts.config import Config, config
from tonnage.facts.errors import FactsError, unusable
from tonnage.facts.packed import packed
from tonnage.facts.shape import shape
from tonnage.facts.shape.families import DEFAULTS
from tonnage.facts.source import Source
from tonnage.facts.weights import Weights

# Rotary scalings whose factor is already in the config's maximum, or that do not lengthen it.
_UNSCALED_ROPES = ("default", "mrope", "su", "longrope", "llama3", "proportional")
# Settings of layers that keep something else than one key and value per token: a state, or a compressed history.
_OTHER_CACHE_MARKS = ("mamba", "ssm", "linear_num", "linear_attn", "lru_", "layers_block_type", "compress_ratios")
_CHAT_TEMPLATES = ("chat_template.jinja", "chat_template.json")


@dataclass(frozen=True)
class ModelReading:
    """What was read of one model; `sizes` are of all its files, in bytes."""

    source: Source
    sizes: Mapping[str, int]
    config: Mapping[str, Any]
    weights: Weights
    tokenizer_config: Mapping[str, Any] = field(default_factory=dict)


def model_facts(
    reading: ModelReading, *, requested_revision: str, commit: str, licence: str | None = None
) -> ModelFacts:
    """The facts of what was read at `commit`. Raises FactsError, permanent, where one of them cannot be known."""
    try:
        return _facts(reading, requested_revision, commit, licence)
    # A config is written by anybody: text where a number belongs, numbers beyond all bounds.
    except (ValueError, TypeError, ArithmeticError) as error:
        raise unusable(f"the config.json of {reading.source} makes no sense: {error}") from error


def _facts(reading: ModelReading, requested_revision: str, commit: str, licence: str | None) -> ModelFacts:
    read = _completed(config(reading.config))
    where = str(reading.source)
    architecture = read.architecture
    if not architecture:
        raise unusable(f"the config.json of {where} names no architecture")
    heads = _required(read, where, "number of attention heads", names.ATTENTION_HEADS)
    hidden_size = _required(read, where, "hidden size", names.HIDDEN_SIZE)
    kv_heads, head_dim, attention = _attention(read, heads, hidden_size)
    return ModelFacts(
        source=where,
        requested_revision=requested_revision,
        commit=commit,
        architecture=architecture,
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
        max_context_length=_context_length(read, where),
        quantization=read.quantization,
        needs_remote_code=_needs_remote_code(read),
        has_chat_template=_has_chat_template(reading.sizes, reading.tokenizer_config),
        config=packed(reading.config),
        licence=licence,
    )


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


def _attention(read: Config, heads: int, hidden_size: int) -> tuple[int, int, AttentionKind]:
    """Key-value heads, the dimension of one, and the kind; for the kind Latent see `ModelFacts`."""
    kv_heads = read.positive(names.KV_HEADS) or (1 if _is_multi_query(read) else heads)
    head_dim = read.positive(names.HEAD_DIM) or hidden_size // heads
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


def _context_length(read: Config, where: str) -> int:
    """The longest sequence by the engine's own rule: the smallest limit the config names, times the rotary scaling."""
    limits = list(read.all_positive(names.CONTEXT_LENGTH))
    if not limits:
        raise unusable(f"the config.json of {where} does not say how long a context may be")
    # Command-R's own limit lies above its max_position_embeddings, and is the true one.
    limit = read.positive(("model_max_length",)) or min(limits)
    factor = 1.0
    if "gemma3" not in read.model_type:
        for rope in _ropes(read):
            kind = rope.get("rope_type") or rope.get("type") or "default"
            if kind in _UNSCALED_ROPES:
                continue
            factor = float(rope.get("factor") or 1.0)
            if kind == "yarn":
                limit = int(rope.get("original_max_position_embeddings") or limit)
    return int(limit * factor)


def _ropes(read: Config) -> list[Mapping[str, Any]]:
    """The rotary parameters; newer configs give one set, or one per kind of layer."""
    section = read.text.get("rope_parameters") or read.text.get("rope_scaling")
    if not isinstance(section, Mapping):
        return []
    nested = [part for part in section.values() if isinstance(part, Mapping)]
    return nested or [section]


def _needs_remote_code(read: Config) -> bool:
    # Repositories keep their code long after the engine has learnt the family: only what it cannot read needs it.
    return bool(read.whole.get("auto_map")) and not has_config(read.model_type)


def _has_chat_template(files: Collection[str], tokenizer_config: Mapping[str, Any]) -> bool:
    return bool(tokenizer_config.get("chat_template")) or any(name in files for name in _CHAT_TEMPLATES)


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
