"""S3's protocol, as far as reading needs it: a bucket's listing, and objects by range and ETag, for signed requests.

The bucket `models` is for the holder of one key, `open` for everybody; both hold every repository's files under its
id. Signatures are checked as AWS does (Signature Version 4 in the S3 API reference): a client that signs wrongly must
not pass here.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from e2e.hub.answers import Answer, RangeError, content, text
from e2e.hub.files import File
from e2e.hub.repositories import Repository

PRIVATE_BUCKET = "models"
OPEN_BUCKET = "open"
BUCKETS = (PRIVATE_BUCKET, OPEN_BUCKET)
KEY_ID = "AKIAE2E"
SECRET_KEY = "e2e/secret+key"  # noqa: S105 # it opens nothing but this hub
_ALGORITHM = "AWS4-HMAC-SHA256"
_MAX_KEYS = 1000


@dataclass(frozen=True)
class Request:
    """What was asked, as it was sent; header names are in title case."""

    method: str
    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """The path, still encoded."""
        return urlsplit(self.target).path

    @property
    def bucket(self) -> str:
        """The bucket that is asked, which is always in the path."""
        return self.path.strip("/").partition("/")[0]

    @property
    def is_signed(self) -> bool:
        """Whether somebody says who they are."""
        return self.headers.get("Authorization", "").startswith(_ALGORITHM)

    @property
    def query(self) -> list[tuple[str, str]]:
        """The parameters, decoded."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)


class StoreError(Exception):
    """An answer that is an error; clients tell the kinds apart by the code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


def answer(repositories: Mapping[str, Repository], request: Request) -> Answer:
    """The answer to GET or HEAD."""
    bucket, key = request.bucket, unquote(request.path).strip("/").partition("/")[2]
    subject = f"s3 {bucket}/{key}"
    try:
        _require_access(request)
        objects = {f"{each.id}/{name}": file for each in repositories.values() for name, file in each.files.items()}
        if not key:
            return _listing(subject, bucket, objects, dict(request.query))
        return _object(subject, objects.get(key), request.headers)
    except StoreError as error:
        body = f"<Error><Code>{error.code}</Code><Message>{error.code}</Message></Error>"
        return text(error.status, subject, body, "application/xml")


def _object(subject: str, file: File | None, headers: Mapping[str, str]) -> Answer:
    if file is None:
        raise StoreError(404, "NoSuchKey")
    tag = f'"{file.etag}"'
    if headers.get("If-Match", tag) != tag:
        raise StoreError(412, "PreconditionFailed")
    try:
        return content(subject, file, {"ETag": tag}, headers.get("Range"))
    except RangeError as error:
        raise StoreError(416, "InvalidRange") from error


def _listing(subject: str, bucket: str, objects: Mapping[str, File], query: Mapping[str, str]) -> Answer:
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    after = query.get("continuation-token", "")
    below = sorted(key for key in objects if key.startswith(prefix) and key > after)
    direct = [key for key in below if not delimiter or delimiter not in key.removeprefix(prefix)]
    page, rest = direct[:_MAX_KEYS], direct[_MAX_KEYS:]
    folders = {prefix + key.removeprefix(prefix).partition("/")[0] + "/" for key in below if key not in direct}
    prefixes = "".join(
        f"<CommonPrefixes><Prefix>{escape(quote(each))}</Prefix></CommonPrefixes>" for each in sorted(folders)
    )
    rows = "".join(
        f"<Contents><Key>{escape(quote(key))}</Key><ETag>&quot;{objects[key].etag}&quot;</ETag>"
        f"<Size>{objects[key].size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for key in page
    )
    more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if rest else ""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
        f"<MaxKeys>{_MAX_KEYS}</MaxKeys><EncodingType>url</EncodingType>"
        f"<IsTruncated>{'true' if rest else 'false'}</IsTruncated>{more}{rows}{prefixes}</ListBucketResult>"
    )
    return text(200, subject, body, "application/xml")


def _require_access(request: Request) -> None:
    if request.bucket not in BUCKETS:
        raise StoreError(404, "NoSuchBucket")
    if not request.is_signed and request.bucket == OPEN_BUCKET:
        return
    if not request.is_signed:
        raise StoreError(403, "AccessDenied")
    signature = request.headers["Authorization"].removeprefix(_ALGORITHM)
    parts = dict(part.strip().split("=", 1) for part in signature.split(","))
    key_id, *scope = parts["Credential"].split("/")
    if key_id != KEY_ID:
        raise StoreError(403, "InvalidAccessKeyId")
    if not hmac.compare_digest(parts["Signature"], _signature(request, scope, parts["SignedHeaders"])):
        raise StoreError(403, "SignatureDoesNotMatch")


def _signature(request: Request, scope: list[str], signed: str) -> str:
    """What the request must be signed with, by the holder of SECRET_KEY."""
    query = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in request.query)
    asked = "\n".join(
        (
            request.method,
            request.path,
            "&".join(f"{name}={value}" for name, value in query),
            *(f"{name}:{' '.join(request.headers[name.title()].split())}" for name in signed.split(";")),
            "",
            signed,
            request.headers["X-Amz-Content-Sha256"],
        )
    )
    digest = hashlib.sha256(asked.encode()).hexdigest()
    to_sign = "\n".join((_ALGORITHM, request.headers["X-Amz-Date"], "/".join(scope), digest))
    key = f"AWS4{SECRET_KEY}".encode()
    for part in (*scope, to_sign):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()
