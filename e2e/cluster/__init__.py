"""Test clusters behind one interface.

Reading order: `provider` (the interface), `commands` and `waiting` (how anything is run and waited for), `kind`,
`minikube`, `existing` (short), then `host`, which makes a real cluster out of processes where no Docker is.
"""

from e2e.cluster.commands import ClusterError, CommandError, StartError, UnsupportedError
from e2e.cluster.provider import Cluster, Settings
from e2e.cluster.providers import get_cluster

__all__ = [
    "Cluster",
    "ClusterError",
    "CommandError",
    "Settings",
    "StartError",
    "UnsupportedError",
    "get_cluster",
]
