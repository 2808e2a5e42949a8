"""What one revision and its pods look like, built up field by field."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tonnage.observe.serve_status import ServeStatus
from tonnage.observe.snapshot import Container, ObservedRevision, Pod

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def make_container(**fields: Any) -> Container:
    defaults: dict[str, Any] = {
        "name": "worker",
        "image": "runtime:1",
        "is_init": False,
        "is_running": True,
        "waiting_reason": None,
        "waiting_message": None,
        "exit_code": None,
        "exit_reason": None,
        "exit_message": None,
    }
    return Container(**defaults | fields)


def make_pod(name: str = "pod", **fields: Any) -> Pod:
    defaults: dict[str, Any] = {
        "ip": "10.0.0.1",
        "phase": "Running",
        "created_at": BEGAN,
        "is_ready": True,
        "is_terminating": False,
        "is_scheduled": True,
        "unschedulable_message": None,
        "reason": None,
        "message": None,
        "containers": (make_container(),),
    }
    return Pod(name=name, **defaults | fields)


def make_followers(name: str = "new", *, holding: int = 0, idle: int = 0) -> tuple[Pod, ...]:
    """So many that hold a stage of a replica, and so many that do not."""
    return tuple(
        make_pod(f"{name}-follower-{index}", is_ready=index < holding, containers=(make_container(name="follower"),))
        for index in range(holding + idle)
    )


def make_revision(name: str = "new", *, ready: int = 0, starting: int = 0, **fields: Any) -> ObservedRevision:
    """A revision with so many ready workers, and a Serve that runs and was asked for as many replicas."""
    workers = tuple(make_pod(f"{name}-worker-{index}", is_ready=index < ready) for index in range(ready + starting))
    defaults: dict[str, Any] = {
        "created_at": BEGAN,
        "kinds": frozenset({"ConfigMap", "Service", "StatefulSet", "Deployment"}),
        "worker_replicas": ready + starting,
        "follower_replicas": None,
        "image": "runtime:1",
        "document": None,
        "head": make_pod(f"{name}-head-0"),
        "workers": workers,
        "followers": (),
        "serve": ServeStatus("RUNNING", "", ready + starting, ready, BEGAN.timestamp()),
    }
    return ObservedRevision(name=name, **defaults | fields)


@pytest.fixture
def began() -> datetime:
    return BEGAN


@pytest.fixture
def later() -> datetime:
    return BEGAN + timedelta(minutes=1)


@pytest.fixture
def container() -> Callable[..., Container]:
    return make_container


@pytest.fixture
def pod() -> Callable[..., Pod]:
    return make_pod


@pytest.fixture
def revision() -> Callable[..., ObservedRevision]:
    return make_revision
