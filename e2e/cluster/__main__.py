"""`python -m e2e.cluster`: a test cluster by hand."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.prompt import Confirm

from e2e.cluster.commands import ClusterError
from e2e.cluster.fake_gpus import FakeGpus, add_fake_nodes, give_gpus
from e2e.cluster.logs import collect
from e2e.cluster.provider import DEFAULT_NAME, Cluster, Settings
from e2e.cluster.providers import add_cluster_options, get_cluster


def up(cluster: Cluster, options: argparse.Namespace) -> None:
    cluster.up(options.nodes)
    print(f"export KUBECONFIG={cluster.kubeconfig}")


def down(cluster: Cluster, options: argparse.Namespace) -> None:
    cluster.down(purge=options.purge)


def status(cluster: Cluster, _options: argparse.Namespace) -> None:
    is_up = cluster.is_up()
    print(f"{cluster.provider} cluster {cluster.name}: {'up' if is_up else 'not up'}")
    for name, value in cluster.details().items():
        print(f"{name}: {value}")
    if not is_up:
        raise SystemExit(1)
    print(cluster.kubectl_run("get", "nodes", "-o", "wide"), end="")


def load(cluster: Cluster, options: argparse.Namespace) -> None:
    print(cluster.load_image(options.image))


def logs(cluster: Cluster, options: argparse.Namespace) -> None:
    collect(cluster, options.folder)


def add_node(cluster: Cluster, _options: argparse.Namespace) -> None:
    print(cluster.add_node())


def fake_gpus(cluster: Cluster, options: argparse.Namespace) -> None:
    gpus = FakeGpus.of(options.product, options.count, options.memory)
    if options.on:
        give_gpus(cluster, options.on, gpus)
    else:
        print("\n".join(add_fake_nodes(cluster, gpus, options.nodes)))


def kubeconfig(cluster: Cluster, _options: argparse.Namespace) -> None:
    print(cluster.kubeconfig)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m e2e.cluster", description="A Kubernetes cluster for tests.")
    add_cluster_options(made, "--name", DEFAULT_NAME)
    commands = made.add_subparsers(required=True, metavar="COMMAND")

    def command(function: Callable[[Cluster, argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(function.__name__.replace("_", "-"), help=text, description=text)
        added.set_defaults(function=function)
        return added

    added = command(up, "make the cluster run; one that runs is left as it is")
    added.add_argument("--nodes", type=int, default=1, metavar="N")
    added = command(down, "remove the cluster, whatever is left of it")
    added.add_argument("--purge", action="store_true", help="also drop the images that the next `up` would find")
    command(status, "say whether it runs, and what is where")
    added = command(load, "bring a local image into the cluster and print what pods must call it")
    added.add_argument("image")
    added = command(logs, "write everything that explains a failure into a folder")
    added.add_argument("folder", type=Path)
    command(add_node, "add a real node")
    added = command(fake_gpus, "add nodes that claim to have GPUs, and run nothing")
    added.add_argument("--product", required=True, help="as GPU feature discovery names it, such as NVIDIA-L4")
    added.add_argument("--count", type=int, default=1, help="GPUs on each node")
    added.add_argument("--memory", type=int, metavar="MIB", help="memory of one GPU; known products have a default")
    added.add_argument("--nodes", type=int, default=1, help="how many such nodes")
    added.add_argument("--on", metavar="NODE", help="pretend that a real node has them instead")
    command(kubeconfig, "print the path of the kubeconfig file")
    return made


def main() -> int:
    """Run one command; what went wrong is one message on standard error."""
    options = parser().parse_args()
    console = Console(stderr=True, highlight=False, soft_wrap=True)

    def confirm(question: str) -> bool:
        return options.yes or (sys.stdin.isatty() and Confirm.ask(question, console=console))

    try:
        cluster = get_cluster(options.provider, settings=Settings(name=options.name, confirm=confirm))
        options.function(cluster, options)
    except ClusterError as error:
        console.print(f"[red]error:[/red] {escape(str(error))}")
        return 1
    except KeyboardInterrupt:
        console.print("interrupted")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
