"""Two models that do not generate, as small as a BERT can be: one gives vectors, the other scores pairs of texts.

Their weights are made up, always the same ones, so what they say means nothing; that it has the right shape and follows
from the text does. The tokenizer spells: a letter is a token, so no vocabulary is needed.
"""

import json
import random
import struct
from collections.abc import Iterator
from string import ascii_lowercase, digits
from typing import Any

from e2e.hub.files import File
from e2e.hub.weights import Shapes, header

VECTOR_SIZE = 64
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_LETTERS = ascii_lowercase + digits
_VOCABULARY = (*_SPECIAL, *_LETTERS, *(f"##{letter}" for letter in _LETTERS))
_CONFIG: dict[str, Any] = {
    "dtype": "bfloat16",
    "hidden_act": "gelu",
    "hidden_size": VECTOR_SIZE,
    "intermediate_size": 2 * VECTOR_SIZE,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bert",
    # Kernels for CPUs know no head smaller than 32.
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
    "vocab_size": len(_VOCABULARY),
}


def embedding_model() -> dict[str, File]:
    """A sentence-transformers repository: the mean of the tokens' vectors, normalized."""
    kind = "sentence_transformers.models"
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{kind}.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{kind}.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{kind}.Normalize"},
    ]
    pooling = {"word_embedding_dimension": VECTOR_SIZE, "pooling_mode_mean_tokens": True}
    return {
        **_model({**_CONFIG, "architectures": ["BertModel"]}, _shapes("")),
        "modules.json": _json(modules),
        "1_Pooling/config.json": _json(pooling),
    }


def reranker() -> dict[str, File]:
    """A cross-encoder with one class."""
    shapes = {
        **_shapes("bert."),
        "bert.pooler.dense.weight": (VECTOR_SIZE, VECTOR_SIZE),
        "bert.pooler.dense.bias": (VECTOR_SIZE,),
        "classifier.weight": (1, VECTOR_SIZE),
        "classifier.bias": (1,),
    }
    return _model({**_CONFIG, "architectures": ["BertForSequenceClassification"], "id2label": {"0": "LABEL_0"}}, shapes)


def _model(config: dict[str, Any], shapes: Shapes) -> dict[str, File]:
    content = header(shapes) + b"".join(_numbers(shapes))
    return {
        "config.json": _json(config),
        "tokenizer.json": _json(_tokenizer()),
        "tokenizer_config.json": _json(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": 512,
                "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
                **{f"{name.strip('[]').lower()}_token": name for name in _SPECIAL},
            }
        ),
        "model.safetensors": File(len(content), start=content),
    }


def _shapes(prefix: str) -> dict[str, tuple[int, ...]]:
    hidden, inner = _CONFIG["hidden_size"], _CONFIG["intermediate_size"]
    linear = {
        "attention.self.query": (hidden, hidden),
        "attention.self.key": (hidden, hidden),
        "attention.self.value": (hidden, hidden),
        "attention.output.dense": (hidden, hidden),
        "intermediate.dense": (inner, hidden),
        "output.dense": (hidden, inner),
    }
    layer: dict[str, tuple[int, ...]] = {}
    for name, shape in linear.items():
        layer |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in ("attention.output.LayerNorm", "output.LayerNorm"):
        layer |= {f"{name}.weight": (hidden,), f"{name}.bias": (hidden,)}
    found: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (_CONFIG["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": (_CONFIG["max_position_embeddings"], hidden),
        "embeddings.token_type_embeddings.weight": (_CONFIG["type_vocab_size"], hidden),
        "embeddings.LayerNorm.weight": (hidden,),
        "embeddings.LayerNorm.bias": (hidden,),
    }
    for number in range(_CONFIG["num_hidden_layers"]):
        found |= {f"encoder.layer.{number}.{part}": shape for part, shape in layer.items()}
    return {f"{prefix}{name}": shape for name, shape in found.items()}


def _numbers(shapes: Shapes) -> Iterator[bytes]:
    """Tensor by tensor in bfloat16, which is the upper half of a float32."""
    made_up = random.Random(0)  # noqa: S311 # not a secret
    for name, shape in shapes.items():
        middle = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        yield b"".join(struct.pack("<f", made_up.gauss(middle, 0.1))[2:] for _ in range(count))


def _tokenizer() -> dict[str, Any]:
    ids = {token: number for number, token in enumerate(_VOCABULARY)}

    def special(token: str, kind: int) -> dict[str, Any]:
        return {"SpecialToken": {"id": token, "type_id": kind}}

    first = [special("[CLS]", 0), {"Sequence": {"id": "A", "type_id": 0}}, special("[SEP]", 0)]
    second = [{"Sequence": {"id": "B", "type_id": 1}}, special("[SEP]", 1)]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": ids[token], "content": token, **flags} for token in _SPECIAL],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": first,
            "pair": [*first, *second],
            "special_tokens": {
                token: {"id": token, "ids": [ids[token]], "tokens": [token]} for token in ("[CLS]", "[SEP]")
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": ids,
        },
    }


def _json(document: object) -> File:
    return File.of_text(json.dumps(document, indent=2))
