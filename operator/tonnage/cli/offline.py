"""Facts of a model from its config.json and the small files beside it, if any: no hub, no weight headers.

What the headers would have said is counted from the config instead, and every such thing is told in a note. A commit
cannot be known either: a digest of the config stands for it, unless the spec names one.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.model_files import CONFIG
from tonnage.facts.config import MAX_JSON_BYTES, json_object
from tonnage.facts.errors import unusable
from tonnage.facts.model import Beside, ModelReading, model_facts
from tonnage.facts.shape import Shape, pooled, shape
from tonnage.facts.source import Source
from tonnage.facts.weights import Weights
from tonnage.memory.setup import Setup, run
from tonnage.memory.weights import checkpoint_bytes

_COMMIT = re.compile(r"[0-9a-f]{40}")
_COMMIT_DIGITS = 40
_ELEMENT_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}
# Of a config that names no type: what most checkpoints are in.
_ASSUMED_DTYPE = "bfloat16"
# Stands for all weight files, so that a download is planned for.
_WEIGHTS_FILE = "model.safetensors"


@dataclass(frozen=True)
class OfflineFacts:
    """Facts, and a sentence for each that is not as certain as a hub's would be."""

    facts: ModelFacts
    notes: tuple[str, ...]


def read_config(path: Path) -> Mapping[str, Any]:
    """The config.json at `path`. Raises FactsError, permanent."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise unusable(f"{path} cannot be read: {error.strerror}") from error
    return json_object(str(path), content)


def read_beside(path: Path) -> Beside:
    """What the files beside a config.json say, where it is called so: of another name, they are not its own.

    Raises FactsError, permanent.
    """
    if path.name != CONFIG:
        return Beside()
    # Here, because chat templates bring an engine of their own, and most configs are alone.
    from tonnage.cli.folder import Folder, file_sizes  # noqa: PLC0415
    from tonnage.facts.reading import beside  # noqa: PLC0415

    folder = path.parent
    try:
        return beside(str(folder), Folder(folder), file_sizes(folder))
    except OSError as error:
        raise unusable(f"{folder} cannot be read: {error}") from error


def offline_facts(
    source: Source,
    requested_revision: str,
    config: Mapping[str, Any],
    weights_bytes: int | None = None,
    *,
    files: Beside | None = None,
) -> OfflineFacts:
    """The facts of a model with this config; `weights_bytes` None are counted. Raises FactsError, permanent."""
    model = shape(config)
    if files is not None and files.pooling is not None:
        model = pooled(model, files.pooling.kind)
    dtype = model.dtype or _ASSUMED_DTYPE
    notes = [] if model.dtype else [f"The config names no type of weights: {dtype} was assumed."]
    notes += [f"The config does not tell: {unknown}." for unknown in model.unknown]
    size_bytes = weights_bytes
    if size_bytes is None:
        size_bytes = counted_weights_bytes(model, dtype)
        notes.append("The weights were counted from the config: --weights-bytes takes the files' size.")
    # Packed weights have fewer elements than parameters, and nothing counts their elements.
    is_counted = weights_bytes is None or model.quantization is not None or dtype not in _ELEMENT_BYTES
    elements = model.parameters if is_counted else size_bytes // _ELEMENT_BYTES[dtype]
    facts = model_facts(
        ModelReading(
            source,
            {_WEIGHTS_FILE: size_bytes},
            config,
            Weights(elements, size_bytes, Counter({dtype: size_bytes})),
            files or Beside(),
        ),
        requested_revision=requested_revision,
        commit=_commit(requested_revision, config),
    )
    if facts.commit != requested_revision:
        notes.append(f"No hub was asked: {facts.commit[:12]} is a digest of the config, not the model's commit.")
    return OfflineFacts(facts, tuple(notes))


def counted_weights_bytes(model: Shape, dtype: str) -> int:
    """Bytes of a checkpoint, from the shape of its model: the one place where weights are not read but counted.

    A quantized checkpoint's scales and zeros are in it. Against real checkpoints see the scores of `tonnage.memory`.
    """
    return checkpoint_bytes(run(Setup(gpu=None, memory_bytes=0, dtype=dtype), model).share)


def _commit(requested_revision: str, config: Mapping[str, Any]) -> str:
    if _COMMIT.fullmatch(requested_revision):
        return requested_revision
    text = json.dumps(config, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_COMMIT_DIGITS]
