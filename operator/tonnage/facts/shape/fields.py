"""One way to ask a section of a config.json for a value, whatever its family calls it.

A config is written by anybody. What is absent is None; what is there and makes no sense is a FactsError, never a guess.
A config leaves out what equals its class's default, so a section may come with the defaults of its model type.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tonnage.facts.errors import FactsError, shown, unusable

# No dimension of a model is near it, and the contract's counts end there.
_LARGEST = 2**31 - 1
# Layers are built one by one. Lists say something of each, and texts too: longer ones would be searched for hours.
MOST_LAYERS = 4096
_LONGEST_TEXT = 8 * MOST_LAYERS


@dataclass(frozen=True)
class Fields:
    """A section of a config, with what its class says where it is silent."""

    section: Mapping[str, Any]
    defaults: Mapping[str, int] = field(default_factory=dict)

    def number(self, *names: str) -> int | None:
        """The first of these that is given, as a positive number; 0 and null count as absent.

        A list with a number for each layer is that number where they are all the same, and counts as absent elsewhere.
        """
        for name in names:
            value = self.section.get(name)
            if isinstance(value, list) and value and isinstance(value[0], int) and value == value[:1] * len(value):
                value = value[0]
            if value is None and name in self.defaults:
                return self.defaults[name]
            if value is None or (isinstance(value, Sequence) and not isinstance(value, str)):
                continue
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
                raise senseless(name, value)
            if value:
                return value
        return None

    def real(self, name: str) -> float | None:
        """A positive number with decimals; 0 and null count as absent."""
        value = self.section.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
            raise senseless(name, value)
        return value or None

    def required(self, noun: str, *names: str) -> int:
        """A number without which there is no model."""
        value = self.number(*names)
        if value is None:
            raise unusable(f"the config.json does not give the {noun} ({', '.join(names)})")
        return value

    def layers(self, *names: str) -> int | None:
        """A number of layers."""
        value = self.number(*names)
        if value is not None and value > MOST_LAYERS:
            raise unusable(f"the config.json makes no sense: {value:,} layers ({', '.join(names)})")
        return value

    def is_set(self, name: str, *, default: bool = False) -> bool:
        """A switch; null counts as absent."""
        value = self.section.get(name)
        return default if value is None else value is True

    def text(self, name: str) -> str:
        """A word, or empty."""
        value = self.section.get(name)
        if isinstance(value, str) and len(value) > _LONGEST_TEXT:
            raise senseless(name, value)
        return value if isinstance(value, str) else ""

    def items(self, name: str) -> list[Any] | None:
        """A list with something in it."""
        value = self.section.get(name)
        if isinstance(value, list) and len(value) > MOST_LAYERS:
            raise senseless(name, value)
        return value if isinstance(value, list) and value else None

    def part(self, *names: str) -> Mapping[str, Any] | None:
        """The first of these that is a section of its own."""
        for name in names:
            value = self.section.get(name)
            if isinstance(value, Mapping) and value:
                return value
        return None


def senseless(name: str, value: object) -> FactsError:
    """The error for a value that no model can have."""
    return unusable(f"the config.json makes no sense: {name} is {shown(value)}")
