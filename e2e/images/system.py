"""A base image made of Debian's packages, for machines that reach those but no image registry."""

import tempfile
from pathlib import Path

from e2e.cluster.commands import ClusterError, run
from e2e.cluster.host import packages
from e2e.cluster.host.state import locked
from e2e.cluster.progress import Progress
from e2e.cluster.states import cache_folder, check_disk
from e2e.images.engines import Buildah
from e2e.images.keys import key

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "python3", "python3-venv")
DEADLINE_SECONDS = 900
FREE_BYTES = 2 * 1024**3


def base_image(engine: Buildah, progress: Progress) -> str:
    """The name of the image, made now if it is not there yet. Raises ClusterError."""
    reference = f"localhost/tonnage/system:{key(Path(), (), SUITE, *PACKAGES)}"
    if engine.has(reference):
        return reference
    packages.require_root("making a base image")
    packages.ensure(packages.IMAGES, progress)
    with locked("base image"):
        if not engine.has(reference):
            check_disk(cache_folder(), FREE_BYTES, "making a base image")
            with progress.step(f"making a base image of Debian {SUITE} (once)"):
                _make(reference)
    return reference


def _make(reference: str) -> None:
    with tempfile.TemporaryDirectory(prefix="system-", dir=cache_folder()) as scratch:
        root = Path(scratch, "root")
        include = f"--include={','.join(PACKAGES)}"
        run("debootstrap", "--variant=minbase", include, SUITE, root, deadline_seconds=DEADLINE_SECONDS)
        for leftover in (*root.glob("var/cache/apt/archives/*.deb"), *root.glob("var/lib/apt/lists/*_*")):
            leftover.unlink()
        container = run("buildah", "from", "scratch").strip()
        try:
            run("buildah", "add", "--quiet", container, root, "/", deadline_seconds=DEADLINE_SECONDS)
            run(
                "buildah",
                "config",
                "--env",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                container,
            )
            run("buildah", "commit", "--quiet", "--rm", container, reference, deadline_seconds=DEADLINE_SECONDS)
        except ClusterError:
            run("buildah", "rm", container)
            raise
