"""The one list of commands, and the parser made of it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import NoReturn

from commands import arguments, cut, prepare, released
from runner.address import without_credentials
from runner.untrusted import clean_line

DESCRIPTION = "Cut releases of the PyTorch-CUDA images: build, validate, scan, promote, report."

COMMANDS = (*prepare.COMMANDS, *cut.COMMANDS, *released.COMMANDS, *cut.STAGE_COMMANDS)
"""In the order help shows them. A new one goes into the tuple of its own module."""


def parse(arguments: Sequence[str]) -> Namespace:
    """What was asked for: `run`, `verbose`, whatever the command takes, and as `typed` the
    arguments themselves.

    Raises ConfigError where a file that the arguments are made of is wrong.
    """
    return parser().parse_args(arguments, Namespace(typed=tuple(arguments)))


class _Parser(ArgumentParser):
    """Says what is wrong with what was typed in one line, without the control characters in it."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        super().error(clean_line(without_credentials(message), 400))


def parser() -> ArgumentParser:
    """Of all of `./release.py`. Raises ConfigError."""
    made = _Parser(prog="release.py", description=DESCRIPTION)
    made.set_defaults(**arguments.DEFAULTS)
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return made
