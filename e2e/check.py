"""`./e2e/check`: every check and every test there is, then everything taken down again.

Cheap and decisive first: what fails without a cluster is not tried on one. Tests that have clusters of their own mostly
wait, so they are a run of pytest beside that of all others, shown when it is over. The closing lines of every run are
printed once more at the very end, after the cluster is gone.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from e2e.cluster import Cluster, ClusterError, Settings, get_cluster
from e2e.cluster.host.state import locked
from e2e.cluster.progress import Progress
from e2e.cluster.providers import add_cluster_options
from e2e.kit.install import install

ROOT = Path(__file__).parents[1]
# Not the demo's: a check never touches what somebody is looking at.
CLUSTER = "check"
STATIC_DEADLINE_SECONDS = 600
TESTS_DEADLINE_SECONDS = 2400
# These have clusters of their own.
BESIDE = "e2e/test_cluster.py"
STOP_SECONDS = 90
# pytest's own status.
NO_TESTS = 5


def parser() -> argparse.ArgumentParser:
    """The command line; what it does not know goes to pytest."""
    made = argparse.ArgumentParser(
        prog="e2e/check", description="All checks and tests. Further arguments go to pytest, such as -k scale."
    )
    add_cluster_options(made, "--cluster", CLUSTER)
    made.add_argument("--keep", action="store_true", help="leave the cluster running")
    return made


def main() -> int:
    """Run it all; 0 only if everything passed and nothing is left behind."""
    options, words = parser().parse_known_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    progress = Progress()
    try:
        cluster = get_cluster(
            options.provider, options.cluster, Settings(progress=progress, confirm=lambda _question: options.yes)
        )

        with locked(f"check {cluster.name}", lambda: refuse(cluster.name)):
            return check(cluster, words, is_kept=options.keep)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def refuse(name: str) -> NoReturn:
    """Two checks would take each other's cluster down. Raises ClusterError."""
    raise ClusterError(f"another check uses cluster {name}: wait for its end, or name one by --cluster")


def check(cluster: Cluster, words: list[str], *, is_kept: bool) -> int:
    """Static checks, then all tests with a cluster around them. Raises ClusterError."""
    progress = cluster.progress
    progress.say("ruff, mypy, import-linter")
    if status := run_shown(["task", "static"], STATIC_DEADLINE_SECONDS)[0]:
        return status
    options = ["-v", "--durations=20", *words]
    progress.say("tests without a cluster")
    unit_status, unit_line = run_shown(["pytest", "tests", "-n", "auto", *options], TESTS_DEADLINE_SECONDS)
    if unit_status not in (0, NO_TESTS):
        return unit_status
    options += ["--provider", cluster.provider]
    try:
        cluster.up()
        install(cluster)
        progress.say("tests on a cluster")
        with started_beside(["pytest", BESIDE, *options]) as finished:
            where = ["--cluster", cluster.name, "--installed", f"--ignore={BESIDE}"]
            status, closing_line = run_shown(["pytest", "e2e", *where, *options], TESTS_DEADLINE_SECONDS)
            beside_status, beside_line = finished()
    finally:
        if is_kept:
            progress.say(f"kept: export KUBECONFIG={cluster.kubeconfig}")
        else:
            cluster.down()
    print(f"{unit_line}\n{beside_line}\n{closing_line}", flush=True)
    # A choice of tests (-k) may leave some runs without any.
    statuses = (unit_status, beside_status, status)
    failures = [each for each in statuses if each not in (0, NO_TESTS)]
    return failures[0] if failures else min(statuses)


@contextmanager
def started_beside(words: list[str]) -> Iterator[Callable[[], tuple[int, str]]]:
    """Run a program beside the block, never left alive.

    Yields what waits for its end, shows all that it printed, and returns its status and its last line.
    """
    with tempfile.TemporaryFile() as output, subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:  # fmt: skip

        def finished() -> tuple[int, str]:
            try:
                process.wait(TESTS_DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                stop(process, f"{words[1]}: no end after {TESTS_DEADLINE_SECONDS:.0f} s")
            output.seek(0)
            text = output.read().decode(errors="replace")
            print(text, flush=True)
            return process.wait(), last_line(text)

        try:
            yield finished
        finally:
            stop(process, "stopping it")


def run_shown(words: list[str], deadline_seconds: float) -> tuple[int, str]:
    """Run a program, never left alive, and show what it prints as it comes; returns its status and its last line."""
    # A session of its own: an interrupt reaches it through us, once, so that its own cleaning up is not cut short.
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        timer = threading.Timer(deadline_seconds, stop, [process, f"{words[0]}: no end after {deadline_seconds:.0f} s"])
        timer.start()
        try:
            last = show(process)
            return process.wait(), last
        finally:
            timer.cancel()
            stop(process, "stopping it")


def show(process: subprocess.Popen[bytes]) -> str:
    """Copy its output to ours piece by piece, as a line may take minutes to be whole; returns the last line."""
    assert process.stdout is not None
    end = b""
    while piece := os.read(process.stdout.fileno(), 65536):
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        end = (end + piece)[-4096:]
    return last_line(end.decode(errors="replace"))


def last_line(text: str) -> str:
    """The last line that is not empty."""
    return (text.strip().splitlines() or [""])[-1]


def stop(process: subprocess.Popen[bytes], why: str) -> None:
    """Interrupt it, as Ctrl-C does, and kill what does not end."""
    if process.poll() is not None:
        return
    print(f"error: {why}", file=sys.stderr, flush=True)
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Make other signals end us as Ctrl-C does, with everything taken down."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
