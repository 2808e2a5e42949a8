"""What stands for a commit in a bucket, which has none: a digest of the objects that are the model.

The facts pod computes it, the pods of a revision again before they download: only if both agree do they fetch what was
planned. An ETag changes with an object's content, so the config and every weight are in the digest, unlike in that of a
claim's folder; and a download that asks for an object by its ETag can get no other.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tonnage.contract.model_files import is_module, needed_files

Pages = Callable[[str], Iterable[Mapping[str, Any]]]

# As long as a commit, which it stands for.
_DIGITS = 40


@dataclass(frozen=True)
class StoredObject:
    """One object; the ETag without its quotes."""

    size_bytes: int
    etag: str


def listed_objects(prefix: str, pages: Pages) -> Iterator[tuple[str, StoredObject]]:
    """The objects of a model by their names below its prefix: those directly there, and those of its modules.

    `pages` are the answers to ListObjectsV2 for a prefix, with `/` for delimiter. Both sides list by this: what one of
    them left out would change the digest.
    """
    yield from _below(prefix, prefix, pages)


def _below(prefix: str, folder: str, pages: Pages) -> Iterator[tuple[str, StoredObject]]:
    for page in pages(folder):
        for each in page.get("Contents", ()):
            # What consoles make for a folder has the prefix's own name.
            if name := str(each["Key"]).removeprefix(prefix):
                yield name, StoredObject(int(each["Size"]), str(each["ETag"]).strip('"'))
        for each in page.get("CommonPrefixes", ()):
            if is_module(str(each["Prefix"]).removeprefix(prefix).removesuffix("/")):
                yield from _below(prefix, str(each["Prefix"]), pages)


def objects_digest(objects: Mapping[str, StoredObject]) -> str:
    """40 hex digits for the objects that the model needs, by their names below its prefix.

    The repository's own code is always among them: whether it may run must not change what the model is.
    """
    needed = needed_files(objects, with_code=True)
    lines = (f"{name}\0{objects[name].size_bytes}\0{objects[name].etag}\n" for name in needed)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:_DIGITS]
