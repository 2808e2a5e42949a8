"""Makes the cluster object of a provider; apart from `provider`, so that no provider imports the others."""

import argparse
from dataclasses import replace

from e2e.cluster.commands import ClusterError
from e2e.cluster.existing import ExistingCluster
from e2e.cluster.host.cluster import HostCluster
from e2e.cluster.kind import KindCluster
from e2e.cluster.minikube import MinikubeCluster
from e2e.cluster.provider import PROVIDERS, Cluster, Settings, choose_provider

CLASSES: dict[str, type[Cluster]] = {
    each.provider: each for each in (HostCluster, KindCluster, MinikubeCluster, ExistingCluster)
}


def get_cluster(provider: str | None = None, name: str | None = None, settings: Settings | None = None) -> Cluster:
    """The cluster `name` by `provider`, up or not; both have defaults. Raises ClusterError for an unknown provider."""
    settings = settings or Settings()
    if name is not None:
        settings = replace(settings, name=name)
    chosen = choose_provider(provider, settings.runner)
    if chosen not in CLASSES:
        raise ClusterError(f"{chosen!r} is no provider: choose one of {', '.join(CLASSES)}")
    return CLASSES[chosen](settings)


def add_cluster_options(parser: argparse.ArgumentParser, name_option: str, default_name: str) -> None:
    """The options by which every command chooses its cluster."""
    parser.add_argument("--provider", choices=PROVIDERS, help="default: kind or minikube if installed, else host")
    parser.add_argument(
        name_option, default=default_name, metavar="NAME", help="the cluster's name (default: %(default)s)"
    )
    parser.add_argument("--yes", action="store_true", help="do use an existing cluster, without asking")
