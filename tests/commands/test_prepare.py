"""What a person types before a release: the locks."""

from __future__ import annotations

import json

import pytest

from commands import prepare
from commands.parser import parse
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
        prepare, "todays_judges", lambda *_: pytest.fail("a database was asked for")
    )
    monkeypatch.setattr(prepare, "refresh", lambda *_: pytest.fail("wheels were resolved"))
    monkeypatch.setattr(embedded, "host", lambda: pytest.fail("a registry was asked for"))


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
