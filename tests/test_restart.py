"""release.py starts itself again without secrets in its environment, as real processes.

A `sitecustomize.py` on PYTHONPATH only injects faults and signals at a certain moment.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runner.home import REPOSITORY

pytestmark = pytest.mark.long

RELEASE = REPOSITORY / "release.py"
COUNTS = {"PYTORCH_CUDA_IMAGES_WEBHOOK": "ftp://planted"}
"""A secret that a command refuses if it got it."""
REFUSED = "PYTORCH_CUDA_IMAGES_WEBHOOK is not an HTTPS address"
INTERRUPTED = "interrupted -> run the same command again"

NO_MEMFD = "import os\ndel os.memfd_create\n"
MEMFD_FAILS = """
import errno, os
def memfd_create(*_):
    raise OSError(errno.ENOSYS, "no such call")
os.memfd_create = memfd_create
"""
SHOWS_FILE = """
import os, sys
if number := sys._xoptions.get("handed_secrets"):
    with open(os.environ["SHOWN"], "w") as file:
        print(os.readlink(f"/proc/self/fd/{number}"), file=file)
        print(open("/proc/self/environ").read(), open("/proc/self/cmdline").read(), file=file)
"""
AT_START = """
import os, sys
if "handed_secrets" in sys._xoptions:
    os.kill(os.getpid(), int(os.environ["SIGNAL"]))
"""
BEFORE_START = """
import os
start = os.execve
def execve(*words):
    os.kill(os.getpid(), int(os.environ["SIGNAL"]))
    start(*words)
os.execve = execve
"""


def start(
    folder: Path, injected: str, *words: str, shell: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `notes`, or `words`, with this code injected; `shell` has redirections."""
    (folder / "injected").mkdir(exist_ok=True)
    (folder / "injected" / "sitecustomize.py").write_text(injected)
    command = [sys.executable, str(RELEASE), *(words or ("notes", "v2.6.0"))]
    if shell:
        command = ["sh", "-c", f'exec "$@" {shell}', "sh", *command]
    paths = {"PYTHONPATH": str(folder / "injected"), "PYTORCH_CUDA_IMAGES_REGISTRY": "127.0.0.1:9"}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, **paths, **COUNTS, **environment},
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("injected", "kind"),
    [("", "/memfd:secrets"), (NO_MEMFD, "/"), (MEMFD_FAILS, "/")],
    ids=["memory", "a Python without it", "a kernel without it"],
)
def test_secrets_are_handed_over_in_a_file_without_a_name(
    injected: str, kind: str, home: Path, tmp_path: Path
) -> None:
    shown = tmp_path / "shown"
    done = start(tmp_path, injected + SHOWS_FILE, SHOWN=str(shown))
    assert done.returncode == 2, done.stderr
    assert REFUSED in done.stderr
    file, rest = shown.read_text().split("\n", 1)
    assert file.startswith(kind)
    assert file.endswith(" (deleted)")
    assert not Path(file.removesuffix(" (deleted)")).exists()
    assert "PATH=" in rest
    assert "planted" not in rest


@pytest.mark.parametrize(
    ("closed", "injected"),
    [("<&-", ""), (">&-", ""), ("2>&-", ""), ("<&- >&-", NO_MEMFD), ("<&- >&- 2>&-", "")],
)
def test_a_closed_stream_is_not_taken_for_the_secrets(
    closed: str, injected: str, home: Path, tmp_path: Path
) -> None:
    done = start(tmp_path, injected, shell=closed)
    assert done.returncode == 2, done.stderr
    assert "planted" not in done.stdout + done.stderr
    assert "2>&-" in closed or REFUSED in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("injected", [AT_START, BEFORE_START], ids=["after", "before"])
def test_a_signal_while_it_starts_again_ends_with_one_line(
    injected: str, number: signal.Signals, home: Path, tmp_path: Path
) -> None:
    done = start(tmp_path, injected, SIGNAL=str(int(number)))
    assert done.returncode == 130, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(INTERRUPTED)
    assert done.stdout == ""


@pytest.mark.parametrize("injected", [AT_START, BEFORE_START], ids=["after", "before"])
def test_a_signal_that_is_ignored_stays_ignored(injected: str, home: Path, tmp_path: Path) -> None:
    """As under nohup."""
    words = ["nohup", sys.executable, str(RELEASE), "notes", "v2.6.0"]
    start(tmp_path, injected, "--help")
    environment = {"PYTHONPATH": str(tmp_path / "injected"), "SIGNAL": str(int(signal.SIGHUP))}
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **COUNTS, **environment, "PYTORCH_CUDA_IMAGES_REGISTRY": "127.0.0.1:9"},
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert REFUSED in done.stderr


TELLS_LIMITS = """
import atexit, ctypes, resource
def tell():
    print(resource.getrlimit(resource.RLIMIT_CORE)[0], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
atexit.register(tell)
"""


def test_no_core_dump_is_made_of_a_run(home: Path, tmp_path: Path) -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("this machine makes no core dumps")
    done = start(tmp_path, TELLS_LIMITS)
    assert done.stdout == "1 0\n"


LISTS = """#!/bin/sh
ls /proc/$$/fd >"$0.own"
for each in /proc/$PPID/fd/*; do readlink "$each"; done >"$0.of-the-parent"
"""


@pytest.mark.parametrize("injected", ["", NO_MEMFD], ids=["memory", "file"])
def test_a_program_gets_no_open_file(injected: str, home: Path, tmp_path: Path) -> None:
    """Not the file of the secrets, and none that the caller had open; the first is closed."""
    program = tmp_path / "nvidia-smi"
    program.write_text(LISTS)
    program.chmod(0o755)
    (tmp_path / "of-the-caller").write_text("x")
    path = f"{tmp_path}:{os.environ['PATH']}"
    webhook = {"PYTORCH_CUDA_IMAGES_WEBHOOK": "https://h.example/planted"}
    shell = f'9<"{tmp_path}/of-the-caller"'
    done = start(tmp_path, injected, "doctor", shell=shell, PATH=path, **webhook)
    assert "gpu" in done.stdout, done.stderr
    own = {int(each) for each in Path(f"{program}.own").read_text().split()}
    # a shell keeps its own script open, at 10 or above
    assert not {each for each in own if 3 <= each < 10}
    of_parent = Path(f"{program}.of-the-parent").read_text()
    assert "of-the-caller" in of_parent or os.geteuid()  # only root may read that
    assert "memfd:secrets" not in of_parent
    assert "(deleted)" not in of_parent


@pytest.mark.parametrize(
    ("number", "content"),
    [("x", ""), ("99", ""), ("1000000000000", ""), ("0", "[1]"), ("0", '{"a": 1}'), ("0", "x")],
)
def test_the_option_of_another_is_refused(
    number: str, content: str, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "content").write_text(content)
    stdin = (tmp_path / "content").open()
    done = subprocess.run(
        [sys.executable, "-X", f"handed_secrets={number}", str(RELEASE), "plan", "v2.6.0"],
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "the option -X handed_secrets is for this program alone -> leave it out" in done.stderr
    assert "Traceback" not in done.stderr
