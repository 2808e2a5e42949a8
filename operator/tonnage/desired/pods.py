"""What goes into the pods of a revision: the values of the head's and the workers' templates."""

from collections.abc import Iterable

from tonnage.contract.model_source import OPTIONAL_CREDENTIALS, REQUIRED_CREDENTIALS, TOKEN_VARIABLES, Scheme
from tonnage.contract.serve_document import DOCUMENT_PATH, MODEL_PATH, TOKEN_PATH
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.desired import names
from tonnage.desired.gpus import gpu_request, head_affinity, shared_memory, with_gpu_tolerations, worker_affinity
from tonnage.desired.names import HEAD, Owner
from tonnage.desired.revision import Revision
from tonnage.facts.source import parse_source
from tonnage.settings import Settings

# After its drain a worker's processes still have to end.
_GRACE_AFTER_DRAIN_SECONDS = 60
# A pod that is told to go must stay an endpoint until its drain is over, though it stops being healthy at once: else
# the only worker of a deployment vanishes from the Service before its successor is there.
_READY_AFTER_DRAIN_SECONDS = 5
# The engine's process for a GPU is a Ray actor, which has this for its title (vLLM v1/executor/ray_executor_v2.py).
STAGE_CHECK = ["sh", "-c", "exec grep -qsz ^ray::RayWorkerProc /proc/[0-9]*/cmdline"]


def head_pod(owner: Owner, spec: ModelDeploymentSpec, revision: Revision, settings: Settings) -> dict[str, object]:
    """The values for the head."""
    return {
        **_pod(owner, spec, revision, settings, HEAD),
        "affinity": head_affinity(revision.plan),
        "service_name": names.head_name(owner, revision.name),
        "storage": settings.head_storage,
        "storage_class": settings.head_storage_class,
        "claim_labels": names.pod_labels(owner, HEAD, revision.name),
    }


def model_pod(
    owner: Owner, spec: ModelDeploymentSpec, revision: Revision, settings: Settings, component: str
) -> dict[str, object]:
    """The values for a worker or a follower."""
    source = parse_source(revision.document.model.source)
    resources = spec.template.resources
    requests = {"cpu": revision.plan.pod_cpu, "memory": str(revision.plan.pod_memory_bytes)}
    limits = {"memory": str(revision.plan.pod_memory_bytes)}
    if resources.ephemeral_storage is not None:
        requests["ephemeral-storage"] = limits["ephemeral-storage"] = resources.ephemeral_storage
    gpus = gpu_request(revision.plan)
    drain_seconds = revision.document.limits.drain_seconds
    return {
        **_pod(owner, spec, revision, settings, component),
        "component": component,
        "affinity": worker_affinity(revision.plan),
        "head_address": names.head_address(owner, revision.name),
        "model_path": MODEL_PATH,
        "claim": source.name if source.scheme is Scheme.PVC else None,
        "access": model_access(spec),
        "env": [variable.to_json_object() for variable in spec.template.env],
        "download_requests": requests,
        "download_limits": limits,
        "requests": {**requests, **gpus},
        "limits": {**limits, **gpus},
        "shared_memory": shared_memory(revision.plan),
        "start_deadline_seconds": revision.plan.start_deadline_seconds,
        "ready_seconds": drain_seconds + _READY_AFTER_DRAIN_SECONDS,
        "stage_check": STAGE_CHECK,
        "grace_seconds": drain_seconds + _GRACE_AFTER_DRAIN_SECONDS,
    }


def _pod(
    owner: Owner, spec: ModelDeploymentSpec, revision: Revision, settings: Settings, component: str
) -> dict[str, object]:
    return {
        "selector": names.pod_selector(owner, component, revision.name),
        # The author's labels first: what selects pods is never theirs.
        "pod_labels": {**spec.template.labels, **names.pod_labels(owner, component, revision.name)},
        "pod_annotations": spec.template.annotations,
        **placement(spec, settings, gpu_request(revision.plan)),
        "service_account": names.shared_name(owner),
        "image": revision.image,
        "document_config_map": names.revision_name(owner, revision.name),
        "document_folder": DOCUMENT_PATH.rpartition("/")[0],
        "ray_token_secret": names.ray_token_name(owner),
        "ray_token_folder": TOKEN_PATH.rpartition("/")[0],
    }


def model_access(spec: ModelDeploymentSpec) -> list[dict[str, object]]:
    """The variables by which a pod may read the model; where they come from the operator may not look."""
    token, credentials = spec.model.token_secret_ref, spec.model.credentials_secret_ref
    if token:
        variable = TOKEN_VARIABLES[parse_source(spec.model.source).scheme]
        return [{"name": variable, "valueFrom": {"secretKeyRef": token.to_json_object()}}]
    if credentials:
        required = {key: {"name": credentials.name, "key": key} for key in REQUIRED_CREDENTIALS}
        optional = {key: {"name": credentials.name, "key": key, "optional": True} for key in OPTIONAL_CREDENTIALS}
        return [{"name": key, "valueFrom": {"secretKeyRef": each}} for key, each in (required | optional).items()]
    return []


def placement(spec: ModelDeploymentSpec, settings: Settings, gpu_resources: Iterable[str] = ()) -> dict[str, object]:
    """Where a pod may run and what it may pull; `gpu_resources`: those of the nodes that it must not be kept from."""
    secrets = [secret.name for secret in spec.template.image_pull_secrets]
    return {
        "image_pull_secrets": [{"name": name} for name in dict.fromkeys([*secrets, *settings.image_pull_secrets])],
        "node_selector": spec.placement.node_selector,
        "tolerations": with_gpu_tolerations(spec.placement.tolerations, gpu_resources),
        "priority_class_name": spec.placement.priority_class_name,
    }
