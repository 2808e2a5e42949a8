"""`python -m tonnage` is the operator. Everything it must know comes from its environment; see `settings`."""

import asyncio
import logging
import os
import sys

from tonnage.handlers.life import operate
from tonnage.handlers.logs import set_up
from tonnage.settings import SettingsError, settings

_UNUSABLE = 2


def main() -> int:
    """Run until SIGTERM; returns the exit status."""
    set_up(os.environ.get("TONNAGE_LOG_LEVEL", "INFO"))
    try:
        # Never closed: that would wait for the threads below.
        return asyncio.Runner().run(operate(settings(os.environ)))
    except SettingsError as error:
        sys.stderr.write(f"tonnage: {error}\n")
        return _UNUSABLE


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    # A thread may be reading from a hub for two minutes more. Nothing is lost with it, and a restart must not wait.
    os._exit(status)
