"""A config.json in one short string, as ModelFacts carry it: JSON without spaces, zlib, base64.

A plan must be made again from what was pinned, whether or not the hub can be reached, and it needs the whole config: a
digest of it would have to foresee every family. Half of them take 600 bytes so; the largest seen, with the names of
thousands of modules, 5,000.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any

from tonnage.facts.config import MAX_JSON_BYTES as _MAX_BYTES

# What the contract has room for; ten times the largest seen.
_MAX_PACKED = 2**16


def packed(config: Mapping[str, Any]) -> str:
    """The config as one string; the same config gives the same string. Raises ValueError for one that is too large."""
    content = json.dumps(config, separators=(",", ":"), sort_keys=True).encode()
    text = base64.b64encode(zlib.compress(content, level=9)).decode()
    if len(content) > _MAX_BYTES or len(text) > _MAX_PACKED:
        raise ValueError(f"it has {len(content):,} bytes, {len(text):,} packed; {_MAX_PACKED:,} are the most")
    return text


def unpacked(text: str) -> Mapping[str, Any]:
    """The config in a string that `packed` made. Raises ValueError for any other."""
    try:
        # A few kilobytes may unpack to gigabytes.
        decompressor = zlib.decompressobj()
        content = decompressor.decompress(base64.b64decode(text, validate=True), _MAX_BYTES)
        if not decompressor.eof:
            raise ValueError(f"not a packed config: more than {_MAX_BYTES:,} bytes, or cut off")
        config = json.loads(content)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"not a packed config: {error}") from error
    if not isinstance(config, dict):
        raise ValueError("not a packed config: no JSON object")  # noqa: TRY004 # as its docstring says
    return config
