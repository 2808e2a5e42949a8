"""What a download asks of the place that holds the model: a module for each kind, `huggingface`, `modelscope`, `s3`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Repository(Protocol):
    """One commit of one model, as the holder of one token sees it."""

    @property
    def name(self) -> str:
        """What people call it."""

    def sizes(self) -> dict[str, int]:
        """The bytes of every file that the model needs. Raises RuntimeFailure."""

    def download(self, names: Sequence[str], folder: Path) -> None:
        """Bring the files into `folder`; what is there already is not read again. Raises RuntimeFailure."""
