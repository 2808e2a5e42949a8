"""One commit of a model on the Hugging Face hub, brought by the hub's own client."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined] # documented, not in __all__

from tonnage.contract.model_files import needed_files
from tonnage.contract.model_source import ENDPOINT_VARIABLES, TOKEN_VARIABLES, Scheme
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import ServeDocument
from tonnage_runtime.failures import Retryable, RuntimeFailure, raise_disk_full

DENIED = (401, 403)


@dataclass(frozen=True)
class HuggingFace:
    """See Repository."""

    name: str
    commit: str
    endpoint: str | None
    token: str | None
    with_code: bool

    def sizes(self) -> dict[str, int]:
        """See Repository."""
        with self.failures():
            # False is nobody: a token that lies about in the container is not used.
            api = HfApi(endpoint=self.endpoint, token=self.token or False)
            listed = api.list_repo_tree(self.name, recursive=True, revision=self.commit)
            sizes = {file.path: file.size for file in listed if isinstance(file, RepoFile)}
        return {name: sizes[name] for name in needed_files(sizes, with_code=self.with_code)}

    def download(self, names: Sequence[str], folder: Path) -> None:
        """See Repository."""
        with self.failures():
            snapshot_download(
                self.name,
                revision=self.commit,
                local_dir=folder,
                allow_patterns=list(names),
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
            raise_disk_full(error, self.name)
            raise self._unreachable(f"{type(error).__name__}: {error}") from error

    def _unreachable(self, why: str) -> Retryable:
        return Retryable(Reason.HUB_UNREACHABLE, f"the hub cannot give {self.name} now: {why}")


def repository(document: ServeDocument, environment: Mapping[str, str]) -> HuggingFace:
    """The document's model."""
    # One line per request and a bar per file are for people at a terminal.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    disable_progress_bars()
    return HuggingFace(
        name=document.model.source.partition("://")[2],
        commit=document.model.commit,
        endpoint=document.model.hub_endpoint or environment.get(ENDPOINT_VARIABLES[Scheme.HF]) or None,
        token=environment.get(TOKEN_VARIABLES[Scheme.HF]) or None,
        with_code=document.engine.trust_remote_code,
    )
