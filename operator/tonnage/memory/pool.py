"""One pool of equal blocks for all layers: how hybrid models are grouped, and how many tokens a given memory holds.

Layers of one kind form groups of one size; a block is one page for each layer of a group. A sequence takes blocks from
every group, so tokens are not memory divided by bytes per token as soon as there are two kinds.
"""

from dataclasses import dataclass
from functools import lru_cache

from tonnage.memory.cache import LayerCache, layer_caches, unified
from tonnage.memory.setup import Run, Share
from tonnage.memory.weights import stages


@dataclass(frozen=True)
class Pool:
    """`groups` has one layer's cache for each group; `block_bytes` is what a block takes in all layers of a group."""

    groups: tuple[LayerCache, ...]
    block_bytes: int

    def blocks_per_sequence(self, run: Run) -> int:
        """Of a sequence at full context, in all groups."""
        return sum(group.blocks(run) for group in self.groups)

    def needed_bytes(self, run: Run) -> int:
        """The least KV cache with which the engine starts: one sequence at full context."""
        return self.blocks_per_sequence(run) * self.block_bytes

    def blocks(self, cache_bytes: int) -> int:
        """How many blocks there are."""
        return max(0, cache_bytes) // self.block_bytes

    def tokens(self, run: Run, blocks: int) -> int:
        """The size that the engine's log gives, in tokens."""
        if run.rules.counts_by_concurrency:
            return blocks * run.max_model_len // self.blocks_per_sequence(run)
        return blocks // len(self.groups) * min(group.block_tokens for group in self.groups)


def pool(run: Run, stage: int = 0) -> Pool | None:
    """The pool of a pipeline stage; None for one whose layers keep nothing. Groups are the whole model's."""
    return _pool(run.share, *stages(run)[stage])


@lru_cache(maxsize=64)
def _pool(share: Share, begin: int, end: int) -> Pool | None:
    caches = layer_caches(share)
    own = layer_caches(share, begin, end)
    if not own:
        return None
    if len({(cache.kind, cache.window) for cache in caches}) == 1:
        # Pages may differ here: every layer has its own in each block.
        return Pool((caches[0],), sum(cache.page_bytes for cache in own))
    groups, size = _groups(share)
    # Each stage has its share of every group.
    layers = -(-size * len(own) // len(caches))
    return Pool(groups, layers * groups[0].page_bytes)


@lru_cache(maxsize=16)
def _groups(share: Share) -> tuple[tuple[LayerCache, ...], int]:
    """A cache for each group of a hybrid model, and how many layers a group has."""
    kinds: dict[tuple[str, int | None], list[LayerCache]] = {}
    for cache in unified(layer_caches(share)):
        kinds.setdefault((cache.kind, cache.window), []).append(cache)
    counts = [len(members) for members in kinds.values()]
    size = _group_size(share, min(counts), max(counts))
    return tuple(members[0] for members in kinds.values() for _ in range(-(-len(members) // size))), size


def _group_size(share: Share, fewest: int, most: int) -> int:
    return most if most < fewest * share.rules.wide_group_ratio else fewest
