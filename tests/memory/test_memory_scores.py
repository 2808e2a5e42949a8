"""The estimates against start-up logs: the measured errors must stay as small as they are.

Each line is computed as the project's score is: |predicted - measured| / measured, an absent answer counts as wrong.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from tests.support.estimates import GIB, Case, estimated, percentile_90

DATA = Path(__file__).parents[1] / "data"
CASES: list[Case] = [
    case
    for case in json.loads((DATA / "vllm_memory_cases.json").read_text())
    if case.get("config") and case["gpu_mem_gib"] and case["outcome"]
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """What the command answers, by id; ids that end in /given had the weights as measured."""
    return estimated(CASES, DATA / "model_configs", tmp_path_factory.mktemp("estimates"))


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
