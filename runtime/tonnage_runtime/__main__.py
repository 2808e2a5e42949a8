"""`python -m tonnage_runtime head|worker|follower|download`: what a pod of a revision runs.

Nothing heavy may be imported here: all but the download turn into Ray by exec, and the download's container is small.
"""

import argparse
import logging
import os
import signal
import sys
from pathlib import Path

from tonnage.contract.serve_document import DOCUMENT_PATH
from tonnage_runtime.document import read_document
from tonnage_runtime.failures import RuntimeFailure, report_failure


def main() -> int:
    """Do what the command line says; a failure ends as one sentence, in the log and in the termination message."""
    parser = argparse.ArgumentParser(prog="tonnage_runtime", description=__doc__)
    parser.add_argument("role", choices=["head", "worker", "follower", "download"])
    parser.add_argument("--document", type=Path, default=Path(DOCUMENT_PATH), help="the serve document")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        document = read_document(arguments.document)
        if arguments.role == "download":
            from tonnage_runtime.download import download  # noqa: PLC0415 # a head needs no hub client

            download(document, os.environ)
        else:
            from tonnage_runtime import node  # noqa: PLC0415

            become = {"head": node.become_head, "worker": node.become_worker, "follower": node.become_follower}
            become[arguments.role](document, os.environ)
    except RuntimeFailure as failure:
        report_failure(failure)
        return 1
    return 0


if __name__ == "__main__":
    # Process 1 of a container ignores what it has no handler for: a pod deleted while it downloads or waits for its
    # head would be there until it is killed. An exec forgets handlers, so Ray has its own.
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(128 + signal.SIGTERM))
    sys.exit(main())
