"""Builds the cluster's Go programs from the pinned modules in `go/`, each once, into the cache.

A build is found again by a hash of everything that goes into it, so an edit makes a new one and nothing goes stale. It
appears in the cache by a rename: an interrupted build leaves nothing that could be taken for a whole one.
"""

import hashlib
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster.commands import ClusterError, CommandError, run
from e2e.cluster.host.state import locked
from e2e.cluster.progress import Progress
from e2e.cluster.states import cache_folder, check_disk

SOURCES = Path(__file__).parent / "go"
KUBERNETES = "v1.36.4"
GO = (1, 26)
BUILD_DEADLINE_SECONDS = 2400
# A kube build writes about 3 GB into Go's own cache.
DISK_BYTES = 6 * 1024**3
ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"}


@dataclass(frozen=True)
class Program:
    """One binary: its module is the folder of its name in `go/`, `links` are the names it is also started as."""

    name: str
    package: str = "."
    links: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def flags(self) -> list[str]:
        """What `go build` is told."""
        values = [f"-X {name}={value}" for name, value in self.variables.items()]
        return ["-trimpath", "-ldflags", " ".join(["-s", "-w", *values])]


_MAJOR, _MINOR = KUBERNETES.removeprefix("v").split(".")[:2]
KUBE = Program(
    "kube",
    links=(
        *("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"),
        *("kubectl", "kubelet", "volume-provisioner"),
    ),
    variables={
        "k8s.io/component-base/version.gitVersion": KUBERNETES,
        "k8s.io/component-base/version.gitMajor": _MAJOR,
        "k8s.io/component-base/version.gitMinor": _MINOR,
        "k8s.io/client-go/pkg/version.gitVersion": KUBERNETES,
    },
)
ETCD = Program("etcd", "go.etcd.io/etcd/server/v3")
COREDNS = Program("coredns")
PAUSE = Program("pause")
REGISTRY = Program("registry", "github.com/distribution/distribution/v3/cmd/registry")
HELM = Program("helm", "helm.sh/helm/v4/cmd/helm")
KWOK = Program("kwok", "sigs.k8s.io/kwok/cmd/kwok")


def key(program: Program, go_version: str, sources: Path = SOURCES) -> str:
    """A hash of all that decides what the binary is: sources, pinned modules, flags and compiler."""
    digest = hashlib.sha256(f"{go_version}\n{program}\n{ENVIRONMENT}\n".encode())
    for file in sorted((sources / program.name).iterdir()):
        digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def build(program: Program, progress: Progress) -> Path:
    """The folder that holds the binary under all its names, built now if it is not there yet."""
    version = go_version()
    folder = builds_folder() / f"{program.name}-{key(program, version)}"
    if folder.exists():
        return folder
    with locked(f"build {program.name}", lambda: progress.say(f"waiting for another build of {program.name}")):
        if not folder.exists():
            check_disk(builds_folder(), DISK_BYTES, f"building {program.name}")
            with progress.step(f"building {program.name} with {version} (once)"):
                _build_into(folder, program)
    return folder


def builds_folder() -> Path:
    """All builds; nodes see it, and so also what is built after they started."""
    return cache_folder() / "go"


def go_version() -> str:
    """Such as `go1.26.8`. Raises ClusterError if Go is missing or too old."""
    wanted = ".".join(map(str, GO))
    try:
        version = run("go", "env", "GOVERSION", env={"GOTOOLCHAIN": "local"}).strip()
    except CommandError as error:
        raise ClusterError(f"the cluster's programs are built with Go: install Go {wanted} or newer") from error
    numbers = re.match(r"go(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < GO:
        raise ClusterError(f"the cluster's programs need Go {wanted} or newer to be built; this machine has {version}")
    return version


def _build_into(folder: Path, program: Program) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{program.name}-", dir=folder.parent) as scratch:
        made = Path(scratch, "made")
        made.mkdir()
        run(
            *("go", "build", *program.flags, "-o", str(made / program.name), program.package),
            cwd=SOURCES / program.name,
            deadline_seconds=BUILD_DEADLINE_SECONDS,
            env=ENVIRONMENT,
        )
        for link in program.links:
            (made / link).symlink_to(program.name)
        made.rename(folder)
