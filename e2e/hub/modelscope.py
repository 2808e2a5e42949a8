"""ModelScope's protocol: what each request is answered, from the same table of repositories.

What surprises: the default branch is `master`; a listing names a branch's commit by its first digits only, and beside
each file the commit that changed it last; small files are sent whole, whatever range is asked for, and large ones are
elsewhere (HTTP 302), where nobody asks for a token. Which of 401, 403 and 404 the real hub answers was not seen for
every case: these are what its client tells apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote, urlsplit

from e2e.hub.answers import Answer, RangeError, content, document
from e2e.hub.files import File
from e2e.hub.repositories import MEMBER_TOKEN, STRANGER_TOKEN, Access, Repository

_API = "/api/v1/"
_STORAGE = "/modelscope-storage/"
PATHS = (_API, _STORAGE)
# The commit before all that the table has.
OLD_COMMIT = "0f" * 20
# What every commit changes.
CHANGED_FILES = ("config.json", "model.safetensors")


class HubError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class _Wanted:
    """What is asked for: about a repository, its listing, or a file."""

    repository: str
    kind: str
    query: Mapping[str, str]

    @property
    def subject(self) -> str:
        return f"{self.repository} {self.query.get('FilePath') or self.kind}"


def answer(repositories: Mapping[str, Repository], target: str, headers: Mapping[str, str]) -> Answer:
    """The answer to GET `target`."""
    url = urlsplit(target)
    wanted = _wanted(url.path, {name: values[-1] for name, values in parse_qs(url.query).items()})
    try:
        if url.path.startswith(_STORAGE):
            return _stored(repositories[wanted.repository], wanted, headers.get("Range"))
        return _granted(repositories, wanted, headers)
    except HubError as error:
        body = {"Code": error.code, "Message": str(error), "RequestId": "e2e", "Success": False}
        return document(error.status, wanted.subject, body)


def _wanted(path: str, query: Mapping[str, str]) -> _Wanted:
    match [unquote(part) for part in path.strip("/").split("/")]:
        case ["api", "v1", "models", organization, name]:
            return _Wanted(f"{organization}/{name}", "about", query)
        case ["api", "v1", "models", organization, name, "repo", "files"]:
            return _Wanted(f"{organization}/{name}", "files", query)
        case ["api", "v1", "models", organization, name, "repo"]:
            return _Wanted(f"{organization}/{name}", "file", query)
        case ["modelscope-storage", organization, name, file]:
            return _Wanted(f"{organization}/{name}", "stored", {"FilePath": file})
    return _Wanted(path, "page", query)


def _granted(repositories: Mapping[str, Repository], wanted: _Wanted, headers: Mapping[str, str]) -> Answer:
    token = headers.get("Authorization", "").removeprefix("Bearer ")
    if token not in ("", MEMBER_TOKEN, STRANGER_TOKEN):
        raise HubError(401, 10010103009, "AccessToken is invalid or expired")
    repository = repositories.get(wanted.repository)
    if repository is None or (repository.access is Access.PRIVATE and token != MEMBER_TOKEN):
        raise HubError(404, 10010205001, "模型不存在")
    if wanted.kind == "about":
        return _success(wanted, {"Name": repository.id.partition("/")[2], "License": "Apache License 2.0"})
    revision = wanted.query.get("Revision", "master")
    commit = repository.commit("main" if revision == "master" else revision)
    if commit is None:
        raise HubError(404, 10010206001, "revision不存在")
    if wanted.kind == "files":
        is_recursive = wanted.query.get("Recursive") == "True"
        return _success(wanted, _listing(repository, commit, is_recursive=is_recursive))
    if repository.access is Access.GATED and token != MEMBER_TOKEN:
        raise HubError(403, 10010204001, "no permission")
    return _file(repository, wanted)


def _listing(repository: Repository, commit: str, *, is_recursive: bool) -> dict[str, object]:
    entries = [_entry(name, file, commit) for name, file in repository.files.items() if is_recursive or "/" not in name]
    folders = sorted({"assets", *(name.partition("/")[0] for name in repository.files if "/" in name)})
    trees = [{"Name": name, "Path": name, "Type": "tree", "Size": 0, "Revision": OLD_COMMIT} for name in folders]
    return {"Files": [*trees, *entries], "LatestCommitter": {"Id": "", "ShortId": commit[:8]}}


def _entry(name: str, file: File, commit: str) -> dict[str, object]:
    return {
        "Name": name,
        "Path": name,
        "Type": "blob",
        "Size": file.size,
        # A hash over made-up zeros would take its time to be compared.
        "Sha256": file.sha256 if file.path or not file.is_large else "",
        "IsLFS": file.is_large,
        "Revision": commit if name in CHANGED_FILES else OLD_COMMIT,
    }


def _file(repository: Repository, wanted: _Wanted) -> Answer:
    name = wanted.query.get("FilePath", "")
    if name not in repository.files:
        raise HubError(404, 10010207001, "file not found")
    file = repository.files[name]
    if file.is_large:
        where = f"{_STORAGE}{repository.id}/{quote(name)}"
        return document(302, wanted.subject, {}, {"Location": where})
    return content(wanted.subject, file, {}, None)


def _stored(repository: Repository, wanted: _Wanted, byte_range: str | None) -> Answer:
    file = repository.files[wanted.query["FilePath"]]
    try:
        return content(wanted.subject, file, {}, byte_range, repository.weights_bytes_per_second)
    except RangeError as error:
        raise HubError(416, 416, "Range not satisfiable") from error


def _success(wanted: _Wanted, data: object) -> Answer:
    body = {"Code": 200, "Data": data, "Message": "success", "RequestId": "e2e", "Success": True}
    return document(200, wanted.subject, body)
