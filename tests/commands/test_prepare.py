"""What a person types before a release: the locks."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from commands import prepare
from commands.parser import parse
from images import catalog
from runner import embedded
from runner.errors import ConfigError
from tests.fakes.refusal import refused


def typed(*words: str) -> int:
    asked = parse(words)
    return int(asked.run(asked))


@pytest.fixture(autouse=True)
def only_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No registry, no scanner and no wheel is asked for where only layers are locked."""
    monkeypatch.setattr(
        prepare, "load_assessment_context", lambda *_: pytest.fail("a database was asked for")
    )
    monkeypatch.setattr(prepare, "refresh_locks", lambda *_: pytest.fail("wheels were resolved"))
    monkeypatch.setattr(
        embedded, "require_registry", lambda: pytest.fail("a registry was asked for")
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ([], "line 2.6: no layer changed"),
        (["torch 2.6.0"], "line 2.6: layers with a new lock: torch 2.6.0"),
    ],
)
def test_lock_layers(
    changed: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(prepare, "refresh_layers", lambda *_: changed)
    assert typed("lock", "2.6", "--layers", "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"2.6": {"layers": changed}}
    assert said in err


def test_lock_layers_of_a_line_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "refresh_layers", lambda *_: pytest.fail("it was locked"))
    with refused(ConfigError, "no line 1.0"):
        typed("lock", "1.0", "--layers")


@pytest.fixture
def two_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A catalogue with a second line, 2.7, that has no locks."""
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_OUT", str(tmp_path / "out"))
    shipped = catalog.load_catalog()
    lines = {"2.7": replace(shipped.lines["2.6"], torch="2.7.0"), **shipped.lines}
    monkeypatch.setattr(catalog, "load_catalog", lambda: replace(shipped, lines=lines))


@pytest.mark.usefixtures("two_lines")
def test_a_line_without_locks_does_not_stop_the_plan_of_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with refused(ConfigError, "missing lock", "2.7.lock"):
        typed("plan", "--json")
    out, err = capsys.readouterr()
    assert "v2.6.0" in [plan["version"] for plan in json.loads(out)]
    assert "v2.7.0" not in out
    assert "line 2.7 has no plan: missing lock" in err


@pytest.mark.usefixtures("two_lines")
def test_a_version_of_a_line_with_locks_does_not_read_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert typed("plan", "v2.6.0", "--json") == 0
    assert json.loads(capsys.readouterr().out)["version"] == "v2.6.0"


@pytest.mark.usefixtures("two_lines")
def test_a_plan_of_a_line_without_locks_answers_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with refused(ConfigError, "missing lock"):
        typed("plan", "v2.7.0", "--json")
    assert not capsys.readouterr().out


def test_a_plan_says_how_its_line_is_supported(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phase = catalog.load_catalog().lines["2.6"].find_support(datetime.datetime.now(UTC).date())
    assert typed("plan", "v2.6.0") == 0
    assert f"line 2.6: {phase}" in capsys.readouterr().out
    assert typed("plan", "v2.6.0", "--json") == 0
    assert json.loads(capsys.readouterr().out)["support"].startswith(str(phase))
