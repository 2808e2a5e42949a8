"""What changed in vLLM, by version: one row for each rule, so that a new version is at most a new row.

A reader would get wrong that an unknown version is taken for an old one: it is taken for 0.16, the last of those that
leave the least for the KV cache, so that what is promised holds on any.
"""

import re
from dataclasses import dataclass, replace

Version = tuple[int, int]
"""Minor and patch: the major version has always been 0."""

UNKNOWN: Version = (16, 0)
_PATTERN = re.compile(r"v?0\.(\d+)(?:\.(\d+))?")


def version(text: str | None) -> Version:
    """`0.6.4.post1` -> (6, 4); anything else is UNKNOWN."""
    match = _PATTERN.match(text or "")
    return (int(match[1]), int(match[2] or 0)) if match else UNKNOWN


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


_V0 = Rules(is_v1=False, groups_layers=False)
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

_HISTORY: tuple[tuple[Version, Rules], ...] = (
    ((28, 0), _OVERLAPPED),
    ((21, 0), _ESTIMATES),
    ((17, 0), _NO_SORT),
    ((13, 0), _WORKSPACE),
    ((9, 2), _GROUPS),
    ((8, 3), _V1),
    ((0, 0), _V0),
)


def rules(number: Version, *, has_cross_attention: bool = False) -> Rules:
    """The rules of a version: those of the last change before it. Cross-attention to images ended with V0."""
    if has_cross_attention:
        return _V0
    return next(found for since, found in _HISTORY if number >= since)
