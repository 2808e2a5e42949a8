"""Which protocol a request speaks: its path says it, and no client knows that there are others."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from e2e.hub import huggingface, modelscope, s3
from e2e.hub.answers import Answer
from e2e.hub.repositories import Repository


def answer(repositories: Mapping[str, Repository], method: str, target: str, headers: Mapping[str, str]) -> Answer:
    """The answer to GET `target`, path and query; for HEAD it is the same, and is sent without its body."""
    path = urlsplit(target).path
    if path.startswith(modelscope.PATHS):
        return modelscope.answer(repositories, target, headers)
    request = s3.Request(method, target, headers)
    if request.bucket in s3.BUCKETS or request.is_signed:
        return s3.answer(repositories, request)
    return huggingface.answer(repositories, path, headers)
