"""Where the time from apply to the first answer went, by the timestamps in the logs of operator, head and worker.

Ours is what passes while neither Ray nor vLLM is at work: from apply to the pods' objects, from the moment the head
runs to the moment it is told what to run, and from the engine's first answer to the first client's. The head's REST API
listens two seconds before that, but answers nothing that concerns Serve until there is a raylet to connect to.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from e2e.kit.deployments import Deployment
from e2e.kit.install import Installation


@dataclass(frozen=True)
class Startup:
    """The moments of one start, in seconds since the epoch."""

    applied: float
    objects_made: float
    head_runs: float
    application_told: float
    request_answered: float
    answered: float

    @property
    def own_seconds(self) -> float:
        """The time that was neither Ray's nor vLLM's."""
        told = self.application_told - self.head_runs
        return (self.objects_made - self.applied) + told + (self.answered - self.request_answered)

    def __str__(self) -> str:
        """The stages, for a person."""
        stages = {
            "apply → objects": (self.applied, self.objects_made),
            "objects → head runs": (self.objects_made, self.head_runs),
            "head runs → application told": (self.head_runs, self.application_told),
            "application told → request": (self.application_told, self.request_answered),
            "request → answer": (self.request_answered, self.answered),
        }
        return ", ".join(f"{name} {end - begin:.1f} s" for name, (begin, end) in stages.items())


def startup(deployment: Deployment, installation: Installation, applied: float, answered: float) -> Startup:
    """Read the moments of a deployment's first start from the logs."""
    [head], [worker] = deployment.pods("head"), deployment.pods("worker")
    name = re.escape(f"{deployment.namespace}/{deployment.name}")
    operator = installation.operator_log()
    return Startup(
        applied=applied,
        objects_made=first(operator, rf"{name}: apply Deployment "),
        head_runs=first(log(deployment, head["metadata"]["name"], "head"), "Ray runtime started"),
        application_told=first(operator, rf"{name}: tell Serve of "),
        request_answered=first(log(deployment, worker["metadata"]["name"], "worker"), "has answered its first request"),
        answered=answered,
    )


def log(deployment: Deployment, pod: str, container: str) -> str:
    """A container's log, each line after the moment it was written."""
    return deployment.kubectl("logs", pod, "-c", container, "--timestamps", "--tail=-1")


def first(text: str, pattern: str) -> float:
    """The moment of the first line that matches."""
    line = next(line for line in text.splitlines() if re.search(pattern, line))
    # Nanoseconds are more than Python reads.
    return datetime.fromisoformat(line.split()[0][:26].rstrip("Z")).replace(tzinfo=UTC).timestamp()
