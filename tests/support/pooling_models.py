"""Embedding models and rerankers as their repositories are, with weights that are only a header of the right size."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tonnage.contract.model_facts import ModelFacts
from tonnage.facts.model import model_facts
from tonnage.facts.reading import model_reading
from tonnage.facts.shape import Role, shape
from tonnage.facts.source import parse_source

FOLDER = Path(__file__).parents[1] / "data" / "pooling_models"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = "model.safetensors"
_BYTES = {"float32": ("F32", 4), "bfloat16": ("BF16", 2), "float16": ("F16", 2)}


@dataclass(frozen=True)
class Repository:
    """The files of one model."""

    files: dict[str, bytes]

    def read(self, name: str, limit: int) -> bytes:
        return self.files[name][:limit]

    @property
    def sizes(self) -> dict[str, int]:
        return {name: len(content) for name, content in self.files.items()}


def repository(name: str) -> Repository:
    """A folder of `pooling_models` with a header for its weights."""
    folder = FOLDER / name
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.json")}
    read = shape(json.loads(files["config.json"]))
    dtype, size = _BYTES[read.dtype]
    head = sum(tensor.elements for tensor in read.last if tensor.role is Role.HEAD)
    begin, tensors = 0, {}
    for title, elements in (("model", read.parameters - head), ("lm_head.weight", head)):
        tensors[title] = {"dtype": dtype, "shape": [elements], "data_offsets": [begin, begin + size * elements]}
        begin += size * elements
    header = json.dumps(tensors).encode()
    return Repository({**files, WEIGHTS: len(header).to_bytes(8, "little") + header})


@cache
def facts_of(name: str) -> ModelFacts:
    return facts_of_repository(repository(name), f"hf://{name.replace('__', '/')}")


def facts_of_repository(files: Repository, source: str = "hf://org/model") -> ModelFacts:
    reading = model_reading(parse_source(source), files, files.sizes)
    return model_facts(reading, requested_revision=COMMIT, commit=COMMIT)
