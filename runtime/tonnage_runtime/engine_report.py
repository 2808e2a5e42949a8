"""The engine's own figures, kept from its log: weights, KV cache, tokens. One JSON line each, in the log and in a file.

vLLM says them nowhere else. Its logging is configured from a file, in every one of its processes, so a handler there
sees all of them; the replica gathers them from the file and tells the operator. A pattern that no longer matches, or a
port that is taken, costs a figure, never a start.
"""

import json
import logging
import re
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tonnage.contract.serve_document import REPORT_PORT, EngineReport
from tonnage_runtime.telling import tell

REPORT = Path("/tmp/tonnage-engine-report.jsonl")  # noqa: S108 # the pod's own emptyDir
MARK = "tonnage-engine-report"
GIB = 2**30
logger = logging.getLogger("ray.serve")

_BYTES = {
    "weightsBytes": re.compile(r"Model loading took (?P<gib>[\d.]+) GiB"),
    "kvCacheBytes": re.compile(r"(?:Available KV cache memory: |Explicitly set \()(?P<gib>[\d.]+)(?:/[\d.]+\))? GiB"),
    "graphsBytes": re.compile(r"Graph capturing finished in .*took (?P<gib>-?[\d.]+) GiB"),
}
_TOKENS = re.compile(r"KV cache size: (?P<tokens>[\d,]+) tokens")


def figures(line: str) -> dict[str, int]:
    """The figures in one line of vLLM's log; mostly none."""
    found = {
        name: max(0, round(float(match["gib"]) * GIB))
        for name, pattern in _BYTES.items()
        if (match := pattern.search(line))
    }
    if match := _TOKENS.search(line):
        found["kvCacheTokens"] = int(match["tokens"].replace(",", ""))
    return found


def begin() -> None:
    """Forget the figures of an engine that ran in this pod before."""
    REPORT.unlink(missing_ok=True)


def gathered() -> EngineReport:
    """The figures so far. With several GPUs each says its own; the largest counts, as in the plan."""
    found: dict[str, int] = {}
    for line in REPORT.read_text().splitlines() if REPORT.exists() else ():
        for name, value in json.loads(line).items():
            found[name] = max(value, found.get(name, 0))
    return EngineReport.model_validate(found)


def tell_report(port: int = REPORT_PORT) -> ThreadingHTTPServer | None:
    """Tell the operator the figures from now on, as long as this process lives."""
    try:
        body = json.dumps(gathered().to_json_object()).encode()
        return tell("/engine", lambda: body, port)
    except (OSError, ValueError):
        logger.warning("the engine's figures cannot be told", exc_info=True)
        return None


class ReportHandler(logging.Handler):
    """Keeps the figures that pass through the log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what the record says of memory."""
        try:
            found = figures(record.getMessage())
            if not found:
                return
            line = json.dumps(found)
            sys.stderr.write(f"{MARK} {line}\n")
            with REPORT.open("a") as file:
                file.write(line + "\n")
        except Exception:  # noqa: BLE001 # a figure is not worth an engine
            self.handleError(record)


def logging_configuration() -> dict[str, Any]:
    """Python's logging configuration for vLLM: its lines on stderr as plain text, and the report."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(levelname)s %(asctime)s %(name)s %(message)s"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"},
            "report": {"class": "tonnage_runtime.engine_report.ReportHandler"},
        },
        "loggers": {"vllm": {"handlers": ["stderr", "report"], "level": "INFO", "propagate": False}},
    }
