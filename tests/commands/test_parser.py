"""The list of commands, and what is parsed of what a person types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import prepare
from commands.arguments import make_options, open_release, typed_command
from commands.command import Command
from commands.parser import COMMANDS, make_parser, parse
from images.catalog import Version
from publish.pipeline import STAGES, StageOptions
from runner.errors import EXIT_OK, ConfigError
from tests.fakes.refusal import refused


def test_every_stage_is_a_command_in_their_order() -> None:
    assert tuple(command.name for command in COMMANDS if command.name in STAGES) == STAGES


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_says_what_a_command_is_for(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as done:
        make_parser().parse_args([command.name, "--help"])
    assert done.value.code == EXIT_OK
    assert f"\n`{command.name}`: " in capsys.readouterr().out


def test_no_two_commands_are_for_the_same() -> None:
    assert len({command.run.__doc__ for command in COMMANDS}) == len(COMMANDS)


def test_a_command_knows_what_was_typed() -> None:
    assert parse(["report", "v2.6.0", "--images", "cv"]).typed == (
        "report",
        "v2.6.0",
        "--images",
        "cv",
    )


@pytest.mark.parametrize(
    "typed", [["keys", ""], ["keys", "a\x1b"], ["notes", "v2.6.0", "--feeds", ""]]
)
def test_an_empty_folder_is_not_the_current_one(
    typed: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as done:
        parse(typed)
    assert done.value.code == ConfigError.exit_code
    assert "write the path of a folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_command_that_takes_only_a_database_leaves_the_rest_as_it_is_by_default() -> None:
    asked = make_parser().parse_args(
        ["diff", "v2.6.0", "v2.6.1", "--trivy-db", "db", "--db-repository", "mirror"]
    )
    assert make_options(asked) == StageOptions(trivy_db="db", db_mirror="mirror")


def test_only_a_build_by_itself_renews() -> None:
    """The same `release` goes on where it stopped, and what it built before must not change under
    it.
    """
    assert make_options(make_parser().parse_args(["build", "v2.6.0", "--renew"])) == StageOptions(
        renew=True
    )
    assert make_options(make_parser().parse_args(["build", "v2.6.0"])) == StageOptions()
    with pytest.raises(SystemExit):
        make_parser().parse_args(["release", "v2.6.0", "--renew"])


def test_a_record_names_the_command_that_was_typed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", "registry.example.com")
    assert (
        open_release(parse(["scan", "v2.6.0", "--images", "cv"])).command
        == "./release.py scan v2.6.0 --images cv"
    )


@pytest.mark.parametrize("form", ["json", "github"])
def test_plans_of_several_lines_are_one_document(
    form: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = [Version("2.6", 0), Version("2.6", 3)]
    monkeypatch.setattr(prepare, "_planned_versions", lambda *_: newest)
    asked = parse(["plan", "--images", "cv", "--format", form])
    assert asked.run(asked) == EXIT_OK
    answered = json.loads(capsys.readouterr().out)
    plans = answered if form == "json" else answered["include"]
    assert [plan["version"] for plan in plans] == ["v2.6.0", "v2.6.3"]


def test_the_plan_of_every_line_is_a_list_however_many_there_are(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = parse(["plan", "--json"])
    assert asked.run(asked) == EXIT_OK
    assert isinstance(json.loads(capsys.readouterr().out), list)


def test_a_dry_release_shows_the_plan(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = make_parser().parse_args(["release", "v2.6.0", "--images", "cv", "--dry-run"])
    assert asked.run(asked) == EXIT_OK
    assert "plan v2.6.0" in capsys.readouterr().out


def test_a_dry_release_answers_in_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = make_parser().parse_args(["release", "v2.6.0", "--images", "cv", "--dry-run", "--json"])
    assert asked.run(asked) == EXIT_OK
    assert [image["image"] for image in json.loads(capsys.readouterr().out)["images"]] == ["cv"]


@pytest.mark.parametrize(
    "words",
    [
        ("scan", "v2.6.0", "--db-repository", "user:s3cret@127.0.0.1:1/db"),
        ("scan", "v2.6.0", "--db-repository=user:s3cret@127.0.0.1:1/db"),
        ("rescan", "--db-repository", "s3cret@127.0.0.1:1/db"),
        ("rescan", "user:s3cret@127.0.0.1:1/db"),
        ("check", "user:s3cret@127.0.0.1:5000/x"),
        ("check", "s3cret@127.0.0.1:5000/x"),
        ("verify", "user:s3cret@127.0.0.1:5000/x:y"),
        ("notes", "v2.6.0", "--home", "https://user:s3cret@h/p"),
        ("notes", "v2.6.0", "--home", "https://s3cret@h/p"),
        ("validate", "v2.6.0", "--device", "user:s3cret@h"),
        ("user:s3cret@h",),
        ("scan", "v2.6.0", "user:s3cret@h"),
        ("verify", "user:s3cret@h/x@sha256:" + "0" * 64),
    ],
)
def test_a_password_is_refused_and_not_repeated(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as done:
        parse(words)
    assert done.value.code == ConfigError.exit_code
    assert "s3cret" not in capsys.readouterr().err


def test_a_mistake_does_not_repeat_a_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_SIGNING_PASSPHRASE", "secretword1")
    with pytest.raises(SystemExit):
        parse(["plan", "--nonsense=secretword1"])
    said = capsys.readouterr().err
    assert "nonsense" in said
    assert "secretword1" not in said


def test_no_password_is_in_the_command_of_a_record(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", "registry.example.com")
    asked = parse(["scan", "v2.6.0", "--images", "cv", "--trivy-db", "https://user:s3cret@h/db"])
    assert (
        open_release(asked).command
        == "./release.py scan v2.6.0 --images cv --trivy-db 'https://***@h/db'"
    )
    identity = "https://issuer.example=https://github.com/o/r/.github/workflows/release.yml@refs/heads/main"
    assert typed_command(parse(["verify", "v2.6.0-cv", "--identity", identity])).endswith(identity)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", ""), "is not a version"),
        (("lock", ""), "is not a line"),
        (("lock", "../x"), "`../x` is not a line"),
    ],
)
def test_what_names_nothing_is_not_taken_for_everything(
    words: tuple[str, ...], said: str, home: Path
) -> None:
    asked = parse(words)
    with refused(ConfigError, said):
        asked.run(asked)


@pytest.mark.parametrize(
    ("typed", "taken"), [("python3", "python3"), ("bin/python", "HERE/bin/python"), ("/p", "/p")]
)
def test_a_python_is_found_from_the_folder_a_person_is_in(
    typed: str, taken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = parse(["validate", "v2.6.0", "--executor", "local", "--python", typed])
    assert asked.python == taken.replace("HERE", str(tmp_path))
