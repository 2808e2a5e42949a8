"""Models of ModelScope, and of mirrors that speak its protocol.

Plain HTTP, although pods download with the hub's own client: that names no commit, reads no part of a file, and tries
again for longer than the operator can wait (decisions, ModelScope and buckets). What surprises is the commit: the hub
gives only the first digits of a branch's, and each file's last commit in full: it is the one of these that begins so.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tonnage.cluster.sources.http import Reader
from tonnage.cluster.sources.refusals import Refusals
from tonnage.cluster.sources.repository import Deadline, Listing
from tonnage.contract.model_files import has_module
from tonnage.contract.reasons import Reason
from tonnage.facts.card import card
from tonnage.facts.errors import FactsError
from tonnage.facts.source import Source

PUBLIC_ENDPOINT = "https://modelscope.cn"

# About 400 bytes for each file, and the hub lists at most 3,000.
_MAX_LISTING_BYTES = 4 * 2**20
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BAD_REQUEST = 400
_NOT_FOUND = 404


class _StatusError(Exception):
    """The hub answered with an error."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.status = response.status_code
        self.url = response.url


@dataclass(frozen=True)
class ModelScope:
    """One repository of the hub, as one token sees it."""

    source: Source
    requested_revision: str
    endpoint: str
    # None is nobody.
    token: str | None
    session: httpx2.Client
    deadline: Deadline = field(default_factory=Deadline)

    def listing(self) -> Listing:
        """See Repository."""
        # First, because the listing answers alike for a missing model and a missing revision.
        about = self._about()
        listed = self._listed(is_whole=False)
        if has_module(str(entry["Path"]) for entry in _entries(listed) if entry.get("Type") == "tree"):
            listed = self._listed(is_whole=True)
        files = [entry for entry in _entries(listed) if entry.get("Type") != "tree"]
        sizes = {str(entry["Path"]): int(entry.get("Size") or 0) for entry in files}
        return Listing(self._commit(listed), sizes, card({"license": about.get("License")}))

    def read(self, commit: str, name: str, limit: int) -> bytes:
        """See Repository."""
        try:
            return self._get("/repo", limit, Revision=commit, FilePath=name)
        except _StatusError as error:
            if error.status == _NOT_FOUND:
                raise self._refusals.no_file(error.url) from error
            raise

    @contextmanager
    def errors(self) -> Iterator[None]:
        """See Repository."""
        refusals = self._refusals
        with refusals.of_answers():
            try:
                yield
            except _StatusError as error:
                raise refusals.by_status(error.status) from error

    def _about(self) -> Mapping[str, Any]:
        try:
            return _data(self._get("", _MAX_LISTING_BYTES))
        except _StatusError as error:
            if error.status == _NOT_FOUND:
                raise self._refusals.not_found() from error
            raise

    def _listed(self, *, is_whole: bool) -> Mapping[str, Any]:
        """The files beside config.json, or all of them, as the hub describes them."""
        try:
            body = self._get(
                "/repo/files", _MAX_LISTING_BYTES, Revision=self.requested_revision, Recursive=str(is_whole)
            )
        except _StatusError as error:
            if error.status in (_BAD_REQUEST, _NOT_FOUND):
                raise self._refusals.no_revision() from error
            raise
        return _data(body)

    def _commit(self, listed: Mapping[str, Any]) -> str:
        """The commit that the revision names now."""
        if _COMMIT.fullmatch(self.requested_revision):
            return self.requested_revision
        head = listed["LatestCommitter"]
        # The last change may have been in a folder.
        found = _full_commit(head, listed) or _full_commit(head, self._listed(is_whole=True))
        if found is None:
            message = (
                f"the hub gives the commit of '{self.requested_revision}' of {self.source} only in short "
                f"({head.get('ShortId')}): set spec.model.revision to that commit in full, 40 digits"
            )
            raise FactsError(Reason.REVISION_NOT_FOUND, message, is_permanent=True)
        return found

    def _get(self, path: str, limit: int, **query: str) -> bytes:
        url = httpx2.URL(f"{self.endpoint.rstrip('/')}/api/v1/models/{self.source.name}{path}", params=query)
        # Older parts of the hub know only the cookie.
        headers = (
            {"Authorization": f"Bearer {self.token}", "Cookie": f"m_session_id={self.token}"} if self.token else {}
        )
        return Reader(self.session, self.deadline, _require_success).first_bytes(str(url), headers, limit)

    @property
    def _refusals(self) -> Refusals:
        return Refusals(self.source, self.requested_revision, self.endpoint, has_token=bool(self.token))


def _require_success(response: httpx2.Response) -> None:
    if response.is_error:
        raise _StatusError(response)


def _data(body: bytes) -> Mapping[str, Any]:
    data = json.loads(body)["Data"]
    if not isinstance(data, Mapping):
        raise TypeError(f"Data is a {type(data).__name__}")
    return data


def _entries(listed: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(listed["Files"])


def _full_commit(head: Mapping[str, Any], listed: Mapping[str, Any]) -> str | None:
    """The commit in full, of which the hub gives `Id` only sometimes, and otherwise the first digits."""
    given = [str(head.get("Id") or ""), *(str(entry.get("Revision") or "") for entry in _entries(listed))]
    start = str(head.get("ShortId") or given[0])
    return next((each for each in given if start and each.startswith(start) and _COMMIT.fullmatch(each)), None)
