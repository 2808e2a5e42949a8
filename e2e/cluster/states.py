"""Where clusters keep things on this machine. Caches survive `down`; everything else must not."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Builds, image stores and locks: safe to delete while no cluster is up, slow to make again."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tonnage"


def kubeconfig_folder() -> Path:
    """The kubeconfig files of kind and minikube clusters."""
    folder = cache_folder() / "kubeconfig"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
