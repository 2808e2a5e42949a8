"""The `tonnage` command: what the operator works out, for a person or a pod. One module per command.

A command is a module with `add_arguments(parser)` and `run(arguments) -> int`; its docstring is its help.
"""

import argparse
from collections.abc import Sequence

from tonnage.cli import estimate, facts

_COMMANDS = {"estimate": estimate, "facts": facts}


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that `words` (by default the process's) name; the exit status."""
    parser = argparse.ArgumentParser(prog="tonnage", description="What Tonnage knows of models, without a cluster.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in _COMMANDS.items():
        summary = (command.__doc__ or "").partition("\n")[0]
        command_parser = commands.add_parser(name, help=summary, description=command.__doc__)
        command.add_arguments(command_parser)
        command_parser.set_defaults(run=command.run)
    arguments = parser.parse_args(words)
    status: int = arguments.run(arguments)
    return status
