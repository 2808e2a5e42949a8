"""The `tonnage` command: what the operator works out, for a person or a pod. One module per command.

A command is a module with `add_arguments(parser)` and `run(arguments) -> int`; its docstring is its help. Only the
module of the command that is run is imported: the hub's client takes longer to import than an estimate to make.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

_COMMANDS = ("estimate", "explain", "facts")


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that `words` (by default the process's) name; the exit status."""
    given = sys.argv[1:] if words is None else words
    parser = argparse.ArgumentParser(prog="tonnage", description="What Tonnage knows of models, without a cluster.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    # Without a command, all are there for their help.
    for name in given[:1] if given[:1] and given[0] in _COMMANDS else _COMMANDS:
        command = import_module(f"tonnage.cli.{name}")
        summary = (command.__doc__ or "").partition("\n")[0]
        command_parser = commands.add_parser(name, help=summary, description=command.__doc__)
        command.add_arguments(command_parser)
        command_parser.set_defaults(run=command.run)
    arguments = parser.parse_args(words)
    status: int = arguments.run(arguments)
    return status
