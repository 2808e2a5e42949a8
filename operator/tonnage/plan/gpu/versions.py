"""What changed in vLLM, by version: one row for each rule, so that a new version is at most a new row.

A reader would get wrong that an unknown version is taken for an old one: it is taken for 0.16, the last of those that
leave the least for the KV cache, so that what is promised holds on any.
"""

import re
from dataclasses import dataclass

Version = tuple[int, int]
"""Minor and patch: the major version has always been 0."""

UNKNOWN: Version = (16, 0)
_PATTERN = re.compile(r"v?0\.(\d+)(?:\.(\d+))?")


def version(text: str | None) -> Version:
    """`0.6.4.post1` -> (6, 4); anything else is UNKNOWN."""
    match = _PATTERN.match(text or "")
    return (int(match[1]), int(match[2] or 0)) if match else UNKNOWN


@dataclass(frozen=True)
class Rules:
    """How a version behaves where versions differ."""

    is_v1: bool
    """The engine before (V0) had one pool of blocks for all layers and no window in it."""
    utilization: float
    """Default of gpu_memory_utilization."""
    subtracts_graphs: bool
    """Whether an estimate of the CUDA graphs is taken off before the KV cache."""
    groups_layers: bool
    """Whether hybrid models are grouped; before, every layer kept all tokens."""
    wide_group_ratio: float
    """Groups are as large as the most numerous kind if it is less than this times the least numerous."""
    counts_by_concurrency: bool
    """The log's tokens are sequences at full length times their length; before, blocks per group."""
    batches_in_flight: int
    """Batches that a sliding window must hold: asynchronous scheduling overlaps two."""
    state_blocks: int
    """Blocks of a state that a sequence keeps: with prefix caching one more, to continue from."""
    keeps_expert_workspace: bool
    """Whether the buffers of fused experts stay allocated for the sampler's peak."""
    logit_bytes: int
    """Bytes for each logit in the sampler's warm-up, beside the logit itself in the model's type."""
    has_sampling_buffer: bool
    """Whether top-k and top-p use one row of the vocabulary for each multiprocessor."""


_V0 = Rules(
    is_v1=False,
    utilization=0.9,
    subtracts_graphs=False,
    groups_layers=False,
    wide_group_ratio=1.0,
    counts_by_concurrency=False,
    batches_in_flight=1,
    state_blocks=1,
    keeps_expert_workspace=False,
    # The logits in float32 (4), sorted with their indices (4 + 8), the sort's second buffers (4 + 8), and the sorted
    # probabilities and their sums (4 + 4): v1/sample/ops/topk_topp_sampler.py, apply_top_k_top_p_pytorch. Peaks in
    # start-up logs at 256 and 1,024 sequences and vocabularies of 32,064 to 152,064 give 36.
    logit_bytes=36,
    has_sampling_buffer=False,
)


def _changed(rules: Rules, **changes: object) -> Rules:
    return Rules(**{**vars(rules), **changes})


_V1 = _changed(_V0, is_v1=True)
# v1/core/kv_cache_utils.py, _get_kv_cache_groups_uniform_page_size.
_V1_GROUPS = _changed(_V1, groups_layers=True)
# v1/worker/workspace.py: one workspace, allocated once. v1/core/kv_cache_utils.py: 1.25.
_V1_WORKSPACE = _changed(_V1_GROUPS, keeps_expert_workspace=True, wide_group_ratio=1.25)
# v1/sample/ops/topk_topp_triton.py in place of the sort: logits in float32, probabilities, exponential noise.
_V1_TRITON = _changed(_V1_WORKSPACE, logit_bytes=12, has_sampling_buffer=True, wide_group_ratio=1.5)
# config/cache.py: 0.92. envs.py: VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS. FlashInfer samples where it can: logits in
# float32 and probabilities. v1/core/kv_cache_utils.py: int(max_concurrency * max_model_len).
_V1_ESTIMATES = _changed(
    _V1_TRITON,
    utilization=0.92,
    subtracts_graphs=True,
    logit_bytes=8,
    has_sampling_buffer=False,
    counts_by_concurrency=True,
    batches_in_flight=2,
)
# Model runner V2 (vllm PR 44443): the sampler draws from the logits as they are.
# model_executor/models/config.py, MambaModelConfig: mode `align`.
_V2_RUNNER = _changed(_V1_ESTIMATES, logit_bytes=0)

_HISTORY: tuple[tuple[Version, Rules], ...] = (
    ((25, 0), _V2_RUNNER),
    ((21, 0), _V1_ESTIMATES),
    ((17, 0), _V1_TRITON),
    ((12, 0), _V1_WORKSPACE),
    ((9, 2), _V1_GROUPS),
    ((8, 3), _V1),
    ((0, 0), _V0),
)


def rules(number: Version) -> Rules:
    """The rules of a version: those of the last change before it."""
    return next(found for since, found in _HISTORY if number >= since)
