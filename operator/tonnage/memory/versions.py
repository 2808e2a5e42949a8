"""What changed in vLLM, by version: one row for each rule, so that a new version is at most a new row.

A reader would get wrong that an unknown version is taken for an old one: it is taken for 0.16, the last of those that
leave the least for the KV cache, so that what is promised holds on any.
"""

import re
from dataclasses import dataclass, replace
from enum import Enum

Version = tuple[int, int]
"""Minor and patch: the major version has always been 0."""

UNKNOWN: Version = (16, 0)
_PATTERN = re.compile(r"v?0\.(\d+)(?:\.(\d+))?(?:\.dev(\d+))?")
# `0.8.5.dev22` is 22 commits after 0.8.4; there are some 250 between two releases.
_HALF_A_RELEASE = 130
_LAST_PATCH = 99


def version(text: str | None) -> Version:
    """`0.6.4.post1` -> (6, 4), `0.8.5.dev22` -> (8, 4); anything else is UNKNOWN."""
    match = _PATTERN.match((text or "").strip())
    if match is None:
        return UNKNOWN
    minor, patch = int(match[1]), int(match[2] or 0)
    if match[3] is None or int(match[3]) >= _HALF_A_RELEASE:
        return minor, patch
    return (minor, patch - 1) if patch else (minor - 1, _LAST_PATCH)


class Tier(Enum):
    """Which GPUs get larger batches: engine/arg_utils.py, _set_default_args_v1 and later get_batch_defaults."""

    NAME_MANY_SEQUENCES = 1
    """H100 and H200, by name; every GPU gets many sequences."""
    NAME = 2
    MEMORY = 3
    """From 70 GiB on."""
    MEMORY_NOT_A100 = 4


@dataclass(frozen=True)
class Sampler:
    """The sampler's warm-up, for each logit, beside the logit itself in the model's type."""

    logit_bytes: int
    has_row_buffer: bool = False
    """One row of the vocabulary in float32 for each multiprocessor."""


# The logits in float32 (4), sorted with their indices (4 + 8), the sort's second buffers (4 + 8), and the sorted
# probabilities and their sums (4 + 4): v1/sample/ops/topk_topp_sampler.py, apply_top_k_top_p_pytorch. Peaks in start-up
# logs at 256 and 1,024 sequences and vocabularies of 32,064 to 152,064 give 36.
_SORT = Sampler(36)
# v1/sample/ops/topk_topp_triton.py: logits in float32, probabilities, exponential noise.
_TRITON = Sampler(12, has_row_buffer=True)
# FlashInfer's kernel: logits in float32 and probabilities.
_FLASHINFER = Sampler(8)
# v1/worker/gpu/sample: draws from the logits as they are.
_GUMBEL = Sampler(0)


@dataclass(frozen=True, eq=False)
class Rules:
    """How a version behaves where versions differ. A row of a table, so identity compares it."""

    sampler: Sampler = _SORT
    sampler_before_ampere: Sampler = _SORT
    is_v1: bool = True
    """The engine before (V0) had one pool of blocks for all layers and no window in it."""
    chunk_tokens: int = 2048
    """Of V0: what it cuts prompts of long contexts into; 0 where it never does."""
    has_latent: bool = True
    """Whether latent attention keeps its latent vector; before, keys and values of all heads, padded."""
    absorbs_latent: bool = False
    """Whether projections of latent attention are multiplied with each other at load and kept beside the originals."""
    aligned_latent_bytes: int = 1
    """What a token's latent vector is rounded up to."""
    rest_is_last: bool = False
    """Whether the last pipeline stage has the layers that are left over."""
    counts_context: bool = False
    """Whether other memory is all that the GPU has in use, with the context; later, what it grew by."""
    tier: Tier = Tier.MEMORY_NOT_A100
    """Which GPUs get larger batches."""
    utilization: float = 0.9
    """Default of gpu_memory_utilization."""
    subtracts_graphs: bool = False
    """Whether an estimate of the CUDA graphs is taken off before the KV cache."""
    groups_layers: bool = True
    """Whether hybrid models are grouped; before, every layer kept all tokens."""
    wide_group_ratio: float = 1.0
    """Groups are as large as the most numerous kind if it is less than this times the least numerous."""
    counts_by_concurrency: bool = False
    """The log's tokens are sequences at full length times their length; before, blocks per group."""
    batches_in_flight: int = 1
    """Batches that a sliding window must hold: asynchronous scheduling overlaps two."""
    state_blocks: int = 1
    """Blocks of a state that a sequence keeps: with prefix caching one more, to continue from."""
    keeps_expert_workspace: bool = False
    """Whether the buffers of fused experts stay allocated for the sampler's peak."""
    has_largest_tier: bool = False
    """Whether GPUs from 160 GiB on get larger batches than the others."""


# V0. engine/arg_utils.py: pieces of long prompts from 0.5.3 on; config.py, SchedulerConfig: 512 tokens, from 0.6.5 on
# 2,048. config.py, use_mla: 0.7.1. attention/backends/mla/utils.py: absorbed to 0.7.3. worker/cache_engine.py,
# align_to_256bytes: 0.7.2 and 0.7.3. distributed/utils.py, get_pp_indices: 0.8.0. worker/worker.py,
# determine_num_available_blocks: all that is in use, in 0.6.4 alone.
_V0_WHOLE = Rules(is_v1=False, groups_layers=False, chunk_tokens=0, has_latent=False, rest_is_last=True)
_V0_512 = replace(_V0_WHOLE, chunk_tokens=512)
_V0_IN_USE = replace(_V0_512, counts_context=True)
_V0_2048 = replace(_V0_512, chunk_tokens=2048)
_V0_ABSORBS = replace(_V0_2048, has_latent=True, absorbs_latent=True)
_V0_ALIGNS = replace(_V0_ABSORBS, aligned_latent_bytes=256)
_V0 = Rules(is_v1=False, groups_layers=False)
# v1/worker/gpu_worker.py, determine_available_memory: all that is in use, to 0.9.0.
_V1_EARLY = Rules(groups_layers=False, counts_context=True, tier=Tier.NAME_MANY_SEQUENCES)
_V1_NAME = replace(_V1_EARLY, tier=Tier.NAME)
_V1_MEMORY = replace(_V1_EARLY, tier=Tier.MEMORY)
_V1_NOT_A100 = replace(_V1_EARLY, tier=Tier.MEMORY_NOT_A100)
_V1 = Rules(groups_layers=False)
# v1/core/kv_cache_utils.py, _get_kv_cache_groups_uniform_page_size.
_GROUPS = Rules()
# v1/worker/workspace.py: one workspace for all layers, never freed. v1/core/kv_cache_utils.py: 1.25, later 1.5.
_WORKSPACE = replace(_GROUPS, keeps_expert_workspace=True, wide_group_ratio=1.25)
_NO_SORT = replace(_WORKSPACE, sampler=_TRITON, sampler_before_ampere=_TRITON, wide_group_ratio=1.5)
# config/cache.py: 0.92. envs.py: VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS and VLLM_USE_FLASHINFER_SAMPLER.
# v1/core/kv_cache_utils.py: int(max_concurrency * max_model_len).
_ESTIMATES = replace(_NO_SORT, utilization=0.92, subtracts_graphs=True, sampler=_FLASHINFER, counts_by_concurrency=True)
# config/vllm.py, max_in_flight_tokens. model_executor/models/config.py, MambaModelConfig: mode `align`.
# engine/arg_utils.py, get_batch_defaults: 160 GiB. config/vllm.py, use_v2_model_runner. All are in 0.29's source; logs
# of 0.25 have one batch in flight and the first model runner, one of 0.27 has one block for each state.
_OVERLAPPED = replace(
    _ESTIMATES,
    sampler=_GUMBEL,
    sampler_before_ampere=_GUMBEL,
    batches_in_flight=2,
    state_blocks=2,
    has_largest_tier=True,
)

_History = tuple[tuple[Version, Rules], ...]
_V1_HISTORY: _History = (
    ((28, 0), _OVERLAPPED),
    ((21, 0), _ESTIMATES),
    ((17, 0), _NO_SORT),
    ((13, 0), _WORKSPACE),
    ((9, 2), _GROUPS),
    ((9, 1), _V1),
    ((9, 0), _V1_NOT_A100),
    ((8, 5), _V1_MEMORY),
    ((8, 4), _V1_NAME),
    ((0, 0), _V1_EARLY),
)
_V0_HISTORY: _History = (
    ((8, 0), _V0),
    ((7, 2), _V0_ALIGNS),
    ((7, 1), _V0_ABSORBS),
    ((6, 5), _V0_2048),
    ((6, 4), _V0_IN_USE),
    ((5, 3), _V0_512),
    ((0, 0), _V0_WHOLE),
)


def rules(number: Version, *, is_v1: bool) -> Rules:
    """The rules of a version's engine: those of the last change before it."""
    return next(found for since, found in (_V1_HISTORY if is_v1 else _V0_HISTORY) if number >= since)
