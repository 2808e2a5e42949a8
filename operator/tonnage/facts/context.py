"""The longest sequence of a model, by the engine's own rule, and how its rotations are scaled to reach it.

The rule is `_get_and_verify_max_len` of vLLM 0.29 (config/model.py), on what transformers 5.23 makes of the rotary
section (modeling_rope_utils.py). A reader would get wrong that a factor does not always lengthen: the maximum of
longrope, llama3 and Gemma 3 is in the config as it is, yarn multiplies what the model was trained for, and all other
kinds multiply the config's maximum.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tonnage.contract.model_facts import ContextExtension
from tonnage.facts import config as names
from tonnage.facts.config import Config
from tonnage.facts.errors import shown, unusable

_ORIGINAL = "original_max_position_embeddings"
_IN_THE_MAXIMUM = ("longrope", "llama3")
# transformers takes the length before scaling of these from the config where the section does not give it.
_WITH_ORIGINAL = ("yarn", *_IN_THE_MAXIMUM)
# The older names (vLLM transformers_utils/config.py, patch_legacy_rope_type).
_OLDER_KINDS = {"su": "longrope", "mrope": "default"}
_SECTIONS = ("rope_scaling", "rope_parameters")
_LONGEST = 2**31 - 1


@dataclass(frozen=True)
class Context:
    """The longest sequence in tokens, and what lengthened it, if anything did."""

    maximum: int
    extension: ContextExtension | None = None


@dataclass(frozen=True)
class _Rope:
    """One set of rotary parameters: of the model, or of one kind of its layers."""

    kind: str
    factor: float | None
    original: int | None


def context(
    read: Config, tokenizer_config: Mapping[str, Any], sentence_config: Mapping[str, Any], where: str
) -> Context:
    """The context of the model whose config was `read`; `where` is for messages. Raises FactsError."""
    given = _config_limit(read)
    if given is None:
        keys = ", ".join(names.CONTEXT_LENGTH)
        raise unusable(f"the config.json of {where} does not say how long a context may be ({keys})")
    limit = given
    if read.whole.get("position_embedding_type") == "absolute":
        # Of these the engine believes the tokenizer, which knows that RoBERTa's table begins two positions late.
        limit = min(limit, _positive(tokenizer_config.get("model_max_length")) or limit)
    ropes = list(_ropes(read, where))
    maximum = limit if _is_gemma3(read) else _scaled(limit, ropes)
    if {"max_seq_length", "do_lower_case"} <= sentence_config.keys():
        maximum = _positive(sentence_config["max_seq_length"]) or maximum
    if maximum > _LONGEST:
        size = f"{shown(maximum)} tokens of context, of {limit:,} and {_SECTIONS[0]}"
        raise unusable(f"the config.json of {where} makes no sense: {size}")
    extensions = (_extension(read, rope, limit, maximum) for rope in ropes)
    return Context(maximum, next((found for found in extensions if found is not None), None))


def _config_limit(read: Config) -> int | None:
    # Command-R's own limit lies above its max_position_embeddings, and is the true one.
    return read.positive(("model_max_length",)) or min(read.all_positive(names.CONTEXT_LENGTH), default=None)


def _is_gemma3(read: Config) -> bool:
    return "gemma3" in str(read.text.get("model_type") or read.model_type)


def _scaled(limit: int, ropes: list[_Rope]) -> int:
    factor = 1.0
    for rope in ropes:
        if rope.kind not in _IN_THE_MAXIMUM:
            factor = rope.factor or factor
            limit = rope.original or limit if rope.kind == "yarn" else limit
    return int(limit * factor)


def _extension(read: Config, rope: _Rope, limit: int, maximum: int) -> ContextExtension | None:
    if _is_gemma3(read):
        # What it was trained for before is not in its config.
        return _described(rope.kind, rope.factor, None) if rope.factor else None
    original = rope.original if rope.kind in _WITH_ORIGINAL else limit
    if original is None or original >= maximum:
        return None
    return _described(rope.kind, rope.factor or maximum / original, original)


def _described(kind: str, factor: float, original: int | None) -> ContextExtension:
    return ContextExtension(kind=kind, factor=f"{factor:g}", original_context_length=original)


def _ropes(read: Config, where: str) -> Iterator[_Rope]:
    """All sets; newer configs have one for each kind of layer."""
    for name in _SECTIONS:
        section = read.text.get(name)
        if isinstance(section, Mapping) and section:
            nested = [part for part in section.values() if isinstance(part, Mapping)]
            for part in nested or [section]:
                yield _rope(read, part, f"{name} in the config.json of {where}", is_nested=bool(nested))
            return


def _rope(read: Config, section: Mapping[str, Any], place: str, *, is_nested: bool) -> _Rope:
    kind = section.get("rope_type") or section.get("type") or "default"
    if not isinstance(kind, str) or len(kind) > 64:  # noqa: PLR2004
        raise unusable(f"{place} makes no sense: rope_type is {shown(kind)}")
    kind = _OLDER_KINDS.get(kind, kind)
    factor = section.get("factor")
    if factor is not None and not _is_factor(factor):
        raise unusable(f"{place} makes no sense: factor is {shown(factor)}")
    original = section.get(_ORIGINAL)
    if kind in _WITH_ORIGINAL:
        # Phi-3 has it beside the section, and there it wins.
        beside = None if is_nested else read.text.get(_ORIGINAL)
        original = beside or original or read.text.get("max_position_embeddings")
        if original is not None and _positive(original) is None:
            raise unusable(f"{place} makes no sense: {_ORIGINAL} is {shown(original)}")
    return _Rope(kind, factor, _positive(original))


def _is_factor(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _positive(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
