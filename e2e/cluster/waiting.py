"""Waiting with a deadline, and nothing else: no wait in this package is without one."""

import time
from collections.abc import Callable

from e2e.cluster.commands import ClusterError


def wait_until(
    is_reached: Callable[[], bool],
    what: str,
    *,
    deadline_seconds: float,
    every_seconds: float = 0.1,
) -> None:
    """Ask `is_reached` until it says yes. Raises ClusterError naming `what` after the deadline."""
    deadline = time.monotonic() + deadline_seconds
    while not is_reached():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not after {deadline_seconds:.0f} s")
        time.sleep(every_seconds)
