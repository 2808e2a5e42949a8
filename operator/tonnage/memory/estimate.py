"""The sum: what is left for the KV cache of a set-up, how many tokens that is, and whether the engine would start.

With pipeline parallelism the figures in bytes are the first stage's, as the engine's log gives them; tokens are those
of the stage that holds the fewest.
"""

from dataclasses import dataclass, replace

from tonnage.facts.shape import Shape
from tonnage.memory.pool import pool
from tonnage.memory.setup import Setup, run
from tonnage.memory.stage import stage
from tonnage.memory.start import reason

# The engine keeps one for itself (v1/core/block_pool.py, the null block).
_RESERVED_BLOCKS = 1


@dataclass(frozen=True)
class Estimate:
    """Bytes of one GPU: the budget is the sum of the other five."""

    budget_bytes: int
    weights_bytes: int
    activation_bytes: int
    non_torch_bytes: int
    graph_bytes: int
    """What of the CUDA graphs comes off the budget; 0 with engines before 0.21."""
    kv_cache_bytes: int
    """What is left for it, whether or not the model keeps one; 0 or less where nothing is."""
    keeps_kv_cache: bool
    """False for encoders, which are done with a text in one step."""
    kv_cache_tokens: int
    kv_cache_blocks: int
    """Blocks that all groups of layers share, of the stage that has the fewest."""
    concurrency: float
    """Sequences at full context; 0 where there is no KV cache."""
    reason: str
    """Why it does not start, with the numbers; empty where it does."""

    @property
    def starts(self) -> bool:
        """Whether the engine comes up."""
        return not self.reason


def estimate(setup: Setup, shape: Shape, given_weights_bytes: int | None = None) -> Estimate:
    """The memory of a set-up; `given_weights_bytes` are the first stage's, where they were measured."""
    prepared = run(setup, shape)
    numbers = range(setup.pipeline_parallel)
    stages = [stage(prepared, number, given_weights_bytes) for number in numbers]
    pools = [pool(prepared, number) for number in numbers]
    pairs = list(zip(stages, pools, strict=True))
    blocks = min((found.blocks(each.kv_cache_bytes) for each, found in pairs if found), default=0)
    first, whole = stages[0], next((found for found in pools if found), None)
    return Estimate(
        budget_bytes=first.budget_bytes,
        weights_bytes=first.weights_bytes,
        activation_bytes=first.activation_bytes,
        non_torch_bytes=first.non_torch_bytes,
        graph_bytes=first.subtracted_graph_bytes,
        kv_cache_bytes=first.kv_cache_bytes,
        keeps_kv_cache=whole is not None,
        kv_cache_tokens=whole.tokens(prepared, blocks) if whole else 0,
        kv_cache_blocks=blocks,
        concurrency=blocks / whole.blocks_per_sequence(prepared) if whole else 0.0,
        reason=next((text for each, found in pairs if (text := reason(each, found))), ""),
    )


def sequences_held(setup: Setup, shape: Shape, blocks: int, tokens: int) -> int | None:
    """Sequences of so many tokens that the blocks of a KV cache hold at once; None of a model that keeps nothing.

    Not the cache's tokens divided by these: a short sequence has less of its tokens outside of sliding windows, and its
    last block of each group is not full. What windows keep of a step's tokens is counted once, not for each sequence.
    """
    prepared = replace(run(setup, shape), max_model_len=tokens)
    stages = (pool(prepared, number) for number in range(setup.pipeline_parallel))
    found = next((one for one in stages if one), None)
    if found is None:
        return None
    resting = found.blocks_per_sequence(replace(prepared, max_num_batched_tokens=1))
    in_flight = found.blocks_per_sequence(prepared) - resting
    return max(0, blocks - _RESERVED_BLOCKS - in_flight) // resting
