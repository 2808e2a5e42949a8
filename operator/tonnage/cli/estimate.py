"""Estimate the memory of engine set-ups: a JSON list in, a JSON list out.

IN.json: objects with id, config (the path of a config.json), gpu, gpu_mem_gib, tp, pp, dtype, quantization,
kv_cache_dtype, gpu_memory_utilization, max_model_len, max_num_seqs, max_num_batched_tokens, enforce_eager, vllm_version
and, where they were measured, weights_bytes (of one GPU). A null is the engine's own default; a GPU's memory may be
left to its name. OUT.json: id, weights_bytes, kv_cache_bytes, kv_cache_tokens, starts, and reason where it does not
start. A set-up that makes no sense has only a reason, and the others their answers.
"""

import argparse
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tonnage.facts.errors import FactsError, unusable
from tonnage.facts.shape import Shape, shape
from tonnage.memory import Setup, estimate
from tonnage.memory.devices import device

_GIB = 2**30
_NUMBER = re.compile(r"\d+(\.\d+)?")
# No size of anything here is near it; text that is longer is not read as one.
_LARGEST = 2**50


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
        found = estimate(_setup(case), _shape(str(case.get("config"))), _whole(case, "weights_bytes"))
    except FactsError as error:
        return {"id": case.get("id"), "starts": False, "reason": error.message}
    answer = {
        "id": case.get("id"),
        "weights_bytes": found.weights_bytes,
        "kv_cache_bytes": found.kv_cache_bytes,
        "kv_cache_tokens": found.kv_cache_tokens,
        "starts": found.starts,
    }
    return answer if found.starts else {**answer, "reason": found.reason}


def _setup(case: Mapping[str, Any]) -> Setup:
    return Setup(
        gpu=_text(case, "gpu"),
        memory_bytes=_memory_bytes(case),
        tensor_parallel=_whole(case, "tp") or 1,
        pipeline_parallel=_whole(case, "pp") or 1,
        dtype=_text(case, "dtype"),
        quantization=_text(case, "quantization"),
        kv_cache_dtype=_text(case, "kv_cache_dtype"),
        utilization=_number(case, "gpu_memory_utilization"),
        max_model_len=_whole(case, "max_model_len"),
        max_num_seqs=_whole(case, "max_num_seqs"),
        max_num_batched_tokens=_whole(case, "max_num_batched_tokens"),
        enforce_eager=case.get("enforce_eager") is True,
        engine_version=_text(case, "vllm_version"),
    )


def _memory_bytes(case: Mapping[str, Any]) -> int:
    given = _number(case, "gpu_mem_gib") or device(_text(case, "gpu"), 0).memory_gib
    if not given:
        raise unusable(f"gpu_mem_gib is not given, and the memory of the GPU {case.get('gpu')!r} is not known")
    return int(given * _GIB)


def _text(case: Mapping[str, Any], name: str) -> str | None:
    value = case.get(name)
    return None if value is None else str(value)


def _whole(case: Mapping[str, Any], name: str) -> int | None:
    value = _number(case, name)
    return None if value is None else int(value)


def _number(case: Mapping[str, Any], name: str) -> float | None:
    """A number, also one in text (`80GB`); None where nothing is given, and for 0, which is no setting."""
    value = case.get(name)
    if isinstance(value, str):
        match = _NUMBER.match(value.strip())
        value = float(match[0]) if match else value
    if value is None or value == 0:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < _LARGEST:
        raise unusable(f"{name} is {value!r}: it must be a positive number")
    return value


@cache
def _shape(path: str) -> Shape:
    try:
        document = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise unusable(f"{path} cannot be read as JSON ({error})") from error
    if not isinstance(document, dict):
        raise unusable(f"{path} is not a JSON object")
    return shape(document)
