"""The Hugging Face hub's protocol: what each request is answered, from the table of repositories.

What surprises: a wrong token is refused even for public models; nobody learns without a token whether a model is
private or missing (401 for both); and a gated model shows its metadata, so that only the first file fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from e2e.hub.answers import Answer, RangeError, content, document
from e2e.hub.files import File
from e2e.hub.repositories import MEMBER_TOKEN, STRANGER_TOKEN, Access, Repository


class HubError(Exception):
    """An answer that is an error; the client tells the kinds apart by the code, or else by the message."""

    def __init__(self, status: int, message: str, code: str = "", **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **headers}


def answer(repositories: Mapping[str, Repository], path: str, headers: Mapping[str, str]) -> Answer:
    """The answer to GET `path`, without its query."""
    wanted = _wanted(path)
    try:
        return _granted(repositories, wanted, headers)
    except HubError as error:
        return document(error.status, wanted.subject, {"error": str(error)}, error.headers)


@dataclass(frozen=True)
class _Wanted:
    """What a path asks for: a file, or `kind` says what else."""

    repository: str
    kind: str
    revision: str = "main"
    file: str = ""

    @property
    def subject(self) -> str:
        return f"{self.repository} {self.file or self.kind}"


def _wanted(path: str) -> _Wanted:
    match [unquote(part) for part in path.strip("/").split("/")]:
        case ["api", "models", organization, name]:
            return _Wanted(f"{organization}/{name}", "info")
        case ["api", "models", organization, name, "revision", revision]:
            return _Wanted(f"{organization}/{name}", "info", revision)
        case ["api", "models", organization, name, "tree", revision]:
            return _Wanted(f"{organization}/{name}", "tree", revision)
        case [organization, name, "resolve", revision, *parts] if parts:
            return _Wanted(f"{organization}/{name}", "file", revision, "/".join(parts))
    return _Wanted(path, "page")


def _granted(repositories: Mapping[str, Repository], wanted: _Wanted, headers: Mapping[str, str]) -> Answer:
    token = headers.get("Authorization", "").removeprefix("Bearer ")
    repository = _visible(repositories.get(wanted.repository), token)
    commit = repository.commit(wanted.revision)
    if commit is None:
        raise HubError(404, f"Invalid rev id: {wanted.revision}", "RevisionNotFound")
    if wanted.kind == "info":
        return document(200, wanted.subject, _info(repository, commit))
    if wanted.kind == "tree":
        return document(200, wanted.subject, [_tree_entry(name, file) for name, file in repository.files.items()])
    if repository.access is Access.GATED and token != MEMBER_TOKEN:
        message = f"Access to model {repository.id} is restricted and you are not in the authorized list."
        raise HubError(403 if token else 401, message, "GatedRepo")
    if wanted.file not in repository.files:
        raise HubError(404, "Entry not found", "EntryNotFound", **{"X-Repo-Commit": commit})
    return _content(repository, commit, wanted, headers.get("Range"))


def _visible(repository: Repository | None, token: str) -> Repository:
    if token not in ("", MEMBER_TOKEN, STRANGER_TOKEN):
        raise HubError(401, "Invalid credentials in Authorization header")
    if repository is None or (repository.access is Access.PRIVATE and token != MEMBER_TOKEN):
        status, message = (404, "Repository not found") if token else (401, "Invalid username or password.")
        raise HubError(status, message, "RepoNotFound")
    return repository


def _info(repository: Repository, commit: str) -> dict[str, object]:
    return {
        "id": repository.id,
        "modelId": repository.id,
        "sha": commit,
        "private": repository.access is Access.PRIVATE,
        "gated": "manual" if repository.access is Access.GATED else False,
        "disabled": False,
        "tags": ["safetensors", "license:apache-2.0"],
        "cardData": {"license": "apache-2.0"},
        "siblings": [_sibling(name, file) for name, file in repository.files.items()],
    }


def _sibling(name: str, file: File) -> dict[str, object]:
    large = {"lfs": {"sha256": file.sha256, "size": file.size, "pointerSize": 134}} if file.is_large else {}
    return {"rfilename": name, "size": file.size, "blobId": file.git_hash, **large}


def _tree_entry(name: str, file: File) -> dict[str, object]:
    large = {"lfs": {"oid": file.sha256, "size": file.size, "pointerSize": 134}} if file.is_large else {}
    return {"type": "file", "path": name, "size": file.size, "oid": file.git_hash, **large}


def _content(repository: Repository, commit: str, wanted: _Wanted, byte_range: str | None) -> Answer:
    file = repository.files[wanted.file]
    headers = {"ETag": f'"{file.etag}"', "X-Repo-Commit": commit}
    speed = repository.weights_bytes_per_second if file.is_large else None
    try:
        return content(wanted.subject, file, headers, byte_range, speed)
    except RangeError as error:
        raise HubError(416, "Range not satisfiable", **{"Content-Range": f"bytes */{file.size}"}) from error
