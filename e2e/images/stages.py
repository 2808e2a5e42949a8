"""Splits a Dockerfile before its last stage: the slow part is built once and named, an edit builds the rest.

Engines keep layers too, but buildah reads all of a stage that another one copies from, to know that nothing changed:
minutes for 3 GB, at each edit.
"""

import re

STAGE = re.compile(r"^FROM\s", re.MULTILINE | re.IGNORECASE)


def heavy_part(dockerfile: str) -> str:
    """All stages but the last."""
    return dockerfile[: _last_stage(dockerfile)].rstrip() + "\n"


def thin_part(dockerfile: str, base: str) -> str:
    """The last stage, on top of the image `base`."""
    _, _, rest = dockerfile[_last_stage(dockerfile) :].partition("\n")
    return f"FROM {base}\n{rest}"


def _last_stage(dockerfile: str) -> int:
    return [match.start() for match in STAGE.finditer(dockerfile)][-1]
