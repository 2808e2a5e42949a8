"""Facts from a config.json alone: what is counted, what is assumed, and that both are said."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CONFIGS
from tests.support.pooling_models import FOLDER
from tonnage.cli.offline import OfflineFacts, offline_facts, read_beside, read_config
from tonnage.contract.serve_document import Task
from tonnage.facts.source import parse_source

SOURCE = parse_source("hf://org/name")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


# facts.model wants numbers that these leave to their families' defaults.
SMOLLM2 = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
}


def config_of(name: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((CONFIGS / f"{name}.json").read_text())
    return config


def known(weights_bytes: int | None = None, revision: str = "main", **changes: Any) -> OfflineFacts:
    return offline_facts(SOURCE, revision, SMOLLM2 | changes, weights_bytes)


# The sums of the checkpoints' tensors, by the header of the one's file and the index of the other's.
@pytest.mark.parametrize(
    ("config", "parameters", "weights_bytes"),
    [
        pytest.param(SMOLLM2, 134_515_008, 269_030_016, id="tied"),
        pytest.param(config_of("Qwen__Qwen2.5-7B-Instruct"), 7_615_616_512, 15_231_233_024, id="untied"),
    ],
)
def test_weights_of_a_plain_checkpoint_are_counted_to_the_byte(
    config: dict[str, Any], parameters: int, weights_bytes: int
) -> None:
    facts = offline_facts(SOURCE, "main", config).facts
    assert (parameters, weights_bytes, "bfloat16") == (facts.parameters, facts.weights_bytes, facts.weights_dtype)


def test_given_weights_are_taken_at_their_word() -> None:
    found = known(1_000_000)
    assert (1_000_000, 500_000) == (found.facts.weights_bytes, found.facts.parameters)
    assert not any("counted" in note for note in found.notes)


def test_counted_weights_are_said_to_be() -> None:
    assert any("counted from the config" in note for note in known().notes)


def test_a_type_that_the_config_does_not_name_is_said_to_be_assumed() -> None:
    found = known(torch_dtype=None)
    assert "bfloat16" == found.facts.weights_dtype
    assert "The config names no type of weights: bfloat16 was assumed." in found.notes


def test_a_commit_that_is_asked_for_is_kept_and_a_branch_gets_a_digest() -> None:
    pinned, branch = known(revision=COMMIT), known()
    assert COMMIT == pinned.facts.commit
    assert any(branch.facts.commit[:12] in note for note in branch.notes)


@pytest.mark.parametrize(
    "path",
    sorted(CONFIGS.glob("*.json")),
    ids=lambda path: path.stem,
)
def test_a_config_is_enough_for_facts(path: Path) -> None:
    assert offline_facts(SOURCE, "main", json.loads(path.read_text())).facts.weights_bytes


def test_the_files_beside_a_config_say_what_the_model_is_for() -> None:
    path = FOLDER / "Qwen__Qwen3-Embedding-8B" / "config.json"
    alone = offline_facts(SOURCE, "main", read_config(path)).facts
    beside = offline_facts(SOURCE, "main", read_config(path), files=read_beside(path)).facts
    assert (Task.GENERATE, Task.EMBED) == (alone.task, beside.task)
    # Its head is not loaded.
    assert 151_665 * 4096 == alone.parameters - beside.parameters


def test_the_files_beside_a_config_of_another_name_are_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("this is not read")
    assert read_beside(tmp_path / "small.json").pooling is None
