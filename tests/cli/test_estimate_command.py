"""The command `tonnage estimate`: a list of set-ups in, a list of estimates out."""

import json
from pathlib import Path
from typing import Any

import pytest

from tonnage.cli import main

CONFIGS = Path(__file__).parents[1] / "data" / "model_configs"
LLAMA = str(CONFIGS / "meta-llama__Llama-3.1-8B-Instruct.json")


def answers(tmp_path: Path, *setups: Any) -> list[dict[str, Any]]:
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


@pytest.mark.parametrize(
    ("case", "said"),
    [
        pytest.param(7, "the set-up: Input should be", id="no object"),
        pytest.param({"gpu_mem_gib": 24}, "id: is missing", id="no id"),
        pytest.param({"id": "x", "config": LLAMA}, "gpu_mem_gib is not given", id="no memory"),
        pytest.param({"id": "x", "config": LLAMA, "gpu_mem_gib": float("nan")}, "gpu_mem_gib: Input", id="no number"),
        pytest.param({"id": "x", "config": LLAMA, "gpu_mem_gib": 24, "tp": -1}, "tp: Input", id="minus one GPU"),
        pytest.param({"id": "x", "config": LLAMA, "gpu_mem_gib": 24, "pp": 10**9}, "pp: Input", id="a billion stages"),
        pytest.param({"id": "x", "config": [LLAMA], "gpu_mem_gib": 24}, "config: Input", id="config of a list"),
    ],
)
def test_a_set_up_that_makes_no_sense_is_an_answer_that_names_the_field(tmp_path: Path, case: Any, said: str) -> None:
    good = {"id": "good", "config": LLAMA, "gpu_mem_gib": 79.19, "model": "a field that nobody asked for"}
    wrong, right = answers(tmp_path, case, good)
    assert wrong["starts"] is False
    assert said in wrong["reason"]
    assert right["starts"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "No such file", id="missing"),
        pytest.param("", "cannot be read as JSON", id="empty"),
        pytest.param("{", "cannot be read as JSON", id="truncated"),
        pytest.param("[" * 5000, "cannot be read as JSON", id="nested without end"),
        pytest.param("{}", "is not a JSON list", id="an object"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, said: str
) -> None:
    source = tmp_path / "in.json"
    if content is not None:
        source.write_text(content)
    assert 2 == main(["estimate", str(source), str(tmp_path / "out.json")])
    said_by_it = capsys.readouterr().err
    assert (1, True, True) == (said_by_it.count("\n"), said in said_by_it, str(source) in said_by_it)


def test_no_set_ups_have_no_estimates(tmp_path: Path) -> None:
    assert [] == answers(tmp_path)


def test_memory_that_neither_the_case_nor_the_name_gives_is_asked_for(tmp_path: Path) -> None:
    found = answers(tmp_path, {"id": "x", "config": LLAMA, "gpu": "Some GPU"})
    assert "gpu_mem_gib is not given, and the memory of the GPU 'Some GPU' is not known" == found[0]["reason"]


def test_numbers_may_be_text_and_memory_may_be_left_to_the_name(tmp_path: Path) -> None:
    texts = {"gpu": "NVIDIA L4", "gpu_mem_gib": "22.0341796875 GiB", "tp": "1", "max_model_len": "4096", "id": "text"}
    numbers = {"gpu": "NVIDIA L4", "gpu_mem_gib": None, "tp": 1, "max_model_len": 4096, "id": "text"}
    first, second = answers(tmp_path, {**texts, "config": LLAMA}, {**numbers, "config": LLAMA})
    assert first == second
