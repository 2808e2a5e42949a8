"""Which objects exist, and the one place that renders them from their templates."""

from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.desired.names import Owner
from tonnage.desired.revision import Revision
from tonnage.settings import Settings


def revision_objects(
    owner: Owner, spec: ModelDeploymentSpec, revision: Revision, settings: Settings, worker_replicas: int
) -> list[dict[str, object]]:
    """ConfigMap, head Service, head StatefulSet and worker Deployment, in the order to create them."""
    raise NotImplementedError


def shared_objects(owner: Owner, spec: ModelDeploymentSpec, settings: Settings) -> list[dict[str, object]]:
    """What all revisions share: ServiceAccount, NetworkPolicy, Service, PodDisruptionBudget."""
    raise NotImplementedError


def ray_token_secret(owner: Owner, token: str) -> dict[str, object]:
    """The Secret with Ray's token."""
    raise NotImplementedError


def facts_pod(owner: Owner, spec: ModelDeploymentSpec, settings: Settings) -> dict[str, object]:
    """The pod that reads the facts of a model which only pods may read; its name covers what they depend on."""
    raise NotImplementedError
