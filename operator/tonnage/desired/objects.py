"""Which objects exist, and what goes into their templates.

A new kind of object: one template, one function here, one entry in one of the two lists, one golden file.
"""

from typing import Any

from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.desired import names
from tonnage.desired.environment import rendered
from tonnage.desired.names import COMPONENT_LABEL, DEPLOYMENT_LABEL, ENDPOINT, FOLLOWER, HEAD, WORKER, Owner
from tonnage.desired.network import network_policy_rules
from tonnage.desired.pods import head_pod, model_pod
from tonnage.desired.revision import Revision
from tonnage.settings import Settings

Manifest = dict[str, Any]


def revision_objects(  # noqa: PLR0913, PLR0917 # six is where the style draws the line
    owner: Owner,
    spec: ModelDeploymentSpec,
    revision: Revision,
    settings: Settings,
    worker_replicas: int,
    follower_replicas: int = 0,
) -> list[Manifest]:
    """ConfigMap, head Service, head StatefulSet and worker Deployment, in the order to create them.

    Where a replica is several pods, the followers' Deployment comes last.
    """
    found = [
        document_config_map(owner, revision),
        head_service(owner, revision),
        head_stateful_set(owner, spec, revision, settings),
        model_deployment(owner, spec, revision, settings, WORKER, worker_replicas),
    ]
    if revision.plan.pods_per_replica > 1:
        found.append(model_deployment(owner, spec, revision, settings, FOLLOWER, follower_replicas))
    return found


def shared_objects(owner: Owner, spec: ModelDeploymentSpec, settings: Settings) -> list[Manifest]:
    """What all revisions share: ServiceAccount, NetworkPolicy, Service, PodDisruptionBudget."""
    return [
        rendered("service-account", **_common(owner, None, None, names.shared_name(owner))),
        rendered(
            "network-policy",
            **_common(owner, None, None, names.shared_name(owner)),
            **network_policy_rules(owner, spec, settings),
        ),
        rendered(
            "endpoint-service", **_common(owner, ENDPOINT, None, owner.name), selector=names.worker_selector(owner)
        ),
        rendered(
            "pod-disruption-budget",
            **_common(owner, WORKER, None, names.shared_name(owner)),
            deployment={DEPLOYMENT_LABEL: owner.name},
            component=COMPONENT_LABEL,
            components=[WORKER, FOLLOWER],
        ),
    ]


def ray_token_secret(owner: Owner, token: str) -> Manifest:
    """The Secret with Ray's token."""
    return rendered("ray-token-secret", **_common(owner, None, None, names.ray_token_name(owner)), token=token)


def document_config_map(owner: Owner, revision: Revision) -> Manifest:
    """The serve document."""
    return rendered(
        "document-config-map",
        **_common(owner, None, revision, names.revision_name(owner, revision.name)),
        document=revision.document.model_dump_json(by_alias=True, exclude_none=True, indent=1),
    )


def head_service(owner: Owner, revision: Revision) -> Manifest:
    """Ray's address."""
    return rendered(
        "head-service",
        **_common(owner, HEAD, revision, names.head_name(owner, revision.name)),
        selector=names.pod_selector(owner, HEAD, revision.name),
    )


def head_stateful_set(owner: Owner, spec: ModelDeploymentSpec, revision: Revision, settings: Settings) -> Manifest:
    """Ray's control plane."""
    return rendered(
        "head-stateful-set",
        **_common(owner, HEAD, revision, names.head_name(owner, revision.name)),
        **head_pod(owner, spec, revision, settings),
    )


def model_deployment(  # noqa: PLR0913, PLR0917 # six is where the style draws the line
    owner: Owner,
    spec: ModelDeploymentSpec,
    revision: Revision,
    settings: Settings,
    component: str,
    replicas: int,
) -> Manifest:
    """The pods that hold the model: workers a replica, or its first stages; followers the other stages."""
    return rendered(
        "worker-deployment",
        **_common(owner, component, revision, names.model_pods_name(owner, revision.name, component)),
        **model_pod(owner, spec, revision, settings, component),
        replicas=replicas,
    )


def _common(owner: Owner, component: str | None, revision: Revision | None, name: str) -> dict[str, object]:
    """What the metadata of every object need."""
    return {
        "name": name,
        "namespace": owner.namespace,
        "labels": names.object_labels(owner, component, revision.name if revision else None),
        "owner_references": names.owner_references(owner),
    }
