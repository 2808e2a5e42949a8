"""How far a download is: counted on the disk, so that it is true whichever way the bytes came."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tonnage_runtime.telling import tell

LOG_SECONDS = 10.0
MIB = 2**20
logger = logging.getLogger("tonnage")


@dataclass(frozen=True)
class Progress:
    """A folder that fills up."""

    folder: Path
    total_bytes: int

    def done_bytes(self) -> int:
        """The bytes there are, those of unfinished files included."""
        done = 0
        for path in self.folder.rglob("*"):
            try:
                # The client keeps notes of its own beside the files; they are too small to matter.
                done += path.stat().st_size if path.is_file() else 0
            except FileNotFoundError:
                # Renamed while we looked.
                continue
        return min(done, self.total_bytes) if self.total_bytes else done

    def json(self) -> bytes:
        """What the operator reads."""
        return json.dumps({"doneBytes": self.done_bytes(), "totalBytes": self.total_bytes}).encode()


@contextmanager
def report_progress(progress: Progress, port: int) -> Iterator[int]:
    """Answer `GET /progress` on `port` (0: a free one, which is yielded) and log now and then, while the block runs."""
    server = tell("/progress", progress.json, port)
    stopped = threading.Event()
    threading.Thread(target=_log, args=(progress, stopped), name="progress-log", daemon=True).start()
    try:
        yield server.server_port
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()


def _log(progress: Progress, stopped: threading.Event) -> None:
    while not stopped.wait(LOG_SECONDS):
        logger.info("%.1f of %.1f MiB are here", progress.done_bytes() / MIB, progress.total_bytes / MIB)
