"""What is watched. Every event becomes the key of the deployment that it concerns.

The API server filters children by label, so that a busy namespace costs nothing. Secrets are not watched: the operator
may not read them. Nodes are not watched either: they change a status field every few seconds.
"""

import logging
from typing import Any

import kopf

from tonnage.cluster.resources import CHILDREN, MODEL_DEPLOYMENTS, Resource
from tonnage.contract.status import GROUP
from tonnage.desired.names import DEPLOYMENT_LABEL
from tonnage.handlers.resync import Sightings
from tonnage.queue import Key, Queue

logger = logging.getLogger(__name__)


def registry(queue: Queue, sightings: Sightings) -> kopf.OperatorRegistry:
    """All of Kopf's handlers."""
    made = kopf.OperatorRegistry()

    async def deployment_changed(body: kopf.Body, **_: Any) -> None:  # noqa: ANN401 # Kopf's own signature
        metadata = body["metadata"]
        key = Key(metadata["namespace"], metadata["name"])
        sightings.saw(metadata["uid"], metadata["generation"])
        queue.add(key)

    async def child_changed(body: kopf.Body, **_: Any) -> None:  # noqa: ANN401 # Kopf's own signature
        metadata = body["metadata"]
        queue.add(Key(metadata["namespace"], metadata["labels"][DEPLOYMENT_LABEL]))

    kopf.on.event(GROUP, MODEL_DEPLOYMENTS.plural, registry=made)(deployment_changed)
    for resource in CHILDREN:
        kopf.on.event(*_selector(resource), labels={DEPLOYMENT_LABEL: kopf.PRESENT}, registry=made)(child_changed)
    kopf.on.login(registry=made)(login)
    kopf.on.startup(registry=made)(configure)
    return made


async def login(settings: kopf.OperatorSettings, **_: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401 # Kopf's own signature
    """Kopf's credentials: KUBECONFIG if it is set, else the service account's token of this moment."""
    return kopf.login_with_kubeconfig(settings=settings) or kopf.login_with_service_account(settings=settings)


async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:  # noqa: ANN401 # Kopf's own signature
    """Kopf's settings; `reliability` in the project's notes measured why."""
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    # The API server sends a bookmark each minute: a watch that is silent for longer is dead.
    settings.watching.inactivity_timeout = 70
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = [1, 2, 3, 5, 8]
    settings.posting.enabled = False
    settings.peering.standalone = True
    # What is watched is fixed: no right to list CRDs or namespaces is needed.
    settings.scanning.disabled = True
    settings.queueing.exit_timeout = 1.0
    for resource in CHILDREN:
        settings.watching.label_selectors[_selector(resource)] = DEPLOYMENT_LABEL


def _selector(resource: Resource) -> tuple[str, str, str]:
    group, _, version = resource.api_version.rpartition("/")
    return group, version, resource.plural
