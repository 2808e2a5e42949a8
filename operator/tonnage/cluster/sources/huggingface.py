"""Models of the Hugging Face hub, and of mirrors that speak its protocol.

The real client brings addresses, the session and the errors; files are read by `http`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2
from huggingface_hub import HfApi, ModelInfo, get_session, hf_hub_url, hf_raise_for_status
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tonnage.cluster.sources.http import Reader
from tonnage.cluster.sources.refusals import Refusals
from tonnage.cluster.sources.repository import REQUEST_SECONDS, Deadline, Listing
from tonnage.contract.reasons import Reason
from tonnage.facts.card import Card, card
from tonnage.facts.errors import FactsError
from tonnage.facts.source import Source

PUBLIC_ENDPOINT = "https://huggingface.co"


@dataclass(frozen=True)
class HuggingFace:
    """One repository of the hub, as one token sees it."""

    source: Source
    requested_revision: str
    endpoint: str
    # None is nobody: a token that lies about on this machine is not used.
    token: str | None
    deadline: Deadline = field(default_factory=Deadline)

    def listing(self) -> Listing:
        """See Repository."""
        info = HfApi(endpoint=self.endpoint, token=self.token or False).model_info(
            self.source.name, revision=self.requested_revision, files_metadata=True, timeout=REQUEST_SECONDS
        )
        if not info.sha:
            raise self._refusals.unreachable("its answer names no commit")
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
        return Listing(info.sha, sizes, _card(info))

    def read(self, commit: str, name: str, limit: int) -> bytes:
        """See Repository."""
        url = hf_hub_url(self.source.name, name, revision=commit, endpoint=self.endpoint)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return Reader(get_session(), self.deadline, _require_success).first_bytes(url, headers, limit)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """See Repository."""
        refusals = self._refusals
        with refusals.of_answers():
            try:
                yield
            # A gated repository is a RepositoryNotFoundError too.
            except GatedRepoError as error:
                raise refusals.gated() from error
            except RepositoryNotFoundError as error:
                raise refusals.not_found() from error
            except RevisionNotFoundError as error:
                raise refusals.no_revision() from error
            except RemoteEntryNotFoundError as error:
                raise refusals.no_file(error.request.url) from error
            except HfHubHTTPError as error:
                raise refusals.by_status(error.response.status_code) from error
            except HFValidationError as error:
                message = f"spec.model.source '{self.source}' cannot be used: the hub allows no such name"
                raise FactsError(Reason.INVALID_SPEC, message, is_permanent=True) from error

    @property
    def _refusals(self) -> Refusals:
        return Refusals(self.source, self.requested_revision, self.endpoint, has_token=bool(self.token))


def _require_success(response: httpx2.Response) -> None:
    if response.is_error:
        # What kind of error it is may be in the body.
        response.read()
    hf_raise_for_status(response)


def _card(info: ModelInfo) -> Card:
    """The card as the hub has read it."""
    # Its own `to_dict` is untyped, and would copy thousands of results of benchmarks.
    return card(vars(info.card_data) if info.card_data else {}, info.tags or (), info.pipeline_tag)
