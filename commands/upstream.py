"""Commands that follow upstream: what is outdated, and a new line."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from commands.arguments import load_catalog, require_line
from commands.command import Command, print_record
from images import new_line
from images.version import line_numbers
from publish import outdated
from publish.outdated import NEW, Outdated, OutdatedLine, OutdatedPackage
from publish.policy.release_kinds import KINDS
from runner import progress
from runner.errors import EXIT_OK
from runner.untrusted import clean_line

MAX_REASONS_CHARACTERS = 300
"""Characters that are shown of what holds a package back. JSON has all of it."""


def run_outdated(arguments: Namespace) -> int:
    """`outdated`: compare locks, base images and lines with what the package indexes offer.

    Nothing is changed. It ends with 0 whether something is newer or not, and with 3 if the index
    cannot be read.
    """
    catalog = load_catalog()
    if arguments.line is not None:
        require_line(catalog, arguments.line)
    found = outdated.find_outdated(
        catalog, list(catalog.lines) if arguments.line is None else [arguments.line]
    )
    if arguments.json:
        print_record(found)
    else:
        _show_outdated(found, max(catalog.lines, key=line_numbers))
    return EXIT_OK


def _show_outdated(found: Outdated, newest_line: str) -> None:
    for line in found.lines:
        _show_line(line)
    for each in found.upstream:
        if each.state == NEW:
            progress.print_answer(
                f"torch {each.torch} is out and has no line: `./release.py line new {each.line} "
                f"--from {newest_line}`"
            )
    left_out = ", ".join(each.line for each in found.upstream if each.state == outdated.LEFT_OUT)
    if left_out:
        progress.print_answer(f"minor versions of torch without a line: {left_out}")


def _show_line(line: OutdatedLine) -> None:
    for stack in line.stacks:
        count = len(stack.packages)
        text = (
            f"not the newest: {count} of its packages" if count else "every package is the newest"
        )
        progress.print_answer(f"line {line.line}, {stack.stack}: {text}")
        for package in stack.packages:
            for row in _describe_package(package):
                progress.print_answer(f"  {row}")
    for row in _describe_line(line):
        progress.print_answer(f"line {line.line}: {row}")


def _describe_package(package: OutdatedPackage) -> Iterator[str]:
    """Yield a row for each newer version: who may take it, and what holds it back."""
    known = package.locked
    for kind in KINDS:
        version = getattr(package, kind)
        if version not in ("", known):
            yield f"{kind:8} {package.name} {package.locked} -> {version}"
            known = version
    if package.held_back_by:
        who = "new line" if package.needs_line else "held"
        reasons = clean_line(" and ".join(package.held_back_by), MAX_REASONS_CHARACTERS)
        step = f"{package.locked} -> {package.newest}"
        yield f"{who:8} {package.name} {step}, held back by {reasons}"


def _describe_line(line: OutdatedLine) -> Iterator[str]:
    """Yield what is said of a line as a whole."""
    if line.newest_torch != line.torch:
        yield (
            f"torch {line.newest_torch} is out; a feature release may take it: write it and its "
            "facts into catalog.yaml and compatibility.yaml"
        )
    for kind in line.kinds:
        parts = [f"would add {', '.join(kind.added)}"] if kind.added else []
        parts += [f"would drop {', '.join(kind.dropped)}"] if kind.dropped else []
        text = kind.problem or "; ".join(parts)
        if text:
            yield f"a {kind.kind} release: {text}"
    base, step = line.base, "the newest"
    if base.problem:
        step = f"not compared: {base.problem}"
    elif base.offered != base.locked:
        step = f"{base.offered} is out; write it into `base_image` of catalog.yaml"
    yield f"base {base.image}: {step}"


def run_line(arguments: Namespace) -> int:
    """`line`: `line new` writes the catalogue entry and the locks of a new line, for review.

    It downloads no wheels. The next step is `lock LINE --layers`: it downloads them and writes the
    layer lock.
    """
    catalog = load_catalog()
    made = new_line.write_line(catalog, arguments.line, arguments.source)
    if arguments.json:
        print_record(made)
    for path in made.files:
        progress.say_line(f"wrote {path}")
    for number, step in enumerate(made.to_confirm, start=1):
        progress.say_line(f"confirm {number}: {step}")
    for step in made.next_steps:
        progress.say_line(f"next: {step}")
    return EXIT_OK


def _add_line_option(command: ArgumentParser) -> None:
    command.add_argument("--line", help="for example 2.6; by default every line")


def _add_new_line(command: ArgumentParser) -> None:
    command.add_argument("action", choices=("new",), help="new: write a line that is not there yet")
    command.add_argument("line", help="the minor version of torch, for example 2.16")
    command.add_argument(
        "--from",
        dest="source",
        required=True,
        metavar="LINE",
        help="the line whose Python, Debian and base image the new one gets, for example 2.15",
    )


COMMANDS = (
    Command("outdated", run_outdated, (_add_line_option,), longest_s=3600),
    Command("line", run_line, (_add_new_line,)),
)
