"""What the pinned engine knows by name: architectures by the task they serve, and model types whose config it can read.

The names come from the engine's own wheels (`tests/facts/engine_names.py` writes the file), so that nothing here needs
the engine. A name on the list is necessary, not sufficient: the engine may still refuse a device or a quantization, and
the files of a model may say that it embeds whatever its name says (`facts.pooling`).
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from tonnage.contract.serve_document import Task

_GENERATING = ("ForCausalLM", "ForConditionalGeneration", "ChatModel", "LMHeadModel")
# Names that the engine makes of a generating one with a pooler in place of its head (config/model.py,
# _SUFFIX_TO_DEFAULTS; models/registry.py, _normalize_arch).
_CONVERTED = (
    ("ForSequenceClassification", Task.CLASSIFY),
    ("ForTextEncoding", Task.EMBED),
    ("EmbeddingModel", Task.EMBED),
    ("Model", Task.EMBED),
)


def task(architecture: str) -> Task | None:
    """What the engine serves `architecture` for, or None if it does not know it."""
    by_task = _names()["architectures"]
    # In the order of the enum: some names serve several tasks, and generating is the one people mean.
    named = next((each for each in Task if architecture in by_task[each]), None)
    return named or next((each for suffix, each in _CONVERTED if _is_converted(architecture, suffix)), None)


def has_config(model_type: str) -> bool:
    """Whether the engine can read this type's config.json without code from the model's repository."""
    return model_type in _names()["modelTypes"]


def has_pipeline(architecture: str) -> bool:
    """Whether the engine can divide its layers among pipeline stages."""
    return architecture not in _names()["withoutPipeline"]


def engine() -> str:
    """The engine the names are of, for messages: `vLLM 0.29.0`."""
    return f"vLLM {_names()['vllm']}"


def _is_converted(architecture: str, suffix: str) -> bool:
    base = architecture.removesuffix(suffix)
    generating = _names()["architectures"][Task.GENERATE]
    return base != architecture and any(base + ending in generating for ending in _GENERATING)


@cache
def _names() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(__file__).with_name("engine_names.json").read_text())
    document["architectures"] = {task: frozenset(document["architectures"][task.lower()]) for task in Task}
    document["modelTypes"] = frozenset(document["modelTypes"])
    return document
