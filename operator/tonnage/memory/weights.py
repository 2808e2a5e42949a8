"""Bytes of the weights of one rank, as the engine reports them after loading: what the allocator holds.

A reader would get wrong that this is more than the sum of the tensors. PyTorch takes large blocks from the driver in
steps of 2 MiB and does not split off a rest of up to 1 MiB (c10/cuda/CUDACachingAllocator.cpp: kMinLargeAlloc,
kRoundLarge, kSmallSize); the engine keeps tables of rotations; latent attention keeps its up-projection twice.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby

from tonnage.facts.shape import Attention, AttentionKind, Layer, Quantization, Role, Shape, Split, Tensor, Tower
from tonnage.memory.setup import Run, Share

Bits = tuple[int | None, ...]
"""Of each of some tensors: thousandths of a bit of one weight, or None where it keeps the model's own type."""

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
    parts = _parts(run.share, _tile(run))
    begin, end = stages(run)[stage]
    total = sum(parts.layers[begin:end])
    if first:
        total += parts.first + parts.towers
    if last:
        total += parts.last
    if last and not first and run.shape.is_tied:
        total += parts.first
    return total + run.shape.rotary_elements * run.element_bytes


@lru_cache(maxsize=64)
def stage_layers(layers: int, stages: int, *, rest_is_last: bool = False) -> tuple[tuple[int, int], ...]:
    """First layer and the one after the last, of each stage: the rest goes to the last stages but the very last.

    vllm/distributed/utils.py, get_pp_indices; before 0.8.0 the very last had it.
    """
    sizes = [layers // stages] * stages
    if rest_is_last:
        sizes[-1] += layers % stages
    else:
        for position in range(2, layers % stages + 2):
            sizes[-position] += 1
    ends = [sum(sizes[: count + 1]) for count in range(stages)]
    return tuple(zip([0, *ends[:-1]], ends, strict=True))


def stages(run: Run) -> tuple[tuple[int, int], ...]:
    """The layers of each stage of a run."""
    return stage_layers(len(run.shape.layers), run.pipeline_parallel, rest_is_last=run.rules.rest_is_last)


def checkpoint_bytes(share: Share) -> int:
    """The sum of all tensors, without what loading adds: a checkpoint's size, where the share is of a single rank."""
    shape, quantization = share.shape, share.quantization
    kinds = Counter(zip(shape.layers, _layer_bits(shape, quantization), strict=True))
    parts = [
        *((layer.tensors, bits, count) for (layer, bits), count in kinds.items()),
        *((tensors, _bits(tensors, quantization), 1) for tensors in (shape.first, shape.last)),
        *((tower.tensors, _bits(tower.tensors, None), 1) for tower in shape.towers),
    ]
    return sum(
        count * _tensor_bytes(share, tensor, milli_bits)
        for tensors, bits, count in parts
        for tensor, milli_bits in zip(tensors, bits, strict=True)
    )


@dataclass(frozen=True)
class _Parts:
    """Bytes of what stages are made of."""

    first: int
    towers: int
    layers: tuple[int, ...]
    last: int


@lru_cache(maxsize=64)
def _parts(share: Share, tile: int | None) -> _Parts:
    shape, quantization = share.shape, share.quantization
    layers = list(zip(shape.layers, _layer_bits(shape, quantization), strict=True))
    sizes = {kind: _layer_bytes(share, *kind, tile) for kind in set(layers)}
    return _Parts(
        first=_allocated(share, shape.first, _bits(shape.first, quantization)),
        towers=sum(_tower_bytes(share, tower) for tower in shape.towers),
        layers=tuple(sizes[kind] for kind in layers),
        last=_allocated(share, shape.last, _bits(shape.last, quantization)),
    )


def _tower_bytes(share: Share, tower: Tower) -> int:
    ranks = replace(share, tensor_parallel=tower.ranks(share.tensor_parallel))
    return _allocated(ranks, tower.tensors, _bits(tower.tensors, None))


@lru_cache(maxsize=16)
def _layer_bits(shape: Shape, quantization: Quantization | None) -> tuple[Bits, ...]:
    """Of each layer: some configs name modules of single layers, so that equal layers differ."""
    if quantization is None or not quantization.names_layers:
        bits = {layer: _bits(layer.tensors, quantization, "layers.0.") for layer in shape.distinct_layers}
        return tuple(bits[layer] for layer in shape.layers)
    return tuple(_bits(layer.tensors, quantization, f"layers.{index}.") for index, layer in enumerate(shape.layers))


def _bits(tensors: tuple[Tensor, ...], quantization: Quantization | None, prefix: str = "") -> Bits:
    if quantization is None:
        return (None,) * len(tensors)
    return tuple(
        quantization.milli_bits_of(prefix + tensor.name, is_expert=tensor.role is Role.EXPERTS)
        if _may_be_quantized(tensor, quantization)
        else None
        for tensor in tensors
    )


def _may_be_quantized(tensor: Tensor, quantization: Quantization) -> bool:
    # Only configs that list every module quantize the output head.
    return tensor.role in (Role.LINEAR, Role.EXPERTS) or (tensor.role is Role.HEAD and bool(quantization.by_module))


def _layer_bytes(share: Share, layer: Layer, bits: Bits, tile: int | None) -> int:
    total = _allocated(share, layer.tensors, bits)
    if tile is not None:
        total += _padding_bytes(share, layer, tile)
    mixer = layer.mixer
    if isinstance(mixer, Attention) and mixer.kind is AttentionKind.LATENT and share.rules.has_latent:
        total += _latent_copies_bytes(share, layer, mixer, bits)
    return total


def _latent_copies_bytes(share: Share, layer: Layer, mixer: Attention, bits: Bits) -> int:
    """What latent attention keeps of its projections once more, for decoding.

    model_executor/layers/attention/mla_attention.py, process_weights_after_loading: W_UK_T and W_UV. Until 0.7.3
    attention/backends/mla/utils.py: W_QR, and the products W_Q_UK and W_UV_O, quantized where the weights are in FP8;
    the up-projection itself only where it had to be unpacked.
    """
    sizes = {tensor.name.rpartition(".")[2]: tensor for tensor in layer.tensors}
    up = sizes.get("kv_b_proj")
    if up is None:
        return 0
    copy = rank_elements(up, share.tensor_parallel) * share.element_bytes
    if not share.rules.absorbs_latent:
        return copy
    queries = sizes.get("q_b_proj") or sizes["q_proj"]
    is_quantized = bits[layer.tensors.index(up)] is not None
    heads = -(-mixer.heads // share.tensor_parallel)
    # The latent vector is a rank and a rotated part; a head of a query has the same rotated part.
    head_dim = queries.elements // mixer.query_inputs // mixer.heads
    rotated = head_dim - mixer.nope_dim
    rank = mixer.key_dim - rotated
    products = heads * rank * (mixer.query_inputs + share.shape.hidden_size)
    rotations = heads * rotated * mixer.query_inputs * share.element_bytes
    return rotations + products * (1 if is_quantized else share.element_bytes) + (copy if is_quantized else 0)


def _tile(run: Run) -> int | None:
    """How wide the tiles are that kernels want of experts; None where they take any width."""
    if run.quantization is None or run.quantization.method != "mxfp4":
        return None
    return _HOPPER_TILE if run.device.is_hopper_or_later else _MARLIN_TILE


def _padding_bytes(share: Share, layer: Layer, tile: int) -> int:
    """What MXFP4 kernels add to experts to make their sides whole tiles.

    model_executor/layers/fused_moe/oracle/mxfp4.py, mxfp4_round_up_hidden_size_and_intermediate_size: multiples of 256
    by 128 for Marlin, of 256 by 64 for Hopper's.
    """
    part = layer.feed_forward
    if part is None or not part.experts:
        return 0
    hidden, width = share.shape.hidden_size, -(-part.intermediate // share.tensor_parallel)
    padded = -(-hidden // _HIDDEN_TILE) * _HIDDEN_TILE * (-(-width // tile) * tile)
    experts = tuple(tensor for tensor in layer.tensors if tensor.role is Role.EXPERTS)
    pairs = zip(experts, _bits(experts, share.quantization), strict=True)
    size = sum(_tensor_bytes(share, tensor, milli_bits) for tensor, milli_bits in pairs)
    return size * (padded - hidden * width) // (hidden * width)


def _allocated(share: Share, tensors: tuple[Tensor, ...], bits: Bits) -> int:
    return sum(_rounded(size) for size in _allocations(share, tensors, bits))


def _allocations(share: Share, tensors: tuple[Tensor, ...], bits: Bits) -> Iterator[int]:
    """Bytes of each allocation: tensors that follow each other with the same storage are one."""
    numbered = enumerate(zip(tensors, bits, strict=True))
    for _, members in groupby(numbered, key=lambda row: row[1][0].storage or row[0]):
        yield sum(_tensor_bytes(share, tensor, milli_bits) for _, (tensor, milli_bits) in members)


def _tensor_bytes(share: Share, tensor: Tensor, milli_bits: int | None) -> int:
    """Of one rank, exactly."""
    elements = rank_elements(tensor, share.tensor_parallel)
    if tensor.is_float32:
        return elements * _FLOAT32_BYTES
    # A quantized checkpoint is never larger than it was.
    most = _MILLI_BITS_PER_BYTE * share.element_bytes
    return -(-elements * (most if milli_bits is None else min(milli_bits, most)) // _MILLI_BITS_PER_BYTE)


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
