"""The locks are whole, fresh and say nothing of where they were made."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = {"operator/requirements.lock": ("operator",), "tests/requirements.lock": ("operator", "dev")}
EVERY_LOCK = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/*.lock"))


def pins(lock: str) -> dict[str, str]:
    """Version by name."""
    return dict(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE))


def wanted() -> list:
    rows = []
    for lock, extras in LOCKS.items():
        lines = [
            *PROJECT["dependencies"],
            *(line for each in extras for line in PROJECT["optional-dependencies"][each]),
        ]
        rows += [pytest.param(lock, Requirement(line), id=f"{lock}-{line}") for line in lines]
    return rows


@pytest.mark.parametrize(("lock", "requirement"), wanted())
def test_lock_satisfies_the_project(lock, requirement):
    assert pins(lock)[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("lock", EVERY_LOCK)
def test_lock_names_no_index(lock):
    assert re.findall(r"https?://\S+|--(?:extra-)?index-url", (ROOT / lock).read_text()) == []


@pytest.mark.parametrize("lock", EVERY_LOCK)
def test_every_pin_has_a_hash(lock):
    text = (ROOT / lock).read_text()
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", text)
    assert [block for block in blocks if "==" in block.partition("\n")[0] and "--hash=sha256:" not in block] == []


def test_operator_and_tests_run_the_same_versions():
    operator, tests = pins("operator/requirements.lock"), pins("tests/requirements.lock")
    assert operator == {name: tests.get(name) for name in operator}
