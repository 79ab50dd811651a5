"""The one list of commands, and the parser made of it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from commands import arguments, baseline, cluster, cut, prepare, released, upstream
from runner import progress
from runner.redaction import hide_in_text
from runner.untrusted import clean_line

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

DESCRIPTION = "Make releases of the PyTorch-CUDA images: build, validate, scan, promote, report."

COMMANDS = (
    *prepare.COMMANDS,
    *upstream.COMMANDS,
    *cut.COMMANDS,
    *released.COMMANDS,
    *cut.STAGE_COMMANDS,
    *baseline.COMMANDS,
    *cluster.COMMANDS,
)
"""In the order in which help shows them. A new one goes into the tuple of its own module."""


def parse(arguments: Sequence[str]) -> Namespace:
    """Return the parsed arguments.

    They have `run`, `verbose`, those of the command, and as `typed` the arguments themselves.
    Raises ConfigError if a file that the arguments depend on is wrong.
    """
    return make_parser().parse_args(arguments, Namespace(typed=tuple(arguments)))


class _Parser(ArgumentParser):
    """A parser that describes a mistake in one line, without control characters.

    Help is an answer: if it cannot be written, the command has failed. argparse would ignore that.
    """

    def error(self, message: str) -> NoReturn:
        """Print a mistake and end with exit code 2."""
        super().error(clean_line(hide_in_text(message), 400))

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Print the help on stdout, or to `file`. Raises OSError if that fails."""
        if file is None:
            progress.print_answer(self.format_help())
        else:
            super().print_help(file)


def make_parser() -> ArgumentParser:
    """Return the parser of `./release.py`. Raises ConfigError."""
    made = _Parser(prog="release.py", description=DESCRIPTION)
    made.set_defaults(**arguments.DEFAULTS)
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return made
