"""A real process that holds a secret, crashes, and is read by another one of the same user."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from runner import process_memory

GUARD = f"{Path(process_memory.__file__).read_text()}\nforbid_dumps()\n"
AS_NOBODY = """
import __future__, contextlib, ctypes, os, resource, sys
os.setgid(65534)
os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as after a program was started
"""
"""Root may read everything. The modules are imported before, from a folder of root."""
WAITS = """
import sys
print("ready", flush=True)
sys.stdin.read()
"""
CORE_BYTES = 1 << 20


def start(source: str, folder: Path | str = "/") -> subprocess.Popen[str]:
    """Start Python as another user than root, with core dumps allowed and a secret."""
    # from __future__ must come first in a module
    whole = f"exec({AS_NOBODY!r})\nexec({source!r})" if os.geteuid() == 0 else f"exec({source!r})"
    return subprocess.Popen(
        ["prlimit", f"--core={CORE_BYTES}", sys.executable, "-c", whole],
        cwd=folder,
        env={"S": "S3cret-in-memory"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.parametrize("is_guarded", [False, True])
def test_no_core_dump_holds_a_secret(tmp_path: Path, is_guarded: bool) -> None:
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if most != resource.RLIM_INFINITY and most < CORE_BYTES:
        pytest.skip("this machine allows no core dumps")
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with start(f"{GUARD if is_guarded else ''}\nimport os\nos.abort()", folder) as process:
        _, status = os.waitpid(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert os.WIFSIGNALED(status)
    if is_guarded:
        assert not os.WCOREDUMP(status)
        assert not list(folder.iterdir())
    elif "/" not in Path("/proc/sys/kernel/core_pattern").read_text():
        assert os.WCOREDUMP(status)


@pytest.mark.parametrize("is_guarded", [False, True])
@pytest.mark.parametrize("file", ["environ", "mem", "fd"])
def test_no_program_of_the_same_user_reads_the_process(is_guarded: bool, file: str) -> None:
    with start(f"{GUARD if is_guarded else ''}{WAITS}") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        with start(f"import os\nos.open('/proc/{process.pid}/{file}', os.O_RDONLY)") as reader:
            assert (reader.wait() == 0) is not is_guarded
        process.communicate("")
    assert process.returncode == 0
