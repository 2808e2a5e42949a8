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
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from tonnage.cli.offline import read_config
from tonnage.facts.errors import FactsError, shown, unusable
from tonnage.facts.shape import Shape, shape
from tonnage.memory import Setup, estimate
from tonnage.memory.devices import device

_GIB = 2**30
_NO_ANSWER = 2

_NUMBER = re.compile(r"\d+(\.\d+)?")
# Longer text is no number.
_LONGEST_NUMBER = 32


def _read_number(given: object) -> object:
    """The number in text such as `80GB`; None for 0, which is no setting."""
    if isinstance(given, str) and len(given) <= _LONGEST_NUMBER and (match := _NUMBER.match(given.strip())):
        given = float(match[0])
    return None if given == 0 else given


def _read_text(given: object) -> object:
    """A version may be written as a number."""
    return str(given) if isinstance(given, int | float) else given


_Count = Annotated[int | None, Field(ge=0, le=4096), BeforeValidator(_read_number)]
_Tokens = Annotated[int | None, Field(ge=0, le=2**31 - 1), BeforeValidator(_read_number)]
_Gib = Annotated[float | None, Field(gt=0, le=2**20, allow_inf_nan=False), BeforeValidator(_read_number)]
_Share = Annotated[float | None, Field(gt=0, le=1), BeforeValidator(_read_number)]
_Bytes = Annotated[int | None, Field(ge=0, le=2**53), BeforeValidator(_read_number)]
_Text = Annotated[str | None, BeforeValidator(_read_text)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("input", type=Path, metavar="IN.json", help="the set-ups")
    parser.add_argument("output", type=Path, metavar="OUT.json", help="where the estimates go")


def run(arguments: argparse.Namespace) -> int:
    """Write the estimates; 0 once they are written."""
    try:
        cases = _cases(arguments.input)
        text = json.dumps([_answer(case) for case in cases], indent=1) + "\n"
        arguments.output.write_text(text)
    except (FactsError, OSError) as error:
        sys.stderr.write(f"tonnage estimate: {error}\n")
        return _NO_ANSWER
    return 0


class _Case(BaseModel):
    """A set-up as it is written; what else stands beside these fields is nobody's business here."""

    id: str | int
    config: str
    gpu_mem_gib: _Gib = None
    """None: what the GPU of that name has."""
    gpu: _Text = None
    tp: _Count = None
    pp: _Count = None
    dtype: _Text = None
    quantization: _Text = None
    kv_cache_dtype: _Text = None
    gpu_memory_utilization: _Share = None
    max_model_len: _Tokens = None
    max_num_seqs: _Tokens = None
    max_num_batched_tokens: _Tokens = None
    enforce_eager: bool | None = None
    vllm_version: _Text = None
    weights_bytes: _Bytes = None


def _cases(path: Path) -> list[Any]:
    try:
        cases = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise unusable(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(cases, list):
        raise unusable(f"{path} is not a JSON list of set-ups")
    return cases


def _answer(given: object) -> dict[str, Any]:
    """The estimate, or why there is none: one case that makes no sense must not hide the others' answers."""
    identity = given.get("id") if isinstance(given, dict) else None
    try:
        case = _Case.model_validate(given)
        found = estimate(_setup(case), _shape(case.config), case.weights_bytes)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        said = "is missing" if first["type"] == "missing" else f"{first['msg']}, but it is {shown(first['input'])}"
        field = ".".join(str(part) for part in first["loc"]) or "the set-up"
        return {"id": identity, "starts": False, "reason": f"{field}: {said}"}
    except FactsError as error:
        return {"id": identity, "starts": False, "reason": error.message}
    answer = {
        "id": identity,
        "weights_bytes": found.weights_bytes,
        "kv_cache_bytes": found.kv_cache_bytes,
        "kv_cache_tokens": found.kv_cache_tokens,
        "starts": found.starts,
    }
    return answer if found.starts else {**answer, "reason": found.reason}


def _setup(case: _Case) -> Setup:
    return Setup(
        gpu=case.gpu,
        memory_bytes=_memory_bytes(case),
        tensor_parallel=case.tp or 1,
        pipeline_parallel=case.pp or 1,
        dtype=case.dtype,
        quantization=case.quantization,
        kv_cache_dtype=case.kv_cache_dtype,
        utilization=case.gpu_memory_utilization,
        max_model_len=case.max_model_len,
        max_num_seqs=case.max_num_seqs,
        max_num_batched_tokens=case.max_num_batched_tokens,
        enforce_eager=bool(case.enforce_eager),
        engine_version=case.vllm_version,
    )


def _memory_bytes(case: _Case) -> int:
    given = case.gpu_mem_gib or device(case.gpu, 0).memory_gib
    if not given:
        raise unusable(f"gpu_mem_gib is not given, and the memory of the GPU {case.gpu!r} is not known")
    return int(given * _GIB)


@cache
def _shape(path: str) -> Shape:
    return shape(read_config(Path(path)))
