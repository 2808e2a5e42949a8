"""The estimates against other start-ups: other models, other GPUs, versions from 0.6 on.

No constant was fitted to them, but some (h-06, h-11, h-29, h-30) showed what of the engine was still missing.
A config that is not in `model_configs` was written down from the model's published numbers, and says so. The bars are
the errors as they are; what is known to be off has a row in the decision document, and its own bar here.
"""

import json
from pathlib import Path
from statistics import median

import pytest

from tests.support.estimates import GIB, Case, estimated, percentile_90

DATA = Path(__file__).parents[1] / "data"
CASES: list[Case] = json.loads((DATA / "held_out_cases.json").read_text())
# Shared memory of a GB10; 7 GiB of other memory on eight ranks; V0's videos and cross-attention; displays.
KNOWN_MISSES = ("h-03", "h-11", "h-13", "h-16", "h-18", "h-29", "h-30")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    return estimated(CASES, DATA, tmp_path_factory.mktemp("estimates"))


def errors(answers: dict[str, Case], field: str, truth: str, scale: float, *, suffix: str) -> dict[str, float]:
    measured = {case["id"]: case[truth] * scale for case in CASES if case[truth] and case["gpu_mem_gib"]}
    found = {name: answers.get(name + suffix) or answers[name] for name in measured}
    return {name: abs(found[name][field] - value) / value for name, value in measured.items()}


def test_weights_from_the_config_alone(answers: dict[str, Case]) -> None:
    found = errors(answers, "weights_bytes", "weights_gib", GIB, suffix="")
    assert len(found) >= 30
    assert median(found.values()) <= 0.002
    assert max(found.values()) <= 0.008


@pytest.mark.parametrize(
    ("field", "truth", "scale"),
    [
        pytest.param("kv_cache_bytes", "available_kv_gib", GIB, id="bytes"),
        pytest.param("kv_cache_tokens", "kv_tokens", 1, id="tokens"),
    ],
)
def test_the_cache_with_weights_given(answers: dict[str, Case], field: str, truth: str, scale: float) -> None:
    found = errors(answers, field, truth, scale, suffix="/given")
    assert len(found) >= 20
    assert median(found.values()) <= 0.006
    assert percentile_90([error for name, error in found.items() if name not in KNOWN_MISSES]) <= 0.015
    assert max(found.values()) <= 0.35


@pytest.mark.parametrize("case", [case for case in CASES if case["gpu_mem_gib"]], ids=lambda case: case["id"])
def test_a_start_is_foreseen(answers: dict[str, Case], case: Case) -> None:
    answer = answers.get(f"{case['id']}/given") or answers[case["id"]]
    if case["outcome"]:
        assert (case["outcome"] == "ok") is answer["starts"], answer.get("reason")
