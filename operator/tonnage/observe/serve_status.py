"""What Ray Serve says of itself: the answer to `GET /api/serve/applications/`, reduced to what decisions need.

What a reader would get wrong: Serve gives a start up after a few tries and then sits in DEPLOY_FAILED for good; the
same PUT again changes nothing. And a replica that moves (PENDING_MIGRATION) or is recognised by a new controller
(RECOVERING) answers requests all the while.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tonnage.contract.serve_document import APPLICATION_NAME

DEPLOY_FAILED = "DEPLOY_FAILED"
_ANSWERING_STATES = ("RUNNING", "UPDATING", "RECOVERING", "PENDING_MIGRATION")


@dataclass(frozen=True)
class ServeStatus:
    """One revision's Serve."""

    # RUNNING, DEPLOYING, DEPLOY_FAILED, UNHEALTHY, ...; None: no application has been put yet.
    application: str | None
    # What Serve says of the application's deployments, then of the application; tracebacks and all.
    message: str
    # How many replicas the last PUT asked for.
    wanted_replicas: int
    # Those that answer requests.
    running_replicas: int
    # Seconds since the epoch of the last PUT.
    deployed_at: float | None


NOTHING_DEPLOYED = ServeStatus(None, "", 0, 0, None)


def serve_status(answer: Mapping[str, Any]) -> ServeStatus:
    """The status in Serve's JSON answer; what it lacks counts as nothing running."""
    application = (answer.get("applications") or {}).get(APPLICATION_NAME)
    if application is None:
        return NOTHING_DEPLOYED
    deployments = (application.get("deployments") or {}).values()
    replicas = [replica for deployment in deployments for replica in deployment.get("replicas") or ()]
    said = [*(deployment.get("message") or "" for deployment in deployments), application.get("message") or ""]
    return ServeStatus(
        application=application.get("status"),
        message="\n".join(text for text in said if text),
        wanted_replicas=_wanted_replicas(answer, application),
        running_replicas=sum(replica.get("state") in _ANSWERING_STATES for replica in replicas),
        deployed_at=application.get("last_deployed_time_s"),
    )


def _wanted_replicas(answer: Mapping[str, Any], application: Mapping[str, Any]) -> int:
    """What `desired.application` wrote, read back."""
    if answer.get("target_capacity") == 0:
        return 0
    config = application.get("deployed_app_config") or {}
    counts = [deployment.get("num_replicas") or 0 for deployment in config.get("deployments") or ()]
    return max(counts, default=0)
