"""A command: how it is declared, and how it answers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runner import progress, records
from runner.errors import EXIT_INCONCLUSIVE, EXIT_OK, EnvironmentFailed, GateRefused
from runner.verdict import Verdict

EXIT_OF_VERDICT = {
    Verdict.PASS: EXIT_OK,
    Verdict.FAIL: GateRefused.exit_code,
    Verdict.FLAKY: GateRefused.exit_code,
    Verdict.INFRA: EnvironmentFailed.exit_code,
    Verdict.INCONCLUSIVE: EXIT_INCONCLUSIVE,
    Verdict.NOT_RUN: EXIT_INCONCLUSIVE,
}


@dataclass(frozen=True)
class Command:
    """One command. `run` does it and returns the exit code.

    Each of `takes` adds arguments, in the order in which help shows them. A command that takes
    longer than `longest_s` seconds is ended: it waits for something that never comes. `has_json` is
    False if its answer is another document.
    The stages of a release have limits of their own below that (publish/pipeline.py).

    The docstring of `run` is its help, so that a command is described once: "`NAME`: its purpose"
    """

    name: str
    run: Callable[[Namespace], int]
    takes: tuple[Callable[[ArgumentParser], None], ...] = ()
    longest_s: float = 1800
    has_json: bool = True

    def add_to(self, commands: _SubParsersAction[Any]) -> None:
        """Add the command with its arguments, --verbose, and --json if it has that, to a parser.

        The parsed arguments have `run`, and the name as `command`.
        """
        description = (self.run.__doc__ or "").strip()
        short = description.partition("\n")[0].partition(": ")[2].removesuffix(".")
        parser = commands.add_parser(self.name, help=short, description=description)
        if self.has_json:
            parser.add_argument(
                "--json", action="store_true", help="print one JSON document on stdout"
            )
        parser.add_argument(
            "--verbose", action="store_true", help="show external commands and details"
        )
        for add in self.takes:
            add(parser)
        parser.set_defaults(run=self.run, command=self.name, longest_s=self.longest_s)


def print_record(record: object) -> None:
    """Print the one JSON document of `--json`."""
    progress.print_json(records.to_plain(record))
