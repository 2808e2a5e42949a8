"""`python -m tests.benchmarks.plan_speed`: how long plans for GPUs take, and what they keep in memory.

Plans every committed config on every usual GPU, one, two, four and eight of them on one node. The first plan of a model
reads its config, the others find it read, as in the operator; so the worst plan is mostly a first one. Times of plans
are the processor's, which on an idle core are those of the clock.
"""

import argparse
import gc
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.progress import track

from e2e.kit.figures import Figures
from tests.support.gpu_plans import CONFIGS, cluster, config_names, facts_of, gpu_wish
from tonnage.plan import plan

GPUS = ("T4", "L4", "A10", "A100-40", "A100-80", "L40S", "H100", "H200", "B200")
COUNTS = (1, 2, 4, 8)
MANY = 10_000
STARTS = 5
SMALL_MODEL = "Qwen__Qwen2.5-7B-Instruct"
KIB_PER_MIB = 1024

# Of the issue: one plan, ten thousand, and a command; and what the operator may take in all.
PLAN_BAR_MS = 20
MANY_BAR_SECONDS = 60
COMMAND_BAR_SECONDS = 0.6
MEMORY_BAR_MIB = 150


def main() -> int:
    options = parser().parse_args()
    console = Console(highlight=False)
    seconds = plan_seconds(config_names()[:: options.every], console)
    mean = statistics.mean(seconds.values())
    worst = max(seconds, key=lambda what: seconds[what])
    figures = Figures()
    figures.add(f"a plan, mean of {len(seconds):,}", 1000 * mean, "ms")
    figures.add("a plan, median", 1000 * statistics.median(seconds.values()), "ms")
    figures.add(f"the slowest plan: {worst}", 1000 * seconds[worst], "ms", PLAN_BAR_MS)
    figures.add("plans in a second", 1 / mean, "")
    figures.add(f"{MANY:,} plans", MANY * mean, "s", MANY_BAR_SECONDS)
    figures.add("peak memory of all these plans", peak_mib(), "MiB", MEMORY_BAR_MIB)
    figures.add(f"tonnage estimate (median of {STARTS})", command_seconds(), "s", COMMAND_BAR_SECONDS)
    figures.print(console)
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m tests.benchmarks.plan_speed", description="The speed of plans.")
    made.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th config")
    return made


def plan_seconds(names: list[str], console: Console) -> Mapping[str, float]:
    """Of each plan, by what was planned."""
    wish, found = gpu_wish(), {}
    known = {name: facts_of(name) for name in names}
    clusters = {each: cluster(each) for each in product(GPUS, COUNTS)}
    # The collector should look through what plans leave, not through modules and facts.
    gc.freeze()
    for name in track(names, "Planning", console=console, transient=True):
        for (gpu, count), inventory in clusters.items():
            begin = time.process_time()
            plan(wish, known[name], inventory)
            found[f"{name} on {count} x {gpu}"] = time.process_time() - begin
    return found


def command_seconds() -> float:
    """From the start of the command to its end, for one set-up."""
    setup = {"id": "one", "config": str(CONFIGS / f"{SMALL_MODEL}.json"), "gpu": "H100", "gpu_mem_gib": 79.19}
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        asked, answered = Path(scratch, "in.json"), Path(scratch, "out.json")
        asked.write_text(json.dumps([setup]))
        for _ in range(STARTS):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-m", "tonnage.cli", "estimate", asked, answered], check=True)
            found.append(time.perf_counter() - begin)
    return statistics.median(found)


def peak_mib() -> float:
    # Linux counts in KiB, macOS in bytes.
    per_mib = KIB_PER_MIB if sys.platform == "linux" else KIB_PER_MIB**2
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mib


if __name__ == "__main__":
    sys.exit(main())
