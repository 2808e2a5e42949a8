"""The objects of a bucket that the plan was made for, and no others: each is asked for by the ETag it had then.

There is no commit to ask for. The objects are listed again, and their digest must be the document's commit; what is
changed between the listing and the last byte is refused by the store (HTTP 412).
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tonnage.contract.model_files import needed_files
from tonnage.contract.model_source import BUCKET_ENDPOINT, KEY_ID, bucket_access
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import ServeDocument
from tonnage.contract.stored_objects import StoredObject, listed_objects, objects_digest
from tonnage_runtime.failures import Retryable, RuntimeFailure, raise_disk_full

# A store gives each connection some 80 MB/s; large models are in several files.
PARALLEL_FILES = 8
REQUEST_SECONDS = 60
CHUNK_BYTES = 2**20
DENIED = (401, 403)
CHANGED = ("PreconditionFailed", "NoSuchKey", "404", "412")
BUSY_STATUS = 429
BROKEN_STATUS = 500


@dataclass(frozen=True)
class Bucket:
    """See Repository."""

    name: str
    commit: str
    client: Any
    with_code: bool
    # Filled by `sizes`.
    _objects: dict[str, StoredObject] = field(default_factory=dict)

    def sizes(self) -> dict[str, int]:
        """See Repository."""
        with self.failures():
            listed = dict(listed_objects(self._prefix, self._pages))
        if (found := objects_digest(listed)) != self.commit:
            raise self._changed(f"their digest is {found}, not {self.commit}")
        self._objects.update(listed)
        return {name: listed[name].size_bytes for name in needed_files(listed, with_code=self.with_code)}

    def download(self, names: Sequence[str], folder: Path) -> None:
        """See Repository."""
        folder.mkdir(parents=True, exist_ok=True)
        with self.failures(), ThreadPoolExecutor(PARALLEL_FILES, thread_name_prefix="s3") as pool:
            # The first failure is raised, and what has not begun by then does not begin.
            list(pool.map(lambda name: self._download(name, folder), names))

    def _download(self, name: str, folder: Path) -> None:
        """Bring one object, from where an earlier try ended."""
        one, whole = self._objects[name], folder / name
        partial = whole.with_name(f".{whole.name}.partial")
        if whole.is_file() and whole.stat().st_size == one.size_bytes:
            return
        whole.parent.mkdir(exist_ok=True)
        begin = partial.stat().st_size if partial.is_file() else 0
        with partial.open("ab") as file:
            # There is no range of nothing, nor one behind the end.
            if begin < one.size_bytes:
                answer = self.client.get_object(
                    Bucket=self._bucket, Key=self._prefix + name, IfMatch=f'"{one.etag}"', Range=f"bytes={begin}-"
                )
                for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                    file.write(chunk)
        partial.replace(whole)

    def _pages(self, prefix: str) -> Iterable[Mapping[str, Any]]:
        paginator = self.client.get_paginator("list_objects_v2")
        pages: Iterable[Mapping[str, Any]] = paginator.paginate(Bucket=self._bucket, Prefix=prefix, Delimiter="/")
        return pages

    @property
    def _bucket(self) -> str:
        return self.name.partition("/")[0]

    @property
    def _prefix(self) -> str:
        folder = self.name.partition("/")[2]
        return f"{folder}/" if folder else ""

    @contextmanager
    def failures(self) -> Iterator[None]:
        """What the client raises, as RuntimeFailures."""
        try:
            yield
        except ClientError as error:
            raise self._failure(error) from error
        except (BotoCoreError, OSError) as error:
            raise_disk_full(error, self.name)
            raise self._unreachable(str(error)) from error

    def _failure(self, error: ClientError) -> RuntimeFailure:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in CHANGED:
            return self._changed(code)
        if status in DENIED:
            message = f"s3://{self.name} may not be read ({code}): check the credentials of credentialsSecretRef"
            return RuntimeFailure(Reason.ACCESS_DENIED, message)
        if status == BUSY_STATUS or status >= BROKEN_STATUS:
            return self._unreachable(f"HTTP {status} {code}")
        return RuntimeFailure(Reason.MODEL_NOT_FOUND, f"s3://{self.name} cannot be read: {code}")

    def _changed(self, how: str) -> RuntimeFailure:
        message = (
            f"the objects of s3://{self.name} are no longer those that were planned ({how}): put those back, or put "
            "the new ones under another prefix and set spec.model.source to it"
        )
        return RuntimeFailure(Reason.MODEL_CHANGED, message)

    def _unreachable(self, why: str) -> Retryable:
        return Retryable(Reason.HUB_UNREACHABLE, f"the object store cannot give s3://{self.name} now: {why}")


def repository(document: ServeDocument, environment: Mapping[str, str]) -> Bucket:
    """The document's model."""
    logging.getLogger("botocore").setLevel(logging.WARNING)
    return Bucket(
        name=document.model.source.partition("://")[2],
        commit=document.model.commit,
        client=client(environment),
        with_code=document.engine.trust_remote_code,
    )


def client(environment: Mapping[str, str]) -> Any:  # noqa: ANN401 # boto3 makes its classes as it runs
    """S3 as the holder of these credentials sees it; without any, as everybody does."""
    config = Config(
        connect_timeout=REQUEST_SECONDS,
        read_timeout=REQUEST_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=PARALLEL_FILES,
        # Without a key id nobody is looked for who might have one: not the node's own account.
        signature_version=None if environment.get(KEY_ID) else UNSIGNED,
        # Other stores' names are seldom in the DNS.
        s3={"addressing_style": "path" if environment.get(BUCKET_ENDPOINT) else "auto"},
    )
    return boto3.client("s3", config=config, **bucket_access(environment))
