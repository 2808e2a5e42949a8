"""The images: where each one's Dockerfile is, and every file that it copies.

An image whose Dockerfile copies a file that is not listed here would not be built again when that file changes.
"""

from dataclasses import dataclass
from pathlib import Path

REPOSITORY_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Image:
    """What an image is made of; paths are relative to the repository, which is also the build's context.

    `heavy_inputs` are the pins that decide the slow stage `base` of the Dockerfile: it is built under a name of its
    own, so that a change of our code, in the last stage, never builds or sends it again.
    """

    name: str
    dockerfile: str
    inputs: tuple[str, ...]
    heavy_inputs: tuple[str, ...] = ()
    by_device: bool = False
    free_bytes: int = 2 * 1024**3


CATALOGUE = {
    image.name: image
    for image in (
        Image("operator", "operator/Dockerfile", ("operator/requirements.lock", "operator/tonnage")),
        Image(
            "runtime",
            "runtime/Dockerfile",
            ("runtime/tonnage_runtime", "operator/tonnage/__init__.py", "operator/tonnage/contract"),
            heavy_inputs=(
                "runtime/requirements-{device}.lock",
                "runtime/bake_model_infos.py",
                "runtime/stub_cuda_libraries.py",
                "runtime/vllm-cpu-marker",
            ),
            by_device=True,
            free_bytes=25 * 1024**3,
        ),
        Image("hub", "e2e/hub/Dockerfile", ("e2e/__init__.py", "e2e/hub")),
    )
}
