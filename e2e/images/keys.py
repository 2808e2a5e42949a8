"""Turns an image's inputs into its tag: the same files give the same tag, on every machine."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

KEY_LENGTH = 16
IGNORED_FOLDERS = {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", "build"}
IGNORED_SUFFIXES = {".pyc", ".pyo", ".egg-info"}


def key(root: Path, inputs: Iterable[str], *facts: str) -> str:
    """A hash of the files below `inputs`, with their names and whether they are executable, and of `facts`.

    An input that does not exist counts as empty: it is one that the image may do without.
    """
    digest = hashlib.sha256("\n".join(facts).encode())
    for file in sorted({file for path in inputs for file in files(root / path)}):
        mode = "x" if file.stat().st_mode & 0o100 else "-"
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(root)} {mode} {content}\n".encode())
    return digest.hexdigest()[:KEY_LENGTH]


def files(path: Path) -> Iterator[Path]:
    """The files that count: `path` itself, or all below it but what tools leave behind."""
    if path.is_file():
        yield path
    elif path.is_dir():
        for child in path.iterdir():
            is_noise = child.name in IGNORED_FOLDERS or child.suffix in IGNORED_SUFFIXES
            if not is_noise:
                yield from files(child)
