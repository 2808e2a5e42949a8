"""Brings local images into the cluster's own registry, from where its nodes pull like from any other."""

import tempfile
from pathlib import Path

from e2e.cluster.commands import ClusterError, run, succeeds
from e2e.cluster.host.configs import REGISTRY_NAME

PUSH_DEADLINE_SECONDS = 900


def repository(reference: str) -> str:
    """`reference` without the registry that it may name."""
    first, slash, rest = reference.partition("/")
    names_registry = bool(slash) and (first == "localhost" or "." in first or ":" in first)
    return rest if names_registry else reference


def pod_image(reference: str) -> str:
    """What pods call the image."""
    return f"{REGISTRY_NAME}/{repository(reference)}"


def push(reference: str, registry: str) -> None:
    """Push an image of buildah's store, or else of Docker's. Layers that the registry has are not sent again."""
    if not succeeds(run, "buildah", "inspect", "--type", "image", reference):
        _take_from_docker(reference)
    run(
        *("buildah", "push", "--quiet", "--tls-verify=false", "--compression-level", "1"),
        *(reference, f"docker://{registry}/{repository(reference)}"),
        deadline_seconds=PUSH_DEADLINE_SECONDS,
    )


def _take_from_docker(reference: str) -> None:
    if not succeeds(run, "docker", "image", "inspect", reference):
        raise ClusterError(f"no image {reference} on this machine: build it first")
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch, "image.tar")
        run("docker", "save", "--output", archive, reference, deadline_seconds=PUSH_DEADLINE_SECONDS)
        run("buildah", "pull", "--quiet", f"docker-archive:{archive}", deadline_seconds=PUSH_DEADLINE_SECONDS)
