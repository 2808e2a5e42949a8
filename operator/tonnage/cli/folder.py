"""A model in a folder, as a claim holds it.

A folder has no commits, yet a revision must name exactly one model: its identity is a digest of the names and sizes of
the files that would be served and of the config. It cannot see weights that were replaced by others of the same size.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.model_files import CONFIG, is_module, needed_files
from tonnage.contract.reasons import Reason
from tonnage.facts.errors import FactsError
from tonnage.facts.model import model_facts
from tonnage.facts.reading import model_reading, read_card
from tonnage.facts.source import Source

# As long as a commit, which it stands for.
_IDENTITY_DIGITS = 40


def folder_facts(source: Source, requested_revision: str, folder: Path) -> ModelFacts:
    """The facts of the model in `folder`, where `source` is mounted. Raises FactsError."""
    try:
        sizes, files = file_sizes(folder), Folder(folder)
        return model_facts(
            model_reading(source, files, sizes),
            requested_revision=requested_revision,
            commit=_identity(sizes, (folder / CONFIG).read_bytes()),
            said=read_card(files, sizes),
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        message = f"{source} does not exist: the claim has no such folder (or a file in it vanished: {error.filename})"
        raise FactsError(Reason.VOLUME_NOT_FOUND, message, is_permanent=True) from error
    except PermissionError as error:
        message = f"{source} may not be read by user {os.getuid()}: change the mode of {error.filename}"
        raise FactsError(Reason.ACCESS_DENIED, message, is_permanent=True) from error
    except OSError as error:
        raise FactsError(
            Reason.VOLUME_NOT_FOUND, f"{source} cannot be read now: {error}", is_permanent=False
        ) from error


def file_sizes(folder: Path) -> dict[str, int]:
    """The bytes of the files that a model may be made of, by their names in the folder."""
    return {str(path.relative_to(folder)): path.stat().st_size for path in _files(folder)}


def _files(folder: Path) -> Iterator[Path]:
    """Those beside the config, and those of modules."""
    for entry in os.scandir(folder):
        if entry.is_file():
            yield Path(entry.path)
        elif is_module(entry.name):
            yield from (path for path in Path(entry.path).iterdir() if path.is_file())


@dataclass(frozen=True)
class Folder:
    """The files of a folder, to be read as a model's."""

    path: Path

    def read(self, name: str, limit: int) -> bytes:
        """The first `limit` bytes of a file, or all of a shorter one."""
        with (self.path / name).open("rb") as file:
            return file.read(limit)


def _identity(sizes: Mapping[str, int], config: bytes) -> str:
    files = "".join(f"{name}\0{sizes[name]}\n" for name in needed_files(sizes))
    return hashlib.sha256(files.encode() + config).hexdigest()[:_IDENTITY_DIGITS]
