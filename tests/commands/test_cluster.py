"""Options of a cluster that would have no effect are refused before any work."""

from __future__ import annotations

import pytest

from commands import cut
from commands.parser import parse
from publish.pipeline import ReleaseRun
from runner.errors import ConfigError
from tests.fakes.refusal import refused


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param("plan v2.6.0 --models l4", "are for a cluster", id="plan"),
        pytest.param("validate v2.6.0 --models l4", "are for a cluster", id="validate"),
        pytest.param("release v2.6.0 --models l4 --until build", "are for a cluster", id="build"),
        pytest.param("validate v2.6.0 --if-interrupted keep", "are for a cluster", id="keep"),
        pytest.param("release v2.6.0 --on slurm --device cuda", "remove --device", id="device"),
        pytest.param("validate v2.6.0 --on slurm --device cpu", "remove --device", id="cpu"),
        pytest.param(
            "validate v2.6.0 --on slurm --executor local", "remove --executor", id="executor"
        ),
        pytest.param("plan v2.6.0 --on slurm --json", "is a table only", id="json"),
        pytest.param("plan v2.6.0 --on slurm --format github", "is a table only", id="github"),
        pytest.param("plan --on slurm", "a plan of jobs needs a version", id="no version"),
    ],
)
def test_an_option_without_effect_is_refused(
    command: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_release(_: object) -> ReleaseRun:
        pytest.fail("work began")

    monkeypatch.setattr(cut, "open_release", open_release)
    monkeypatch.setattr(cut, "say_readiness", lambda *_: pytest.fail("work began"))
    asked = parse(command.split())
    with refused(ConfigError, words):
        asked.run(asked)
