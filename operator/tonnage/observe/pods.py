"""A Pod object, reduced to what conclusions are drawn from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_IMAGE_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")


@dataclass(frozen=True)
class Container:
    """One container of a pod."""

    name: str
    image: str
    is_init: bool
    is_running: bool
    # Of the waiting state: ErrImagePull, CrashLoopBackOff, ...
    waiting_reason: str | None
    waiting_message: str | None
    # Of the present termination, else of the last one.
    exit_code: int | None
    exit_reason: str | None
    exit_message: str | None

    @property
    def lacks_image(self) -> bool:
        """Whether it waits for an image that cannot be pulled."""
        return self.waiting_reason in _IMAGE_REASONS


@dataclass(frozen=True)
class Pod:
    """One pod."""

    name: str
    ip: str | None
    phase: str
    created_at: datetime
    # A pod that is going stays ready, and an endpoint, until its drain is over.
    is_ready: bool
    is_terminating: bool
    is_scheduled: bool
    # The scheduler's words, where it found no node.
    unschedulable_message: str | None
    # Of the pod itself: Evicted, ...
    reason: str | None
    message: str | None
    containers: tuple[Container, ...]

    @property
    def is_live(self) -> bool:
        """Whether it counts as one of its controller's replicas."""
        return not self.is_terminating and not self.is_over

    @property
    def is_over(self) -> bool:
        """Whether all of its containers have ended for good."""
        return self.phase in ("Succeeded", "Failed")

    @property
    def is_up(self) -> bool:
        """Whether what it is for has been started."""
        return any(container.is_running and not container.is_init for container in self.containers)

    @property
    def is_downloading(self) -> bool:
        """Whether what comes before that is under way: of ours, only workers have it, and it is the download."""
        return any(container.is_running and container.is_init for container in self.containers)

    @property
    def lacks_claim(self) -> bool:
        """Whether it finds no node for want of a PersistentVolumeClaim that nobody has made."""
        said = self.unschedulable_message or ""
        return "persistentvolumeclaim" in said and "not found" in said


def pod(manifest: Mapping[str, Any]) -> Pod:
    """The pod in this object, as the API server gives it."""
    metadata, spec, status = manifest["metadata"], manifest.get("spec") or {}, manifest.get("status") or {}
    conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
    scheduled = conditions.get("PodScheduled") or {}
    # `SchedulerError` is a conflict or a hiccup: the scheduler tries again by itself, and nobody has to be told.
    is_refused = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    return Pod(
        name=metadata["name"],
        ip=status.get("podIP"),
        phase=status.get("phase", "Pending"),
        created_at=datetime.fromisoformat(metadata["creationTimestamp"]),
        is_ready=(conditions.get("Ready") or {}).get("status") == "True",
        is_terminating="deletionTimestamp" in metadata,
        is_scheduled=scheduled.get("status") == "True" or bool(spec.get("nodeName")),
        unschedulable_message=scheduled.get("message", "") if is_refused else None,
        reason=status.get("reason"),
        message=status.get("message"),
        containers=(
            *(_container(one, is_init=True) for one in status.get("initContainerStatuses") or ()),
            *(_container(one, is_init=False) for one in status.get("containerStatuses") or ()),
        ),
    )


def _container(status: Mapping[str, Any], *, is_init: bool) -> Container:
    state = status.get("state") or {}
    waiting = state.get("waiting") or {}
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
    return Container(
        name=status["name"],
        image=status.get("image", ""),
        is_init=is_init,
        is_running="running" in state,
        waiting_reason=waiting.get("reason"),
        waiting_message=waiting.get("message"),
        exit_code=ended.get("exitCode"),
        exit_reason=ended.get("reason"),
        exit_message=ended.get("message"),
    )
