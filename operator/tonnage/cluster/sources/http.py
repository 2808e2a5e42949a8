"""The first bytes of what a hub answers, and no more.

The hubs' own clients read a whole answer into memory, and a hub that ignores `Range` would answer with all of a 5 GB
file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx2

from tonnage.cluster.sources.repository import REQUEST_SECONDS, Deadline


@dataclass(frozen=True)
class Reader:
    """Asks one hub; `require_success` raises what the hub's errors mean."""

    session: httpx2.Client
    deadline: Deadline
    require_success: Callable[[httpx2.Response], object]

    def first_bytes(self, url: str, headers: Mapping[str, str], limit: int) -> bytes:
        """The first `limit` bytes at `url`. Raises what `require_success` does, TooSlowError, httpx2.HTTPError."""
        asked = {
            **headers,
            "Range": f"bytes=0-{limit - 1}",
            # A range of a compressed answer would be a range of something else.
            "Accept-Encoding": "identity",
        }
        content = bytearray()
        self.deadline.check()
        with self.session.stream("GET", url, headers=asked, timeout=REQUEST_SECONDS) as response:
            self.require_success(response)
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) >= limit:
                    break
                self.deadline.check()
        return bytes(content[:limit])
