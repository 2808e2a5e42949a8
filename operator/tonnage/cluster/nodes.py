"""The nodes of a cluster and the pods on them, read once, for a person at a terminal rather than for the operator."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tonnage.cluster.api import Kubernetes, Manifest
from tonnage.cluster.errors import ForbiddenError, UnreachableError
from tonnage.cluster.resources import NODES, PODS
from tonnage.cluster.transport import kubeconfig_transport


def nodes_and_pods(kubeconfig: Path | None) -> tuple[Sequence[Manifest], Sequence[Manifest] | None]:
    """What `facts.inventory` takes; pods are None where they may not be listed. Raises ClusterError.

    `kubeconfig` None is the one that kubectl takes.
    """
    if kubeconfig is not None and not kubeconfig.is_file():
        raise UnreachableError(f"there is no kubeconfig {kubeconfig}")
    return asyncio.run(_nodes_and_pods(kubeconfig))


async def _nodes_and_pods(kubeconfig: Path | None) -> tuple[Sequence[Manifest], Sequence[Manifest] | None]:
    transport = await kubeconfig_transport(kubeconfig)
    try:
        kubernetes = Kubernetes(transport)
        nodes = await kubernetes.list(NODES, None)
        try:
            return nodes, await kubernetes.list(PODS, None)
        except ForbiddenError:
            return nodes, None
    finally:
        await transport.close()
