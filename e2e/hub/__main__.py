"""`python -m e2e.hub [FOLDER]`: the hub on port 8080, with the real model that is in FOLDER."""

import signal
import sys
from pathlib import Path

from e2e.hub.repositories import SMOLLM, repositories
from e2e.hub.server import Server

PORT = 8080


def main() -> None:
    """Serve until the end of the pod."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("/models", SMOLLM)
    server = Server(repositories(folder), PORT)
    # The first process of a container that does not handle SIGTERM ignores it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"{len(server.repositories)} repositories on port {PORT}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
