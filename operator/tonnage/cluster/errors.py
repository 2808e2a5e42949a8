"""What can go wrong when something outside is asked. Every call of this package raises one of these or answers.

ClusterError
├── RetryableError                  the same call may succeed later
│   ├── UnreachableError            nobody answered in time; a write may have happened all the same
│   ├── UnauthenticatedError        401: the token is being rotated
│   ├── ConflictError               409: somebody else wrote, or the object of that uid is gone
│   ├── TooManyRequestsError        429, or 503 with Retry-After
│   └── ServerFailureError          any other 5xx
└── PermanentError                  the same call fails until somebody changes something
    ├── NotFoundError               404
    ├── ForbiddenError              403: a missing right, a quota, an admission webhook
    │   └── NamespaceTerminatingError
    └── InvalidError                any other 4xx: what was sent is not acceptable

A write that ends in `UnreachableError` is not one that did not happen: callers read before they write again.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class ClusterError(Exception):
    """Base of all; `retry_after_seconds` is what the other side asked for."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_seconds = retry_after_seconds


class RetryableError(ClusterError):
    """The same call may succeed later."""


class UnreachableError(RetryableError):
    """Nobody answered in time."""


class UnauthenticatedError(RetryableError):
    """The token was not accepted."""


class ConflictError(RetryableError):
    """The object is not as it was expected to be."""


class TooManyRequestsError(RetryableError):
    """The other side asks for patience."""


class ServerFailureError(RetryableError):
    """The other side failed."""


class PermanentError(ClusterError):
    """The same call fails until somebody changes something."""


class NotFoundError(PermanentError):
    """There is no such object, or no such kind of object."""


class ForbiddenError(PermanentError):
    """The call is understood and refused."""


class NamespaceTerminatingError(ForbiddenError):
    """Nothing can be created any more: the namespace is going."""


class InvalidError(PermanentError):
    """What was sent is not acceptable."""


def error_of(status: int, body: Any, headers: Mapping[str, str], what: str) -> ClusterError:  # noqa: ANN401 # any JSON
    """The error of an answer with `status`, whose body is a Kubernetes `Status` or anything else."""
    details = body if isinstance(body, dict) else {}
    text = str(details.get("message") or body or HTTPStatus(status).phrase)
    message = f"{what}: {text[:1000]}"
    retry_after = headers.get("Retry-After", "")
    retry_after_seconds = float(retry_after) if retry_after.isdecimal() else None
    return _error_class(status, details, is_patience_asked=retry_after_seconds is not None)(
        message, retry_after_seconds=retry_after_seconds
    )


def _error_class(status: int, details: Mapping[str, Any], *, is_patience_asked: bool) -> type[ClusterError]:
    causes = (details.get("details") or {}).get("causes") or ()
    if status == HTTPStatus.FORBIDDEN and any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return NamespaceTerminatingError
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and is_patience_asked):
        return TooManyRequestsError
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerFailureError
    by_status: dict[int, type[ClusterError]] = {
        HTTPStatus.UNAUTHORIZED: UnauthenticatedError,
        HTTPStatus.FORBIDDEN: ForbiddenError,
        HTTPStatus.NOT_FOUND: NotFoundError,
        HTTPStatus.CONFLICT: ConflictError,
    }
    return by_status.get(status, InvalidError)
