"""Programs find a working environment in the image.

A user, a home, certificates, UTF-8, threads, a clock, and no stale settings.
"""

from __future__ import annotations

import json
import os
import pwd
import ssl
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import pytest

from .. import installed, lease
from ..conftest import Answers, Figures
from ..contract.expected import Expected
from ..contract.layout import VISIBLE_GPUS
from ..declared import reports
from ..installed import format_some
from ..outcome import report_infra, require
from . import surroundings

USER = 1000
AUTHORITIES = 50
"""The least number of certificate authorities.

Mozilla's list, which Debian ships, has had about three times as many for years. A private list has
few.
"""

TEXT = "größer-数据-данные"
OWN_FOLDERS = (sys.prefix, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
BESIDE_ME = Path(__file__).parent
LOADER_VARIABLES = ("LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT")
PYTHON_VARIABLES = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONOPTIMIZE")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
CERTIFICATE_VARIABLES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
)
REAPED_S = 3.0
SKEW_S = 60
"""Clocks of machines that are kept by NTP differ by less."""

LEFT_BEHIND = "the image's configuration still has a variable of the build or of another machine"


@pytest.fixture(scope="session")
def first_use() -> dict[str, Any]:
    """Return what the first program that uses torch found."""
    done = installed.run_python(BESIDE_ME / "first_use.py")
    require(
        done.returncode == 0,
        f"using torch ends in {installed.describe_exit(done)}",
        "exit 0",
        "torch is damaged",
    )
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def test_unprivileged_user() -> None:
    cause = "the image's configuration has another user"
    require(os.getuid() == USER, f"the image runs as uid {os.getuid()}", f"mluser ({USER})", cause)
    named = [entry for entry in pwd.getpwall() if entry.pw_uid == USER]
    require(
        named,
        f"uid {USER} has no name in /etc/passwd",
        "mluser",
        "a layer on top replaced /etc/passwd",
    )
    home, wanted = os.environ.get("HOME", "nothing"), named[0].pw_dir
    require(home == wanted, f"HOME is {home}", f"{wanted} as in /etc/passwd", LEFT_BEHIND)


@pytest.mark.parametrize("name", surroundings.writable_places())
def test_writable(name: str) -> None:
    """The user can keep files where programs keep them by default."""
    problem = surroundings.find_writing_problem(surroundings.writable_places()[name])
    cause = "the folder belongs to root, since a step of the build ran as root"
    require(
        not problem, f"the {name} folder cannot be written: {problem}", "it to be the user's", cause
    )


def test_torch_hub_writable(first_use: dict[str, Any]) -> None:
    problem = surroundings.find_writing_problem(Path(first_use["hub"]))
    cause = "TORCH_HOME or a folder above belongs to root"
    require(
        not problem,
        f"torch cannot keep downloads: {problem}",
        f"{first_use['hub']} to be the user's",
        cause,
    )


@reports("certificate_authorities", "certificates")
def test_ca_certificates(figure: Figures) -> None:
    """Programs can tell whom they talk to: Python's default context has the public authorities."""
    for name in CERTIFICATE_VARIABLES:
        path = os.environ.get(name)
        require(
            path is None or Path(path).exists(),
            f"{name} is {path}",
            "a file that exists, or none",
            LEFT_BEHIND,
        )
    found = ssl.create_default_context().cert_store_stats()["x509_ca"]
    figure("certificate_authorities", found, "certificates")
    where = ssl.get_default_verify_paths().openssl_cafile
    cause = "the package ca-certificates was removed or its files were replaced"
    require(
        found >= AUTHORITIES, f"{found} authorities in {where}", f"at least {AUTHORITIES}", cause
    )


def test_utf8(tmp_path: Path) -> None:
    """Programs that do not mention an encoding read and write UTF-8, C programs too.

    That holds for text and for file names.
    """
    cause = (
        "LANG or LC_ALL names a locale that is not UTF-8 or is not in the image, or Python "
        "was told not to use UTF-8"
    )
    done = run_echo_text(TEXT, tmp_path)
    printed = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
    ended = f"text that is not ASCII ends a program with {printed[-1]}"
    require(done.returncode == 0, ended, "the text back", cause)
    wrote = [
        (os.fsdecode(entry.name), Path(entry.path).read_bytes()) for entry in os.scandir(tmp_path)
    ]
    text = TEXT.encode()
    require(
        done.stdout == text + b"True\n", f"{done.stdout!r} is printed", f"{text!r} and True", cause
    )
    require(
        wrote == [(os.fsdecode(text), text)],
        f"the files {wrote} are written",
        f"one of {text!r}",
        cause,
    )
    charmap = installed.run_command("locale", "charmap", **variable_of_the_image("LC_CTYPE"))
    require(
        charmap.stdout.strip() == "UTF-8",
        f"the locale is of {charmap.stdout.strip()}",
        "UTF-8",
        cause,
    )


def run_echo_text(text: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run echo_text.py with the text in UTF-8."""
    command = (sys.executable, "-P", str(BESIDE_ME / "echo_text.py"), str(folder))
    return subprocess.run(
        command, input=text.encode(), capture_output=True, check=False, timeout=60
    )


def variable_of_the_image(variable: str) -> dict[str, str]:
    """Return the variable with the value of the image.

    If the locale is C, Python sets LC_CTYPE for its children (PEP 538), and the image did not.
    """
    return {variable: ""} if os.environ.get(variable) == "C.UTF-8" else {}


def test_name_lookup() -> None:
    """The C library looks for hosts in its files and by DNS, and for users in its files."""
    faults = [*surroundings.find_lookup_faults()]
    require(
        not faults,
        "; ".join(faults),
        "hosts in files, then dns; and no other order of addresses",
        "a file of the C library in /etc that a layer replaced: names are not found, or late",
    )


@reports("threads", "threads")
@reports("cpus", "CPUs")
def test_threads(first_use: dict[str, Any], figure: Figures) -> None:
    """No more threads than CPUs, nor in workers beside each other.

    CPUs are those this process may run on. A quota of the cgroup is not counted: OpenMP does not
    know it, and it is the runner's choice.
    """
    cpus = len(os.sched_getaffinity(0))
    figure("threads", first_use["threads"], "threads")
    figure("cpus", cpus, "CPUs")
    wanted = f"at most the {cpus} CPUs"
    cause = "OMP_NUM_THREADS or another variable of the image sets a number for another machine"
    require(
        1 <= first_use["threads"] <= cpus,
        f"torch uses {first_use['threads']} threads",
        wanted,
        cause,
    )
    added = first_use["added"]
    require(
        added < cpus, f"a matrix product started {added} more threads", f"fewer than {cpus}", cause
    )
    for threads, more in first_use["workers"]:
        found = f"a worker of a DataLoader uses {threads} threads and started {more}"
        require(
            threads == 1 and more == 0, found, "1 and none", "its workers do not limit themselves"
        )
    for name in THREAD_VARIABLES:
        value = os.environ.get(name, "1")
        most = max((int(part) for part in value.split(",") if part.isdigit()), default=0)
        require(1 <= most <= cpus, f"the image sets {name} to `{value}`", wanted, LEFT_BEHIND)


def test_visible_gpus(expected: Expected) -> None:
    """The image hides no GPU.

    With a GPU the container's runtime has its say in NVIDIA_VISIBLE_DEVICES.
    """
    leased = os.environ.get(lease.OF_THE_IMAGE)
    chosen = leased or None if leased is not None else os.environ.get(VISIBLE_GPUS)
    require(
        chosen is None,
        f"the image sets {VISIBLE_GPUS} to `{chosen}`",
        "it not to be set",
        LEFT_BEHIND,
    )
    passed = os.environ.get("NVIDIA_VISIBLE_DEVICES", "all")
    set_by_runtime = expected.device == "cuda"
    require(
        set_by_runtime or passed == "all",
        f"NVIDIA_VISIBLE_DEVICES is `{passed}`",
        "`all`",
        LEFT_BEHIND,
    )
    capabilities = os.environ.get("NVIDIA_DRIVER_CAPABILITIES", "all").split(",")
    wanted = "all" in capabilities or {"compute", "utility"} <= {*capabilities}
    found = f"NVIDIA_DRIVER_CAPABILITIES is `{','.join(capabilities)}`"
    require(
        wanted,
        found,
        "compute and utility",
        "without them the driver's libraries are not passed to a container",
    )


def test_search_paths(first_use: dict[str, Any]) -> None:
    """Libraries and modules are searched in the image's own folders first."""
    for name in (*LOADER_VARIABLES, *PYTHON_VARIABLES):
        require(
            name not in os.environ,
            f"{name} is `{os.environ.get(name)}`",
            "it not to be set",
            LEFT_BEHIND,
        )
    zipped = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
    strange = [
        each
        for each in first_use["path"]
        if not each.startswith(OWN_FOLDERS) and Path(each).name != zipped
    ]
    cause = "a .pth file in site-packages adds them"
    require(
        not strange,
        f"Python looks in {format_some(strange)}",
        f"only folders of {sys.prefix} and its library",
        cause,
    )


def test_bytecode(first_use: dict[str, Any]) -> None:
    """Nothing is compiled on first import.

    The user could not keep the bytecode, and every container would compile it again.
    """
    compiled = [path for path in first_use["compiled"] if path.startswith(OWN_FOLDERS)]
    cause = "the bytecode layer is missing or of another Python, or PYTHONOPTIMIZE is set"
    require(
        not compiled,
        f"{len(compiled)} files were compiled: {format_some(compiled, 1)}",
        "bytecode of all",
        cause,
    )


def test_orphans_are_reaped() -> None:
    """The first process of the container collects orphans that have ended, as init does."""
    done = installed.run_command("sh", "-c", "sleep 0.1 >/dev/null & echo $!")
    require(
        done.stdout.strip().isdigit(),
        f"sh: {installed.describe_exit(done)}",
        "a process id",
        "/bin/sh is not there",
    )
    reaped = surroundings.ends_within(int(done.stdout), REAPED_S)
    cause = "the entry point is not tini, so that a long run fills up with dead processes"
    require(reaped, f"an orphan is a zombie after {REAPED_S:.0f} s", "it to be gone", cause)


def test_clock(expected: Expected) -> None:
    """The time is after that of every file the image brings."""
    folders = [Path(sysconfig.get_path(name)) for name in ("scripts", "purelib", "stdlib")]
    built, now = max(expected.epoch, surroundings.newest_change_time(folders)), time.time()
    if now < built - SKEW_S:
        cause = "the runner's clock is wrong, so that no certificate is valid yet"
        report_infra(
            f"the clock says {format_date(now)}, files of the image are of {format_date(built)}",
            cause,
        )


def test_challenge(nonce: str, answer: Answers, tmp_path: Path) -> None:
    """A fresh Python tells what it is, and authenticates that with the nonce from its input."""
    command = [sys.executable, "-I", str(BESIDE_ME / "facts.py")]
    done = subprocess.run(
        command,
        input=nonce,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=60,
        cwd=tmp_path,
    )
    ended = f"a fresh Python ends in {installed.describe_exit(done)}"
    require(
        done.returncode == 0, ended, "exit 0", "the interpreter or its standard library is damaged"
    )
    *facts, authenticated = done.stdout.splitlines()
    answer("facts", [*facts])
    answer("hmac", [authenticated])


def format_date(seconds: float) -> str:
    """Return the time in UTC, as `2025-01-29 00:00`."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))
