"""One way to ask a config.json for a number, whatever its family calls it.

Families name the same thing differently, and models of several parts keep the text decoder's numbers in a nested
object. A new family is a new name in one of these tuples; they hold what the pinned engine looks for. A number that
nobody can find is an error, never a guess: a guessed number becomes a wrong plan.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tonnage.facts.errors import unusable
from tonnage.facts.spelling import spelled

LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
HIDDEN_SIZE = ("hidden_size", "n_embd", "d_model")
ATTENTION_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
KV_HEADS = (
    "n_head_kv",
    "num_kv_heads",
    "num_key_value_heads",
    "kv_n_heads",
    "multi_query_group_num",
    "num_attention_groups",
)
HEAD_DIM = ("head_dim", "hidden_size_per_head", "attention_head_dim", "kv_channels")
VOCABULARY_SIZE = ("vocab_size", "padded_vocab_size")
CONTEXT_LENGTH = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_target_positions",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)

# The largest config.json seen has 74,000, the largest tokenizer_config.json a million.
MAX_JSON_BYTES = 4 * 2**20
# The deepest seen has 6. Deeper ones end what walks through them, or writes them out, in the middle.
_DEEPEST = 32
# Decoders that see all tokens whatever their config says (vLLM models/config.py, MODELS_CONFIG_MAP).
_SEE_ALL = (
    "DeepseekV3BidirectionalModel",
    "JinaEmbeddingsV5Model",
    "LlamaBidirectionalForSequenceClassification",
    "LlamaBidirectionalModel",
    "LlamaNemotronVLForSequenceClassification",
    "LlamaNemotronVLModel",
    "VoyageQwen3BidirectionalEmbedModel",
)

_TEXT_PARTS = ("text_config", "llm_config", "language_config")


@dataclass(frozen=True)
class Config:
    """A config.json: the whole, and the part that describes the text decoder (the whole again, if it is flat)."""

    whole: Mapping[str, Any]
    text: Mapping[str, Any]

    @property
    def architecture(self) -> str:
        """The first of `architectures`; empty if there is none."""
        for part in (self.whole, self.text):
            match part.get("architectures"):
                case [str(first), *_]:
                    return first
        return ""

    @property
    def model_type(self) -> str:
        """The family's name, or empty."""
        return str(self.whole.get("model_type") or "")

    @property
    def is_tied(self) -> bool | None:
        """Whether the output head is the input embedding; None where it is not said."""
        # The whole of an Omni model ties nothing: what speaks and what thinks have answers of their own.
        inner = self.whole.get("thinker_config")
        parts = (inner if isinstance(inner, Mapping) else self.whole, self.text)
        given = (part.get("tie_word_embeddings") for part in parts)
        return next((value for value in given if isinstance(value, bool)), None)

    def positive(self, names: tuple[str, ...]) -> int | None:
        """The first of these that is a positive whole number."""
        return next(self.all_positive(names), None)

    def all_positive(self, names: tuple[str, ...]) -> Iterator[int]:
        """All of these that are positive whole numbers, in this order."""
        for name in names:
            value = self.text.get(name)
            # A bool is an int to Python, and no number here.
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                yield value

    @property
    def labels(self) -> int:
        """Outputs of a classifier, by transformers' rule: two where the config does not say."""
        for part in (self.whole, self.text):
            names, number = part.get("id2label"), part.get("num_labels")
            if isinstance(names, Mapping):
                return len(names)
            if isinstance(number, int):
                return number
        return 2

    @property
    def is_causal(self) -> bool:
        """Whether a token sees only those before it; decoders turned into embedding models may see all.

        vLLM models/config.py sets the same for these names; Gemma 3 has a switch of its own.
        """
        return (
            self.architecture not in _SEE_ALL
            and self.text.get("is_causal") is not False
            and self.text.get("use_bidirectional_attention") is not True
        )

    @property
    def quantization(self) -> str | None:
        """The method the checkpoint was quantized with, as the engine calls it."""
        for part in (self.whole, self.text):
            for name in ("quantization_config", "compression_config"):
                section = part.get(name)
                if isinstance(section, Mapping) and section:
                    method = section.get("quant_method") or section.get("quant_algo") or "unknown"
                    return str(method).lower().replace("compressed_tensors", "compressed-tensors")
        return None


def config(document: Mapping[str, Any]) -> Config:
    """The reader of one parsed config.json. Raises FactsError for one that nobody can read to its end."""
    _refuse_nesting(document)
    # Qwen's Omni models keep the part that hears, sees and writes in a section of its own.
    inner = document.get("thinker_config")
    sections = (document, inner) if isinstance(inner, Mapping) else (document,)
    parts = (section.get(name) for section in sections for name in _TEXT_PARTS)
    text = next((part for part in parts if isinstance(part, Mapping) and part), document)
    return Config(document, spelled(text))


def json_object(where: str, content: bytes) -> dict[str, Any]:
    """The object in a file, of which `content` is all, or one byte more than may be. Raises FactsError."""
    document = _json(where, content)
    if not isinstance(document, dict):
        raise unusable(f"{where} is not a JSON object")
    return document


def json_list(where: str, content: bytes) -> list[Any]:
    """The list in a file, with the same bound. Raises FactsError."""
    document = _json(where, content)
    if not isinstance(document, list):
        raise unusable(f"{where} is not a JSON list")
    return document


def _json(where: str, content: bytes) -> Any:  # noqa: ANN401 # JSON written by anybody
    if len(content) > MAX_JSON_BYTES:
        raise unusable(f"{where} is larger than {MAX_JSON_BYTES:,} bytes")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise unusable(f"{where} cannot be read as JSON: {error}") from error


def _refuse_nesting(document: Mapping[str, Any]) -> None:
    for name, value in document.items():
        level = [value]
        for _ in range(_DEEPEST):
            level = [child for one in level for child in _children(one)]
        if level:
            raise unusable(f"the config.json makes no sense: {name} is nested more than {_DEEPEST} deep")


def _children(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()
