"""Where clusters keep things on this machine. Caches survive `down`; everything else must not."""

import os
import shutil
from pathlib import Path

from e2e.cluster.commands import ClusterError


def cache_folder() -> Path:
    """Builds, image stores and locks: safe to delete while no cluster is up, slow to make again."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tonnage"


def kubeconfig_folder() -> Path:
    """The kubeconfig files of kind and minikube clusters."""
    folder = cache_folder() / "kubeconfig"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def check_disk(folder: Path, wanted_bytes: int, what: str) -> None:
    """Raises ClusterError if less is free than `what` takes; `folder` is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < wanted_bytes:
        free, wanted = f"{free_bytes / 1024**3:.1f} GiB", f"{wanted_bytes / 1024**3:.0f} GiB"
        raise ClusterError(f"{what} takes up to {wanted} of disk, {folder} has {free} free")
