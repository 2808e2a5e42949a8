"""`python -m e2e.bench_edit`: how long an edit of the runtime's code takes until it runs in a pod.

Edits a copy of the sources, so that the working tree stays as it is. Needs a cluster that is up, as after `./e2e/demo`.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from itertools import pairwise
from pathlib import Path

from rich.console import Console

from e2e.cluster import Cluster, ClusterError, get_cluster
from e2e.cluster.provider import DEFAULT_NAME
from e2e.cluster.providers import add_cluster_options
from e2e.images.building import build, build_and_load
from e2e.images.catalogue import REPOSITORY_ROOT
from e2e.kit.figures import Figures

EDITS = 5
NAMESPACE = "default"
POD_DEADLINE_SECONDS = 60
BAR_SECONDS = 15
EDITED = Path("runtime/tonnage_runtime/__init__.py")
NAME = "EDITED"


def main() -> int:
    """Measure, print each edit's stages and the medians."""
    options = parser().parse_args()
    try:
        cluster = get_cluster(options.provider, options.cluster)
        # What is slow is done once for each cluster, and not what is measured.
        build_and_load(cluster, "runtime")
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch)
            copy_sources(root)
            rows = [edit(cluster, root) for _ in range(EDITS)]
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    figures = Figures()
    for stage in rows[0]:
        bar = BAR_SECONDS if stage == "edit → its code runs in a pod" else None
        figures.add(f"{stage} (median of {EDITS})", statistics.median(row[stage] for row in rows), "s", bar)
    figures.add("the slowest edit", max(row["edit → its code runs in a pod"] for row in rows), "s", BAR_SECONDS)
    figures.print(Console(highlight=False))
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m e2e.bench_edit", description="From an edit to a pod that runs it.")
    add_cluster_options(made, "--cluster", DEFAULT_NAME)
    return made


def copy_sources(root: Path) -> None:
    """Bring all that images are made of to `root`."""
    for folder in ("operator", "runtime"):
        shutil.copytree(REPOSITORY_ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))


def edit(cluster: Cluster, root: Path) -> dict[str, float]:
    """Change a line of the runtime, and wait for a pod to print it; seconds by stage. Raises ClusterError."""
    mark = uuid.uuid4().hex
    text = (REPOSITORY_ROOT / EDITED).read_text()
    (root / EDITED).write_text(f'{text}{NAME} = "{mark}"\n')
    moments = [time.monotonic()]
    reference = build("runtime", progress=cluster.progress, root=root)
    moments.append(time.monotonic())
    image = cluster.load_image(reference)
    moments.append(time.monotonic())
    wait_for_print(cluster, f"edited-{mark[:8]}", image, mark)
    moments.append(time.monotonic())
    stages = dict(zip(("build", "push and pull", "pod"), (b - a for a, b in pairwise(moments)), strict=True))
    return {**stages, "edit → its code runs in a pod": moments[-1] - moments[0]}


def wait_for_print(cluster: Cluster, name: str, image: str, mark: str) -> None:
    """Run the image in a pod until it has printed the edited line. Raises ClusterError."""
    code = f"import tonnage_runtime; print(tonnage_runtime.{NAME}, flush=True)"
    container = {"name": "runtime", "image": image, "command": ["python", "-c", code]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]},
    }
    kubectl = ("-n", NAMESPACE)
    cluster.kubectl_run("apply", "-f", "-", stdin=json.dumps(pod))
    try:
        deadline = time.monotonic() + POD_DEADLINE_SECONDS
        while mark not in cluster.kubectl_run(*kubectl, "logs", name, "--ignore-errors"):
            if time.monotonic() > deadline:
                raise ClusterError(f"pod {name} did not print {mark} within {POD_DEADLINE_SECONDS} s")
            time.sleep(0.1)
    finally:
        cluster.kubectl_run(*kubectl, "delete", "pod", name, "--wait=false")


if __name__ == "__main__":
    sys.exit(main())
