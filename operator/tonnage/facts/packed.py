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

# A few kilobytes may unpack to gigabytes.
_MAX_BYTES = 4 * 2**20


def packed(config: Mapping[str, Any]) -> str:
    """The config as one string; the same config gives the same string."""
    text = json.dumps(config, separators=(",", ":"), sort_keys=True)
    return base64.b64encode(zlib.compress(text.encode(), level=9)).decode()


def unpacked(text: str) -> Mapping[str, Any]:
    """The config in a string that `packed` made. Raises ValueError for any other."""
    try:
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
