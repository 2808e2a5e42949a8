"""A repository's file: bytes that are there, and zeros after them as far as its size says.

The zeros exist only while they are sent, so that a model of 140 GB costs nothing until somebody downloads it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CHUNK_BYTES = 2**18


@dataclass(frozen=True)
class File:
    """`start`, or else all of `path`; then zeros up to `size`."""

    size: int
    start: bytes = b""
    path: Path | None = None

    @classmethod
    def of_text(cls, text: str) -> "File":
        """A file with this text."""
        return cls(len(text.encode()), start=text.encode())

    @classmethod
    def at(cls, path: Path) -> "File":
        """A file on disk."""
        return cls(path.stat().st_size, path=path)

    @property
    def is_large(self) -> bool:
        """Whether a hub would keep it outside git."""
        if self.path is not None:
            return self.path.suffix == ".safetensors"
        return self.size > len(self.start)

    @cached_property
    def sha256(self) -> str:
        """The content's hash, which clients may check; of a file with made-up zeros it is only a name."""
        if self.path is None:
            return hashlib.sha256(b"%d %b" % (self.size, self.start) if self.is_large else self.start).hexdigest()
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def git_hash(self) -> str:
        """What git would call it; of a large file it is only a name."""
        content = self.sha256.encode() if self.is_large else b"".join(self.chunks(0, self.size))
        return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()

    @property
    def etag(self) -> str:
        """The hash that the hub shows for it."""
        return self.sha256 if self.is_large else self.git_hash

    def chunks(self, begin: int, end: int) -> Iterator[bytes]:
        """The bytes from `begin` to before `end`."""
        if self.path is not None:
            with self.path.open("rb") as file:
                file.seek(begin)
                while begin < end and (chunk := file.read(min(CHUNK_BYTES, end - begin))):
                    begin += len(chunk)
                    yield chunk
        while begin < end:
            stop = min(end, begin + CHUNK_BYTES)
            chunk = self.start[begin:stop]
            yield chunk + bytes(stop - begin - len(chunk))
            begin = stop
