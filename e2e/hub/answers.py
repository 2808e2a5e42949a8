"""What every protocol of the hub is made of: an answer, and the part of a file that was asked for."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from e2e.hub.files import File

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Answer:
    """Status and headers, and the bytes of `file` from `begin` to before `end`."""

    status: int
    # For the counts: which repository was asked for what.
    subject: str
    file: File
    begin: int
    end: int
    headers: Mapping[str, str] = field(default_factory=dict)
    bytes_per_second: int | None = None

    @property
    def length(self) -> int:
        """The bytes of the body."""
        return self.end - self.begin


class RangeError(Exception):
    """There is nothing in the range that was asked for."""


def content(
    subject: str,
    file: File,
    headers: Mapping[str, str],
    byte_range: str | None,
    bytes_per_second: int | None = None,
) -> Answer:
    """The file, or the part of it that a `Range` header asks for. Raises RangeError."""
    served = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", **headers}
    match = _RANGE.fullmatch(byte_range or "")
    # As for every server, a range that makes no sense is no range.
    if match is None or match[0] == "bytes=-":
        return Answer(200, subject, file, 0, file.size, served, bytes_per_second)
    first, last = match.groups()
    begin = int(first) if first else max(0, file.size - int(last))
    end = min(file.size, int(last) + 1) if first and last else file.size
    if begin >= end:
        raise RangeError
    served["Content-Range"] = f"bytes {begin}-{end - 1}/{file.size}"
    return Answer(206, subject, file, begin, end, served, bytes_per_second)


def document(status: int, subject: str, body: object, headers: Mapping[str, str] | None = None) -> Answer:
    """JSON."""
    return text(status, subject, json.dumps(body), "application/json", headers)


def text(status: int, subject: str, body: str, kind: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Some text."""
    file = File.of_text(body)
    return Answer(status, subject, file, 0, file.size, {"Content-Type": kind, **(headers or {})})
