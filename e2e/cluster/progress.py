"""Says what is being done and how long it takes: a spinner on a terminal, plain lines elsewhere.

On plain output a long step says every half minute that it is alive: CI systems kill what is silent.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

HEARTBEAT_SECONDS = 30


class Progress:
    """Prints steps with their times; one at a time, not nested."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(f"[dim]{time.monotonic() - self._started:6.1f} s[/dim]  {text}")

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show that `text` is going on, then how long it took. A step that raised gets no closing line."""
        began = time.monotonic()
        alive = self._spin(text) if self._console.is_terminal else self._beat(text)
        with alive:
            yield
        self.say(f"{text} [dim]({time.monotonic() - began:.1f} s)[/dim]")

    @contextmanager
    def _spin(self, text: str) -> Iterator[None]:
        with self._console.status(f"{text} ..."):
            yield

    @contextmanager
    def _beat(self, text: str) -> Iterator[None]:
        over = threading.Event()

        def beat() -> None:
            while not over.wait(HEARTBEAT_SECONDS):
                self.say(f"still at it: {text}")

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
