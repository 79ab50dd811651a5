"""The shared folder: one run at a time, scratch that goes, a living run's that stays."""

from __future__ import annotations

import ast
import errno
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner import home as homes
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.refusal import refused
from tests.runner.test_settings import sources

Other = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def other(home: Path) -> Iterator[Other]:
    """Another process that enters a context, says what it got, and stays in it until it is
    ended.
    """
    running: list[subprocess.Popen[str]] = []

    def start(context: str) -> subprocess.Popen[str]:
        code = (
            f"import time; from runner import home\nwith {context} as got: print(got, "
            "flush=True); time.sleep(60)"
        )
        command = [sys.executable, "-c", code]
        process = subprocess.Popen(
            command,
            cwd=homes.REPOSITORY,
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_second_run_is_refused_and_told_of_the_first(other: Other) -> None:
    first = other("home.only_run()")
    said(first)
    with (
        refused(EnvironmentFailed, str(first.pid), str(homes.out_folder()), "wait for it"),
        homes.only_run(),
    ):
        pass


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_ended_blocks_nobody(other: Other, ending: signal.Signals) -> None:
    first = other("home.only_run()")
    said(first)
    first.send_signal(ending)
    first.wait()
    with homes.only_run():
        pass


def test_one_run_after_the_other(home: Path) -> None:
    for _ in range(2):
        with homes.only_run():
            pass


def test_two_checkouts_run_at_once(
    other: Other, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(other("home.only_run()"))
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_OUT", str(tmp_path / "another"))
    with homes.only_run():
        pass


def test_records_that_cannot_be_kept(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_OUT", str(tmp_path / "file" / "out"))
    with (
        refused(EnvironmentFailed, str(tmp_path / "file"), "PYTORCH_CUDA_IMAGES_OUT"),
        homes.only_run(),
    ):
        pass


def test_scratch_is_gone_afterwards(home: Path) -> None:
    with homes.scratch_folder("build") as folder:
        (folder / "layer").write_text("x")
    assert not folder.exists()


def test_scratch_is_gone_after_an_error(home: Path) -> None:
    with pytest.raises(KeyboardInterrupt), homes.scratch_folder("build") as folder:
        raise KeyboardInterrupt
    assert not folder.exists()


def test_folders_too_deep_for_python_are_removed(home: Path) -> None:
    with homes.scratch_folder("build") as folder:
        here = os.open(folder, os.O_RDONLY)
        for _ in range(1500):
            os.mkdir("d", dir_fd=here)
            inner = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.close(here)
    assert not folder.exists()


def test_what_a_killed_run_left_is_removed(other: Other) -> None:
    killed = other("home.scratch_folder('build')")
    left = Path(said(killed))
    (left / "half.tar.gz").write_text("x")
    killed.kill()
    killed.wait()
    assert left.exists()
    with homes.scratch_folder("build"):
        assert not left.exists()


def test_what_a_living_run_uses_stays(other: Other) -> None:
    used = Path(said(other("home.scratch_folder('build')")))
    with homes.scratch_folder("build"):
        assert used.exists()
    assert used.exists()


def test_scratch_within_scratch(home: Path) -> None:
    with homes.scratch_folder("build") as outer, homes.scratch_folder("download") as inner:
        assert outer.exists()
        assert inner.exists()


def test_scratch_is_nobody_elses_from_its_first_moment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tempfile.mkdtemp

    def made_and_found(**options: str) -> str:
        folder = made(**options)
        code = "from runner import home\nwith home.scratch_folder('other'): pass"
        subprocess.run([sys.executable, "-c", code], cwd=homes.REPOSITORY, check=True)
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", made_and_found)
    with homes.scratch_folder("build") as folder:
        assert folder.exists()


def test_many_runs_at_once_have_their_own(home: Path) -> None:
    code = (
        "from runner import home\n"
        "for _ in range(100):\n"
        "    with home.scratch_folder('build') as own: (own / 'layer').write_text('x')\n"
    )
    command = [sys.executable, "-c", code]
    running = [
        subprocess.Popen(command, cwd=homes.REPOSITORY, stderr=subprocess.PIPE) for _ in range(3)
    ]
    complaints = [process.communicate()[1].decode() for process in running]
    assert complaints == [""] * 3
    assert not list(homes.make_home_folder("work").iterdir())


def test_a_disk_without_room_for_scratch(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with (
        refused(EnvironmentFailed, str(home / "work"), "No space left", "free space"),
        homes.scratch_folder("build"),
    ):
        pass


def test_a_home_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_HOME", str(tmp_path / "file"))
    with refused(EnvironmentFailed, "cannot create", "PYTORCH_CUDA_IMAGES_HOME"):
        homes.make_home_folder("wheels")


def test_where_things_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTORCH_CUDA_IMAGES_HOME", raising=False)
    monkeypatch.delenv("PYTORCH_CUDA_IMAGES_OUT", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert homes.home_folder() == Path("/cache/pytorch-cuda-images")
    assert homes.out_folder() == homes.REPOSITORY / "out"


@pytest.mark.parametrize("user", ["/a:b", "/a\x1bb"])
def test_the_home_of_the_user_is_checked_as_the_variable_is(
    monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    for name in ("PYTORCH_CUDA_IMAGES_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", user)
    with refused(ConfigError, "the value of HOME", "colon or a control character"):
        homes.home_folder()
    monkeypatch.setenv("HOME", "-rel")
    assert homes.home_folder().is_absolute()


@pytest.mark.parametrize("kind", ["a symbolic link", "a named pipe"])
def test_a_lock_that_is_not_a_file_of_ours(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (tmp_path / "precious").write_text("as it was")
    lock = tmp_path / "out" / ".lock"
    lock.parent.mkdir()
    lock.symlink_to(tmp_path / "precious") if kind == "a symbolic link" else os.mkfifo(lock)
    with refused(EnvironmentFailed, f"is {kind}", f"delete {lock}"), homes.only_run():
        pass
    assert (tmp_path / "precious").read_text() == "as it was"


def test_a_limit_of_the_machine_is_told_with_its_way_out() -> None:
    for number, words in ((errno.EFBIG, "ulimit -f"), (errno.EMFILE, "ulimit -n")):
        assert words in homes.hint_for(OSError(number, "x"))
        assert words in homes.machine_hint(OSError(number, "x"))
    for no_more in (
        BlockingIOError(errno.EAGAIN, "fork"),
        RuntimeError("can't start new thread"),
    ):
        assert "--pids-limit" in homes.machine_hint(no_more)
    assert homes.machine_hint(RuntimeError("x")) == ""
    assert homes.machine_hint(OSError(errno.EACCES, "x")) == ""
    assert homes.machine_hint(ValueError("x")) == ""


def test_what_a_person_keeps_there_stays(home: Path) -> None:
    """A home that is a folder of somebody: what no run of this program made is not removed."""
    work = homes.make_home_folder("work")
    kept = [work / name for name in ("thesis", "build-abcdefgh", "pytorch-cuda-images-scratch")]
    for folder in kept:
        folder.mkdir()
        (folder / "chapter").write_text("x")
    (work / "notes.txt").write_text("x")
    (work / "pytorch-cuda-images-scratch-build-abcdefgh").symlink_to(kept[0])
    with homes.scratch_folder("build"):
        pass
    assert all((folder / "chapter").exists() for folder in kept)
    assert (work / "notes.txt").exists()


def test_a_folder_of_a_whole_run_goes_with_it(home: Path) -> None:
    code = "from runner import home\nprint(home.keep_scratch_folder('database'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=homes.REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(home / "work"))
    assert not list((home / "work").iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: only root can mount")
def test_what_a_killed_program_mounted_in_a_folder_is_unmounted_and_not_removed(
    home: Path, tmp_path: Path
) -> None:
    """mmdebstrap, for one, mounts the machine's own /dev in the folder it works in."""
    mine, left = tmp_path / "mine", home / "work" / "pytorch-cuda-images-scratch-os-abcdefgh"
    inside = left / "a folder" / "dev"
    for folder in (mine, inside):
        folder.mkdir(parents=True)
    (mine / "kept").touch()
    subprocess.run(["mount", "--bind", mine, inside], check=True)
    try:
        assert (inside / "kept").exists()
        with homes.scratch_folder("test"):
            assert not left.exists()
        assert (mine / "kept").exists()
    finally:
        subprocess.run(["umount", inside], capture_output=True, check=False)


def test_a_folder_that_another_program_keeps_locked_is_not_waited_for_without_end(
    home: Path, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(homes, "MAX_LOCK_WAIT_S", 0.3)
    holder = other(f"home.lock_folder(home.Path({str(home)!r}))")
    assert holder.stdout is not None
    holder.stdout.readline()
    with refused(EnvironmentFailed, str(home), "fuser -v"), homes.lock_folder(home):
        pass
    holder.kill()
    holder.wait()
    with homes.lock_folder(home):
        pass


def test_no_lock_is_waited_for_without_an_end() -> None:
    """Any user who may read a file or folder can lock it, and keep it locked."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("flock", "lockf")):
                where = f"{path}:{node.lineno}"
                assert "LOCK_NB" in ast.unparse(node), f"{where}: use runner/home.py"
