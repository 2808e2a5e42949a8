"""Models in a bucket of S3, or of a store that speaks its protocol. Facts pods read it, the operator never does.

A bucket has no commits: the objects' digest stands for one, and each is asked for by its ETag, so that what is read is
what was listed. Only the objects directly below the prefix are the model, and those of its modules, as in a folder.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.parsers import ResponseParserError

from tonnage.cluster.sources.repository import REQUEST_SECONDS, Deadline, Listing, TooSlowError, repository_facts
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.model_source import BUCKET_ENDPOINT, KEY_ID, REGION, bucket_access, bucket_region
from tonnage.contract.reasons import Reason
from tonnage.contract.stored_objects import StoredObject, listed_objects, objects_digest
from tonnage.facts.errors import FactsError
from tonnage.facts.source import Source

# Ten pages of a listing. A model has a few hundred files.
_MAX_OBJECTS = 10_000
_TRIES = 3
_CHUNK_BYTES = 2**16

_NO_BUCKET = ("NoSuchBucket",)
_NO_OBJECT = ("NoSuchKey", "404")
_CHANGED = ("PreconditionFailed", "412")
_ELSEWHERE = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301")
_REFUSED_STATUS = (401, 403)


def bucket_facts(source: Source, requested_revision: str, environment: Mapping[str, str]) -> ModelFacts:
    """The facts of the objects below `source`, with the credentials in `environment`. Raises FactsError."""
    return repository_facts(Bucket(source, environment), source, requested_revision)


@dataclass(frozen=True)
class Bucket:
    """A prefix of a bucket, as the holder of these credentials sees it; without any, as everybody does."""

    source: Source
    environment: Mapping[str, str] = field(repr=False)
    deadline: Deadline = field(default_factory=Deadline)
    # Filled by `listing`.
    _objects: dict[str, StoredObject] = field(default_factory=dict)

    def listing(self) -> Listing:
        """See Repository."""
        self._objects.update(listed_objects(self._prefix, self._pages))
        if not self._objects:
            message = f"{self.source} holds no objects: check the bucket and the prefix in spec.model.source"
            raise FactsError(Reason.MODEL_NOT_FOUND, message, is_permanent=True)
        sizes = {name: one.size_bytes for name, one in self._objects.items()}
        return Listing(objects_digest(self._objects), sizes)

    def read(self, commit: str, name: str, limit: int) -> bytes:  # noqa: ARG002 # one commit is all there is
        """See Repository."""
        one = self._objects[name]
        if not one.size_bytes:
            # There is no range of nothing.
            return b""
        answer = self._client.get_object(
            Bucket=self.source.name, Key=self._prefix + name, IfMatch=f'"{one.etag}"', Range=f"bytes=0-{limit - 1}"
        )
        content = bytearray()
        with answer["Body"] as body:
            while len(content) < limit and (chunk := body.read(min(_CHUNK_BYTES, limit - len(content)))):
                content += chunk
                self.deadline.check()
        return bytes(content)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """See Repository."""
        try:
            yield
        except ClientError as error:
            raise self._refused(error) from error
        except TooSlowError as error:
            raise self._unreachable(str(error)) from error
        except (NoConnectionError, HTTPClientError, IncompleteReadError, OSError) as error:
            raise self._unreachable(str(error)) from error
        except (ResponseParserError, KeyError, TypeError) as error:
            raise self._unreachable(f"it did not answer as S3 does ({error!r})") from error
        # An address that is none, a region that cannot be, ...
        except (BotoCoreError, ValueError) as error:
            message = f"{self.source} cannot be read with what spec.model.credentialsSecretRef holds: {error}"
            raise FactsError(Reason.INVALID_SPEC, message, is_permanent=True) from error

    @property
    def _prefix(self) -> str:
        return f"{self.source.path}/" if self.source.path else ""

    def _pages(self, prefix: str) -> Iterator[Mapping[str, Any]]:
        """Raises TooSlowError and FactsError."""
        count = 0
        for page in self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.source.name, Prefix=prefix, Delimiter="/"
        ):
            self.deadline.check()
            yield page
            count += int(page.get("KeyCount", 0))
            if count > _MAX_OBJECTS:
                message = f"{self.source} holds more than {_MAX_OBJECTS:,} objects: give the prefix of one model"
                raise FactsError(Reason.UNUSABLE_CONFIG, message, is_permanent=True)

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 # boto3 makes its classes as it runs
        config = Config(
            connect_timeout=REQUEST_SECONDS,
            read_timeout=REQUEST_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _TRIES},
            # Without a key id nobody is looked for who might have one: not the node's own account.
            signature_version=None if self.environment.get(KEY_ID) else UNSIGNED,
            # Other stores' names are seldom in the DNS.
            s3={"addressing_style": "path" if self.environment.get(BUCKET_ENDPOINT) else "auto"},
        )
        return boto3.client("s3", config=config, **bucket_access(self.environment))

    @property
    def _region(self) -> str:
        return bucket_region(self.environment)

    @property
    def _where(self) -> str:
        return self.environment.get(BUCKET_ENDPOINT) or f"S3 in {self._region}"

    def _refused(self, error: ClientError) -> FactsError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in _NO_BUCKET:
            message = f"there is no bucket '{self.source.name}' at {self._where}: check spec.model.source"
            return FactsError(Reason.MODEL_NOT_FOUND, message, is_permanent=True)
        if code in _CHANGED or code in _NO_OBJECT:
            message = f"the objects of {self.source} were changed while they were read"
            return FactsError(Reason.MODEL_CHANGED, message, is_permanent=False)
        if code in _ELSEWHERE:
            message = (
                f"the bucket '{self.source.name}' is in another region than {self._region}: set {REGION} in the Secret "
                "of spec.model.credentialsSecretRef"
            )
            return FactsError(Reason.ACCESS_DENIED, message, is_permanent=True)
        if status in _REFUSED_STATUS:
            return FactsError(Reason.ACCESS_DENIED, self._denied(code), is_permanent=True)
        return self._unreachable(f"HTTP {status} {code}")

    def _denied(self, code: str) -> str:
        if not self.environment.get(KEY_ID):
            return f"{self.source} may not be read without credentials ({code}): set spec.model.credentialsSecretRef"
        return (
            f"the credentials of spec.model.credentialsSecretRef may not read {self.source} ({code}): they need "
            "s3:ListBucket on the bucket and s3:GetObject on its objects"
        )

    def _unreachable(self, why: str) -> FactsError:
        message = f"the object store {self._where} cannot be read now: {why}"
        return FactsError(Reason.HUB_UNREACHABLE, message, is_permanent=False)
