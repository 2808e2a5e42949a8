"""Estimate the memory of engine set-ups: a JSON list in, a JSON list out.

IN.json: objects with id, config (the path of a config.json), gpu, gpu_mem_gib, tp, pp, dtype, quantization,
kv_cache_dtype, gpu_memory_utilization, max_model_len, max_num_seqs, max_num_batched_tokens, enforce_eager, vllm_version
and, where they were measured, weights_bytes (of one GPU). A null is the engine's own default. OUT.json: id,
weights_bytes, kv_cache_bytes, kv_cache_tokens, starts, and reason where it does not start.
"""

import argparse
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tonnage.facts.errors import FactsError, unusable
from tonnage.facts.shape import Shape, shape
from tonnage.memory import Setup, estimate

_GIB = 2**30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("input", type=Path, metavar="IN.json", help="the set-ups")
    parser.add_argument("output", type=Path, metavar="OUT.json", help="where the estimates go")


def run(arguments: argparse.Namespace) -> int:
    """Write the estimates; 0 once they are written."""
    setups = json.loads(arguments.input.read_text())
    arguments.output.write_text(json.dumps([_answer(setup) for setup in setups], indent=1) + "\n")
    return 0


def _answer(case: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = estimate(_setup(case), _shape(case["config"]), case.get("weights_bytes"))
    except FactsError as error:
        return {"id": case["id"], "starts": False, "reason": error.message}
    answer = {
        "id": case["id"],
        "weights_bytes": found.weights_bytes,
        "kv_cache_bytes": found.kv_cache_bytes,
        "kv_cache_tokens": found.kv_cache_tokens,
        "starts": found.starts,
    }
    return answer if found.starts else {**answer, "reason": found.reason}


def _setup(case: Mapping[str, Any]) -> Setup:
    return Setup(
        gpu=case.get("gpu"),
        memory_bytes=int(case["gpu_mem_gib"] * _GIB),
        tensor_parallel=case.get("tp") or 1,
        pipeline_parallel=case.get("pp") or 1,
        dtype=case.get("dtype"),
        quantization=case.get("quantization"),
        kv_cache_dtype=case.get("kv_cache_dtype"),
        utilization=case.get("gpu_memory_utilization"),
        max_model_len=case.get("max_model_len"),
        max_num_seqs=case.get("max_num_seqs"),
        max_num_batched_tokens=case.get("max_num_batched_tokens"),
        enforce_eager=bool(case.get("enforce_eager")),
        engine_version=case.get("vllm_version"),
    )


@cache
def _shape(path: str) -> Shape:
    try:
        document = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise unusable(f"{path} cannot be read as JSON ({error})") from error
    if not isinstance(document, dict):
        raise unusable(f"{path} is not a JSON object")
    return shape(document)
