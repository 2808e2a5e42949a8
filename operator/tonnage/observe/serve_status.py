"""What Ray Serve says of itself: the answer to `GET /api/serve/applications/`, reduced to what decisions need."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ServeStatus:
    """One revision's Serve. Replicas are counted over the LLM deployment only, not over helpers beside it."""

    # RUNNING, DEPLOYING, DEPLOY_FAILED, UNHEALTHY, ...; None: no application has been put yet.
    application: str | None
    message: str
    # How many replicas the last PUT asked for.
    wanted_replicas: int
    running_replicas: int
    # In whatever state, the stopping ones included.
    existing_replicas: int
    # Seconds since the epoch of the last PUT.
    deployed_at: float | None


def serve_status(answer: Mapping[str, Any]) -> ServeStatus:
    """The status in Serve's JSON answer; fields that it lacks count as nothing running."""
    raise NotImplementedError
