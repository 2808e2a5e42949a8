"""Runs other programs: always a list, always a deadline, and an error that shows what the program said.

A program that runs past its deadline is killed and reported like one that failed; callers need one `except`.
"""

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

TAIL_LINES = 20


class ClusterError(Exception):
    """Anything that a person must be told and can act on; the command line prints it without a traceback.

    ClusterError
    ├── CommandError      a program failed, is missing, or ran past its deadline
    ├── StartError        a part of a cluster did not come up; carries the end of its log
    └── UnsupportedError  this provider cannot do that
    """


class CommandError(ClusterError):
    """A program failed, is missing, or ran past its deadline."""


class StartError(ClusterError):
    """A part of a cluster did not come up; the message ends with the end of its log."""


class UnsupportedError(ClusterError):
    """The chosen provider has no way to do this."""


class Runner(Protocol):
    """Runs a program and returns what it printed; `subprocess` in life, a recorder in tests."""

    def __call__(
        self,
        *argv: str | Path,
        stdin: str | None = None,
        deadline_seconds: float = 60,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> str:
        """Run `argv` to its end; `env` is added to this process's own. Raises CommandError."""


def run(
    *argv: str | Path,
    stdin: str | None = None,
    deadline_seconds: float = 60,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run `argv` and return its standard output. Raises CommandError with the end of what it printed."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            check=False,
            capture_output=True,
            cwd=cwd,
            env={**os.environ, **env} if env else None,
            errors="replace",
            input="" if stdin is None else stdin,
            text=True,
            timeout=deadline_seconds,
        )
    except FileNotFoundError as error:
        raise CommandError(f"{words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{shlex.join(words)}: no end after {deadline_seconds:.0f} s") from error
    if done.returncode != 0:
        said = tail(done.stderr.strip() or done.stdout.strip())
        raise CommandError(f"{shlex.join(words)} failed with {done.returncode}:\n{said}")
    return done.stdout


def succeeds(runner: Runner, *argv: str | Path, deadline_seconds: float = 10) -> bool:
    """Whether the program exists and ends well."""
    try:
        runner(*argv, deadline_seconds=deadline_seconds)
    except CommandError:
        return False
    return True


def tail(text: str, lines: int = TAIL_LINES) -> str:
    """The last lines, which is where programs say why they failed."""
    return "\n".join(text.splitlines()[-lines:])
