"""Fixtures of the e2e suite: one cluster, one Tonnage, a namespace of its own for each module.

Whatever fails leaves a folder with all that the cluster knew at that moment; its path ends the failure's report.
"""

import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from e2e.cluster import Cluster, get_cluster
from e2e.cluster.logs import collect
from e2e.cluster.provider import DEFAULT_NAME, PROVIDERS
from e2e.kit.figures import Figures
from e2e.kit.install import NAMESPACE, Installation, install

LOGS = Path(__file__).parent / "logs"
FIGURES = Figures()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--provider", choices=PROVIDERS, default=None, help="where the cluster comes from")
    parser.addoption("--installed", action="store_true", help="test the Tonnage that is installed, as it is")
    parser.addoption("--cluster", default=DEFAULT_NAME, help="the cluster's name")


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """A running cluster; one that runs already is used as it is, and left running."""
    found = get_cluster(request.config.getoption("--provider"), request.config.getoption("--cluster"))
    found.up()
    return found


@pytest.fixture(scope="session")
def tonnage(request: pytest.FixtureRequest, cluster: Cluster) -> Installation:
    """Tonnage and the hub, installed in the cluster."""
    if request.config.getoption("--installed"):
        return Installation(cluster, NAMESPACE)
    return install(cluster)


@pytest.fixture(scope="module")
def namespace(request: pytest.FixtureRequest, tonnage: Installation) -> Iterator[str]:
    """A namespace for one module's tests, deleted after them; its last pods may drain while the next one begins."""
    name = f"e2e-{re.sub(r'[^a-z0-9]+', '-', request.module.__name__.rpartition('test_')[2])}"
    # It may still be going, from the run before.
    tonnage.cluster.kubectl_run("wait", "--for=delete", f"namespace/{name}", "--timeout=120s", deadline_seconds=130)
    tonnage.cluster.kubectl_run("create", "namespace", name)
    yield name
    tonnage.cluster.kubectl_run("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def figures() -> Figures:
    """Where tests note what they measured."""
    return FIGURES


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and (found := getattr(item, "funcargs", {}).get("cluster")) is not None:
        folder = LOGS / re.sub(r"[^\w.-]+", "-", item.name)
        collect(found, folder)
        report.sections.append(("cluster", f"what the cluster knew: {folder}"))
    return report


def pytest_terminal_summary() -> None:
    if FIGURES.rows:
        FIGURES.print(Console(highlight=False, width=120))
