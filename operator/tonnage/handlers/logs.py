"""What the operator's log looks like: a line per decision, and no flood when the API server is away.

Kopf tells of every attempt of each of its nine watches. The first line says it all; the others would bury our own.
"""

import logging
import sys
import time

_FLOOD = "kopf._cogs.clients"
_FLOOD_SECONDS = 30.0
# Each of their activities or requests would be a line; what matters of them is in our own.
_CHATTY = ("kopf", "httpx2")


class Sparse(logging.Filter):
    """Lets one line of Kopf's client through, then none for a while."""

    def __init__(self) -> None:
        super().__init__()
        self._quiet_until = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if not record.name.startswith(_FLOOD):
            return True
        now = time.monotonic()
        if now < self._quiet_until:
            return False
        self._quiet_until = now + _FLOOD_SECONDS
        return True


def set_up(level: str) -> None:
    """Write to stderr, for `kubectl logs`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Sparse())
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)-7s %(name)s %(message)s", handlers=[handler])
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
