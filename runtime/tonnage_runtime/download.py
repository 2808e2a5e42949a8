"""Bringing the model to the pod: exactly the files that the operator counted, at exactly the document's commit.

The place's own client downloads; what is added is a listing before it and a comparison after it, because a client may
return a half-filled folder with a mere warning when its hub cannot be reached. What a restarted container finds is
kept: files of a commit never change.
"""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tonnage.contract.model_source import Scheme
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import REPORT_PORT, ServeDocument
from tonnage_runtime.failures import Retryable
from tonnage_runtime.progress import Progress, report_progress
from tonnage_runtime.repository import Repository

# Doubling from the first to the last; a hub that comes back is noticed within half a minute.
FIRST_PAUSE_SECONDS = 1.0
LAST_PAUSE_SECONDS = 30.0
logger = logging.getLogger("tonnage")


def download(document: ServeDocument, environment: Mapping[str, str], port: int = REPORT_PORT) -> None:
    """Fill the document's model folder; returns when all of it is there. Raises RuntimeFailure."""
    model, folder = document.model, Path(document.model.path)
    repository = repository_of(document, environment)
    if repository is None:
        logger.info("%s is mounted, nothing to download", model.source)
        return
    with report_progress(Progress(folder, model.download_bytes), port):
        with_retries(lambda: fill(repository, folder), document.limits.start_deadline_seconds)
    logger.info("%s at %s is complete in %s", model.source, model.commit, folder)


def repository_of(document: ServeDocument, environment: Mapping[str, str]) -> Repository | None:
    """Where the document's model is; None where it is mounted. Of the clients only one is imported."""
    match Scheme(document.model.source.partition("://")[0]):
        case Scheme.HF:
            from tonnage_runtime import huggingface  # noqa: PLC0415

            return huggingface.repository(document, environment)
        case Scheme.MODELSCOPE:
            from tonnage_runtime import modelscope  # noqa: PLC0415

            return modelscope.repository(document, environment)
        case Scheme.S3:
            from tonnage_runtime import s3  # noqa: PLC0415

            return s3.repository(document, environment)
        case Scheme.PVC:
            return None


def fill(repository: Repository, folder: Path) -> None:
    """One try. Raises Retryable or RuntimeFailure."""
    sizes = repository.sizes()
    if missing(folder, sizes):
        repository.download(list(sizes), folder)
    if left := missing(folder, sizes):
        message = f"{len(left)} files of {repository.name} are missing or too short, {left[0]} for one"
        raise Retryable(Reason.HUB_UNREACHABLE, message)


def missing(folder: Path, sizes: Mapping[str, int]) -> list[str]:
    """The files that are not in `folder` at their full size."""
    found = {name: folder / name for name in sizes}
    return [name for name, path in found.items() if not path.is_file() or path.stat().st_size != sizes[name]]


def with_retries(attempt: Callable[[], None], seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
    """Call `attempt` until it succeeds, fails for good, or `seconds` of pauses are over."""
    pause, paused = FIRST_PAUSE_SECONDS, 0.0
    while True:
        try:
            attempt()
        except Retryable as failure:
            if paused >= seconds:
                raise
            logger.warning("%s; again in %.0f s", failure, pause)
            sleep(pause)
            paused, pause = paused + pause, min(pause * 2, LAST_PAUSE_SECONDS)
        else:
            return
