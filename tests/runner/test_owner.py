"""Which process made something, and whether it runs: nothing of a run at work may be removed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner import owner
from runner.owner import current_owner, describe_process, is_alive


def _read_owner_of(pid: int) -> str:
    host = current_owner().partition("_")[0]
    return f"{host}_{pid}_{owner._read_start_time(str(pid))}"


def test_a_process_is_alive_until_it_is_killed() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    made = _read_owner_of(process.pid)
    assert is_alive(made)
    process.kill()
    process.communicate()
    assert not is_alive(made)


def test_a_process_with_a_number_that_is_used_again_is_not_alive() -> None:
    assert is_alive(current_owner())
    assert not is_alive(f"{current_owner().rpartition('_')[0]}_1")


@pytest.mark.parametrize("name", ["", "x", "another_1_2", "another.1_1_2", "_"])
def test_what_another_machine_or_nobody_named_is_left_alone(name: str) -> None:
    assert is_alive(name)


def test_a_container_with_the_name_of_this_machine_has_processes_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its process ids mean other processes here: `--uts=host` gives it the name of the host."""
    host, pid, started = current_owner().split("_")
    monkeypatch.setattr(owner, "_FIRST_NAMESPACE", 1)
    in_container = current_owner()
    assert in_container.split("_") == [
        f"{host}.{Path('/proc/self/ns/pid').stat().st_ino}",
        pid,
        started,
    ]
    monkeypatch.undo()
    assert is_alive(f"{in_container.rpartition('_')[0]}_0")


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: only root can run as another user")
def test_a_process_that_proc_hides_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `hidepid`, a user sees no process of another user."""
    made = _read_owner_of(os.getppid())
    monkeypatch.setattr(owner, "_read_start_time", lambda _: "ended")
    other = os.fork()
    if not other:
        os.setuid(65534)
        os._exit(0 if is_alive(made) else 1)
    assert os.waitpid(other, 0)[1] == 0


def test_a_process_in_words() -> None:
    said = describe_process(os.getpid())
    assert said.startswith(f"process {os.getpid()} (")
    assert " of user " in said
    assert describe_process(os.getpid(), with_user=False) == f"{said.partition(' of ')[0]})"
    assert describe_process(1 << 30) == f"process {1 << 30}"


@pytest.mark.parametrize("pid", ["", "self", "..", "a\0b", "\ud800", "9" * 5000, "-1", "{folder}"])
def test_a_name_that_nobody_made_stops_no_run(pid: str, tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("1 (x) S 1", encoding="utf-8")
    host = current_owner().partition("_")[0]
    assert is_alive(f"{host}_{pid.format(folder=str(tmp_path).replace('_', '-'))}_1")
