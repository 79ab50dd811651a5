"""Images whose Python attacks the host, in real containers: each is a failure that says what was
found.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner import containers, engine, owner, pull
from runner.verdict import Verdict
from tests.fakes.small_image import loaded, planted
from tests.validation import hostile
from tests.validation.suites_here import EXPECTED, asserted, written
from validation.executors import docker, root_usage, staging
from validation.executors.interface import Setup
from validation.harness import ROOT
from validation.judge import judge_suite
from validation.record import SuiteResult
from validation.suite import SUITES

pytestmark = pytest.mark.docker

SITE = "/usr/lib/python3/dist-packages"
GOOD = "def test_good() -> None:\n    pass\n"
SECRET = "planted-signing-key-4711"  # noqa: S105 - none
REFUSED = "what the suite wrote is refused: "

VARIANTS = {
    "environment by a link": (hostile.CASES["evil_environ"], "`out/running` is a symbolic link"),
    "a line of brackets": (
        hostile.CASES["evil_hugeline"],
        "the report is malformed: line 1: JSON that is nested",
    ),
    "a stack of no process": (hostile.CASES["evil_stacks"], "`out/stacks` has `notanumber`"),
    "report is a named pipe": (
        'os.mkfifo(out + "report.jsonl")',
        "`out/report.jsonl` is a named pipe",
    ),
    "running is a named pipe": ('os.mkfifo(out + "running")', "`out/running` is a named pipe"),
    "a stack is a named pipe": ('os.mkfifo(out + "stacks/1")', "`out/stacks/1` is a named pipe"),
    "report is sparse": (
        'open(out + "report.jsonl", "w").truncate(8 << 30)',
        "`out/report.jsonl` has 8,589,934,592",
    ),
    "report is a device of the host": (
        'os.symlink("/dev/zero", out + "report.jsonl")',
        "is a symbolic link",
    ),
    "report is a file beside": (
        'os.symlink("../expected.json", out + "report.jsonl")',
        "is a symbolic link",
    ),
    "report is a folder": ('os.mkdir(out + "report.jsonl")', "`out/report.jsonl` is a folder"),
    "report is a socket": (
        'import socket; socket.socket(socket.AF_UNIX).bind(out + "report.jsonl")',
        "`out/report.jsonl` is a socket",
    ),
    "no stacks": ('os.rmdir(out + "stacks")', "the folder `out/stacks` was removed"),
    "stacks is a link": (
        'os.rmdir(out + "stacks"); os.symlink("/etc", out + "stacks")',
        "`out/stacks` is a symbolic",
    ),
    "stacks is a file": (
        'os.rmdir(out + "stacks"); open(out + "stacks", "w")',
        "`out/stacks` is a regular file, not",
    ),
    "a stack is a link": (
        'os.symlink("/etc/shadow", out + "stacks/1")',
        "`out/stacks/1` is a symbolic link",
    ),
    "a large stack": (
        'open(out + "stacks/1", "w").truncate(5 << 20)',
        "`out/stacks/1` has 5,242,880 bytes",
    ),
    "a stack with an escape sequence": (
        'open(out + "stacks/" + chr(27) + "[2J", "w")',
        r"`out/stacks` has `\x1b[2J`, which is not the number",
    ),
    "100,000 files": (
        'for each in range(100000): open(f"{out}stacks/{each}", "w").close()',
        "`out` holds more than the allowed 2,000 files and folders",
    ),
    "a disk full of data": (
        'file = open(out + "x", "wb")\nwhile True: file.write(bytes(1 << 20))',
        "`out` holds more than the allowed 67,108,864 bytes",
    ),
    "folders nested deep": (
        'os.chdir(out)\nfor each in range(1500): os.mkdir("a"); os.chdir("a")',
        "`out` has folders that are nested deeper than 64 levels",
    ),
    "not UTF-8": (
        'open(out + "report.jsonl", "wb").write(bytes([255, 10]))',
        "`out/report.jsonl` is not UTF-8 text",
    ),
    "a report of many lines": (
        'open(out + "report.jsonl", "w").write(("{}" + chr(10)) * 1000000)',
        "it has 1,000,000 lines, more than the allowed 5,000",
    ),
    "the longest name": (
        'open(out + "running", "w").write("x" * (1 << 20))',
        "`out/running` has 1,048,576 bytes",
    ),
}


@pytest.fixture
def setup(
    tiny_image: str, mounted_harness: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Setup]:
    """What the containers are given; the host holds a secret in its environment.

    Nothing may be left behind.
    """
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_HOME", str(tmp_path))
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_SIGNING_KEY", SECRET)
    yield Setup(tiny_image, mounted_harness, EXPECTED, shm_bytes=96 << 20)
    assert list((tmp_path / "validation" / "runs").iterdir()) == []


def _run(
    folder: Path, setup: Setup, program: str, *, ends: bool = True, timeout_s: int = 30
) -> SuiteResult:
    attacked = replace(
        setup, mounts=((hostile.write_pth(folder, program, ends=ends), f"{SITE}/evil.pth"),)
    )
    suite = written(folder, GOOD, timeout_s=timeout_s)
    result = judge_suite(suite, docker.run_suite(suite, attacked))
    assert SECRET not in repr(result)
    return result


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_an_image_wrote_is_its_verdict(variant: str, setup: Setup, tmp_path: Path) -> None:
    program, says = VARIANTS[variant]
    started = time.monotonic()
    result = _run(tmp_path, setup, program)
    assert result.verdict is Verdict.FAIL, result
    assert says in result.reason
    assert result.reason.isprintable()
    assert time.monotonic() - started < 60


def test_the_next_image_is_judged(setup: Setup, tmp_path: Path) -> None:
    assert _run(tmp_path, setup, hostile.CASES["evil_stacks"]).verdict is Verdict.FAIL
    suite = written(tmp_path, GOOD)
    assert judge_suite(suite, docker.run_suite(suite, setup)).verdict is Verdict.PASS


def test_text_of_an_image_is_shown_cleaned(setup: Setup, tmp_path: Path) -> None:
    """Escape sequences, a workflow command, text that runs backwards; markup is the reports' to
    escape.
    """
    text = r"x::test_\x1b]0;owned\x07\x1b[2J\x1b[31m\u202e<script>alert(1)</script>\n::error::injected\n##[error]x"  # noqa: E501 - one line of what another program reads
    program = f'open(out + "running", "w").write("{text}")\nprint("{text}")'
    result = _run(tmp_path, setup, program)
    assert result.reason == "exited 0 with no complete report, last in injected # #[error]x"
    assert result.last_output.splitlines() == [
        "x::test_<script>alert(1)</script>",
        ": :error::injected",
        "# #[error]x",
    ]


def test_a_line_without_an_end_is_not_read_whole(setup: Setup, tmp_path: Path) -> None:
    """It prints until the host ends it; what is kept is the end, and the engine's file of it is
    bounded too.
    """
    result = _run(tmp_path, setup, "while True: os.write(1, b'x' * (1 << 20))", timeout_s=8)
    assert result.verdict is Verdict.FAIL
    assert result.reason.startswith("hung: still running after 8 s")
    assert 0 < len(result.last_output) <= staging.LOG_CHARACTERS


RESERVES = """
import ctypes, shutil, time

shutil.copy("/bin/dash", out + "su")
os.chmod(out + "su", 0o4755)
held = os.open(out + "held", os.O_CREAT | os.O_WRONLY)
os.unlink(out + "held")
refused = ctypes.CDLL(None).fallocate(held, 1, ctypes.c_long(0), ctypes.c_long(1 << 30))
print("reserved" if refused == 0 else "refused", flush=True)
time.sleep(3)
"""


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root may mount a file system of bounded size over `out`"
)
def test_out_is_bounded_memory_that_runs_nothing(setup: Setup, tmp_path: Path) -> None:
    """Neither what is only reserved nor what is unlinked reaches the host's disk; no file there is
    a program.
    """
    runs, seen = staging._runs_folder(), list[tuple[bool, int]]()

    def look() -> None:
        deadline = time.monotonic() + 20
        while not seen and time.monotonic() < deadline:
            for folder in runs.glob("*/*/out/su"):
                found = os.statvfs(folder.parent)
                seen.append(
                    (
                        bool(found.f_flag & os.ST_NOSUID and found.f_flag & os.ST_NOEXEC),
                        folder.parents[2].stat().st_mode & 0o777,
                    )
                )
            time.sleep(0.1)

    watcher = threading.Thread(target=look)
    watcher.start()
    result = _run(tmp_path, setup, RESERVES)
    watcher.join()
    assert "refused" in result.last_output
    assert seen == [(True, 0o700)]
    assert not [out for out in runs.glob("*/*/out") if out.is_mount()]


@pytest.mark.parametrize(
    "instructions",
    [
        ["VOLUME /harness/out"],
        ["VOLUME /harness/evil"],
        ["VOLUME /"],
        ["USER 99999999999"],
    ],
    ids=str,
)
def test_a_configuration_that_cannot_start_is_the_image_s_fault(
    instructions: list[str], setup: Setup, tmp_path: Path
) -> None:
    name = f"config-{abs(hash(str(instructions)))}"
    with planted(
        name, *instructions, user="0:0" if "USER" not in instructions[0] else "99999999999"
    ) as reference:
        suite = written(tmp_path, GOOD)
        result = judge_suite(suite, docker.run_suite(suite, replace(setup, reference=reference)))
    assert result.verdict is Verdict.FAIL, result


CANNOT_START: dict[str, dict[str, Any]] = {
    "a variable without a name": {"Env": ["=x"]},
    "a variable with NUL": {"Env": ["A=\0b"]},
    "a relative working directory": {"WorkingDir": "foo"},
    "a working directory with NUL": {"WorkingDir": "/a\0b"},
    "a working directory with a long name": {"WorkingDir": "/" + "a" * 300},
    "a deep working directory": {"WorkingDir": "/a" * 3000},
    "a working directory that is a file": {"WorkingDir": "/etc/passwd"},
    "a volume with a long name": {"Volumes": {"/" + "a" * 300: {}}},
    "a volume of the kernel": {"Volumes": {"/proc/self/fd": {}}},
    "an entry point with NUL": {"Entrypoint": ["/bin/\0x"]},
}


@pytest.mark.parametrize("case", CANNOT_START)
def test_a_configuration_that_the_engine_refuses_is_the_image_s_fault(
    case: str, setup: Setup, tmp_path: Path
) -> None:
    with loaded(f"refused-{list(CANNOT_START).index(case)}", CANNOT_START[case]) as reference:
        result = _run(tmp_path, replace(setup, reference=reference), "pass")
    assert result.verdict is Verdict.FAIL, result
    assert "the image cannot be started: " in result.last_output


@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp"])  # noqa: S108 - in an image
def test_files_that_do_not_let_it_start_are_the_image_s_fault(
    folder: str, setup: Setup, tmp_path: Path
) -> None:
    link = f"RUN rm -rf {folder} && ln -s {folder} {folder}"
    with planted(f"link-{len(folder)}", link) as reference:
        result = _run(tmp_path, replace(setup, reference=reference), "pass")
    assert result.verdict is Verdict.FAIL, result


def test_what_no_image_can_be_started_with_is_not_the_image_s_fault(
    setup: Setup, tmp_path: Path
) -> None:
    """A folder of the host that is gone, or a second mount of the same place."""
    for mount in ((tmp_path / "gone", "/data"), (tmp_path, ROOT)):
        suite = written(tmp_path, GOOD)
        result = judge_suite(suite, docker.run_suite(suite, replace(setup, mounts=(mount,))))
        assert result.verdict is Verdict.INFRA, result


def test_an_account_file_that_blocks_the_engine_is_the_image_s_fault(
    setup: Setup, tmp_path: Path
) -> None:
    """The container is never started, and the image can be removed."""
    with planted("accounts", "RUN rm /etc/group && mkfifo /etc/group") as reference:
        result = _run(tmp_path, replace(setup, reference=reference), "pass")
    assert result.verdict is Verdict.FAIL
    assert "its `/etc/group` is not a regular file" in result.last_output


@pytest.mark.parametrize(
    ("instructions", "says"),
    [
        (["VOLUME /etc"], "it declares a volume at `/etc`"),
        (["RUN ln -s / /srv/link", "VOLUME /srv/link/etc"], "`/srv/link` is a symbolic link"),
        (["RUN rm -rf /tmp && ln -s etc /tmp"], "`/tmp` is a symbolic link"),
    ],
    ids=str,
)
def test_no_memory_is_mounted_over_account_files(
    instructions: list[str], says: str, setup: Setup, tmp_path: Path
) -> None:
    """In it, the image could make named pipes, at which the engine would wait for ever."""
    with planted(f"covers-{len(says)}", *instructions, user="0:0") as reference:
        result = _run(tmp_path, replace(setup, reference=reference), "pass")
    assert result.verdict is Verdict.FAIL
    assert says in result.last_output


def test_the_engine_runs_no_program_in_a_container_that_hangs(setup: Setup, tmp_path: Path) -> None:
    client, since = engine.connect_engine(), int(time.time())
    result = _run(tmp_path, setup, "import time; time.sleep(60)", timeout_s=3)
    assert result.reason.startswith("hung")
    filters = {"event": "exec_create", "label": containers.OWNER}
    assert not [*client.events(since=since, until=int(time.time()) + 1, filters=filters)]


PIPES = """
import signal, time
signal.signal(signal.SIGQUIT, signal.SIG_IGN)
for path in ("/etc/passwd", "/etc/group"):
    os.remove(path)
    os.mkfifo(path)
time.sleep(60)
"""


def test_account_files_that_become_pipes_block_nothing(setup: Setup, tmp_path: Path) -> None:
    """In a container that may write its root, and whose processes are root's."""
    with planted("pipes", user="0:0") as reference:
        attacked = replace(
            setup,
            reference=reference,
            mounts=((hostile.write_pth(tmp_path, PIPES), f"{SITE}/evil.pth"),),
        )
        suite = replace(written(tmp_path, GOOD, timeout_s=5), writes_root=True)
        result = judge_suite(suite, docker.run_suite(suite, attacked))
    assert result.verdict is Verdict.FAIL
    assert result.reason.startswith("hung"), result
    assert result.seconds < 30


def test_labels_of_an_image_take_no_container_away(setup: Setup) -> None:
    with planted(
        "suite-labels", f"LABEL {containers.OWNER}={owner.current_owner()[:-1]}9"
    ) as reference:
        other = engine.connect_engine().containers.create(reference, ["true"])
        try:
            docker.remove_leftovers()
            other.reload()
        finally:
            other.remove(force=True)


REACHES = """
import socket

found = {}
capabilities = [line.split()[1] for line in open("/proc/self/status") if line.startswith("Cap")]
assert set(capabilities[:4]) == {"0" * 16}, capabilities
assert "NoNewPrivs:	1" in open("/proc/self/status").read()
for path in ("/x", "/usr/x", "/home/x", "/opt/x", "/var/x", "/etc/x"):
    try: open(path, "w")
    except OSError as error: assert error.errno in (30, 2), (path, error)
    else: raise AssertionError(path)
for folder in ("/tmp", "/var/tmp", "/dev/shm"):
    open(folder + "/x", "w").close()
assert os.statvfs("/tmp").f_blocks * os.statvfs("/tmp").f_frsize == 4 << 30
os.chmod("/tmp/x", 0o755); open("/tmp/x", "w").write("#!/bin/sh" + chr(10)); os.spawnl(os.P_WAIT, "/tmp/x", "x") and 1/0
import resource
assert resource.getrlimit(resource.RLIMIT_FSIZE) == (8 << 30, 8 << 30)
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (16384, 16384)
assert [name for _, name in socket.if_nameindex()] == ["lo"]
print("REACHED", sorted(os.environ))
"""  # noqa: E501 - one line of what another program reads


def test_what_a_suite_can_reach(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every name in its environment is known; the host's proxy, which may hold a password, is not
    among them.
    """
    config = tmp_path / "docker"
    config.mkdir()
    proxies = f'{{"proxies": {{"default": {{"httpProxy": "http://user:{SECRET}@proxy:1"}}}}}}'
    (config / "config.json").write_text(proxies)
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    engine.connect_engine.cache_clear()
    try:
        result = _run(tmp_path, setup, REACHES)
    finally:
        engine.connect_engine.cache_clear()
    set_by_python = "LC_CTYPE"
    names = sorted(
        ["HOME", "HOSTNAME", set_by_python, "PATH", "PYTHONDONTWRITEBYTECODE", *dict(docker.CACHES)]
    )
    assert result.last_output == f"REACHED {names}\n"


def test_a_volume_of_the_image_is_bounded_memory(setup: Setup, tmp_path: Path) -> None:
    program = (
        'print("SIZE", os.statvfs("/data").f_blocks * '
        'os.statvfs("/data").f_frsize)\nopen("/data/x", "w").close()'
    )
    with planted("volume", "VOLUME /data", "VOLUME /tmp") as image:
        result = _run(tmp_path, replace(setup, reference=image), program)
    assert f"SIZE {64 << 20}" in result.last_output


FILLS_THE_ROOT = {
    "data": (
        'file = open("/tmp/x", "wb")\nfor each in range(200): file.write(bytes(1 << 20))',
        "holds more than the allowed 104,857,600 bytes",
    ),
    "space that is reserved": (
        (
            'held = os.open("/tmp/x", os.O_CREAT | os.O_WRONLY)\nassert reserve(held, 1, start, '
            "size) "
            "== 0"
        ),
        "holds more than the allowed 104,857,600 bytes",
    ),
    "a file that is removed and open": (
        'held = os.open("/tmp/x", os.O_CREAT | os.O_WRONLY)\nos.unlink("/tmp/x")\n'
        "assert reserve(held, 1, start, size) == 0",
        "holds more than the allowed 104,857,600 bytes in files that were removed",
    ),
    "a removed file of a thread that is left alone": (
        "import threading\n"
        "def hold(os=os, time=time, reserve=reserve, start=start, size=size):\n"
        "    time.sleep(0.5)\n"
        '    held = os.open("/tmp/x", os.O_CREAT | os.O_WRONLY)\n'
        '    os.unlink("/tmp/x")\n'
        "    assert reserve(held, 1, start, size) == 0\n"
        "    time.sleep(60)\n"
        "if os.fork() == 0:\n"
        "    threading.Thread(target=hold).start()\n"
        "    ctypes.CDLL(None).syscall(60, 0)",
        "holds more than the allowed 104,857,600 bytes in files that were removed",
    ),
    "files that hold nothing": (
        'for each in range(3000): open(f"/tmp/{each}", "w").close()',
        "holds more than the allowed 2,000 files and folders",
    ),
}
RESERVE = """
import ctypes, time
reserve, start, size = ctypes.CDLL(None).fallocate, ctypes.c_long(0), ctypes.c_long(1 << 30)
"""


@pytest.mark.parametrize("way", FILLS_THE_ROOT)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into the engine's folders")
def test_a_suite_that_writes_the_root_is_ended_when_it_writes_too_much(
    way: str, setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker, "ROOT_BYTES", 100 << 20)
    monkeypatch.setattr(docker, "ROOT_ENTRIES", 2000)
    program, says = FILLS_THE_ROOT[way]
    result = _write_root(f"{RESERVE}{program}\ntime.sleep(60)", setup, tmp_path)
    assert result.verdict is Verdict.FAIL
    assert result.reason == f"{REFUSED}the container's root {says}"
    assert result.seconds < 30


OUTSIDE_THE_ROOT = """
for each in ("hosts", "hostname", "resolv.conf"):
    held = os.open(f"/etc/{each}", os.O_RDWR)
    assert reserve(held, 0, start, size) == 0
time.sleep(60)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into the engine's folders")
def test_files_that_the_engine_keeps_elsewhere_count(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker, "ROOT_BYTES", 100 << 20)
    with planted("outside", user="0:0") as image:
        attacked = replace(setup, reference=image)
        result = _write_root(RESERVE + OUTSIDE_THE_ROOT, attacked, tmp_path)
    assert result.verdict is Verdict.FAIL
    assert result.reason.endswith("104,857,600 bytes in files that the engine put there"), result
    assert result.seconds < 30


def test_a_volume_is_memory_if_the_root_can_be_written(setup: Setup, tmp_path: Path) -> None:
    """Also where another suite has memory of its own."""
    program = 'found = os.statvfs("/tmp")\nprint("SIZE", found.f_blocks * found.f_frsize)'
    with planted("root-volume", "VOLUME /tmp") as image:
        result = _write_root(program, replace(setup, reference=image), tmp_path)
    assert f"SIZE {64 << 20}" in result.last_output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into the engine's folders")
def test_open_files_are_looked_at_for_a_bounded_time(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(root_usage, "LOOK_S", 0.0)
    result = _write_root("import time; time.sleep(60)", setup, tmp_path)
    assert result.verdict is Verdict.FAIL
    assert "the container holds more open files than can be looked at in 0 s" in result.reason
    assert result.seconds < 30


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into the engine's folders")
def test_a_container_that_has_just_ended_holds_nothing(tiny_image: str) -> None:
    """The engine lists no processes of it, and answers with an error."""
    container = engine.connect_engine().containers.create(tiny_image, ["true"])
    try:
        container.start()
        container.reload()
        container.wait()
        assert root_usage.describe_excess(container, 1 << 20, 1000) == ""
    finally:
        container.remove(force=True)


def test_who_may_not_look_into_the_engine_s_folders_believes_its_size(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker, "ROOT_BYTES", 100 << 20)
    monkeypatch.setattr(root_usage, "_folder_of", lambda _: None)
    program, says = FILLS_THE_ROOT["data"]
    result = _write_root(f"{program}\nimport time; time.sleep(60)", setup, tmp_path)
    assert result.verdict is Verdict.FAIL
    assert result.reason == f"{REFUSED}the container's root {says}"


def _write_root(program: str, setup: Setup, folder: Path) -> SuiteResult:
    attacked = replace(setup, mounts=((hostile.write_pth(folder, program), f"{SITE}/evil.pth"),))
    suite = replace(written(folder, GOOD), writes_root=True)
    return judge_suite(suite, docker.run_suite(suite, attacked))


def test_an_image_that_cannot_start_is_the_image_s_fault(setup: Setup, tmp_path: Path) -> None:
    instructions = {
        "user": ("USER nobody-there",),
        "entry": ('ENTRYPOINT ["/nowhere"]',),
        "format": ("RUN printf x > /usr/local/bin/python && chmod 755 /usr/local/bin/python",),
    }
    for name, each in instructions.items():
        with planted(
            f"start-{name}", *each, user="nobody-there" if name == "user" else "1000"
        ) as image:
            result = _run(tmp_path, replace(setup, reference=image), "pass")
        assert result.verdict is Verdict.FAIL, result
        assert result.reason.startswith("exited ")


def test_an_image_that_runs_as_root_cannot_close_out(setup: Setup, tmp_path: Path) -> None:
    with planted("root", user="0:0") as image:
        program = 'os.mkdir(out + "x", 0); os.chmod(out + "stacks", 0); os.chmod(out, 0)'
        assert _run(tmp_path, replace(setup, reference=image), program).verdict is Verdict.FAIL


def test_what_this_machine_cannot_read_is_not_the_image_s_fault(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, verdict in ((5, Verdict.INFRA), (13, Verdict.FAIL)):  # EIO, EACCES

        def fails(*_: object, number: int = number) -> bytes:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patched:
            patched.setattr(staging, "read_file", fails)
            suite = written(tmp_path, GOOD)
            assert judge_suite(suite, docker.run_suite(suite, setup)).verdict is verdict


@pytest.mark.slow
@pytest.mark.parametrize("case", hostile.CASES)
def test_cases_on_the_real_image(case: str, base_image: str, setup: Setup, tmp_path: Path) -> None:
    """A forged report is refused for its missing answers elsewhere; here for the exit code that it
    does not tell.
    """
    pull.pull_image(base_image)
    program = hostile.CASES[case] + (
        'os.symlink("/etc/hostname", out + "running")\n' if case == "evil_forge" else ""
    )
    mounts = (
        (hostile.write_pth(tmp_path, program), "/opt/venv/lib/python3.11/site-packages/evil.pth"),
    )
    attacked = replace(setup, reference=base_image, expected=asserted("base"), mounts=mounts)
    for suite in (each for each in SUITES if each.name in ("device", "environment")):
        result = judge_suite(suite, docker.run_suite(suite, attacked))
        assert result.verdict is Verdict.FAIL
        assert SECRET not in repr(result)


def test_reading_does_not_wait(tmp_path: Path) -> None:
    """Whatever is in the folder, reading it ends."""
    folder = tmp_path / "run"
    (folder / "out" / "stacks").mkdir(parents=True)
    for name in ("out/report.jsonl", "out/running", "out/stacks/1"):
        os.mkfifo(folder / name)
    done: list[staging.SuiteOutput] = []
    reader = threading.Thread(target=lambda: done.append(staging.read_output(folder)), daemon=True)
    reader.start()
    reader.join(10)
    assert "named pipe" in done[0].malformed
