"""Debian's packages that a host cluster is run with, installed only where something is missing."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from e2e.cluster.commands import ClusterError, run
from e2e.cluster.progress import Progress

INSTALL_DEADLINE_SECONDS = 900
CNI_FOLDERS = ("/usr/lib/cni", "/opt/cni/bin")
# A program of each package, found in no other.
NODE = {
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": "ptp",
    "nftables": "nft",
    "iproute2": "ip",
    "openssl": "openssl",
    "mount": "mount",
    "util-linux": "nsenter",
}
IMAGES = {"buildah": "buildah", "debootstrap": "debootstrap"}
# A user's PATH often lacks the folders of root's programs.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin", *CNI_FOLDERS])


def missing(packages: Mapping[str, str], search_path: str = SEARCH_PATH) -> list[str]:
    """The packages whose program is not on this machine."""
    return sorted(name for name, program in packages.items() if shutil.which(program, path=search_path) is None)


def ensure(packages: Mapping[str, str], progress: Progress) -> None:
    """Install what is missing. Raises ClusterError where that cannot be done."""
    wanted = missing(packages)
    if not wanted:
        return
    if shutil.which("apt-get") is None:
        raise ClusterError(f"install {', '.join(wanted)}: this machine has no apt-get to do it with")
    with progress.step(f"installing {', '.join(wanted)}"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", deadline_seconds=INSTALL_DEADLINE_SECONDS)
        run(
            *("apt-get", "install", "--yes", "--no-install-recommends", *wanted),
            deadline_seconds=INSTALL_DEADLINE_SECONDS,
            env=quiet,
        )


def require_root(what: str) -> None:
    """Raises ClusterError for anybody but root."""
    if os.geteuid() != 0:
        raise ClusterError(f"{what} needs root (network and mount namespaces, control groups): run it with sudo")


def cni_folder() -> Path:
    """Where the network plugins are."""
    found = [Path(folder) for folder in CNI_FOLDERS if Path(folder, "ptp").exists()]
    if not found:
        raise ClusterError(f"no network plugins in {' or '.join(CNI_FOLDERS)}")
    return found[0]
