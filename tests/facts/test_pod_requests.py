"""What a pod takes of GPUs, as the scheduler counts it."""

from typing import Any

import pytest

from tonnage.facts.pod_requests import pod_requests, requests_by_node


def container(gpus: int | str | None = None, *, is_sidecar: bool = False, **resources: Any) -> dict[str, Any]:
    asked = {"limits": {"nvidia.com/gpu": gpus}} if gpus is not None else {}
    return {"resources": asked | resources} | ({"restartPolicy": "Always"} if is_sidecar else {})


@pytest.mark.parametrize(
    ("initial", "running", "expected"),
    [
        pytest.param([], [container()], 0, id="none"),
        pytest.param([], [container(1), container("2")], 3, id="containers add up"),
        pytest.param([container(1)], [container(2)], 2, id="a small init container"),
        pytest.param([container(4), container(3)], [container(2)], 4, id="init containers run one by one"),
        pytest.param([container(1, is_sidecar=True)], [container(2)], 3, id="a sidecar goes on running"),
        pytest.param([container(1, is_sidecar=True), container(4)], [container(2)], 5, id="beside the init containers"),
        pytest.param([container(4), container(1, is_sidecar=True)], [container(2)], 4, id="that come after it"),
        pytest.param([], [container(requests={"nvidia.com/gpu": "2"})], 2, id="a request alone"),
        pytest.param([], [container(1, requests={"nvidia.com/gpu": "1"})], 1, id="request and limit are one"),
        pytest.param([], [container("lots"), container("-1")], 0, id="no sense"),
        pytest.param([], [{}, {"resources": None}], 0, id="no resources"),
    ],
)
def test_a_pod_takes_its_greediest_moment(
    initial: list[dict[str, Any]], running: list[dict[str, Any]], expected: int
) -> None:
    taken = pod_requests({"initContainers": initial, "containers": running})
    assert expected == taken["nvidia.com/gpu"]


def test_each_resource_is_counted_apart() -> None:
    asked = {"nvidia.com/mig-1g.5gb": "2", "amd.com/gpu": "1", "cpu": "4", "memory": "1Gi"}
    taken = pod_requests({"containers": [container(requests=asked)]})
    assert {"nvidia.com/mig-1g.5gb": 2, "amd.com/gpu": 1} == taken


def test_pods_without_a_node_or_a_spec_take_nothing() -> None:
    assert {} == requests_by_node([{}, {"spec": None}, {"spec": {"containers": [container(1)]}}])
