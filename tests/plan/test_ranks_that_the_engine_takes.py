"""The numbers of ranks that the rules of division let pass are those for which the engine could build its modules."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.gpu_plans import config
from tonnage.facts.gpus import gpu
from tonnage.facts.shape import shape
from tonnage.plan.gpu.candidates import Candidate
from tonnage.plan.gpu.rules import Try, reject_groups, reject_heads, reject_states, reject_tower_heads, reject_widths

ENGINE: dict[str, dict[str, int]] = json.loads((Path(__file__).parents[1] / "data" / "engine_weights.json").read_text())
RULES = (reject_heads, reject_states, reject_widths, reject_tower_heads, reject_groups)
# Built on one rank only for a reason of its own.
ONE_RANK = {"openai__gpt-oss-120b"}


def answer(document: dict[str, Any], ranks: int) -> str | None:
    """What the first of the rules says."""
    offer = cast("Any", SimpleNamespace(gpu=gpu("H100")))
    tried = Try(Candidate(offer, ranks, 1, None, "auto"), shape(document))
    return next((rejected.message for rule in RULES if (rejected := rule(tried)) is not None), None)


@pytest.mark.parametrize("name", sorted(ENGINE.keys() - ONE_RANK))
def test_what_is_let_pass_is_what_the_engine_builds(name: str) -> None:
    document = config(name)
    assert list(map(int, ENGINE[name])) == [ranks for ranks in (1, 2, 4, 8) if answer(document, ranks) is None]


@pytest.mark.parametrize(
    ("name", "changes", "ranks", "message"),
    [
        pytest.param(
            "nvidia__NVIDIA-Nemotron-3-Nano-30B-A3B-BF16",
            {"mamba_num_heads": 60, "num_attention_heads": 64},
            8,
            "60 heads of its Mamba 2 layers cannot be divided among 8 GPUs",
            id="heads of Mamba",
        ),
        pytest.param(
            "nvidia__NVIDIA-Nemotron-3-Nano-30B-A3B-BF16",
            {"n_groups": 4},
            8,
            "4 groups of its Mamba 2 layers cannot be divided among 8 GPUs",
            id="groups of Mamba",
        ),
        pytest.param(
            "nvidia__NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", {"n_groups": 1}, 8, None, id="a single group is copied"
        ),
        pytest.param(
            "Qwen__Qwen3-Next-80B-A3B-Thinking",
            {"linear_num_key_heads": 6},
            4,
            "6 heads of its gated delta layers cannot be divided among 4 GPUs",
            id="heads of linear attention",
        ),
        pytest.param(
            "meta-llama__Llama-3.1-8B-Instruct",
            {"intermediate_size": 14340},
            8,
            "an intermediate size of 14,340 cannot be divided among 8 GPUs",
            id="width",
        ),
        pytest.param(
            "Qwen__Qwen2-0.5B-Instruct",
            {"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128}},
            2,
            "the 896 inputs of attention's output among 2 GPUs are 448, not a multiple of the quantization's groups of "
            "128",
            id="groups of attention's output (vLLM auto_awq.py: the input size is not aligned)",
        ),
        pytest.param(
            "Qwen__Qwen2-0.5B-Instruct",
            {
                "quantization_config": {
                    "quant_method": "awq",
                    "bits": 4,
                    "group_size": 128,
                    "modules_to_not_convert": ["self_attn"],
                }
            },
            2,
            None,
            id="attention that is not quantized",
        ),
    ],
)
def test_what_cannot_be_divided_is_named(name: str, changes: dict[str, Any], ranks: int, message: str | None) -> None:
    assert message == answer({**config(name), **changes}, ranks)
