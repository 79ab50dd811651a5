from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from runner import progress, shell
from runner.errors import EnvironmentFailed
from tests.fakes.refusal import refused

HINT = "do this"


def script(body: str) -> list[str]:
    return ["sh", "-c", body]


def test_what_a_program_prints_is_returned() -> None:
    assert shell.run(script("echo out; echo err >&2"), hint=HINT) == "out\n"


def test_a_program_gets_its_input_and_environment() -> None:
    assert shell.run(script('cat; printf %s "$X"'), hint=HINT, stdin=b"in ", env={"X": "y"}) == "in y"


def test_a_program_that_reads_gets_nothing_of_ours() -> None:
    assert shell.run(["cat"], hint=HINT, timeout_s=5) == ""


def test_other_exit_codes_can_be_fine() -> None:
    assert shell.run(script("exit 7"), hint=HINT, ok_codes=(0, 7)) == ""


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param(script("echo one >&2; echo two >&2; exit 3"), "exited 3: one | two", id="fails"),
        pytest.param(script("kill -9 $$"), "exited -9", id="killed"),
        pytest.param(script("printf '\\377' >&2; exit 1"), "exited 1", id="prints what is not text"),
        pytest.param(["no-such-program"], "`no-such-program` is not installed", id="missing"),
        pytest.param(["sleep", "9"], "did not finish in 0 s", id="too slow"),
    ],
)
def test_a_failing_program_is_one_line(command: Sequence[str], words: str) -> None:
    with refused(EnvironmentFailed, words, HINT):
        shell.run(command, hint=HINT, timeout_s=0.3)


@pytest.mark.parametrize("mode", [0o644, 0o755], ids=["not executable", "not a program"])
def test_a_program_that_cannot_be_executed(tmp_path: Path, mode: int) -> None:
    (tmp_path / "tool").write_bytes(b"\x00\x01")
    (tmp_path / "tool").chmod(mode)
    with refused(EnvironmentFailed, "tool", HINT):
        shell.run([tmp_path / "tool"], hint=HINT)


def test_only_the_end_of_a_long_complaint_is_told() -> None:
    with pytest.raises(EnvironmentFailed) as caught:
        shell.run(script("seq 1000 >&2; exit 1"), hint=HINT)
    assert "| 1000" in str(caught.value)
    assert "| 900 " not in str(caught.value)


def test_the_command_is_shown_where_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_verbose", True)
    shell.run(["echo", "a b"], hint=HINT)
    assert "$ echo 'a b'" in capsys.readouterr().err
