"""The command `tonnage estimate`: a list of set-ups in, a list of estimates out."""

import json
from pathlib import Path
from typing import Any

from tonnage.cli import main

CONFIGS = Path(__file__).parents[1] / "data" / "model_configs"
LLAMA = str(CONFIGS / "meta-llama__Llama-3.1-8B-Instruct.json")


def answers(tmp_path: Path, *setups: dict[str, Any]) -> list[dict[str, Any]]:
    source, target = tmp_path / "in.json", tmp_path / "out.json"
    source.write_text(json.dumps(setups))
    assert main(["estimate", str(source), str(target)]) == 0
    return json.loads(target.read_text())


def test_a_set_up_of_defaults_is_answered(tmp_path: Path) -> None:
    [answer] = answers(tmp_path, {"id": "one", "config": LLAMA, "gpu": None, "gpu_mem_gib": 79.19})
    assert set(answer) == {"id", "weights_bytes", "kv_cache_bytes", "kv_cache_tokens", "starts"}
    assert (answer["id"], answer["starts"]) == ("one", True)


def test_measured_weights_are_taken_as_they_are(tmp_path: Path) -> None:
    case = {"config": LLAMA, "gpu": "H100", "gpu_mem_gib": 79.19, "vllm_version": "0.29.0"}
    first, second = answers(tmp_path, {**case, "id": "own"}, {**case, "id": "given", "weights_bytes": 10**10})
    assert second["weights_bytes"] == 10**10
    assert first["kv_cache_bytes"] + first["weights_bytes"] == second["kv_cache_bytes"] + second["weights_bytes"]


def test_what_does_not_start_has_a_reason(tmp_path: Path) -> None:
    [answer] = answers(tmp_path, {"id": "small", "config": LLAMA, "gpu": "T4", "gpu_mem_gib": 14.56})
    assert answer["starts"] is False
    assert "GiB" in answer["reason"]


def test_a_config_that_cannot_be_read_is_an_answer_too(tmp_path: Path) -> None:
    absent, broken = str(tmp_path / "absent.json"), tmp_path / "broken.json"
    broken.write_text("[1]")
    found = answers(
        tmp_path,
        {"id": "absent", "config": absent, "gpu_mem_gib": 24},
        {"id": "broken", "config": str(broken), "gpu_mem_gib": 24},
    )
    assert [False, False] == [answer["starts"] for answer in found]
    assert f"{broken} is not a JSON object" == found[1]["reason"]


def test_one_set_up_without_sense_leaves_the_others_their_answers(tmp_path: Path) -> None:
    case = {"config": LLAMA, "gpu_mem_gib": 79.19}
    found = answers(
        tmp_path,
        {**case, "id": "negative", "tp": -2},
        {"id": "no config", "gpu_mem_gib": 79.19},
        {"id": "no memory", "config": LLAMA, "gpu": "Some GPU"},
        {**case, "id": "good"},
    )
    assert [False, False, False, True] == [answer["starts"] for answer in found]
    assert "tp is -2: it must be a positive number" == found[0]["reason"]
    assert "gpu_mem_gib is not given, and the memory of the GPU 'Some GPU' is not known" == found[2]["reason"]


def test_numbers_may_be_text_and_memory_may_be_left_to_the_name(tmp_path: Path) -> None:
    texts = {"gpu": "NVIDIA L4", "gpu_mem_gib": "22.0341796875 GiB", "tp": "1", "max_model_len": "4096", "id": "text"}
    numbers = {"gpu": "NVIDIA L4", "gpu_mem_gib": None, "tp": 1, "max_model_len": 4096, "id": "text"}
    first, second = answers(tmp_path, {**texts, "config": LLAMA}, {**numbers, "config": LLAMA})
    assert first == second
