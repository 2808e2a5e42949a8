"""The KV cache of each layer: what a block of it takes on one rank, and how many blocks a sequence needs.

Blocks of latent attention are the same on every rank. A state is one block however long the sequence is: its page is
padded to the attention layers' page, whose blocks are made long enough to hold it (vllm/platforms/interface.py,
_align_hybrid_block_size).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from tonnage.facts.shape import Attention, AttentionKind, State
from tonnage.memory.setup import Run, Share
from tonnage.memory.versions import Version

# FP8 cache of sparse attention: 512 values of 8 bits, 4 scales of 32 and a rotary part of 64 in 16 bits; and index keys
# of 8 bits with one scale of 32 (v1/attention/backends/mla/flashmla_sparse.py, indexer.py).
_SPARSE_FP8_BYTES = 656
_SPARSE_BLOCK_TOKENS = 64
# Latent kernels need whole pieces of 128 tokens where blocks are cut for them (platforms/interface.py).
_LATENT_STEP_TOKENS = 128
_SCALE_BYTES = 4
_PADDED_HEAD_DIM = 256
_FLOAT32_BYTES = 4
_FROM_THE_BATCH: Version = (11, 0)


@dataclass(frozen=True)
class LayerCache:
    """`kind` and `window` decide which layers may share a group; a page is one block of one layer, in bytes."""

    kind: str
    page_bytes: int
    block_tokens: int
    window: int | None = None
    encoder_tokens: int = 0

    def blocks(self, run: Run) -> int:
        """Blocks of one sequence at full context."""
        if self.kind == _STATE:
            return run.rules.state_blocks
        if self.kind == AttentionKind.CROSS and self.encoder_tokens:
            return -(-_encoder_tokens(run, self.encoder_tokens) // self.block_tokens)
        tokens = run.max_model_len
        in_flight = run.max_num_batched_tokens * run.batches_in_flight
        if self.window is not None and self.kind == AttentionKind.SLIDING:
            # The window may begin inside a block, so one more.
            return -(-min(self.window - 1 + in_flight, tokens) // self.block_tokens) + 1
        if self.window is not None:
            tokens = min(self.window + in_flight, tokens)
        return -(-tokens // self.block_tokens)


_STATE = "State"


def _encoder_tokens(run: Run, real: int) -> int:
    """What the engine reserves for one sequence: as many as a batch of its encoder may have, not what there really are.

    v1/kv_cache_interface.py, CrossAttentionSpec; 0.10.2 took what there really are.
    """
    return real if run.version < _FROM_THE_BATCH else run.max_num_batched_tokens


def layer_caches(share: Share, begin: int = 0, end: int | None = None) -> tuple[LayerCache, ...]:
    """Of the layers that keep something, in order; `begin` and `end` are a pipeline stage's."""
    block_tokens = _block_tokens(share)
    caches = {layer: tuple(_caches(share, layer.mixer, block_tokens)) for layer in share.shape.distinct_layers}
    return tuple(chain.from_iterable(caches[layer] for layer in share.shape.layers[begin:end]))


def _caches(share: Share, mixer: Attention | State | None, block_tokens: int) -> Iterator[LayerCache]:
    if isinstance(mixer, State) and not share.rules.is_v1:
        # V0 keeps states apart from the blocks: activations.
        return
    if isinstance(mixer, State):
        page = max(state_bytes(share, mixer), block_tokens * _attention_token_bytes(share))
        yield LayerCache(_STATE, page, block_tokens)
    elif isinstance(mixer, Attention) and _keeps_tokens(share, mixer):
        yield _attention_cache(share, mixer, block_tokens)
        if mixer.indexer_dim:
            per_token = mixer.indexer_dim + _SCALE_BYTES
            yield LayerCache(AttentionKind.LATENT, block_tokens * per_token, block_tokens)


def _keeps_tokens(share: Share, mixer: Attention) -> bool:
    """V0 gave layers of cross-attention to images pages like all others, and Whisper's none of their own."""
    if mixer.shares_cache or mixer.kind is AttentionKind.ENCODER:
        return False
    return mixer.kind is not AttentionKind.CROSS or share.rules.is_v1 == bool(mixer.encoder_tokens)


def _attention_cache(share: Share, mixer: Attention, block_tokens: int) -> LayerCache:
    kind, window = mixer.kind, mixer.window
    if not share.rules.groups_layers:
        window, kind = None, kind if kind is AttentionKind.LATENT else AttentionKind.FULL
    return LayerCache(kind, block_tokens * token_bytes(share, mixer), block_tokens, window, mixer.encoder_tokens)


def token_bytes(share: Share, mixer: Attention) -> int:
    """What one token takes in one layer on one rank."""
    if mixer.kind is AttentionKind.LATENT:
        if mixer.is_sparse and share.kv_element_bytes == 1:
            return _SPARSE_FP8_BYTES
        return _latent_bytes(share, mixer)
    heads = max(1, mixer.kv_heads // share.tensor_parallel)
    return heads * (mixer.key_dim + mixer.value_dim) * share.kv_element_bytes


def _latent_bytes(share: Share, mixer: Attention) -> int:
    if not share.rules.has_latent:
        # model_executor/models/deepseek_v2.py until 0.7.0: keys and values of every head, filled up to 256.
        return -(-mixer.heads // share.tensor_parallel) * 2 * _PADDED_HEAD_DIM * share.kv_element_bytes
    step = share.rules.aligned_latent_bytes
    return -(-mixer.key_dim * share.kv_element_bytes // step) * step


def state_bytes(share: Share, state: State) -> int:
    """Of one sequence in one layer on one rank."""
    ranks, size = share.tensor_parallel, share.element_bytes
    return sum(
        -(-part.elements // min(ranks, part.units or ranks)) * (_FLOAT32_BYTES if part.is_float32 else size)
        for part in state.parts
    )


def _attention_token_bytes(share: Share) -> int:
    """Of the layer that the states' pages are aligned to; 0 where there is no attention at all."""
    return next((token_bytes(share, mixer) for mixer in share.shape.attentions), 0)


def _block_tokens(share: Share) -> int:
    """Tokens in a block: the engine's default, or as many as make a page hold a state."""
    attentions = share.shape.attentions
    if any(mixer.is_sparse for mixer in attentions):
        return _SPARSE_BLOCK_TOKENS
    per_token = _attention_token_bytes(share)
    states = [layer.mixer for layer in share.shape.distinct_layers if isinstance(layer.mixer, State)]
    largest = max((state_bytes(share, state) for state in states), default=0)
    if not largest or not per_token or not share.rules.is_v1:
        return share.block_tokens
    is_latent = any(mixer.kind is AttentionKind.LATENT for mixer in attentions)
    step = _LATENT_STEP_TOKENS if is_latent else share.block_tokens
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
