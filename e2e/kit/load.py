"""A steady load whose every request is accounted for: sent = answered well + failed, and failures keep their reason.

Each client opens a new connection for every request, as a Service balances connections, not requests. A stream counts
as answered only when its `[DONE]` came. Nothing is retried: the promise under test is that no request is lost.
"""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp

REQUEST_DEADLINE_SECONDS = 120


@dataclass
class Tally:
    """What became of the requests."""

    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0

    @property
    def failed(self) -> int:
        """Requests that got no full answer."""
        return self.failures.total()

    @property
    def sent(self) -> int:
        """All of them."""
        return self.answered + self.failed


@dataclass(frozen=True)
class Load:
    """Clients that each send one request after the other, every second one as a stream."""

    endpoint: str
    model: str
    clients: int = 2
    max_tokens: int = 8
    # The engine shares two cores with whatever is being tested: a load that fills them would measure only itself.
    pause_seconds: float = 0.5

    async def run(self, stop: threading.Event, tally: Tally) -> None:
        """Send until `stop` is set, then let open requests end."""
        await asyncio.gather(*(self._client(number, stop, tally) for number in range(self.clients)))

    async def _client(self, number: int, stop: threading.Event, tally: Tally) -> None:
        count = number
        while not stop.is_set():
            count += 1
            began = time.monotonic()
            failure = await self._request(is_stream=count % 2 == 0)
            tally.slowest_seconds = max(tally.slowest_seconds, time.monotonic() - began)
            if failure is None:
                tally.answered += 1
            else:
                tally.failures[failure] += 1
            await asyncio.sleep(self.pause_seconds)

    async def _request(self, *, is_stream: bool) -> str | None:
        """One chat request; the reason of its failure, or None."""
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": "Count from one to ten."}],
            "max_tokens": self.max_tokens,
            "stream": is_stream,
        }
        deadline = aiohttp.ClientTimeout(total=REQUEST_DEADLINE_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=deadline, connector=aiohttp.TCPConnector(force_close=True)) as session,
                session.post(f"{self.endpoint}/chat/completions", json=body) as response,
            ):
                text = await response.text()
                if response.status != 200:
                    return f"HTTP {response.status}: {text[:200]}"
                return None if is_complete(text, is_stream=is_stream) else f"cut off: {text[-200:]}"
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            return f"{type(error).__name__}: {error}"


def is_complete(text: str, *, is_stream: bool) -> bool:
    """Whether an answer came to its end."""
    if is_stream:
        return text.rstrip().endswith("data: [DONE]")
    try:
        return bool(json.loads(text)["choices"][0]["finish_reason"])
    except (ValueError, KeyError, IndexError):
        return False


@contextmanager
def steady_load(load: Load) -> Iterator[Tally]:
    """Run `load` beside the block; the tally is complete once the block was left."""
    stop, tally = threading.Event(), Tally()
    thread = threading.Thread(target=lambda: asyncio.run(load.run(stop, tally)), name="load")
    thread.start()
    try:
        yield tally
    finally:
        stop.set()
        thread.join()
