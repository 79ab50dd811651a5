"""Suites in this machine's own Python that pass, hang, die and leave processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from images import catalog
from images.names import join_stacks
from runner import home
from runner.errors import ConfigError, EnvironmentFailed
from runner.owner import current_owner
from runner.verdict import Verdict
from tests.validation.suites_here import EXPECTED, written
from validation.executors import local, orphans, staging
from validation.executors.interface import Setup
from validation.judge import judge_suite
from validation.proof import make_challenge
from validation.record import SuiteResult

LEAVES_A_PROCESS = """
import os, subprocess

def test_a():
    left = subprocess.Popen(["sleep", "60"])
    open(os.environ["PID"], "w").write(str(left.pid))
"""
LEAVES_ITS_SESSION = """
import os, time

def test_a():
    path = os.environ["PID"]
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 100)
            with open(path + ".new", "w") as file:
                file.write(str(os.getpid()))
            os.rename(path + ".new", path)
            time.sleep(600)
        os._exit(0)
    os.wait()
    while not os.path.exists(path):
        time.sleep(0.05)
"""
THEN_SLEEPS = "    time.sleep(600)\n"
SLEEPS = """
import os, time

def test_a():
    open(os.environ["PID"], "w").write(str(os.getpid()))
    time.sleep(60)
"""
GOOD = "def test_good() -> None:\n    pass\n"


@pytest.fixture
def setup(home: Path, tmp_path: Path) -> Iterator[Setup]:
    """The interpreter of these tests, which has pytest and its plugins; no folder may be left
    behind.
    """
    site = next(Path(entry) for entry in sys.path if entry.endswith("site-packages"))
    yield Setup(sys.executable, site, EXPECTED)
    assert not [*(home / "validation" / "runs").glob("*")]


def _run(folder: Path, setup: Setup, text: str, timeout_s: int = 60) -> SuiteResult:
    suite = written(folder, text, timeout_s=timeout_s)
    return judge_suite(suite, local.run_suite(suite, setup))


def test_every_run_is_given_a_nonce_of_its_own(setup: Setup, tmp_path: Path) -> None:
    suite = written(tmp_path, "def test_told(nonce, answer):\n    answer('nonce', [nonce])\n")
    first, again = local.run_suite(suite, setup), local.run_suite(suite, setup)
    for ended in (first, again):
        assert ended.challenge is not None
        assert f'"{ended.challenge.nonce}"' in ended.report
        assert ended.container == ""
    assert first.challenge != again.challenge


def test_pass_and_what_is_expected(setup: Setup, tmp_path: Path) -> None:
    result = _run(tmp_path, setup, "def test_a(expected):\n    assert expected.torch == '2.6.0'\n")
    assert (result.verdict, result.reason) == (Verdict.PASS, "")


def test_hang_that_pytest_cannot_end(setup: Setup, tmp_path: Path) -> None:
    text = (
        "import signal, time\ndef test_stuck():\n    signal.pthread_sigmask(signal.SIG_BLOCK, "
        "{signal.SIGALRM})\n"
    )
    result = _run(tmp_path, setup, GOOD + text + "    time.sleep(600)\n", timeout_s=4)
    assert (result.verdict, result.reason[:14]) == (Verdict.FAIL, "hung in stuck:")
    assert "in test_stuck" in result.last_output
    assert next((check.name, check.verdict) for check in result.checks) == ("good", Verdict.PASS)


def test_nothing_of_the_suite_lives_on(setup: Setup, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    setup = replace(setup, environment=(("PID", str(pid)),))
    assert _run(tmp_path, setup, LEAVES_A_PROCESS).verdict is Verdict.PASS
    with pytest.raises(ProcessLookupError):
        _wait_for_end(int(pid.read_text()))


@pytest.mark.parametrize("ends", ["passes", "fails", "hangs"])
def test_what_left_its_session_is_ended_too(ends: str, setup: Setup, tmp_path: Path) -> None:
    """A daemon: forked twice, in a session of its own, with no file of the suite open."""
    pid = tmp_path / "pid"
    setup = replace(setup, environment=(("PID", str(pid)),))
    more = {"passes": "", "fails": "    assert 0\n", "hangs": THEN_SLEEPS}[ends]
    before = orphans._list_children()  # other fixtures of this process may have some at work
    result = _run(tmp_path, setup, LEAVES_ITS_SESSION + more, timeout_s=8)
    assert result.verdict is (Verdict.PASS if ends == "passes" else Verdict.FAIL)
    assert not Path(
        f"/proc/{pid.read_text()}"
    ).exists()  # not even as a process that nobody waited for
    assert orphans._list_children() <= before


def test_a_process_of_the_host_is_left_alone(setup: Setup, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as mine:
        assert _run(tmp_path, setup, GOOD).verdict is Verdict.PASS
        assert mine.poll() is None
        mine.kill()


def test_killed(setup: Setup, tmp_path: Path) -> None:
    result = _run(
        tmp_path, setup, GOOD + "import os\ndef test_a():\n    os.kill(os.getppid(), 9)\n"
    )
    assert result.verdict is not Verdict.PASS
    assert "SIGKILL" in result.reason


def test_python_without_torch_is_refused(setup: Setup) -> None:
    with pytest.raises(EnvironmentFailed, match="No module named 'torch'") as refused:
        local.prepare_run(setup)
    assert "--python" in refused.value.hint


def test_the_first_call_of_a_python_gets_no_secret_of_the_host(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nenv >{tmp_path}/variables\n")
    python.chmod(0o755)
    local.prepare_run(replace(setup, reference=str(python)))
    assert "PATH=" in (tmp_path / "variables").read_text()
    assert "planted" not in (tmp_path / "variables").read_text()


def test_a_setting_that_hides_gpus_is_refused(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    home.make_home_folder("validation", "runs")
    with pytest.raises(ConfigError, match="CUDA_VISIBLE_DEVICES is set"):
        local.prepare_run(setup)


PROGRAM = """
import os, sys
from pathlib import Path
from tests.validation.executors import test_local
from tests.validation.suites_here import EXPECTED, written
from validation.executors import local, staging
from validation.executors.interface import Setup
told = (("PID", os.environ["PID"]),)
setup = Setup(sys.executable, Path(sys.argv[2]), EXPECTED, environment=told)
local.run_suite(written(Path(sys.argv[1]), TEXT), setup)
"""


@pytest.mark.parametrize("text", ["SLEEPS", "LEAVES_ITS_SESSION + test_local.THEN_SLEEPS"])
def test_ctrl_c_leaves_nothing(text: str, setup: Setup, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program = PROGRAM.replace("TEXT", f"test_local.{text}")
    command = (sys.executable, "-c", program, str(tmp_path), str(setup.harness))
    host = subprocess.Popen(
        command, cwd=home.REPOSITORY, stderr=subprocess.DEVNULL, env={**os.environ, "PID": str(pid)}
    )
    deadline = time.monotonic() + 30
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    host.send_signal(signal.SIGINT)
    host.wait()
    with pytest.raises(ProcessLookupError):
        _wait_for_end(int(pid.read_text()))


def _wait_for_end(pid: int) -> None:
    """Raises ProcessLookupError as soon as there is no such process, else returns after five
    seconds.
    """
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        os.kill(pid, 0)
        if Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z"):
            raise ProcessLookupError  # ended, and nobody has asked how
        time.sleep(0.05)


def test_a_server_of_a_suite_is_in_no_network(setup: Setup, tmp_path: Path) -> None:
    """JupyterLab ran notebooks for the whole network while its suite ran."""
    words = ("jupyter", "lab", "--ip=0.0.0.0", "--ip=*", "--ip=::", "[::]:8", "10.0.0.0/8", "*")
    served = replace(setup, expected=replace(setup.expected, command=words))
    wanted = ["--ip=127.0.0.1"] * 3 + ["127.0.0.1:8", "10.0.0.0/8", "*"]
    text = f"""
        def test_a(expected):
            assert list(expected.command) == ["jupyter", "lab", *{wanted}]
    """
    result = _run(tmp_path, served, textwrap.dedent(text))
    assert result.verdict is Verdict.PASS, result
    lab = catalog.load_catalog().os_part_of(join_stacks(("base", "jupyter"))).command
    assert "--ip=0.0.0.0" in lab  # as the test above has it


def test_a_suite_gets_no_secret_of_the_host(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = (
        "PYTORCH_CUDA_IMAGES_SIGNING_KEY",
        "GITHUB_TOKEN",
        "DOCKER_CONFIG",
        "AWS_SECRET_ACCESS_KEY",
        "HF_TOKEN",
    )
    for name in (*secrets, "TORCH_API_TOKEN"):
        monkeypatch.setenv(name, "planted")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    text = """
        import os

        def test_a():
            assert "planted" not in os.environ.values()
            assert os.environ["OMP_NUM_THREADS"] == "2"
            assert "PATH" in os.environ
    """
    result = _run(tmp_path, setup, textwrap.dedent(text))
    assert result.verdict is Verdict.PASS, result


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            (
                "os.symlink('/proc/self/environ', out + 'running2'); os.replace(out + 'running2', "
                "out "
                "+ 'running')"
            ),
            "link",
        ),
        (
            "open(out + 'x', 'wb').write(bytes(70 << 20)); time.sleep(30)",
            "holds more than the allowed",
        ),
        (
            (
                "os.rmdir(out + 'stacks') if not os.listdir(out + 'stacks') else "
                "shutil.rmtree(out + "
                "'stacks')"
            ),
            "removed",
        ),
        (
            "os.rename(out + 'stacks', out + 'other'); os.symlink('/etc', out + 'stacks')",
            "symbolic link",
        ),
    ],
)
def test_what_a_suite_wrote_is_a_stranger_s(
    text: str, says: str, setup: Setup, tmp_path: Path
) -> None:
    test = f"def test_a():\n    out = os.environ['VALIDATION_ROOT'] + '/out/'\n    {text}\n"
    result = _run(tmp_path, setup, f"import os, shutil, time\n{test}")
    assert result.verdict is Verdict.FAIL, result
    assert says in result.reason


def test_a_long_log_is_read_at_its_end(setup: Setup, tmp_path: Path) -> None:
    result = _run(
        tmp_path, setup, "import os\nos.write(2, b'x' * (9 << 20) + b'last')\nos._exit(3)\n"
    )
    assert result.verdict is Verdict.FAIL
    assert len(result.last_output) <= staging.LOG_CHARACTERS


PRINTS_MUCH = """#!/bin/sh
head --bytes=300M /dev/zero | tr '\\0' x
echo the last words
sleep 1
"""


def test_what_a_suite_prints_takes_no_disk(setup: Setup, tmp_path: Path) -> None:
    """A program in place of Python, whose output nothing captures; the files of its run are
    measured meanwhile.
    """
    python = tmp_path / "python"
    python.write_text(PRINTS_MUCH)
    python.chmod(0o755)
    runs, sizes, done = staging._runs_folder(), [0], threading.Event()

    def measure() -> None:
        while not done.wait(0.02):
            with contextlib.suppress(OSError):
                sizes.extend(file.stat().st_size for file in runs.rglob("*") if file.is_file())

    watcher = threading.Thread(target=measure)
    watcher.start()
    result = _run(tmp_path, replace(setup, reference=str(python)), GOOD)
    done.set()
    watcher.join()
    assert result.last_output.endswith("the last words\n")
    assert len(result.last_output) <= staging.LOG_CHARACTERS
    assert 0 < max(sizes) < 10 << 20


def test_what_a_person_keeps_beside_the_runs_stays(home: Path) -> None:
    runs = home / "validation" / "runs"
    for folder in (runs / "thesis", runs / f"{'x' * 8}_1_1-thesis"):
        folder.mkdir(parents=True)
    runs.parent.chmod(0o755)
    left = runs / f"{current_owner().rpartition('_')[0]}_0-abcdefgh"
    left.mkdir()
    staging.remove_leftovers()
    assert runs.parent.stat().st_mode & 0o777 == 0o755
    assert (runs / "thesis").is_dir()
    assert not left.exists(), "the control: what a killed run left is removed"


def test_no_other_user_may_enter_the_folder_of_a_run(setup: Setup, tmp_path: Path) -> None:
    suite = written(tmp_path, GOOD)
    with staging.stage_run(suite, setup, make_challenge(setup.expected)) as folder:
        assert folder.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()])
def test_a_folder_that_cannot_be_filled_is_removed(error: BaseException) -> None:
    """A full disk would become fuller with each try."""
    made = []

    def fill(folder: Path) -> None:
        made.append(folder.parent)
        raise error

    with pytest.raises((EnvironmentFailed, KeyboardInterrupt)), contextlib.ExitStack() as stack:
        stack.enter_context(staging.make_shared_folder("a suite", fill))
    assert not made[0].exists()


def test_a_module_of_the_working_folder_is_not_imported(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    with contextlib.suppress(EnvironmentFailed):  # this Python may have a torch, or none
        local.prepare_run(setup)
    assert not (tmp_path / "ran").exists()


def test_programs_that_mount_get_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mount", "umount", "rm"):
        (tmp_path / name).write_text(f'#!/bin/sh\nenv >"{tmp_path}/$(basename $0).env"\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for name in ("PYTORCH_CUDA_IMAGES_SIGNING_KEY", "GH_TOKEN"):
        monkeypatch.setenv(name, "planted")
    for name in ("mount", "umount", "rm"):
        assert staging._run_quietly(name)
        assert "PATH=" in (tmp_path / f"{name}.env").read_text()
        assert "planted" not in (tmp_path / f"{name}.env").read_text()
    assert not staging._run_quietly("no-such-program")
