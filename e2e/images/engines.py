"""The programs that build images: Docker where an engine answers, else buildah, which needs none.

Both build the same Dockerfiles from the same arguments. Only buildah can mount this machine's certificates into
a build; where these are special, its builds work and Docker's do not.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from e2e.cluster.commands import Runner, run, succeeds

BUILD_DEADLINE_SECONDS = 3600
CERTIFICATES = "SSL_CERT_FILE"


@dataclass(frozen=True)
class Build:
    """One run of the Dockerfile `text`."""

    reference: str
    text: str
    arguments: Mapping[str, str]

    def words(self, dockerfile: Path, context: Path) -> list[str]:
        """The part of the command line that both programs understand."""
        pairs = [f"{name}={self.arguments[name]}" for name in sorted(self.arguments)]
        arguments = [word for pair in pairs for word in ("--build-arg", pair)]
        return ["--file", str(dockerfile), "--tag", self.reference, *arguments, str(context)]


class Engine(Protocol):
    """Builds and keeps images."""

    def has(self, reference: str) -> bool:
        """Whether the image is there."""

    def build(self, build: Build, dockerfile: Path, context: Path) -> None:
        """Build it from the file that holds its text. Raises ClusterError."""


@dataclass(frozen=True)
class Docker:
    """A Docker engine; it pulls the base images that the Dockerfiles name."""

    runner: Runner = run

    def has(self, reference: str) -> bool:
        """Whether the engine has the image."""
        return succeeds(self.runner, "docker", "image", "inspect", reference)

    def build(self, build: Build, dockerfile: Path, context: Path) -> None:
        """Build with the engine's own cache."""
        self.runner("docker", "build", *build.words(dockerfile, context), deadline_seconds=BUILD_DEADLINE_SECONDS)


@dataclass(frozen=True)
class Buildah:
    """buildah; as root and with chroot isolation it needs no rights that a container may lack."""

    runner: Runner = run

    def has(self, reference: str) -> bool:
        """Whether buildah's store has the image."""
        return succeeds(self.runner, "buildah", "inspect", "--type", "image", reference)

    def build(self, build: Build, dockerfile: Path, context: Path) -> None:
        """Build with cached layers, in the machine's own network."""
        self.runner(
            *("buildah", "build", "--layers", "--isolation", "chroot", "--network", "host", "--pull-never"),
            *(*_ignore_file(dockerfile), *certificates(os.environ), *build.words(dockerfile, context)),
            deadline_seconds=BUILD_DEADLINE_SECONDS,
        )


def _ignore_file(dockerfile: Path) -> list[str]:
    """Docker finds this file by its name."""
    file = Path(f"{dockerfile}.dockerignore")
    return [f"--ignorefile={file}"] if file.exists() else []


def certificates(environment: Mapping[str, str]) -> list[str]:
    """Let a build trust whom this machine trusts, where that is more than usual."""
    bundle = environment.get(CERTIFICATES)
    if not bundle:
        return []
    folder = Path(bundle).parent
    return ["--volume", f"{folder}:{folder}:ro", "--build-arg", f"{CERTIFICATES}={bundle}"]


def choose_engine(runner: Runner = run) -> Docker | Buildah:
    """Docker, if an engine answers."""
    if succeeds(runner, "docker", "version", "--format", "{{.Server.Version}}"):
        return Docker(runner)
    return Buildah(runner)
