"""What the pinned engine knows by name: architectures by the task they serve, and model types whose config it can read.

The names come from the engine's own wheels (`tests/facts/engine_names.py` writes the file), so that nothing here needs
the engine. A name on the list is necessary, not sufficient: the engine may still refuse a device or a quantization.
"""

import json
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any


class Task(StrEnum):
    """What a model is for; the values are the file's."""

    GENERATE = "generate"
    EMBED = "embed"
    CLASSIFY = "classify"


def task(architecture: str) -> Task | None:
    """What the engine serves `architecture` for, or None if it does not know it."""
    by_task = _names()["architectures"]
    # In the order of the enum: some names serve several tasks, and generating is the one people mean.
    return next((each for each in Task if architecture in by_task[each]), None)


def has_config(model_type: str) -> bool:
    """Whether the engine can read this type's config.json without code from the model's repository."""
    return model_type in _names()["modelTypes"]


def engine() -> str:
    """The engine the names are of, for messages: `vLLM 0.29.0`."""
    return f"vLLM {_names()['vllm']}"


@cache
def _names() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(__file__).with_name("engine_names.json").read_text())
    document["architectures"] = {task: frozenset(names) for task, names in document["architectures"].items()}
    document["modelTypes"] = frozenset(document["modelTypes"])
    return document
