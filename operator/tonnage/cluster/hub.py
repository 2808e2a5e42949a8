"""Reads a model's facts from a hub: its file list, two small JSON files, and the headers of its weights. Never weights.

The real client brings addresses, the session and the errors; the bytes are read here, because the client reads a whole
answer into memory, and a hub that ignores `Range` would answer with all of a 5 GB file. Every request has a time limit
of its own, and all of them share a deadline, so that a trickling hub cannot hold a thread.
"""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

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

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.facts.card import Card, card
from tonnage.facts.errors import FactsError, unusable
from tonnage.facts.model import model_facts
from tonnage.facts.reading import model_reading
from tonnage.facts.source import Source

PUBLIC_ENDPOINT = "https://huggingface.co"

_REQUEST_SECONDS = 10.0
_DEADLINE_SECONDS = 120.0
# Headers of a model with 150 files, one after the other, would take a minute.
_PARALLEL_READS = 4

_UNAUTHORIZED = 401
_FORBIDDEN = 403


async def read_facts(
    source: Source, requested_revision: str, endpoint: str | None = None, token: str | None = None
) -> ModelFacts:
    """The facts of `source` at the commit that `requested_revision` names now. Raises FactsError."""
    return await asyncio.to_thread(hub_facts, source, requested_revision, endpoint, token)


def hub_facts(
    source: Source, requested_revision: str, endpoint: str | None = None, token: str | None = None
) -> ModelFacts:
    """What `read_facts` returns, for callers without an event loop."""
    hub = _Hub(source, requested_revision, endpoint or PUBLIC_ENDPOINT, token, time.monotonic() + _DEADLINE_SECONDS)
    with hub.errors():
        return hub.facts()


@dataclass(frozen=True)
class _Hub:
    """One repository of one hub, as one token sees it."""

    source: Source
    requested_revision: str
    endpoint: str
    # None is nobody: a token that lies about on this machine is not used.
    token: str | None
    deadline: float

    def facts(self) -> ModelFacts:
        info = HfApi(endpoint=self.endpoint, token=self.token or False).model_info(
            self.source.name, revision=self.requested_revision, files_metadata=True, timeout=_REQUEST_SECONDS
        )
        if not info.sha:
            raise self._unreachable("its answer names no commit")
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
        with ThreadPoolExecutor(_PARALLEL_READS, thread_name_prefix="hub") as pool:
            reading = model_reading(self.source, _Commit(self, info.sha), sizes, pool.map)
        return model_facts(reading, requested_revision=self.requested_revision, commit=info.sha, said=_card(info))

    def read(self, commit: str, name: str, limit: int) -> bytes:
        """The first `limit` bytes of a file, or all of a shorter one."""
        url = hf_hub_url(self.source.name, name, revision=commit, endpoint=self.endpoint)
        headers = {
            **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
            "Range": f"bytes=0-{limit - 1}",
            # A range of a compressed answer would be a range of something else.
            "Accept-Encoding": "identity",
        }
        content = bytearray()
        with get_session().stream("GET", url, headers=headers, timeout=_REQUEST_SECONDS) as response:
            if response.is_error:
                response.read()
            hf_raise_for_status(response)
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) >= limit:
                    break
                if time.monotonic() > self.deadline:
                    raise self._unreachable(f"the answers took longer than {_DEADLINE_SECONDS:.0f} s")
        return bytes(content[:limit])

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What the client raises, as FactsErrors; every sentence says what the person can change."""
        try:
            yield
        # A gated repository is a RepositoryNotFoundError too.
        except GatedRepoError as error:
            raise self._gated() from error
        except RepositoryNotFoundError as error:
            raise self._not_found() from error
        except RevisionNotFoundError as error:
            message = (
                f"{self.source} has no revision '{self.requested_revision}': set spec.model.revision to a branch, "
                "a tag or a commit that it has"
            )
            raise FactsError(Reason.REVISION_NOT_FOUND, message, is_permanent=True) from error
        except RemoteEntryNotFoundError as error:
            message = f"{self.source} cannot be used: the hub lists a file that it does not have ({error.request.url})"
            raise unusable(message) from error
        except HfHubHTTPError as error:
            raise self._refused(error.response.status_code) from error
        except HFValidationError as error:
            message = f"spec.model.source '{self.source}' cannot be used: the hub allows no such name"
            raise FactsError(Reason.INVALID_SPEC, message, is_permanent=True) from error
        except (httpx2.HTTPError, OSError) as error:
            raise self._unreachable(f"{type(error).__name__}: {error}") from error
        # The client parses the model's info itself.
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._unreachable(f"it did not answer as a model hub does ({error!r})") from error

    def _refused(self, status: int) -> FactsError:
        if status == _UNAUTHORIZED and self.token is None:
            return self._not_found()
        if status in (_UNAUTHORIZED, _FORBIDDEN):
            message = (
                f"the hub refused the token of spec.model.tokenSecretRef for {self.source} (HTTP {status})"
                if self.token
                else f"the hub refused to show {self.source} (HTTP {status})"
            )
            return FactsError(Reason.ACCESS_DENIED, message, is_permanent=True)
        return self._unreachable(f"HTTP {status}")

    def _not_found(self) -> FactsError:
        message = (
            f"{self.source} does not exist, or the token of spec.model.tokenSecretRef may not read it: "
            "check the name and the token"
            if self.token
            else f"{self.source} does not exist or is private: check the name, or set spec.model.tokenSecretRef"
        )
        return FactsError(Reason.MODEL_NOT_FOUND, message, is_permanent=True)

    def _gated(self) -> FactsError:
        terms = f"accept its terms at {self.endpoint}/{self.source.name}"
        message = (
            f"{self.source} is gated, and the account of spec.model.tokenSecretRef may not read it: {terms}"
            if self.token
            else f"{self.source} is gated: {terms}, and set spec.model.tokenSecretRef to a token of that account"
        )
        return FactsError(Reason.GATED_MODEL, message, is_permanent=True)

    def _unreachable(self, why: str) -> FactsError:
        message = f"the model hub {self.endpoint} cannot be read now: {why}"
        return FactsError(Reason.HUB_UNREACHABLE, message, is_permanent=False)


@dataclass(frozen=True)
class _Commit:
    """The files of one commit: what a branch points to may change between two reads."""

    hub: _Hub
    commit: str

    def read(self, name: str, limit: int) -> bytes:
        return self.hub.read(self.commit, name, limit)


def _card(info: ModelInfo) -> Card:
    """The card as the hub has read it."""
    # Its own `to_dict` is untyped, and would copy thousands of results of benchmarks.
    return card(vars(info.card_data) if info.card_data else {}, info.tags or (), info.pipeline_tag)
