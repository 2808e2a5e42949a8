"""A model in a folder, as a claim holds it.

A folder has no commits, yet a revision must name exactly one model: its identity is a digest of the names and sizes of
the files that would be served and of the config. It cannot see weights that were replaced by others of the same size.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.model_files import CONFIG, needed_files
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
        sizes = {entry.name: entry.stat().st_size for entry in os.scandir(folder) if entry.is_file()}
        files = _Folder(folder)
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


@dataclass(frozen=True)
class _Folder:
    path: Path

    def read(self, name: str, limit: int) -> bytes:
        with (self.path / name).open("rb") as file:
            return file.read(limit)


def _identity(sizes: Mapping[str, int], config: bytes) -> str:
    files = "".join(f"{name}\0{sizes[name]}\n" for name in needed_files(sizes))
    return hashlib.sha256(files.encode() + config).hexdigest()[:_IDENTITY_DIGITS]
