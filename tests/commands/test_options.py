"""A command offers no option that it does not use."""

from __future__ import annotations

import ast
import json
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from commands import cut
from commands.arguments import make_argument
from commands.command import Command
from commands.parser import COMMANDS, parse
from publish.pipeline import STAGES
from runner.errors import EXIT_OK, ConfigError
from runner.home import REPOSITORY

FILES = (*sorted((REPOSITORY / "commands").glob("*.py")), REPOSITORY / "publish" / "pipeline.py")
OF_EVERY_COMMAND = {"help", "verbose", "action"}
"""`action` is a word that has to be typed, such as `add` of `line add`."""
NAMESPACE, OPTIONS = "arguments", "options"

DESTINATIONS = {
    "device": ("device",),
    "trivy_db": ("trivy_db",),
    "db_mirror": ("db_repository",),
    "promotion": ("channel", "kind", "approve", "dry_run"),
    "renew": ("renew",),
}
"""The arguments from which a field of StageOptions is made."""

DISPATCHERS = ("make_options", "_run_named_stage")
"""Functions that name all options or all stages; what a stage reads is found from its method."""


def read_functions(files: Iterable[Path]) -> Mapping[str, list[ast.FunctionDef]]:
    """Return the functions and methods of some modules by name."""
    found: dict[str, list[ast.FunctionDef]] = {}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, []).append(node)
    return found


FUNCTIONS = read_functions(FILES)


def find_used(*roots: str, functions: Mapping[str, list[ast.FunctionDef]] = FUNCTIONS) -> set[str]:
    """Return the arguments that some functions read, or a function that they name."""
    used: set[str] = set()
    waiting, seen = list(roots), set(DISPATCHERS)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for node in (each for function in functions[name] for each in ast.walk(function)):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                owner = node.value
                whose = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
                used |= {node.attr} if whose == NAMESPACE else set()
                used |= set(DESTINATIONS.get(node.attr, ())) if whose == OPTIONS else set()
            named = getattr(node, "attr", getattr(node, "id", ""))
            waiting += [named] if named in functions else []
    return used


def find_offered(command: Command) -> set[str]:
    """Return the names of the arguments that a command takes."""
    parser = ArgumentParser()
    command.add_to(parser.add_subparsers())
    (group,) = (each for each in parser._actions if isinstance(each.choices, dict))
    (added,) = group.choices.values()  # type: ignore[union-attr] # argparse has no type for it
    return {each.dest for each in added._actions}


def find_unused(command: Command) -> set[str]:
    roots = [command.run.__name__]
    if command in cut.STAGE_COMMANDS:
        roots += [f"run_{command.name}"] if command.name != "report" else ["find_difference"]
    if command.name == "release":
        roots += [f"run_{stage}" for stage in STAGES if stage != "report"]
    return find_offered(command) - OF_EVERY_COMMAND - find_used(*roots)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_offers_only_what_it_uses(command: Command) -> None:
    assert not find_unused(command)


DEVICE, DATABASE = {"release", "run-job", "validate", "check"}, {"trivy_db", "db_repository"}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_only_commands_that_run_suites_take_a_device(command: Command) -> None:
    assert ("device" in find_offered(command)) is (command.name in DEVICE)


@pytest.mark.parametrize("name", ["build", "validate"])
def test_what_opens_no_database_takes_none(name: str) -> None:
    (command,) = (each for each in COMMANDS if each.name == name)
    assert not find_offered(command) & DATABASE


def test_a_planted_option_that_nothing_reads_is_found() -> None:
    command = replace(COMMANDS[0], takes=(*COMMANDS[0].takes, make_argument("--colour")))
    assert find_unused(command) == {"colour"}


def test_notes_are_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        parse(["notes", "v2.6.0", "--json"])
    assert done.value.code == ConfigError.exit_code
    assert "--json" in capsys.readouterr().err


def test_keys_are_named_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = parse(["keys", str(tmp_path / "new"), "--json"])
    assert asked.run(asked) == EXIT_OK
    assert all(Path(path).is_file() for path in json.loads(capsys.readouterr().out))
