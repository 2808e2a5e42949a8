"""A runner that records instead of running: what a provider would have done, without a cluster and without rights."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from e2e.cluster.commands import CommandError
from e2e.cluster.progress import Progress
from e2e.cluster.provider import Settings


class Recorder:
    """Answers by the beginning of a command line; what has no answer says nothing and ends well."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.stdin: list[str | None] = []
        self.answers: dict[str, str] = {}
        self.failures: set[str] = set()

    def __call__(
        self,
        *argv: str | Path,
        stdin: str | None = None,
        deadline_seconds: float = 60,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> str:
        line = " ".join(str(word) for word in argv)
        self.lines.append(line)
        self.stdin.append(stdin)
        if any(line.startswith(failing) for failing in self.failures):
            raise CommandError(f"{line} failed")
        return next((said for start, said in self.answers.items() if line.startswith(start)), "")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def settings(recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that touch nothing: caches below a temporary folder, progress into the void."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return Settings(name="test", runner=recorder, progress=Progress(Console(file=io.StringIO())))
