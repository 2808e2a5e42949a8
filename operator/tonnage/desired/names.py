"""Every name and label of every object that a deployment becomes. Nothing else spells one.

A deployment may use all 63 characters that Kubernetes allows for a name, so children whose names need room for a suffix
start with a prefix of at most 38 characters; two long names that begin alike differ in the prefix's digest. More would
make the head's StatefulSet longer than 52, and Kubernetes then refuses the label that it puts on its own pods.
"""

import hashlib
from dataclasses import dataclass

from tonnage import __version__
from tonnage.contract.serve_document import GCS_PORT, SERVE_PORT
from tonnage.contract.status import API_VERSION, GROUP, KIND

DEPLOYMENT_LABEL = f"{GROUP}/deployment"
REVISION_LABEL = f"{GROUP}/revision"
COMPONENT_LABEL = "app.kubernetes.io/component"
PAUSED_ANNOTATION = f"{GROUP}/paused"

HEAD = "head"
WORKER = "worker"
FOLLOWER = "follower"
ENDPOINT = "endpoint"
FACTS = "facts"

_PREFIX_LENGTH = 38
_DIGEST_LENGTH = 8


@dataclass(frozen=True)
class Owner:
    """The ModelDeployment whose children are named."""

    name: str
    namespace: str
    uid: str


def prefix(owner: Owner) -> str:
    """What the names of children begin with."""
    if len(owner.name) <= _PREFIX_LENGTH:
        return owner.name
    digest = hashlib.sha256(owner.name.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{owner.name[: _PREFIX_LENGTH - _DIGEST_LENGTH - 1]}-{digest}"


def revision_name(owner: Owner, revision: str) -> str:
    """ConfigMap of a revision."""
    return f"{prefix(owner)}-{revision}"


def head_name(owner: Owner, revision: str) -> str:
    """StatefulSet and headless Service of a revision's head."""
    return f"{revision_name(owner, revision)}-{HEAD}"


def model_pods_name(owner: Owner, revision: str, component: str) -> str:
    """Deployment of a revision's workers or followers."""
    return f"{revision_name(owner, revision)}-{component}"


def ray_token_name(owner: Owner) -> str:
    """Secret with the Ray token, key `token`."""
    return f"{prefix(owner)}-ray-token"


def shared_name(owner: Owner) -> str:
    """ServiceAccount, NetworkPolicy and PodDisruptionBudget."""
    return prefix(owner)


def facts_pod_name(owner: Owner, digest: str) -> str:
    """The facts pod; `digest` covers everything that the facts depend on."""
    return f"{prefix(owner)}-{FACTS}-{digest}"


def head_address(owner: Owner, revision: str) -> str:
    """`host:port` of Ray's control plane."""
    return f"{head_name(owner, revision)}.{owner.namespace}.svc:{GCS_PORT}"


def endpoint(owner: Owner) -> str:
    """The URL that clients use as the OpenAI base URL."""
    return f"http://{owner.name}.{owner.namespace}.svc:{SERVE_PORT}/v1"


def worker_selector(owner: Owner) -> dict[str, str]:
    """The labels that all workers of all revisions have, and nothing else has."""
    return {DEPLOYMENT_LABEL: owner.name, COMPONENT_LABEL: WORKER}


def selector_text(owner: Owner) -> str:
    """`worker_selector` as the scale subresource wants it."""
    return ",".join(f"{key}={value}" for key, value in worker_selector(owner).items())


def pod_selector(owner: Owner, component: str, revision: str) -> dict[str, str]:
    """The labels that the pods of one revision's head or workers have, and nothing else has."""
    return {DEPLOYMENT_LABEL: owner.name, REVISION_LABEL: revision, COMPONENT_LABEL: component}


def pod_labels(owner: Owner, component: str | None, revision: str | None) -> dict[str, str]:
    """The labels of a pod. The operator's version is not among them: a release alone must not need new pods."""
    labels = {
        "app.kubernetes.io/name": "tonnage-model",
        "app.kubernetes.io/instance": owner.name,
        "app.kubernetes.io/part-of": "tonnage",
        "app.kubernetes.io/managed-by": "tonnage",
        DEPLOYMENT_LABEL: owner.name,
    }
    if component is not None:
        labels[COMPONENT_LABEL] = component
    if revision is not None:
        labels[REVISION_LABEL] = revision
    return labels


def object_labels(owner: Owner, component: str | None, revision: str | None) -> dict[str, str]:
    """The labels of every other object."""
    return {**pod_labels(owner, component, revision), "app.kubernetes.io/version": __version__}


def owner_references(owner: Owner) -> list[dict[str, object]]:
    """What makes garbage collection remove the children after the deployment."""
    return [
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": owner.name,
            "uid": owner.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
