"""Objects as the API server gives them -> a snapshot."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import PlanStatus
from tonnage.desired import Owner, facts_pod, revision, revision_objects, shared_objects
from tonnage.facts.inventory import UNKNOWN_INVENTORY
from tonnage.observe.serve_status import NOTHING_DEPLOYED
from tonnage.observe.snapshot import Download, ObservedRevision, snapshot
from tonnage.plan import plan
from tonnage.settings import Settings

OWNER = Owner("chat", "models", "uid-1")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def stored(manifest: dict[str, Any], minute: int, **more: Any) -> dict[str, Any]:
    """The object as it would be read back."""
    metadata = {
        **manifest["metadata"],
        "creationTimestamp": f"2026-01-01T11:{minute:02}:00Z",
        **more.pop("metadata", {}),
    }
    return {**manifest, "metadata": metadata, **more}


def pod_of(controller: dict[str, Any], name: str, minute: int, *, ready: bool, **more: Any) -> dict[str, Any]:
    template = controller["spec"]["template"]
    status = {
        "phase": "Running",
        "podIP": "10.0.0.9",
        "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True" if ready else "False"},
        ],
        "containerStatuses": [{"name": "worker", "image": "runtime:1", "state": {"running": {}}}],
    }
    manifest = {
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": name},
        "spec": template["spec"],
        "status": status,
    }
    return stored(manifest, minute, **more)


@pytest.fixture
def objects(smollm2: ModelFacts, cpu_spec: ModelDeploymentSpec, operator_settings: Settings) -> list[dict[str, Any]]:
    planned = plan(cpu_spec, smollm2, UNKNOWN_INVENTORY)
    assert isinstance(planned, PlanStatus)
    made = revision(OWNER, cpu_spec, smollm2, planned, operator_settings)
    return revision_objects(OWNER, cpu_spec, made, operator_settings, worker_replicas=2)


def one_revision(manifests: list[dict[str, Any]], **serve: Any) -> ObservedRevision:
    (seen,) = snapshot(manifests, NOW).answered(serve, {}, {}).revisions
    return seen


def test_objects_and_pods_of_a_revision_come_together(objects: list[dict[str, Any]]) -> None:
    head, worker = objects[2], objects[3]
    seen = one_revision(
        [
            *(stored(manifest, 1) for manifest in objects),
            pod_of(head, "head-0", 2, ready=True),
            pod_of(worker, "worker-b", 4, ready=False),
            pod_of(worker, "worker-a", 3, ready=True),
        ]
    )
    assert frozenset({"ConfigMap", "Service", "StatefulSet", "Deployment"}) == seen.kinds
    assert (2, 1, 1) == (seen.worker_replicas, seen.ready_workers, seen.endpoints)
    assert ["worker-a", "worker-b"] == [one.name for one in seen.workers]
    assert seen.head is not None
    assert ("head-0", "10.0.0.9") == (seen.head.name, seen.head.ip)
    assert seen.document is not None
    assert "LlamaForCausalLM" == seen.document.engine.architecture
    assert "registry.example/tonnage-runtime:0.1.0-cpu" == seen.image
    assert seen.serve is None


def test_a_terminating_worker_is_reachable_and_does_not_count(objects: list[dict[str, Any]]) -> None:
    going = {"deletionTimestamp": "2026-01-01T11:30:00Z"}
    seen = one_revision([pod_of(objects[3], "worker-a", 3, ready=True, metadata=going)])
    assert (0, 1, 0) == (seen.ready_workers, seen.endpoints, len(seen.live_workers))


def test_objects_that_are_going_are_not_there(objects: list[dict[str, Any]]) -> None:
    going = {"deletionTimestamp": "2026-01-01T11:30:00Z"}
    seen = one_revision([stored(manifest, 1, metadata=going) for manifest in objects])
    assert (frozenset(), None) == (seen.kinds, seen.worker_replicas)


def test_what_belongs_to_no_revision_is_left_out(cpu_spec: ModelDeploymentSpec, operator_settings: Settings) -> None:
    manifests = [*shared_objects(OWNER, cpu_spec, operator_settings), facts_pod(OWNER, cpu_spec, operator_settings)]
    assert () == snapshot([stored(manifest, 1) for manifest in manifests], NOW).revisions


def test_revisions_are_oldest_first(objects: list[dict[str, Any]]) -> None:
    def relabelled(name: str, minute: int) -> dict[str, Any]:
        return stored(objects[0], minute, metadata={"labels": {"tonnage.dev/revision": name}})

    seen = snapshot([relabelled("younger", 9), relabelled("older", 1)], NOW).answered(
        {"younger": NOTHING_DEPLOYED}, {}, {}
    )
    assert ["older", "younger"] == [one.name for one in seen.revisions]
    assert NOTHING_DEPLOYED == seen.revisions[1].serve
    assert seen.revision("older") is seen.revisions[0]
    assert seen.revision(None) is None


def test_a_document_that_cannot_be_read_is_no_document(objects: list[dict[str, Any]]) -> None:
    assert one_revision([stored({**objects[0], "data": {"serve.json": "{"}}, 1)]).document is None


def test_downloads_are_by_pod() -> None:
    assert 5 == snapshot([], NOW).answered({}, {"pod": Download(5, 10)}, {}).downloads["pod"].done_bytes


def test_a_pod_that_finds_no_node_says_so(objects: list[dict[str, Any]]) -> None:
    worker = pod_of(objects[3], "worker-a", 1, ready=False)
    worker["status"] = {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}],
    }
    (pod,) = one_revision([worker]).workers
    assert (False, "0/1 nodes", None) == (pod.is_scheduled, pod.unschedulable_message, pod.ip)


def test_a_hiccup_of_the_scheduler_is_not_told(objects: list[dict[str, Any]]) -> None:
    worker = pod_of(objects[3], "worker-a", 1, ready=False)
    refused = {"type": "PodScheduled", "status": "False", "reason": "SchedulerError", "message": "conflict"}
    worker["status"] = {"phase": "Pending", "conditions": [refused]}
    (pod,) = one_revision([worker]).workers
    assert (False, None) == (pod.is_scheduled, pod.unschedulable_message)


def test_a_containers_last_end_is_remembered_while_it_waits(objects: list[dict[str, Any]]) -> None:
    worker = pod_of(objects[3], "worker-a", 1, ready=False)
    worker["status"]["initContainerStatuses"] = [
        {
            "name": "download",
            "image": "runtime:1",
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "why"}},
        }
    ]
    (pod,) = one_revision([worker]).workers
    download = pod.containers[0]
    assert (True, False, "CrashLoopBackOff") == (download.is_init, download.is_running, download.waiting_reason)
    assert (1, "Error", "why") == (download.exit_code, download.exit_reason, download.exit_message)
