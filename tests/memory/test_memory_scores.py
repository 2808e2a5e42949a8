"""The estimates against start-up logs: the measured errors must stay as small as they are.

Each line is computed as the project's score is: |predicted - measured| / measured, an absent answer counts as wrong.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tonnage.cli import main

DATA = Path(__file__).parents[1] / "data"
GIB = 2**30
Case = dict[str, Any]
CASES: list[Case] = [
    case
    for case in json.loads((DATA / "vllm_memory_cases.json").read_text())
    if case.get("config") and case["gpu_mem_gib"] and case["outcome"]
]
INPUTS = (
    "gpu",
    "gpu_mem_gib",
    "tp",
    "pp",
    "dtype",
    "quantization",
    "kv_cache_dtype",
    "gpu_memory_utilization",
    "max_model_len",
    "max_num_seqs",
    "max_num_batched_tokens",
    "enforce_eager",
    "vllm_version",
)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """What the command answers, by id; ids that end in /given had the weights as measured."""
    folder = tmp_path_factory.mktemp("estimates")
    setups = []
    for case in CASES:
        config = str(DATA / "model_configs" / case["config"])
        setup = {"id": case["id"], "config": config, **{name: case.get(name) for name in INPUTS}}
        setups.append(setup)
        if case["weights_gib"]:
            setups.append({**setup, "id": f"{case['id']}/given", "weights_bytes": int(case["weights_gib"] * GIB)})
    (folder / "in.json").write_text(json.dumps(setups))
    assert main(["estimate", str(folder / "in.json"), str(folder / "out.json")]) == 0
    return {answer["id"]: answer for answer in json.loads((folder / "out.json").read_text())}


def percentile_90(values: Sequence[float]) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(0.9 * len(ranked)))]


def has_budget(case: Case) -> bool:
    return bool(case["weights_gib"]) and bool({"budget", "fit"} & set(case["usable_for"]))


def cache_bytes(case: Case) -> float:
    return case["available_kv_gib"] * GIB


WITH_CACHE = [case for case in CASES if has_budget(case) and case["available_kv_gib"]]
OWN = [case for case in CASES if not case["config_is_base_model"]]


@dataclass(frozen=True)
class Line:
    """One line of the score, and how large its errors may be."""

    cases: list[Case]
    suffix: str
    field: str
    truth: Callable[[Case], float]
    median: float
    percentile_90: float


def errors(answers: dict[str, Case], line: Line) -> list[float]:
    found = []
    for case in line.cases:
        answer = answers.get(case["id"] + line.suffix, {}).get(line.field)
        found.append(1.0 if answer is None else abs(answer - line.truth(case)) / line.truth(case))
    return found


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(
            Line(
                [case for case in OWN if case["weights_gib"]],
                "",
                "weights_bytes",
                lambda case: case["weights_gib"] * GIB,
                0.0005,
                0.005,
            ),
            id="weights, from the config alone",
        ),
        pytest.param(Line(WITH_CACHE, "/given", "kv_cache_bytes", cache_bytes, 0.001, 0.02), id="cache, weights given"),
        pytest.param(
            Line([case for case in WITH_CACHE if case in OWN], "", "kv_cache_bytes", cache_bytes, 0.001, 0.01),
            id="cache, from the config",
        ),
        pytest.param(
            Line(
                [case for case in CASES if has_budget(case) and case["kv_tokens"]],
                "/given",
                "kv_cache_tokens",
                lambda case: case["kv_tokens"],
                0.001,
                0.01,
            ),
            id="tokens, weights given",
        ),
    ],
)
def test_the_errors_stay_small(answers: dict[str, Case], line: Line) -> None:
    found = errors(answers, line)
    assert len(found) >= 40
    assert median(found) <= line.median
    assert percentile_90(found) <= line.percentile_90


def test_bytes_of_a_token_are_exact(answers: dict[str, Case]) -> None:
    found = []
    for case in CASES:
        if case["kv_tokens"] and case["available_kv_gib"] and "kv_bytes_per_token" in case["usable_for"]:
            answer = answers[f"{case['id']}/given"]
            truth = cache_bytes(case) / case["kv_tokens"]
            found.append(abs(answer["kv_cache_bytes"] / answer["kv_cache_tokens"] - truth) / truth)
    assert percentile_90(found) <= 0.005


@pytest.mark.parametrize("case", [case for case in CASES if case["weights_gib"]], ids=lambda case: case["id"])
def test_a_start_is_foreseen(answers: dict[str, Case], case: Case) -> None:
    answer = answers[f"{case['id']}/given"]
    assert (case["outcome"] == "ok") is answer["starts"], answer.get("reason")
