"""Lets torch's CUDA build load on machines that only use its CPU half, without 2.7 GB of CUDA libraries.

The package index has no CPU-only torch, and the linker loads what torch's libraries were linked against whether it is
used or not. For each such library that is missing this makes one beside them that has the symbols torch names and
nothing in them: calling one ends the process, which nothing does where no GPU is asked for. Runs in a build stage that
has gcc and binutils.

Not stubbed: the CUDA runtime, which is small and says truly that there is no GPU, and the driver (libcuda), which the
runtime looks for to find that out.
"""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

CUDA = re.compile(r"lib(cu|nv|nccl)")
DRIVER = "libcuda.so.1"


def main(site_packages: Path) -> None:
    """Write the missing libraries into torch's folder below `site_packages`."""
    folder = site_packages / "torch" / "lib"
    libraries = sorted(folder.glob("*.so*"))
    present = {path.name for path in (*libraries, *site_packages.glob("nvidia/**/*.so*"))}
    # Of each missing library, the symbols asked for by version; the empty version is that of unversioned symbols.
    stubs: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for library in libraries:
        missing = {
            name: versions
            for name, versions in _needed(library).items()
            if CUDA.match(name) and name != DRIVER and name not in present
        }
        if not missing:
            continue
        owners = {version: name for name, versions in missing.items() for version in versions}
        for name, versions in missing.items():
            stubs[name].update({version: stubs[name][version] for version in versions})
        for symbol in _undefined(library):
            name, _, version = symbol.partition("@")
            # The linker does not mind in which library it finds an unversioned symbol.
            owner = owners.get(version) if version else next(iter(missing))
            if owner:
                stubs[owner][version].add(name)
    for name, versions in sorted(stubs.items()):
        _compile(folder / name, versions)
        sys.stdout.write(f"{name}: {sum(map(len, versions.values()))} symbols\n")


def _needed(library: Path) -> dict[str, set[str]]:
    """The libraries that `library` is linked against, each with the versions that it asks for."""
    text = _run("objdump", "--private-headers", str(library))
    needed: dict[str, set[str]] = {name: set() for name in re.findall(r"NEEDED\s+(\S+)", text)}
    for name, references in re.findall(r"required from (\S+):\n((?:\s+0x.*\n)+)", text):
        needed.setdefault(name, set()).update(line.split()[-1] for line in references.splitlines())
    return needed


def _undefined(library: Path) -> list[str]:
    lines = _run("nm", "--dynamic", "--undefined-only", str(library)).splitlines()
    symbols = [line.split()[-1] for line in lines if " U " in line]
    # C++ symbols are torch's own: every CUDA library has a C interface.
    return [symbol for symbol in symbols if not symbol.startswith("_Z")]


def _compile(path: Path, versions: dict[str, set[str]]) -> None:
    symbols = sorted(set().union(*versions.values()))
    script = path.with_suffix(".map")
    named = {version: sorted(names) for version, names in versions.items() if version}
    script.write_text(
        "".join(f"{version} {{ global: {'; '.join([*names, ''])} }};\n" for version, names in named.items())
    )
    subprocess.run(
        ["gcc", "-shared", "-nostdlib", "-w", "-x", "c", "-", "-o", str(path), f"-Wl,-soname,{path.name}",
         *([f"-Wl,--version-script,{script}"] if named else [])],
        input="".join(f"void {symbol}(void) {{ __builtin_trap(); }}\n" for symbol in symbols), text=True, check=True,
    )  # fmt: skip
    script.unlink()


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
