"""Bytes of the weights of one rank, as the engine reports them after loading: what the allocator holds.

A reader would get wrong that this is more than the sum of the tensors. PyTorch takes large blocks from the driver in
steps of 2 MiB and does not split off a rest of up to 1 MiB (c10/cuda/CUDACachingAllocator.cpp: kMinLargeAlloc,
kRoundLarge, kSmallSize); the engine keeps tables of rotations; latent attention keeps its up-projection twice.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from tonnage.facts.shape import Attention, AttentionKind, Layer, Quantization, Role, Split, Tensor
from tonnage.memory.setup import Run

_MIB = 2**20
_MIN_LARGE_BYTES = 10 * _MIB
_ROUND_BYTES = 2 * _MIB
_UNSPLIT_BYTES = 1 * _MIB
_SMALL_BYTES = 512
# model_executor/layers/vocab_parallel_embedding.py: DEFAULT_VOCAB_PADDING_SIZE.
_VOCABULARY_STEP = 64
_HIDDEN_TILE, _MARLIN_TILE, _HOPPER_TILE = 256, 128, 64
_FLOAT32_BYTES = 4
_MILLI_BITS_PER_BYTE = 8000


def weights_bytes(run: Run, stage: int = 0) -> int:
    """Of one rank of a pipeline stage."""
    first, last = stage == 0, stage == run.pipeline_parallel - 1
    shape = run.shape
    begin, end = stage_layers(len(shape.layers), run.pipeline_parallel)[stage]
    total = sum(_layer_bytes(run, layer, index) for index, layer in enumerate(shape.layers[begin:end], start=begin))
    if first:
        total += _allocated(run, shape.first, "")
        total += sum(_allocated(run, tower.tensors, "", is_tower=True) for tower in shape.towers)
    if last:
        total += _allocated(run, shape.last, "")
    if last and not first and shape.is_tied:
        total += _allocated(run, shape.first, "")
    return total + shape.rotary_elements * run.element_bytes


def stage_layers(layers: int, stages: int) -> list[tuple[int, int]]:
    """First layer and the one after the last, of each stage: the rest goes to the last stages but the very last.

    vllm/distributed/utils.py, get_pp_indices.
    """
    sizes = [layers // stages] * stages
    for position in range(2, layers % stages + 2):
        sizes[-position] += 1
    ends = [sum(sizes[: count + 1]) for count in range(stages)]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _layer_bytes(run: Run, layer: Layer, index: int) -> int:
    total = _allocated(run, layer.tensors, f"layers.{index}.") + _padding_bytes(run, layer)
    mixer = layer.mixer
    if isinstance(mixer, Attention) and mixer.kind is AttentionKind.LATENT:
        # model_executor/layers/attention/mla_attention.py, process_weights_after_loading: W_UK_T and W_UV.
        copies = [tensor for tensor in layer.tensors if tensor.name.endswith("kv_b_proj")]
        total += sum(rank_elements(tensor, run.tensor_parallel) * run.element_bytes for tensor in copies)
    return total


def _padding_bytes(run: Run, layer: Layer) -> int:
    """What MXFP4 kernels add to experts to make their sides whole tiles.

    model_executor/layers/fused_moe/oracle/mxfp4.py, mxfp4_round_up_hidden_size_and_intermediate_size: multiples of 256
    by 128 for Marlin, of 256 by 64 for Hopper's.
    """
    part, quantization = layer.feed_forward, run.quantization
    if part is None or not part.experts or quantization is None or quantization.method != "mxfp4":
        return 0
    hidden, width = run.shape.hidden_size, -(-part.intermediate // run.tensor_parallel)
    step = _HOPPER_TILE if run.device.is_hopper_or_later else _MARLIN_TILE
    padded = -(-hidden // _HIDDEN_TILE) * _HIDDEN_TILE * (-(-width // step) * step)
    experts = [tensor for tensor in layer.tensors if tensor.role is Role.EXPERTS]
    return sum(tensor_bytes(run, tensor) for tensor in experts) * (padded - hidden * width) // (hidden * width)


def _allocated(run: Run, tensors: Iterable[Tensor], prefix: str, *, is_tower: bool = False) -> int:
    return sum(_rounded(size) for size in _allocations(run, tensors, prefix, is_tower=is_tower))


def _allocations(run: Run, tensors: Iterable[Tensor], prefix: str, *, is_tower: bool) -> Iterator[int]:
    """Bytes of each allocation: tensors that follow each other with the same storage are one."""
    numbered = enumerate(tensors)
    for _, members in groupby(numbered, key=lambda pair: pair[1].storage or pair[0]):
        yield sum(tensor_bytes(run, tensor, prefix, is_tower=is_tower) for _, tensor in members)


def tensor_bytes(run: Run, tensor: Tensor, prefix: str = "", *, is_tower: bool = False) -> int:
    """Of one rank, exactly; `prefix` is the layer that the quantization config may name."""
    elements = rank_elements(tensor, run.tensor_parallel)
    if tensor.is_float32:
        return elements * _FLOAT32_BYTES
    quantization = run.quantization
    if quantization is None or is_tower or not _may_be_quantized(tensor, quantization):
        return elements * run.element_bytes
    bits = quantization.milli_bits_of(prefix + tensor.name, is_expert=tensor.role is Role.EXPERTS)
    # A quantized checkpoint is never larger than it was.
    most = _MILLI_BITS_PER_BYTE * run.element_bytes
    return -(-elements * min(bits if bits is not None else most, most) // _MILLI_BITS_PER_BYTE)


def _may_be_quantized(tensor: Tensor, quantization: Quantization) -> bool:
    # Only configs that list every module quantize the output head.
    return tensor.role in (Role.LINEAR, Role.EXPERTS) or (tensor.role is Role.HEAD and bool(quantization.by_module))


def rank_elements(tensor: Tensor, ranks: int) -> int:
    """How much of a tensor one rank holds."""
    if tensor.split is Split.WHOLE:
        return tensor.elements
    if tensor.split is Split.KV_HEADS:
        return -(-tensor.elements // min(ranks, tensor.units))
    if tensor.split is Split.VOCABULARY:
        padded = -(-tensor.rows // _VOCABULARY_STEP) * _VOCABULARY_STEP
        return -(-padded // ranks) * (tensor.elements // tensor.rows)
    return -(-tensor.elements // ranks)


def _rounded(size: int) -> int:
    if size < _MIN_LARGE_BYTES:
        return -(-size // _SMALL_BYTES) * _SMALL_BYTES
    block = -(-size // _ROUND_BYTES) * _ROUND_BYTES
    return block if block - size <= _UNSPLIT_BYTES else size
