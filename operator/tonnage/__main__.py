"""`python -m tonnage` is the operator. Everything it must know comes from its environment; see `settings`."""

import asyncio
import logging
import os
import sys

from tonnage.handlers.life import operate
from tonnage.settings import SettingsError, settings

_UNUSABLE = 2


def main() -> int:
    """Run until SIGTERM; returns the exit status."""
    logging.basicConfig(
        level=os.environ.get("TONNAGE_LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname)-7s %(name)s %(message)s",
        stream=sys.stderr,
    )
    # Each of kopf's activities and of the hub client's requests would be a line; what matters of them is in our own.
    for chatty in ("kopf", "httpx2"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
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
