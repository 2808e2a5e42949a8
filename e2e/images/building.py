"""Builds an image if nobody has built it from the same inputs before, and brings it into a cluster."""

from e2e.cluster import Cluster, ClusterError
from e2e.cluster.host import packages
from e2e.cluster.host.state import locked
from e2e.cluster.progress import Progress
from e2e.cluster.states import cache_folder, check_disk
from e2e.images.catalogue import CATALOGUE, REPOSITORY_ROOT, Image
from e2e.images.engines import Build, Buildah, Docker, choose_engine
from e2e.images.keys import key
from e2e.images.system import base_image

DEVICES = ("cpu", "cuda")
THIN_BYTES = 2 * 1024**3


def build(name: str, device: str = "cpu", progress: Progress | None = None) -> str:
    """The name of the image on this machine, built now if it is not there yet. Raises ClusterError."""
    if name not in CATALOGUE:
        raise ClusterError(f"{name!r} is no image: choose one of {', '.join(CATALOGUE)}")
    image, progress, engine = CATALOGUE[name], progress or Progress(), choose_engine()
    dockerfile = REPOSITORY_ROOT / image.dockerfile
    if not dockerfile.exists():
        raise ClusterError(f"{image.dockerfile} does not exist")
    if isinstance(engine, Buildah):
        packages.require_root("building images without Docker")
        packages.ensure(packages.IMAGES, progress)
    arguments = {"DEVICE": device} if image.by_device else {}
    if not engine.has_registries and isinstance(engine, Buildah):
        arguments["BASE_IMAGE"] = base_image(engine, progress)
    with locked("images", lambda: progress.say("waiting for another build of images")):
        return _build(image, device, arguments, engine, progress)


def build_and_load(cluster: Cluster, name: str, device: str = "cpu") -> str:
    """Build an image, bring it into the cluster, and return what pods must call it."""
    return cluster.load_image(build(name, device, cluster.progress))


def reference(image: Image, stage: str, inputs: tuple[str, ...], device: str, arguments: dict[str, str]) -> str:
    """The name that says what went in. Never `latest`: the kubelet would ask a registry whether that is newer."""
    facts = [f"{argument}={arguments[argument]}" for argument in sorted(arguments)]
    prefix = f"{device}-" if image.by_device else ""
    named = [path.format(device=device) for path in (image.dockerfile, *inputs)]
    return f"localhost/tonnage/{image.name}{stage}:{prefix}{key(REPOSITORY_ROOT, named, *facts)}"


def _build(image: Image, device: str, arguments: dict[str, str], engine: Docker | Buildah, progress: Progress) -> str:
    whole = reference(image, "", (*image.inputs, *image.heavy_inputs), device, arguments)
    if engine.has(whole):
        return whole
    dockerfile = REPOSITORY_ROOT / image.dockerfile
    if image.heavy_inputs:
        heavy = reference(image, "-base", image.heavy_inputs, device, arguments)
        if not engine.has(heavy):
            check_disk(cache_folder(), image.free_bytes, f"building {heavy}")
            with progress.step(f"building {heavy} (once)"):
                engine.build(Build(heavy, dockerfile, REPOSITORY_ROOT, arguments, target="base"))
    check_disk(cache_folder(), THIN_BYTES, f"building {whole}")
    with progress.step(f"building {whole}"):
        engine.build(Build(whole, dockerfile, REPOSITORY_ROOT, arguments))
    return whole
