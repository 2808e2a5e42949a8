"""How many bits a quantized weight takes, by what each method writes into a config: `milli_bits`, in thousandths.

Scales and zero points are included, as far as a thousandth of a bit shows them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tonnage.facts.shape.fields import Fields

_MILLI = 1000
# One absolute maximum in 32 bits for 64 weights; quantized again with nested quantization: 8 bits and a 32-bit one for
# 256 of them (bitsandbytes functional.py, quantize_4bit).
_BNB_BLOCK = 64
_BNB_NESTED_BLOCK = 256
# A scale of 8 bits for each group.
_FLOAT4_BITS = 4
_NVFP4_GROUP, _MXFP4_GROUP = 16, 32
_NVFP4 = _FLOAT4_BITS * _MILLI + 8 * _MILLI // _NVFP4_GROUP
_MXFP4 = _FLOAT4_BITS * _MILLI + 8 * _MILLI // _MXFP4_GROUP
_FP8 = 8 * _MILLI
_USUAL_GROUP = 128
# The names that modelopt writes for single modules.
_ALGORITHMS = {"NVFP4": _NVFP4, "W4A16_NVFP4": _NVFP4, "MXFP4": _MXFP4, "FP8": _FP8, "W4A16_AWQ": 4 * _MILLI + 125}


def milli_bits(method: str, section: Mapping[str, Any]) -> int | None:
    """Of one weight, by a `quantization_config`; None where it does not tell."""
    if isinstance(section.get("config_groups"), Mapping):
        return _group_bits(groups(section))
    algorithm = str(section.get("quant_algo") or "").upper()
    if algorithm in _ALGORITHMS:
        return _ALGORITHMS[algorithm]
    if "fp8" in method:
        return _FP8
    read = _READERS.get(method)
    return read(section) if read else None


def _gptq_bits(section: Mapping[str, Any]) -> int | None:
    return _packed_bits(section, has_zeros=False)


def _awq_bits(section: Mapping[str, Any]) -> int | None:
    return _packed_bits(section, has_zeros=section.get("zero_point", True) is not False)


def _packed_bits(section: Mapping[str, Any], *, has_zeros: bool) -> int | None:
    bits = Fields(section).number("bits", "w_bit")
    is_whole_row = section.get("group_size") == -1
    group = 0 if is_whole_row else _group(section) or _USUAL_GROUP
    return _integer_bits(bits, group, has_zeros=has_zeros) if bits else None


def _group_bits(sections: Sequence[Mapping[str, Any]]) -> int | None:
    """Of the group with the fewest bits: in mixed checkpoints it is the experts', which are nearly all."""
    each = (Fields(section).part("weights") or {} for section in sections)
    return min((bits for weights in each if (bits := _weight_bits(weights))), default=None)


def _weight_bits(weights: Mapping[str, Any]) -> int | None:
    bits, size = Fields(weights).number("num_bits"), _group(weights) or 0
    if bits is None:
        return None
    if weights.get("type") == "float" and bits == _FLOAT4_BITS:
        return _MXFP4 if size == _MXFP4_GROUP else _NVFP4
    return _integer_bits(bits, size, has_zeros=weights.get("symmetric") is False)


def _integer_bits(bits: int, group: int, *, has_zeros: bool) -> int:
    """A scale in 16 bits for each group of weights, and a zero point of `bits`; a whole row's does not show."""
    if group <= 0:
        return bits * _MILLI
    return bits * _MILLI + (16 + (bits if has_zeros else 0)) * _MILLI // group


def _bitsandbytes_bits(section: Mapping[str, Any]) -> int:
    if section.get("load_in_8bit") is True:
        return 8 * _MILLI
    if section.get("bnb_4bit_use_double_quant") is True:
        return 4 * _MILLI + 8 * _MILLI // _BNB_BLOCK + 32 * _MILLI // (_BNB_BLOCK * _BNB_NESTED_BLOCK)
    return 4 * _MILLI + 32 * _MILLI // _BNB_BLOCK


_READERS: dict[str, Callable[[Mapping[str, Any]], int | None]] = {
    "gptq": _gptq_bits,
    "gptq_marlin": _gptq_bits,
    "auto-round": _gptq_bits,
    "awq": _awq_bits,
    "awq_marlin": _awq_bits,
    "bitsandbytes": _bitsandbytes_bits,
    "mxfp4": lambda _: _MXFP4,
    "modelopt": lambda _: _FP8,
}


def by_module(section: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    """Of each module, where modelopt lists them with their own."""
    modules = section.get("quantized_layers")
    if not isinstance(modules, Mapping) or "moe_quant_algo" in section:
        return
    for name, how in modules.items():
        algorithm = str(how.get("quant_algo") or "").upper() if isinstance(how, Mapping) else ""
        if algorithm in _ALGORITHMS:
            yield str(name), _ALGORITHMS[algorithm]


def group_size(section: Mapping[str, Any]) -> int:
    """Weights of a row that share a scale, 0 for all: the largest where modules differ.

    Blocks of FP8 (`weight_block_size`) are square.
    """
    weights = [Fields(group).part("weights") or {} for group in groups(section)]
    parts = weights or [section]
    blocks = [block for part in map(Fields, parts) for block in _blocks(part)]
    sizes = [_group(part) or 0 for part in parts]
    return max((size for size in (*sizes, *blocks) if isinstance(size, int)), default=0)


def _blocks(part: Fields) -> list[Any]:
    return part.items("weight_block_size") or part.items("block_structure") or []


def groups(section: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The groups of modules of a compressed-tensors config."""
    found = section.get("config_groups")
    return [group for group in found.values() if isinstance(group, Mapping)] if isinstance(found, Mapping) else []


def _group(section: Mapping[str, Any]) -> int | None:
    """Weights that share a scale; a whole row is -1, which is None here."""
    for name in ("group_size", "q_group_size"):
        if section.get(name) != -1 and (found := Fields(section).number(name)):
            return found
    return None
