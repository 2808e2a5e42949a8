"""What `tonnage estimate` answers for start-ups that are known, and how far off it is."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tonnage.cli import main

GIB = 2**30
Case = dict[str, Any]
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


def estimated(cases: Sequence[Case], configs: Path, folder: Path) -> dict[str, Case]:
    """The answers by id; ids that end in /given had the weights as measured. `folder` is for the command's files."""
    setups = []
    for case in cases:
        setup = {"id": case["id"], "config": str(configs / case["config"]), **{name: case.get(name) for name in INPUTS}}
        setups.append(setup)
        if case["weights_gib"]:
            setups.append({**setup, "id": f"{case['id']}/given", "weights_bytes": int(case["weights_gib"] * GIB)})
    (folder / "in.json").write_text(json.dumps(setups))
    assert main(["estimate", str(folder / "in.json"), str(folder / "out.json")]) == 0
    return {answer["id"]: answer for answer in json.loads((folder / "out.json").read_text())}


def percentile_90(values: Sequence[float]) -> float:
    """As the project's score counts it."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(0.9 * len(ranked)))]
