"""The KV cache of each layer: what a block of it takes on one rank, and how many blocks a sequence needs.

Blocks of latent attention are the same on every rank. A state is one block however long the sequence is: its page is
padded to the attention layers' page, whose blocks are made long enough to hold it (vllm/platforms/interface.py,
_align_hybrid_block_size).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tonnage.facts.shape import Attention, AttentionKind, State
from tonnage.memory.setup import Run

# FP8 cache of sparse attention: 512 values of 8 bits, 4 scales of 32 and a rotary part of 64 in 16 bits; and index keys
# of 8 bits with one scale of 32 (v1/attention/backends/mla/flashmla_sparse.py, indexer.py).
_SPARSE_FP8_BYTES = 656
_SPARSE_BLOCK_TOKENS = 64
# Latent kernels need whole pieces of 128 tokens where blocks are cut for them (platforms/interface.py).
_LATENT_STEP_TOKENS = 128
_SCALE_BYTES = 4
_FLOAT32_BYTES = 4


@dataclass(frozen=True)
class LayerCache:
    """`kind` and `window` decide which layers may share a group; a page is one block of one layer, in bytes."""

    kind: str
    page_bytes: int
    block_tokens: int
    window: int | None = None

    def blocks(self, run: Run) -> int:
        """Blocks of one sequence at full context."""
        if self.kind == _STATE:
            return run.rules.state_blocks
        tokens = run.max_model_len
        in_flight = run.max_num_batched_tokens * run.rules.batches_in_flight
        if self.window is not None and self.kind == AttentionKind.SLIDING:
            # The window may begin inside a block, so one more.
            return -(-min(self.window - 1 + in_flight, tokens) // self.block_tokens) + 1
        if self.window is not None:
            tokens = min(self.window + in_flight, tokens)
        return -(-tokens // self.block_tokens)


_STATE = "State"


def layer_caches(run: Run, begin: int = 0, end: int | None = None) -> tuple[LayerCache, ...]:
    """Of the layers that keep something, in order; `begin` and `end` are a pipeline stage's."""
    block_tokens = _block_tokens(run)
    return tuple(_caches(run, block_tokens, begin, end))


def _caches(run: Run, block_tokens: int, begin: int, end: int | None) -> Iterator[LayerCache]:
    for layer in run.shape.layers[begin:end]:
        mixer = layer.mixer
        if isinstance(mixer, State):
            page = max(_state_bytes(run, mixer), block_tokens * _attention_token_bytes(run))
            yield LayerCache(_STATE, page, block_tokens)
        elif isinstance(mixer, Attention) and mixer.kind not in (AttentionKind.ENCODER, AttentionKind.CROSS):
            yield _attention_cache(run, mixer, block_tokens)
            if mixer.indexer_dim:
                per_token = mixer.indexer_dim + _SCALE_BYTES
                yield LayerCache(AttentionKind.LATENT, block_tokens * per_token, block_tokens)


def _attention_cache(run: Run, mixer: Attention, block_tokens: int) -> LayerCache:
    kind, window = mixer.kind, mixer.window
    if not run.rules.groups_layers and kind in (AttentionKind.SLIDING, AttentionKind.CHUNKED):
        kind, window = AttentionKind.FULL, None
    return LayerCache(kind, block_tokens * token_bytes(run, mixer), block_tokens, window)


def token_bytes(run: Run, mixer: Attention) -> int:
    """What one token takes in one layer on one rank."""
    if mixer.kind is AttentionKind.LATENT:
        if mixer.indexer_dim and run.kv_element_bytes == 1:
            return _SPARSE_FP8_BYTES
        return mixer.key_dim * run.kv_element_bytes
    heads = max(1, mixer.kv_heads // run.tensor_parallel)
    return heads * (mixer.key_dim + mixer.value_dim) * run.kv_element_bytes


def _state_bytes(run: Run, state: State) -> int:
    ranks = run.tensor_parallel
    return sum(
        -(-part.elements // ranks) * (_FLOAT32_BYTES if part.is_float32 else run.element_bytes) for part in state.parts
    )


def _attention_token_bytes(run: Run) -> int:
    """Of the layer that the states' pages are aligned to; 0 where there is no attention at all."""
    mixers = (layer.mixer for layer in run.shape.layers)
    return next((token_bytes(run, mixer) for mixer in mixers if isinstance(mixer, Attention)), 0)


def _block_tokens(run: Run) -> int:
    """Tokens in a block: the engine's default, or as many as make a page hold a state."""
    mixers = [layer.mixer for layer in run.shape.layers]
    if any(isinstance(mixer, Attention) and mixer.indexer_dim for mixer in mixers):
        return _SPARSE_BLOCK_TOKENS
    per_token = _attention_token_bytes(run)
    largest = max((_state_bytes(run, mixer) for mixer in mixers if isinstance(mixer, State)), default=0)
    if not largest or not per_token:
        return run.block_tokens
    is_latent = any(isinstance(mixer, Attention) and mixer.kind is AttentionKind.LATENT for mixer in mixers)
    step = _LATENT_STEP_TOKENS if is_latent else run.block_tokens
    return step * max(1, -(-largest // (step * per_token)))


def unified(caches: tuple[LayerCache, ...]) -> tuple[LayerCache, ...]:
    """The same with pages of one size, as groups share one pool: longer blocks, or a padded page.

    v1/core/kv_cache_utils.py, unify_kv_cache_spec_page_size.
    """
    largest = max(cache.page_bytes for cache in caches)
    return tuple(_grown(cache, largest) for cache in caches)


def _grown(cache: LayerCache, page_bytes: int) -> LayerCache:
    ratio, rest = divmod(page_bytes, cache.page_bytes)
    block_tokens = cache.block_tokens if rest or cache.kind == _STATE else cache.block_tokens * ratio
    return replace(cache, page_bytes=page_bytes, block_tokens=block_tokens)
