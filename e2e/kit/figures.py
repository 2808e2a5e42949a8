"""Figures that a run measured, each beside its bar, printed as a table at the end. A figure past its bar is shown so.

Tests assert what must be true; figures only report, as a shared machine's times say little about the code.
"""

from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measurement."""

    what: str
    value: float
    unit: str
    bar: float | None = None

    @property
    def is_within(self) -> bool:
        """Whether the bar is kept; a figure without one always is."""
        return self.bar is None or self.value <= self.bar


@dataclass
class Figures:
    """All measurements of a run."""

    rows: list[Figure] = field(default_factory=list)

    def add(self, what: str, value: float, unit: str, bar: float | None = None) -> None:
        """Note a measurement; `bar` is the most it should be."""
        self.rows.append(Figure(what, value, unit, bar))

    def print(self, console: Console) -> None:
        """Show the table."""
        table = Table(title="Measured")
        for column in ("what", "measured", "bar", ""):
            table.add_column(column, justify="left" if column == "what" else "right")
        for row in self.rows:
            bar = "" if row.bar is None else f"≤ {row.bar:g} {row.unit}"
            table.add_row(
                row.what, f"{row.value:.4g} {row.unit}", bar, "" if row.is_within else "[red]past its bar[/red]"
            )
        console.print(table)
