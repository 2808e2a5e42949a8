"""What a process takes beside PyTorch's allocations: the CUDA context's growth, communication, CUDA graphs.

Measured in start-up logs of vLLM (`non_torch_memory`, `Estimated CUDA graph memory`), where the parts are given apart.
"""

from bisect import bisect_right

from tonnage.memory.setup import Run, has_cross_attention

_MIB = 2**20
_GIB = 2**30

# Kernels are loaded when they are first used, so the context grows during profiling: cuBLAS, attention and, on the last
# stage, the sampler. Hopper's are larger, and from 0.18 on there are more of them.
# Logs: H100 0.07 GiB without a sampler, 0.24-0.26 at 0.18 and 0.19, 0.13 at 0.11 to 0.17, 0.07 at 0.10;
# RTX 4080, A10G, A100 0.02-0.09.
_KERNELS_BYTES = 64 * _MIB
_HOPPER_KERNELS_BYTES = (((18, 0), 256 * _MIB), ((11, 0), 134 * _MIB), ((0, 0), 72 * _MIB))

# Communicators of tensor parallelism. Through switches that add (NVLS), NCCL and the custom all-reduce keep multicast
# buffers: H100 2.07 GiB for 2 ranks, 2.13 for 4, 2.33 for 8. Otherwise channels and the buffers of peers: A100 0.2 GiB
# for 2 ranks, 0.40 for 4.
_SWITCH_BYTES = 1740 * _MIB
_SWITCH_PEER_BYTES = 40 * _MIB
_PEER_BYTES = 80 * _MIB

# What a process holds before anything is loaded (free memory at start-up): H100 0.51 GiB; smaller GPUs 0.1 and more.
_CONTEXT_BYTES = (100 * _MIB, 522 * _MIB)

# One graph: launch parameters of the kernels of each layer, and its share of the first capture's buffers. Estimates in
# logs of 0.19 for 8 to 80 layers are 0.49 to 1.92 GiB for 86 graphs; of 0.25 for 30 to 64 layers 0.1 to 0.74 for 18.
_GRAPH_BYTES = 4_800 * 1024
_GRAPH_LAYER_BYTES = 140 * 1024
_MAX_CAPTURE = 512
# config/vllm.py, _set_cudagraph_sizes.
_CAPTURE_SIZES = (1, 2, 4, *range(8, 256, 8), *range(256, _MAX_CAPTURE + 1, 16))


def non_torch_bytes(run: Run, stage: int = 0) -> int:
    """What the engine counts of everything that is not PyTorch's: its growth, or with some versions all of it."""
    kernels = _KERNELS_BYTES
    if run.device.is_hopper_or_later and stage == run.pipeline_parallel - 1:
        kernels = next(size for since, size in _HOPPER_KERNELS_BYTES if run.version >= since)
    context = context_bytes(run) if run.rules.counts_context else 0
    return context + kernels + _communication_bytes(run)


def _communication_bytes(run: Run) -> int:
    ranks = run.tensor_parallel
    if ranks == 1:
        return 0
    if run.device.has_switch:
        return _SWITCH_BYTES + ranks * _SWITCH_PEER_BYTES
    return ranks * _PEER_BYTES


def context_bytes(run: Run) -> int:
    """What is gone before the engine looks at the GPU."""
    return _CONTEXT_BYTES[run.device.is_hopper_or_later]


def graph_bytes(run: Run, layers: int) -> int:
    """CUDA graphs of a stage with so many layers: one for each batch size, in pieces and, up to max_num_seqs, whole."""
    if run.enforce_eager:
        return 0
    largest = min(2 * run.max_num_seqs, run.max_num_batched_tokens)
    whole = bisect_right(_CAPTURE_SIZES, min(largest, run.max_num_seqs))
    # Encoder-decoders have none in pieces (config/vllm.py: FULL_DECODE_ONLY).
    pieces = 0 if has_cross_attention(run.shape) else bisect_right(_CAPTURE_SIZES, largest)
    graphs = pieces + whole
    return graphs * (_GRAPH_BYTES + layers * _GRAPH_LAYER_BYTES)
