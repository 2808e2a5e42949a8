"""What a model's card says of it: licence, languages, task. Written by anybody, so all of it is bounded words.

A hub gives the card parsed, with tags beside it; a folder has only the README.md whose front matter is the card.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

README = "README.md"
# Front matter is at the start of it; the largest seen, with results of benchmarks, has 30,000 bytes.
MAX_BYTES = 2**16

_WORD = re.compile(r"[\w.+/ -]{1,64}", re.ASCII)
_LANGUAGE = re.compile(r"[\w-]{2,16}", re.ASCII)
_MOST_LANGUAGES = 32
_FENCE = re.compile(r"^---[ \t]*$", re.MULTILINE)
_LICENCE_TAG = "license:"
# Stands for one that only `license_name` names.
_OTHER_LICENCE = "other"


@dataclass(frozen=True)
class Card:
    """What is None, or missing from the list, the card does not say, or not in a word."""

    licence: str | None = None
    languages: tuple[str, ...] = ()
    hub_task: str | None = None


def card(metadata: Mapping[str, Any], tags: Iterable[str] = (), hub_task: object = None) -> Card:
    """The card with this front matter; `tags` and `hub_task` as a hub gives them beside it."""
    tagged = next((tag.removeprefix(_LICENCE_TAG) for tag in tags if tag.startswith(_LICENCE_TAG)), None)
    return Card(
        licence=_licence(metadata, tagged),
        languages=_languages(metadata.get("language")),
        hub_task=_word(hub_task) or _word(metadata.get("pipeline_tag")),
    )


def front_matter(readme: bytes) -> Mapping[str, Any]:
    """The YAML between the first two lines of dashes; empty where there is none that can be read."""
    # Here, because most sources never come with a README.
    import yaml  # noqa: PLC0415

    text = readme.decode(errors="replace").removeprefix("\ufeff").replace("\r\n", "\n")
    opening, *rest = _FENCE.split(text, maxsplit=2)
    if opening.strip() or len(rest) < 2:  # noqa: PLR2004
        return {}
    try:
        metadata = yaml.safe_load(rest[0])
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _licence(metadata: Mapping[str, Any], tagged: str | None) -> str | None:
    given = metadata.get("license")
    listed = given if isinstance(given, list) else [given]
    words = [word for word in (tagged, *map(_word, listed)) if word is not None and _word(word)]
    licence = next(iter(words), None)
    if licence in (None, _OTHER_LICENCE):
        return _word(metadata.get("license_name")) or licence
    return licence


def _languages(given: object) -> tuple[str, ...]:
    listed = given if isinstance(given, list) else [given]
    words = (word for word in listed if isinstance(word, str) and _LANGUAGE.fullmatch(word))
    return tuple(dict.fromkeys(words))[:_MOST_LANGUAGES]


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None
