"""How a checkpoint is quantized: bits of a weight with its scales, which modules stay as they were, and its KV cache.

Sizes are in thousandths of a bit per weight, scales and zero points included, so that sums stay whole numbers. A reader
would get wrong that `ignore` lists name modules in five notations; they are compared from `layers.` on, because the
engine puts other names before it than the checkpoint.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property, lru_cache
from typing import Any

from tonnage.facts.errors import shown, unusable
from tonnage.facts.shape import bits
from tonnage.facts.shape.fields import Fields, senseless

_EXPERT_WORDS = (".experts", ".switch_mlp")
# Of regular expressions in them.
_MOST_PATTERNS = 64
_LONGEST_PATTERN = 512
_MOST_REPETITIONS = 3
_REPETITION = re.compile(r"(?<!\()[*+?{]")
_REPEATED_GROUP = re.compile(r"\)[*+?{]")
_IGNORE_KEYS = ("ignore", "ignored_layers", "modules_to_not_convert", "exclude_modules")


@dataclass(frozen=True, eq=False)
class Quantization:
    """`milli_bits` is of one weight with its scales; None where the config does not tell.

    Compared by identity, as shapes are: some name thousands of modules.
    """

    method: str
    milli_bits: int | None
    ignored: tuple[str, ...] = ()
    """Patterns of modules that keep the model's own type."""
    only_experts: bool = False
    by_module: tuple[tuple[str, int], ...] = ()
    """Where modules differ: name and thousandths of a bit; others are not quantized."""
    quantizes_activations: bool = False
    """Whether inputs are quantized too, in copies of 8 bits or fewer."""
    kv_cache_bits: int | None = None
    """What the checkpoint has scales for; the engine's own default follows it."""
    group_size: int = 0
    """Weights of a row that share a scale: what a rank holds of a row must be whole groups. 0: a whole row does."""

    def milli_bits_of(self, name: str, *, is_expert: bool) -> int | None:
        """Thousandths of a bit of one weight of the module `name`; None where it keeps the model's own type."""
        if self.by_module:
            parents = _parents(_from_layers(name))
            return next((self._module_bits[parent] for parent in parents if parent in self._module_bits), None)
        if (self.only_experts and not is_expert) or self._is_ignored(_from_layers(name)):
            return None
        if self.method.startswith("awq") and self._is_ignored_in_part(name.rpartition(".")[0] if is_expert else name):
            return None
        return self.milli_bits

    @cached_property
    def names_layers(self) -> bool:
        """Whether a layer may be named by its number, so that equal layers are quantized differently."""
        names = (*self.ignored, *(name for name, _ in self.by_module))
        return any(character.isdigit() for name in names for character in name)

    @cached_property
    def _module_bits(self) -> dict[str, int]:
        return {_from_layers(name): size for name, size in self.by_module}

    @cached_property
    def _plain(self) -> frozenset[str]:
        return frozenset(
            _from_layers(pattern).removesuffix(".*").removesuffix("*").removesuffix(".")
            for pattern in self.ignored
            if not pattern.startswith("re:")
        )

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        sources = [pattern.removeprefix("re:") for pattern in self.ignored if pattern.startswith("re:")]
        sources += [part for name in self._plain if "*" in name for part in (translate(name), translate(name + ".*"))]
        return re.compile("|".join(f"(?:{source})" for source in sources)) if sources else None

    def _is_ignored_in_part(self, name: str) -> bool:
        """AWQ's names are parts of names (vLLM auto_awq.py, `match_mode="substring"`); experts are asked as a whole."""
        # A star alone leaves nothing, which would be a part of every name.
        return any(part in name for part in self._plain if part)

    def _is_ignored(self, name: str) -> bool:
        if any(parent in self._plain for parent in _parents(name)) or name.rpartition(".")[2] in self._plain:
            return True
        pattern = self._pattern
        # Regular expressions were written for the whole name: `.*\.self_attn\..*` needs something before the dot.
        return pattern is not None and (pattern.match(name) or pattern.match("model." + name)) is not None


def quantization(section: Mapping[str, Any]) -> Quantization:
    """The reading of a `quantization_config`."""
    method = _method(section)
    kv_scheme = section.get("kv_cache_scheme")
    kv_bits = Fields(kv_scheme).number("num_bits") if isinstance(kv_scheme, Mapping) else None
    if section.get("kv_cache_quant_algo") == "FP8":
        kv_bits = 8
    by_module = tuple(bits.by_module(section))
    return Quantization(
        method=method,
        milli_bits=bits.milli_bits(method, section),
        ignored=_ignored(section),
        only_experts=method == "mxfp4" or _targets_experts(section),
        by_module=by_module,
        quantizes_activations=_quantizes_activations(method, section),
        kv_cache_bits=kv_bits,
        group_size=bits.group_size(section),
    )


@lru_cache(maxsize=32)
def requested(method: str) -> Quantization:
    """What the engine does to an unquantized checkpoint when asked at the command line; one object for each method."""
    return quantization({"quant_method": method, "load_in_4bit": method == "bitsandbytes"})


def _ignored(section: Mapping[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    for key in _IGNORE_KEYS:
        value = section.get(key) or []
        if not isinstance(value, list):
            raise senseless(key, value)
        found += [name for name in value if isinstance(name, str)]
    patterns = [name for name in found if name.startswith("re:")]
    if len(patterns) > _MOST_PATTERNS:
        raise unusable(f"the config.json makes no sense: quantization ignores {len(patterns):,} regular expressions")
    for pattern in patterns:
        if not _is_bounded(pattern.removeprefix("re:")):
            raise unusable(f"the config.json makes no sense: quantization ignores {shown(pattern)}, too hard to match")
    return tuple(found)


def _is_bounded(source: str) -> bool:
    """Whether a regular expression is one, and comes to its end in any name of a module.

    The ways that a repeated group may match can double with every letter, and so can those of many repetitions. What
    authors write has one or two of `.*`, and a choice of names in a group.
    """
    repetitions = len(_REPETITION.findall(source))
    if len(source) > _LONGEST_PATTERN or repetitions > _MOST_REPETITIONS or _REPEATED_GROUP.search(source):
        return False
    try:
        re.compile(f"(?:{source})|(?:{source})")
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _method(section: Mapping[str, Any]) -> str:
    name = str(section.get("quant_method") or section.get("quant_algo") or "unknown").lower()
    return name.replace("compressed_tensors", "compressed-tensors")


def _targets_experts(section: Mapping[str, Any]) -> bool:
    targets = [str(target) for group in bits.groups(section) for target in Fields(group).items("targets") or ()]
    return bool(targets) and all(any(word in target for word in _EXPERT_WORDS) for target in targets)


def _quantizes_activations(method: str, section: Mapping[str, Any]) -> bool:
    if isinstance(section.get("config_groups"), Mapping):
        return any(group.get("input_activations") for group in bits.groups(section))
    return "fp8" in method or str(section.get("quant_algo") or "").upper() in ("FP8", "NVFP4")


def _from_layers(name: str) -> str:
    """`model.language_model.layers.3.mlp` -> `layers.3.mlp`; names outside of layers lose only what wraps the model."""
    _, found, rest = name.partition("layers.")
    if found:
        return found + rest
    return name.removeprefix("language_model.").removeprefix("model.")


def _parents(name: str) -> list[str]:
    """A module and everything that it is part of."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def first_section(parts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The first quantization section in these parts of a config."""
    for part in parts:
        for name in ("quantization_config", "compression_config"):
            section = part.get(name)
            if isinstance(section, Mapping) and section:
                return section
    return None
