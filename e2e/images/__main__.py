"""`python -m e2e.images`: build images, and load them into a test cluster."""

import argparse
import sys

from rich.console import Console
from rich.markup import escape

from e2e.cluster import ClusterError, get_cluster
from e2e.cluster.provider import DEFAULT_NAME, PROVIDERS
from e2e.images.building import DEVICES, build, build_and_load
from e2e.images.catalogue import CATALOGUE


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m e2e.images", description="Container images for tests.")
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, text in (("build", "build images and print their names"), ("load", "also bring them into a cluster")):
        added = commands.add_parser(command, help=text, description=text)
        added.add_argument("images", nargs="+", choices=list(CATALOGUE), metavar="IMAGE", help=", ".join(CATALOGUE))
        added.add_argument("--device", choices=DEVICES, default="cpu")
        if command == "load":
            added.add_argument("--provider", choices=PROVIDERS)
            added.add_argument("--name", default=DEFAULT_NAME, help="the cluster's name (default: %(default)s)")
    return made


def main() -> int:
    """Run one command; what went wrong is one message on standard error."""
    options = parser().parse_args()
    try:
        for image in options.images:
            if options.command == "load":
                print(build_and_load(get_cluster(options.provider, options.name), image, options.device))
            else:
                print(build(image, options.device))
    except ClusterError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"[red]error:[/red] {escape(str(error))}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
