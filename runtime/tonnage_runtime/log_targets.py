"""Keeps Ray Serve's log handlers whole while vLLM configures logging.

vLLM calls `logging.config.dictConfig`, which closes every handler of the process, and a closed MemoryHandler forgets
its target. Serve's controller, when it is back after the head was lost, asks each replica for its log file; a replica
that fails on that is replaced, and until then nothing answers.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler

SERVE_LOGGER = "ray.serve"


@contextmanager
def log_targets_kept() -> Iterator[None]:
    """Give Serve's buffering handlers their targets back, whatever the block did to them."""
    buffering = [one for one in logging.getLogger(SERVE_LOGGER).handlers if isinstance(one, MemoryHandler)]
    targets = [one.target for one in buffering]
    try:
        yield
    finally:
        for handler, target in zip(buffering, targets, strict=True):
            handler.setTarget(target)
