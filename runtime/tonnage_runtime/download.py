"""Bringing the model to the pod: exactly the files that the operator counted, at exactly the document's commit.

The hub's own client downloads; what is added is a listing before it and a comparison after it, because the client
returns a half-filled folder with a mere warning when the hub cannot be reached. What a restarted container finds is
kept: files of a commit never change.
"""

import errno
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined] # documented, not in __all__

from tonnage.contract.model_files import needed_files
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import REPORT_PORT, ServeDocument
from tonnage_runtime.failures import Retryable, RuntimeFailure
from tonnage_runtime.progress import Progress, report_progress

HUB = "hf://"
# Doubling from the first to the last; a hub that comes back is noticed within half a minute.
FIRST_PAUSE_SECONDS = 1.0
LAST_PAUSE_SECONDS = 30.0
DENIED = (401, 403)
logger = logging.getLogger("tonnage")


@dataclass(frozen=True)
class Repository:
    """One commit of one repository of a hub, as one token sees it."""

    name: str
    commit: str
    endpoint: str | None
    token: str | None
    with_code: bool

    def sizes(self) -> dict[str, int]:
        """The bytes of every file that the model needs. Raises RuntimeFailure."""
        with self.failures():
            # False is nobody: a token that lies about in the container is not used.
            api = HfApi(endpoint=self.endpoint, token=self.token or False)
            listed = api.list_repo_tree(self.name, recursive=True, revision=self.commit)
            sizes = {file.path: file.size for file in listed if isinstance(file, RepoFile)}
        return {name: sizes[name] for name in needed_files(sizes, with_code=self.with_code)}

    def download(self, names: list[str], folder: Path) -> None:
        """Bring the files into `folder`; what is there already is not read again. Raises RuntimeFailure."""
        with self.failures():
            snapshot_download(
                self.name,
                revision=self.commit,
                local_dir=folder,
                allow_patterns=names,
                endpoint=self.endpoint,
                token=self.token or False,
            )

    @contextmanager
    def failures(self) -> Iterator[None]:
        """What the client raises, as RuntimeFailures."""
        try:
            yield
        # The order is that of the client's classes: a gated repository is a RepositoryNotFoundError too.
        except GatedRepoError as error:
            message = f"{self.name} is gated: accept its terms, and give the token of that account in tokenSecretRef"
            raise RuntimeFailure(Reason.GATED_MODEL, message) from error
        except RepositoryNotFoundError as error:
            message = f"the hub has no model {self.name}, or the token may not see it"
            raise RuntimeFailure(Reason.MODEL_NOT_FOUND, message) from error
        except RevisionNotFoundError as error:
            message = f"{self.name} has no commit {self.commit} (any more)"
            raise RuntimeFailure(Reason.REVISION_NOT_FOUND, message) from error
        except HfHubHTTPError as error:
            if error.response.status_code in DENIED:
                message = f"the hub refuses {self.name} (HTTP {error.response.status_code}): check the token"
                raise RuntimeFailure(Reason.ACCESS_DENIED, message) from error
            raise self._unreachable(f"HTTP {error.response.status_code}") from error
        except (OSError, httpx2.HTTPError) as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise RuntimeFailure(Reason.DISK_FULL, f"no room for {self.name}: {error.strerror}") from error
            raise self._unreachable(f"{type(error).__name__}: {error}") from error

    def _unreachable(self, why: str) -> Retryable:
        return Retryable(Reason.HUB_UNREACHABLE, f"the hub cannot give {self.name} now: {why}")


def download(document: ServeDocument, environment: Mapping[str, str], port: int = REPORT_PORT) -> None:
    """Fill the document's model folder; returns when all of it is there. Raises RuntimeFailure."""
    model, folder = document.model, Path(document.model.path)
    if not model.source.startswith(HUB):
        logger.info("%s is mounted, nothing to download", model.source)
        return
    repository = Repository(
        name=model.source.removeprefix(HUB),
        commit=model.commit,
        endpoint=model.hub_endpoint or environment.get("HF_ENDPOINT") or None,
        token=environment.get("HF_TOKEN") or None,
        with_code=document.engine.trust_remote_code,
    )
    # One line per request and a bar per file are for people at a terminal.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    disable_progress_bars()
    with report_progress(Progress(folder, model.download_bytes), port):
        with_retries(lambda: fill(repository, folder), document.limits.start_deadline_seconds)
    logger.info("%s at %s is complete in %s", model.source, model.commit, folder)


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
