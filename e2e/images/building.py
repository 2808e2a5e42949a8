"""Builds an image if nobody has built it from the same inputs before, and brings it into a cluster."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import Cluster, ClusterError
from e2e.cluster.host import packages
from e2e.cluster.host.state import locked
from e2e.cluster.progress import Progress
from e2e.cluster.states import cache_folder, check_disk
from e2e.images.catalogue import CATALOGUE, REPOSITORY_ROOT, Image
from e2e.images.engines import Build, Buildah, Engine, choose_engine
from e2e.images.keys import key
from e2e.images.stages import heavy_part, thin_part
from e2e.images.system import base_image

DEVICES = ("cpu", "cuda")
THIN_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Job:
    """How something is built: by whom, for which device, with which build arguments."""

    engine: Engine
    progress: Progress
    device: str
    arguments: dict[str, str]
    root: Path = REPOSITORY_ROOT


def build(name: str, device: str = "cpu", progress: Progress | None = None, *, root: Path = REPOSITORY_ROOT) -> str:
    """The name of the image on this machine, built now from `root` if it is not there yet. Raises ClusterError."""
    if name not in CATALOGUE:
        raise ClusterError(f"{name!r} is no image: choose one of {', '.join(CATALOGUE)}")
    image, progress, engine = CATALOGUE[name], progress or Progress(), choose_engine()
    if not (root / image.dockerfile).exists():
        raise ClusterError(f"{image.dockerfile} does not exist")
    arguments = {"DEVICE": device} if image.by_device else {}
    if isinstance(engine, Buildah):
        packages.require_root("building images without Docker")
        packages.ensure(packages.IMAGES, progress)
        arguments["BASE_IMAGE"] = base_image(engine, progress)
    with locked("images", lambda: progress.say("waiting for another build of images")):
        return _build(image, Job(engine, progress, device, arguments, root))


def build_and_load(cluster: Cluster, name: str, device: str = "cpu") -> str:
    """Build an image, bring it into the cluster, and return what pods must call it."""
    return cluster.load_image(build(name, device, cluster.progress))


def reference(image: Image, stage: str, inputs: tuple[str, ...], job: Job, text: str) -> str:
    """The name that says what went in. Never `latest`: the kubelet would ask a registry whether that is newer."""
    facts = [f"{argument}={job.arguments[argument]}" for argument in sorted(job.arguments)]
    prefix = f"{job.device}-" if image.by_device else ""
    named = [path.format(device=job.device) for path in inputs]
    return f"localhost/tonnage/{image.name}{stage}:{prefix}{key(job.root, named, text, *facts)}"


def _build(image: Image, job: Job) -> str:
    text = (job.root / image.dockerfile).read_text()
    whole = reference(image, "", (*image.inputs, *image.heavy_inputs), job, text)
    if job.engine.has(whole):
        return whole
    if image.heavy_inputs:
        slow = heavy_part(text)
        heavy = reference(image, "-base", image.heavy_inputs, job, slow)
        if not job.engine.has(heavy):
            _run(image, job, Build(heavy, slow, job.arguments), image.free_bytes)
        text = thin_part(text, heavy)
    _run(image, job, Build(whole, text, job.arguments), THIN_BYTES)
    return whole


def _run(image: Image, job: Job, build: Build, free_bytes: int) -> None:
    check_disk(cache_folder(), free_bytes, f"building {build.reference}")
    with job.progress.step(f"building {build.reference}"), tempfile.TemporaryDirectory() as scratch:
        dockerfile = Path(scratch, "Dockerfile")
        dockerfile.write_text(build.text)
        ignore = job.root / f"{image.dockerfile}.dockerignore"
        if ignore.exists():
            shutil.copy(ignore, f"{dockerfile}.dockerignore")
        job.engine.build(build, dockerfile, job.root)
