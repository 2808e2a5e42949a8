"""How many requests at once: batch limits of the engine and targets of Ray Serve, from the KV cache that there is."""

from dataclasses import dataclass, replace

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.spec import ExpectedRequest
from tonnage.plan.engine import CPU_ENGINE, GIB
from tonnage.plan.memory import batched_tokens, block_tokens, keeps_kv_cache

# A chat turn, where nobody said what to expect.
_EXPECTED_TOKENS = 1024 + 256
# Serve adds a replica before one is full, and lets one batch wait inside the engine, so that none is ever idle.
_TARGET_PERCENT = 70
_WAITING_BATCHES = 1

_START_SECONDS = 15 * 60
_START_SECONDS_PER_GIB = 18


@dataclass(frozen=True)
class Limits:
    """Counts of requests (sequences) and tokens."""

    max_num_seqs: int
    max_num_batched_tokens: int
    target_ongoing_requests: int
    max_ongoing_requests: int


@dataclass(frozen=True)
class Batch:
    """The engine's own limits of one step for a GPU, which are the most that it is told."""

    tokens: int
    sequences: int


def limits(facts: ModelFacts, context_length: int, blocks: int, expected: ExpectedRequest | None) -> Limits:
    """The limits for a KV cache of so many blocks."""
    if not keeps_kv_cache(facts):
        batch = Batch(batched_tokens(facts, context_length), CPU_ENGINE.max_num_seqs)
        return cacheless_limits(context_length, batch, expected)
    blocks_per_request = -(-_request_tokens(context_length, expected) // block_tokens(facts))
    at_once = (blocks - CPU_ENGINE.reserved_blocks) // blocks_per_request
    max_num_seqs = max(1, min(at_once, CPU_ENGINE.max_num_seqs))
    return _limits(max_num_seqs, batched_tokens(facts, context_length))


def gpu_limits(kv_cache_tokens: int, context_length: int, most: Batch, expected: ExpectedRequest | None) -> Limits:
    """The limits for a KV cache of so many tokens."""
    at_once = kv_cache_tokens // _request_tokens(context_length, expected)
    return _limits(max(1, min(at_once, most.sequences)), most.tokens)


def cacheless_limits(context_length: int, most: Batch, expected: ExpectedRequest | None) -> Limits:
    """The limits of a model that keeps no KV cache: it is done with a text in one step, so a step is what it holds.

    Texts may be far shorter than expected, so the engine takes as many as it would by itself; autoscaling aims at what
    fills one step while the next one waits.
    """
    in_step = max(1, min(most.tokens // _request_tokens(context_length, expected), most.sequences))
    return replace(_limits(most.sequences, most.tokens), target_ongoing_requests=in_step * (1 + _WAITING_BATCHES))


def _request_tokens(context_length: int, expected: ExpectedRequest | None) -> int:
    tokens = expected.input_tokens + expected.output_tokens if expected else _EXPECTED_TOKENS
    return min(tokens, context_length)


def _limits(max_num_seqs: int, max_num_batched_tokens: int) -> Limits:
    return Limits(
        max_num_seqs=max_num_seqs,
        # The engine refuses a batch that cannot hold one token of every sequence.
        max_num_batched_tokens=max(max_num_batched_tokens, max_num_seqs),
        target_ongoing_requests=max(1, max_num_seqs * _TARGET_PERCENT // 100),
        max_ongoing_requests=max_num_seqs * (1 + _WAITING_BATCHES),
    )


def start_deadline_seconds(size_bytes: int) -> int:
    """A replica that has not answered by then is given up: 15 minutes and 18 seconds for each GiB to fetch and load."""
    return _START_SECONDS + -(-size_bytes * _START_SECONDS_PER_GIB // GIB)
