"""`doctor`, `plan` and `release` say first what this machine can prove for a channel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import cut
from commands.parser import parse
from images import plan as planning
from runner import doctor
from tests.publish.test_readiness import L4
from validation import nvml

NEVER = "work began before the answer"


@pytest.fixture(autouse=True)
def one_l4(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "read_inventory", lambda: L4)


def test_the_doctor_says_it_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def look(*_: object) -> Iterator[doctor.MachineFinding]:
        said = " ".join(capsys.readouterr().out.split())
        assert said.startswith("ok channel production: 1 x NVIDIA L4; can prove one-gpu-")
        yield doctor.MachineFinding("engine", True, True, "Docker 20.10")

    monkeypatch.setattr(doctor, "examine_machine", look)
    asked = parse(["doctor"])
    assert asked.run(asked) == 0
    assert "engine" in capsys.readouterr().out


def test_the_doctor_names_what_a_stricter_channel_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "examine_machine", lambda *_: iter(()))
    asked = parse(["doctor", "--channel", "production-multi-gpu", "--json"])
    assert asked.run(asked) == 0, "a machine that proves less can still build and scan"
    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["channel"]["ok"] is False
    assert found["lacks"]["detail"].startswith("level multi-gpu: ")


def test_plan_says_it_for_a_channel_and_its_answer_stays(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = parse(["plan", "v2.6.0", "--channel", "production", "--format", "json"])
    assert asked.run(asked) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["version"] == "v2.6.0"
    assert shown.err.startswith("production: 1 x NVIDIA L4; can prove one-gpu-gloo, one-gpu-nccl")
    assert "missing: approval: a major release needs `--approve`" in shown.err
    asked = parse(["plan", "v2.6.0"])
    assert asked.run(asked) == 0
    assert "can prove" not in capsys.readouterr().err


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_the_first_line_of_release(
    options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def begin(*_: object) -> int:
        assert capsys.readouterr().err.startswith("production-multi-gpu: 1 x NVIDIA L4; can prove")
        return 0

    monkeypatch.setattr(cut, "open_release", lambda _: None)
    monkeypatch.setattr(cut, "_run_stages", begin)
    monkeypatch.setattr(planning, "make_plans", lambda *_: (begin(), ((), {}))[1])
    asked = parse(["release", "v2.6.0", "--channel", "production-multi-gpu", *options])
    assert asked.run(asked) == 0


def test_a_release_on_the_cpu_is_told_that_it_proves_no_level(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cut, "open_release", lambda _: None)
    monkeypatch.setattr(cut, "_run_stages", lambda *_: 4)
    asked = parse(["release", "v2.6.0", "--device", "cpu"])
    assert asked.run(asked) == 4
    assert (
        "no GPU (--device cpu was asked for); can prove no level; 4 things"
        in capsys.readouterr().err
    )
