"""A MemoryPlan as a bar with a legend. Colours tell the parts apart; without colours, their fillings do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from tonnage.contract.status import MemoryPlan

_GIB = 2**30
_SOLID = "█"


@dataclass(frozen=True)
class Part:
    """One part of the memory, and how it is drawn."""

    name: str
    size_bytes: int
    colour: str
    # What it is filled with where there are no colours.
    filling: str
    # And where there are.
    coloured_filling: str = _SOLID


@dataclass(frozen=True)
class MemoryBar:
    """Draws `memory`, as wide as the console."""

    memory: MemoryPlan

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The bar, and below it a line for each part."""
        is_plain = console.no_color or console.color_system is None
        found = parts(self.memory)
        widths = columns([part.size_bytes for part in found], options.max_width)
        yield Text().join(_swatch(part, width, is_plain=is_plain) for part, width in zip(found, widths, strict=True))
        legend = Table.grid(padding=(0, 2, 0, 0))
        for justify in ("left", "left", "right", "right", "right"):
            legend.add_column(justify=justify)
        # What takes nothing has no place in the bar either.
        for part in filter(lambda part: part.size_bytes, found):
            legend.add_row(_swatch(part, 2, is_plain=is_plain), *_figures(part, self.memory.budget_bytes))
        yield legend


def parts(memory: MemoryPlan) -> tuple[Part, ...]:
    """The parts of the budget, in the order of the bar."""
    return (
        Part("weights", memory.weights_bytes, "blue", "█"),
        Part("activations", memory.activations_bytes, "yellow", "▚"),
        Part("graphs", memory.graphs_bytes, "magenta", "▌"),
        Part("KV cache", memory.kv_cache_bytes, "green", "▒"),
        Part("overhead", memory.overhead_bytes, "red", "▓"),
        Part("headroom", memory.headroom_bytes, "bright_black", "░", "░"),
    )


def columns(sizes: Sequence[int], width: int) -> list[int]:
    """How wide each part is: in proportion, never nothing for something, together `width` (at least one each)."""
    total = sum(sizes)
    if not total:
        return [0] * len(sizes)
    widths = [max(size * width // total, 1 if size else 0) for size in sizes]
    while (over := sum(widths) - width) != 0:
        step = -1 if over > 0 else 1
        # Those that have what they should have least of all; of a single column nothing can be taken.
        movable = [index for index, size in enumerate(sizes) if size and (step > 0 or widths[index] > 1)]
        if not movable:
            break
        widths[max(movable, key=lambda index: step * (sizes[index] * width - widths[index] * total))] += step
    return widths


def _swatch(part: Part, width: int, *, is_plain: bool) -> Text:
    return Text(part.filling * width) if is_plain else Text(part.coloured_filling * width, style=part.colour)


def _figures(part: Part, budget_bytes: int) -> Iterator[str]:
    yield part.name
    yield f"{part.size_bytes / _GIB:,.2f} GiB"
    yield f"{part.size_bytes:,} bytes"
    yield f"{100 * part.size_bytes / max(1, budget_bytes):.1f} %"
