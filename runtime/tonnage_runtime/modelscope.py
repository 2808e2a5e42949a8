"""One commit of a model on ModelScope, brought by the hub's own client, which resumes and checks hashes."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tonnage.contract.model_files import has_module, needed_files
from tonnage.contract.model_source import ENDPOINT_VARIABLES, TOKEN_VARIABLES, Scheme
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import ServeDocument
from tonnage_runtime.failures import Retryable, RuntimeFailure, raise_disk_full

# A bar per file is for people at a terminal; read when the client is imported.
os.environ.setdefault("TQDM_DISABLE", "1")

from modelscope_hub import FileInfo, HubApi, HubConfig
from modelscope_hub.errors import (
    AuthenticationError,
    FileDownloadError,
    HubError,
    NotExistError,
    PermissionDeniedError,
)

PUBLIC_ENDPOINT = "https://modelscope.cn"
PARALLEL_FILES = 4


@dataclass(frozen=True)
class ModelScope:
    """See Repository."""

    name: str
    commit: str
    endpoint: str
    token: str | None
    with_code: bool
    # What the client keeps for itself: locks, and a number that stands for this machine.
    home: Path
    # Filled by `sizes`.
    _files: dict[str, FileInfo] = field(default_factory=dict)

    def sizes(self) -> dict[str, int]:
        """See Repository."""
        with self.failures():
            listed = self._listed(is_whole=False)
            if has_module(file.path for file in listed if file.is_dir):
                listed = self._listed(is_whole=True)
        files = {file.path: file for file in listed if not file.is_dir}
        needed = {name: files[name] for name in needed_files(files, with_code=self.with_code)}
        self._files.update(needed)
        return {name: file.size for name, file in needed.items()}

    def download(self, names: Sequence[str], folder: Path) -> None:
        """See Repository."""
        files = [self._files[name] for name in names]
        with self.failures():
            self._api.download_repo(
                self.name,
                "model",
                revision=self.commit,
                local_dir=folder,
                max_workers=PARALLEL_FILES,
                # Exactly these: without it the client would list the repository once more, folders and all.
                file_list=[{"Path": file.path, "Size": file.size, "Sha256": file.sha256} for file in files],
            )

    def _listed(self, *, is_whole: bool) -> Sequence[FileInfo]:
        return list(self._api.list_repo_files(self.name, "model", revision=self.commit, recursive=is_whole))

    @contextmanager
    def failures(self) -> Iterator[None]:
        """What the client raises, as RuntimeFailures."""
        try:
            yield
        except FileDownloadError as error:
            # Files fail for one reason, which the client hides in a list.
            raise self._failure(next(iter(error.failed_files.values()), error)) from error
        except (HubError, OSError) as error:
            raise self._failure(error) from error

    def _failure(self, error: BaseException) -> RuntimeFailure:
        if isinstance(error, NotExistError):
            message = f"the hub has no model {self.name} with a commit {self.commit}, or the token may not see it"
            return RuntimeFailure(Reason.REVISION_NOT_FOUND, message)
        if isinstance(error, (AuthenticationError, PermissionDeniedError)):
            message = f"the hub refuses {self.name} (HTTP {error.status_code}): check the token of tokenSecretRef"
            return RuntimeFailure(Reason.ACCESS_DENIED, message)
        raise_disk_full(error, self.name)
        said = error.message if isinstance(error, HubError) else str(error)
        return Retryable(Reason.HUB_UNREACHABLE, f"the hub cannot give {self.name} now: {type(error).__name__}: {said}")

    @property
    def _api(self) -> HubApi:
        # "" is nobody: a token that lies about in the container is not used.
        config = HubConfig(
            endpoint=self.endpoint, token=self.token or "", cache_dir=self.home / "cache", config_dir=self.home
        )
        return HubApi(config)


def repository(document: ServeDocument, environment: Mapping[str, str]) -> ModelScope:
    """The document's model."""
    logging.getLogger("modelscope_hub").setLevel(logging.WARNING)
    return ModelScope(
        name=document.model.source.partition("://")[2],
        commit=document.model.commit,
        endpoint=document.model.hub_endpoint
        or environment.get(ENDPOINT_VARIABLES[Scheme.MODELSCOPE])
        or PUBLIC_ENDPOINT,
        token=environment.get(TOKEN_VARIABLES[Scheme.MODELSCOPE]) or None,
        with_code=document.engine.trust_remote_code,
        home=Path(document.model.path, ".cache", "modelscope"),
    )
