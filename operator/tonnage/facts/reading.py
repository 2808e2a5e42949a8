"""What to read of a model, in which order, wherever it is: config, the headers of its weights, a few small files.

A `Files` does the reading; a hub's and a folder's differ in nothing else. Of a weight file it is never asked for more
than the first bytes.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

from tonnage.contract.model_files import CONFIG, MODULES, SENTENCE_CONFIGS, TOKENIZER_CONFIG
from tonnage.facts.card import MAX_BYTES as _MAX_CARD_BYTES
from tonnage.facts.card import README, Card, card, front_matter
from tonnage.facts.chat_template import JINJA_FILE, JSON_FILE, handles_tools
from tonnage.facts.chat_template import MAX_BYTES as _MAX_TEMPLATE_BYTES
from tonnage.facts.config import MAX_JSON_BYTES, json_list, json_object
from tonnage.facts.left_out import LeftOut, left_out
from tonnage.facts.model import Beside, ModelReading
from tonnage.facts.pooling import Pooling, pooling, pooling_config
from tonnage.facts.source import Source
from tonnage.facts.weights import LENGTH_BYTES, Weights, chosen_weights, header_bytes, weights

# Most headers are shorter; a longer one takes a second read.
_FIRST_READ_BYTES = 100_000

WeightsReader = Callable[[str], Weights]


class Files(Protocol):
    """The files of one model at one commit."""

    def read(self, name: str, limit: int) -> bytes:
        """The first `limit` bytes of a file, or all of a shorter one. Raises FactsError."""


def model_reading(
    source: Source,
    files: Files,
    sizes: Mapping[str, int],
    for_each: Callable[[WeightsReader, tuple[str, ...]], Iterable[Weights]] = map,
) -> ModelReading:
    """Everything that facts need of these files; `for_each` may read weight files in parallel. Raises FactsError."""
    where = str(source)
    chosen = chosen_weights(where, sizes)
    config = _json_object(where, files, CONFIG)
    found = beside(where, files, sizes)
    is_left_out = left_out(config, is_pooled=found.pooling is not None)
    parts = for_each(lambda name: _weights(f"{name} of {where}", files, name, is_left_out), chosen)
    return ModelReading(
        source=source,
        sizes=sizes,
        config=config,
        weights=sum(parts, start=Weights()),
        beside=found,
    )


def beside(where: str, files: Files, names: Collection[str]) -> Beside:
    """What the small files among these say. Raises FactsError."""
    tokenizer_config = _json_object(where, files, TOKENIZER_CONFIG) if TOKENIZER_CONFIG in names else {}
    template = _template_file(where, files, names) or tokenizer_config.get("chat_template")
    return Beside(
        tokenizer_config=tokenizer_config,
        has_chat_template=bool(template),
        handles_tools=handles_tools(template) if template else None,
        sentence_config=_sentence_config(where, files, names),
        pooling=_pooling(where, files, names),
    )


def read_card(files: Files, sizes: Collection[str]) -> Card:
    """The card in a model's README.md, for where no hub has read it; empty where there is none."""
    return card(front_matter(files.read(README, _MAX_CARD_BYTES))) if README in sizes else Card()


def _template_file(where: str, files: Files, sizes: Collection[str]) -> object:
    """The template in a file of its own, in the order in which transformers looks for it."""
    if JINJA_FILE in sizes:
        # One more than may be parsed: what was cut off is another program.
        return files.read(JINJA_FILE, _MAX_TEMPLATE_BYTES + 1).decode(errors="replace")
    return _json_object(where, files, JSON_FILE).get("chat_template") if JSON_FILE in sizes else None


def _sentence_config(where: str, files: Files, sizes: Collection[str]) -> dict[str, Any]:
    found = next((name for name in SENTENCE_CONFIGS if name in sizes), None)
    return _json_object(where, files, found) if found else {}


def _pooling(where: str, files: Files, names: Collection[str]) -> Pooling | None:
    if MODULES not in names:
        return None
    modules = json_list(f"{MODULES} of {where}", files.read(MODULES, MAX_JSON_BYTES + 1))
    name = pooling_config(where, modules, names)
    return None if name is None else pooling(_json_object(where, files, name))


def _json_object(where: str, files: Files, name: str) -> dict[str, Any]:
    return json_object(f"{name} of {where}", files.read(name, MAX_JSON_BYTES + 1))


def _weights(where: str, files: Files, name: str, is_left_out: LeftOut) -> Weights:
    start = files.read(name, _FIRST_READ_BYTES)
    end = LENGTH_BYTES + header_bytes(where, start)
    if end > len(start):
        start = files.read(name, end)
    return weights(where, start[LENGTH_BYTES:end], is_left_out)
