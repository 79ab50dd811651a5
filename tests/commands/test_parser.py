"""The list of commands, and what is parsed of what a person types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands.arguments import options
from commands.command import Command
from commands.parser import COMMANDS, parse, parser
from publish.pipeline import STAGES, Options
from runner.errors import EXIT_OK


def test_every_stage_is_a_command_in_their_order() -> None:
    assert tuple(command.name for command in COMMANDS if command.name in STAGES) == STAGES


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_says_what_a_command_is_for(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        parser().parse_args([command.name, "--help"])
    assert done.value.code == EXIT_OK
    assert f"\n`{command.name}`: " in capsys.readouterr().out


def test_no_two_commands_are_for_the_same() -> None:
    assert len({command.run.__doc__ for command in COMMANDS}) == len(COMMANDS)


def test_a_command_knows_what_was_typed() -> None:
    assert parse(["report", "v2.6.0", "--images", "cv"]).typed == ("report", "v2.6.0", "--images", "cv")


def test_a_command_that_takes_only_a_database_leaves_the_rest_as_it_is_by_default() -> None:
    asked = parser().parse_args(["diff", "v2.6.0", "v2.6.1", "--trivy-db", "db", "--db-repository", "mirror"])
    assert options(asked) == Options(trivy_db="db", db_mirror="mirror")


def test_a_dry_release_shows_the_plan(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = parser().parse_args(["release", "v2.6.0", "--images", "cv", "--dry-run"])
    assert asked.run(asked) == EXIT_OK
    assert "plan v2.6.0" in capsys.readouterr().out


def test_a_dry_release_answers_in_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = parser().parse_args(["release", "v2.6.0", "--images", "cv", "--dry-run", "--json"])
    assert asked.run(asked) == EXIT_OK
    assert [image["image"] for image in json.loads(capsys.readouterr().out)["images"]] == ["cv"]
