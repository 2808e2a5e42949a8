"""Images of one static binary, as archives that containerd imports: what a cluster needs before it has a registry."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from e2e.cluster.states import cache_folder

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
CREATED = "2026-01-01T00:00:00Z"


def image_name(program: str, key: str) -> str:
    """The image's name; never `latest`, which the kubelet would look for in a registry."""
    return f"localhost/{program}:{key}"


def archive(program: str, key: str, binary: Path, machine: str) -> Path:
    """The archive of an image that only runs `binary`, written once."""
    file = archives_folder() / f"{program}-{key}.tar"
    if not file.exists():
        partial = file.with_suffix(".new")
        partial.write_bytes(_image(image_name(program, key), program, binary.read_bytes(), machine))
        partial.rename(file)
    return file


def archives_folder() -> Path:
    """Where the archives are kept."""
    folder = cache_folder() / "archives"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _image(name: str, program: str, binary: bytes, machine: str) -> bytes:
    layer = _tar({f"{program}": binary}, mode=0o755)
    config = {
        "architecture": ARCHITECTURES[machine],
        "os": "linux",
        "config": {"Entrypoint": [f"/{program}"], "User": "65532"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [{"created": CREATED}],
    }
    written = json.dumps(config).encode()
    config_file = f"{hashlib.sha256(written).hexdigest()}.json"
    manifest = [{"Config": config_file, "RepoTags": [name], "Layers": ["layer.tar"]}]
    return _tar({config_file: written, "layer.tar": layer, "manifest.json": json.dumps(manifest).encode()}, mode=0o644)


def _tar(files: dict[str, bytes], mode: int) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = mode
            tar.addfile(entry, io.BytesIO(content))
    return written.getvalue()
