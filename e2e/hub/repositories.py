"""The models of the test hub, as one table. Every repository has two commits, on the branches `main` and `v1`.

Most of them are one real model under several names: what differs is who may read it, and how fast. Of others there is
only the config, with as many zeros as the model has weights.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from e2e.hub.bert import embedding_model, reranker
from e2e.hub.files import File
from e2e.hub.weights import BYTES_PER_ELEMENT, Shapes, data_bytes, header, llama_shapes, shards

SMOLLM = "SmolLM2-135M-Instruct"
MAIN_COMMIT = "12fd25f77366fa6b3b4b768ec3050bf629380bac"
V1_COMMIT = "7e27bd9f95328f0f3b08261d1252705110c806f8"

# The hub knows two accounts: a member may read everything, a stranger (who accepted no terms) what is public.
MEMBER_TOKEN = "hf_e2e_good"  # noqa: S105 # it opens nothing but this hub
STRANGER_TOKEN = "hf_e2e_stranger"  # noqa: S105

SLOW_BYTES_PER_SECOND = 5_000_000
# More than the small disk of the test that fills one.
FULL_BYTES = 3 * 2**30
SHARD_BYTES = 5 * 10**9

TINY_LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "dtype": "bfloat16",
    "hidden_size": 64,
    "intermediate_size": 128,
    "max_position_embeddings": 512,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "vocab_size": 100,
}
LLAMA_70B: dict[str, Any] = {
    **TINY_LLAMA,
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "max_position_embeddings": 131072,
    "num_attention_heads": 64,
    "num_hidden_layers": 80,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
}
MAMBO = {**TINY_LLAMA, "architectures": ["MamboForCausalLM"], "model_type": "mambo"}

Files = Mapping[str, File]


class Access(Enum):
    """Who may read a repository."""

    PUBLIC = "public"
    # Everybody sees that it exists and what is in it; its files are for members.
    GATED = "gated"
    # For others it does not exist.
    PRIVATE = "private"


@dataclass
class Repository:
    """One model; its branches can be moved."""

    id: str
    files: Files
    access: Access = Access.PUBLIC
    weights_bytes_per_second: int | None = None
    branches: dict[str, str] = field(default_factory=lambda: {"main": MAIN_COMMIT, "v1": V1_COMMIT})
    commits: set[str] = field(default_factory=lambda: {MAIN_COMMIT, V1_COMMIT})

    def commit(self, revision: str) -> str | None:
        """What a branch points to now, or a commit itself."""
        return self.branches.get(revision, revision if revision in self.commits else None)

    def move(self, branch: str, commit: str) -> None:
        """Let a branch point to a commit, which is made if need be, with the same files."""
        self.commits.add(commit)
        self.branches[branch] = commit


def repositories(model: Path) -> dict[str, Repository]:
    """All of them by id; `model` is the folder of the real one."""
    smollm = {path.name: File.at(path) for path in sorted(model.iterdir())}
    mambo_weights = _weights(llama_shapes(MAMBO))
    table = (
        Repository(f"HuggingFaceTB/{SMOLLM}", smollm),
        Repository(f"private/{SMOLLM}", smollm, Access.PRIVATE),
        Repository(f"gated/{SMOLLM}", smollm, Access.GATED),
        Repository(f"slow/{SMOLLM}", smollm, weights_bytes_per_second=SLOW_BYTES_PER_SECOND),
        Repository(f"full/{SMOLLM}", {**smollm, "model.safetensors": _inflated(smollm["model.safetensors"])}),
        Repository("tiny/embedding", embedding_model()),
        Repository("tiny/reranker", reranker()),
        Repository("large/Llama-70B", _sharded(LLAMA_70B)),
        Repository("broken/pickle-only", {**_config(TINY_LLAMA), "pytorch_model.bin": File(1000)}),
        Repository("broken/unknown-architecture", {**_config(MAMBO), "model.safetensors": mambo_weights}),
        Repository("broken/no-config", {"model.safetensors": mambo_weights}),
    )
    return {repository.id: repository for repository in (*table, *_families())}


def _families() -> Iterator[Repository]:
    """Models of which only the config is real: enough to plan them, and nobody downloads what fake nodes run."""
    for name, model in json.loads(Path(__file__).with_name("families.json").read_text()).items():
        elements = model["weightsBytes"] // BYTES_PER_ELEMENT
        yield Repository(name, {**_config(model["config"]), "model.safetensors": _weights({"all": (elements,)})})


def _config(config: Mapping[str, Any]) -> dict[str, File]:
    return {"config.json": File.of_text(json.dumps(config, indent=2))}


def _weights(shapes: Shapes) -> File:
    """All zeros behind a true header."""
    start = header(shapes)
    return File(len(start) + data_bytes(shapes), start=start)


def _inflated(weights: File) -> File:
    """The same header, so that the plan is the small model's, and far more bytes than it says."""
    length = 8 + int.from_bytes(b"".join(weights.chunks(0, 8)), "little")
    return File(FULL_BYTES, start=b"".join(weights.chunks(0, length)))


def _sharded(config: Mapping[str, Any]) -> Files:
    groups = list(shards(llama_shapes(config), SHARD_BYTES))
    names = [f"model-{number:05}-of-{len(groups):05}.safetensors" for number in range(1, len(groups) + 1)]
    index = {
        "metadata": {"total_size": sum(map(data_bytes, groups))},
        "weight_map": {tensor: name for name, group in zip(names, groups, strict=True) for tensor in group},
    }
    return {
        **_config(config),
        "model.safetensors.index.json": File.of_text(json.dumps(index)),
        **{name: _weights(group) for name, group in zip(names, groups, strict=True)},
    }
