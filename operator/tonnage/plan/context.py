"""The context length: the wanted one if it fits, else the longest that does, never below what is acceptable.

An explicit `contextLength` without `minContextLength` is a demand and is never shortened.
"""

from bisect import bisect_right
from dataclasses import dataclass

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.spec import Serving
from tonnage.plan.memory import block_tokens, fixed, kv_cache_bytes, pod_bytes, usable_bytes

# What is least acceptable where nobody said: shorter ones do not hold a question with its answer.
_LEAST_CONTEXT = 1024


@dataclass(frozen=True)
class ContextWish:
    """Tokens; `least` equals `wanted` where nothing may be shortened."""

    wanted: int
    least: int


def context_wish(serving: Serving, facts: ModelFacts) -> ContextWish:
    """What the author asked for, or would accept having asked for nothing."""
    wanted = serving.context_length or facts.max_context_length
    if serving.min_context_length is not None:
        return ContextWish(wanted, serving.min_context_length)
    if serving.context_length is not None:
        return ContextWish(wanted, wanted)
    return ContextWish(wanted, min(_LEAST_CONTEXT, wanted))


def extension_notes(facts: ModelFacts, context_length: int) -> list[str]:
    """What a context costs in quality that only the scaling of rotary positions makes possible."""
    extension = facts.context_extension
    original = extension.original_context_length if extension else None
    if extension is None or original is None or context_length <= original:
        return []
    # vLLM scales once for all requests, whatever their length (rotary_embedding/).
    scaling = f"{extension.kind} x{extension.factor}"
    return [
        f"Beyond {original:,} tokens the context rests on scaled positions ({scaling}), for short requests too.",
    ]


def parts_bytes(facts: ModelFacts, context_length: int, sequences: int = 1) -> int:
    """Everything that a replica with this context takes, without headroom."""
    return fixed(facts, context_length).total_bytes + kv_cache_bytes(facts, context_length, sequences)


def pod_bytes_for(facts: ModelFacts, context_length: int) -> int:
    """The smallest pod that serves one sequence of this length."""
    return pod_bytes(parts_bytes(facts, context_length))


def longest_context(facts: ModelFacts, wanted: int, limit_bytes: int | None) -> int:
    """`wanted`, or the longest multiple of a block that fits, or 0."""
    if limit_bytes is None or parts_bytes(facts, wanted) <= usable_bytes(limit_bytes):
        return wanted
    block = block_tokens(facts)
    blocks = range(1, wanted // block + 1)
    return block * bisect_right(blocks, usable_bytes(limit_bytes), key=lambda n: parts_bytes(facts, n * block))
