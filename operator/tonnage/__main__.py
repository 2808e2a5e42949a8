"""`python -m tonnage` is the operator. Everything it must know comes from its environment; see `settings`."""

import asyncio
import logging
import os
import sys

from tonnage.handlers.life import operate
from tonnage.settings import SettingsError, settings


def main() -> int:
    """The exit status."""
    logging.basicConfig(
        level=os.environ.get("TONNAGE_LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname)-7s %(name)s %(message)s",
        stream=sys.stderr,
    )
    # Kopf tells of each of its activities; what matters of them is in our own lines.
    logging.getLogger("kopf").setLevel(logging.WARNING)
    try:
        asyncio.run(operate(settings(os.environ)))
    except SettingsError as error:
        sys.stderr.write(f"tonnage: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
