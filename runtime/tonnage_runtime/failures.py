"""What the runtime raises, and how the operator gets to read it.

    RuntimeFailure                one sentence for a person, and the Reason it is counted under
      Retryable                   the same, but waiting may help

A container's termination message is the only thing that Kubernetes hands from a failed container to the operator.
"""

import errno
import json
import logging
from pathlib import Path

from tonnage.contract.reasons import Reason

TERMINATION_MESSAGE = Path("/dev/termination-log")
logger = logging.getLogger("tonnage")


class RuntimeFailure(Exception):  # noqa: N818 # a failure, as in FactsFailure
    """The pod cannot do its work."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Retryable(RuntimeFailure):
    """The pod cannot do its work now."""


def raise_disk_full(error: BaseException, what: str) -> None:
    """Raise RuntimeFailure if the error says that there is no room for what is downloaded."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise RuntimeFailure(Reason.DISK_FULL, f"no room for {what}: {error.strerror}") from error


def report_failure(failure: RuntimeFailure, path: Path = TERMINATION_MESSAGE) -> None:
    """Write the failure as one line of JSON where Kubernetes picks it up; the log says it too."""
    logger.error("%s: %s", failure.reason, failure.message)
    try:
        path.write_text(json.dumps({"reason": failure.reason, "message": failure.message}) + "\n")
    except OSError:
        # Not in a container: the log must do.
        logger.debug("no termination message at %s", path)
