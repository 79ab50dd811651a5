"""The command line: its answers, its exit codes, one clear line for every error a person can
cause.
"""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from publish.evidence import keys
from publish.policy import channels
from runner import home as places
from runner import settings
from tests.fakes.registry import FakeRegistry, Fault

RELEASE = places.REPOSITORY / "release.py"
NOWHERE = "127.0.0.1:9"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(RELEASE), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


def test_plan_answers_in_json(home: Path) -> None:
    done = run("plan", "v2.6.0", "--json")
    assert done.returncode == 0
    images = json.loads(done.stdout)["images"]
    assert [image["image"] for image in images] == ["base", "cv", "nlp", "rl"]
    assert {image["why"] for image in images} == {"new"}


def test_plan_answers_as_a_github_matrix(home: Path) -> None:
    done = run("plan", "v2.6.0", "--images", "cv", "--format", "github")
    assert json.loads(done.stdout) == {"include": [{"version": "v2.6.0", "image": "cv"}]}


def test_plan_works_with_a_safe_path(home: Path) -> None:
    done = run("plan", "v2.6.0", PYTHONSAFEPATH="1")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("version", "exit_code"), [("v2.6.0", 0), ("2.6.0", 2)])
@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "no terminal"])
def test_no_prompt_follows_a_command(
    home: Path, version: str, exit_code: int, terminal: bool
) -> None:
    """PYTHONINSPECT is set where somebody debugs another program."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "wb", buffering=0) as keyboard, os.fdopen(theirs, "rb") as stdin:
        keyboard.write(b"\x04\x04\x04")  # a prompt would end with this
        done = subprocess.run(
            [sys.executable, str(RELEASE), "plan", version],
            stdin=stdin if terminal else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONINSPECT": "1"},
            timeout=60,
            check=False,
        )
    assert done.returncode == exit_code
    assert ">>>" not in done.stdout + done.stderr
    assert "SystemExit" not in done.stderr


SECRETS = ("https://me:s3cret@host:x/y?token=s3cret", "me:s3cret")


WITH_A_PATH = (settings.HOME, settings.OUT, settings.REGISTRY)


@pytest.mark.parametrize("variable", [each.name for each in settings.SETTINGS])
def test_no_error_repeats_a_setting_that_may_hold_a_password(
    variable: str, home: Path, tmp_path: Path
) -> None:
    """Also one that is not meant to hold any: somebody may set the wrong variable."""
    commands: list[tuple[str, ...]] = [("doctor",)]
    if variable in (*WITH_A_PATH, settings.TRUSTED_IDENTITIES):
        commands.append(("verify", "v2.6.0"))
    with FakeRegistry() as empty:
        for value in SECRETS if variable in WITH_A_PATH else SECRETS[:1]:
            for command in commands:
                done = run(*command, **{settings.REGISTRY: empty.host, variable: value})
                assert "s3cret" not in done.stdout + done.stderr, (value, command)


def test_a_reference_is_refused_without_its_query(home: Path, tmp_path: Path) -> None:
    _, public = keys.generate_pair(tmp_path, "mine")
    reference = "host/x?token=s3cret"
    for words in (("check", reference), ("verify", reference, "--key", str(public))):
        done = run(*words, PYTORCH_CUDA_IMAGES_REGISTRY=NOWHERE)
        assert done.returncode == 2, done.stderr
        assert "host/x?***" in done.stderr
        assert "s3cret" not in done.stdout + done.stderr


def test_a_docker_context_that_does_not_exist_is_one_line_and_exit_code_2(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"currentContext": "gone"}')
    done = run("check", "debian:12", DOCKER_CONFIG=str(tmp_path), DOCKER_HOST="")
    assert done.returncode == 2, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert "names the context `gone`, which does not exist -> run `docker context use" in line


def test_plan_needs_no_engine_and_no_registry(home: Path) -> None:
    done = run(
        "plan", "v2.6.0", DOCKER_HOST="tcp://127.0.0.1:9", PYTORCH_CUDA_IMAGES_REGISTRY=NOWHERE
    )
    assert done.returncode == 0


WRONG_USAGE = {
    "an unknown image": (("plan", "v2.6.0", "--images", "cvv"), "unknown image `cvv`"),
    "no image": (("plan", "v2.6.0", "--images", ","), "names no image"),
    "an unknown line": (("plan", "v9.9.0"), "no line 9.9"),
    "no version": (("plan", "2.6.0"), "`2.6.0` is not a version"),
    "promote before build": (("promote", "v2.6.0"), "was not built"),
    "scan before build": (("scan", "v2.6.0"), "was not built"),
}


@pytest.mark.parametrize("case", WRONG_USAGE)
def test_wrong_usage_is_one_line_and_exit_code_2(case: str, home: Path) -> None:
    arguments, message = WRONG_USAGE[case]
    with FakeRegistry() as empty:
        done = run(*arguments, PYTORCH_CUDA_IMAGES_REGISTRY=empty.host)
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in done.stderr


def test_a_release_that_was_not_built_makes_no_key(home: Path) -> None:
    with FakeRegistry() as empty:
        assert run("promote", "v2.6.0", PYTORCH_CUDA_IMAGES_REGISTRY=empty.host).returncode == 2
    assert not (home / "keys").exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_end_while_modules_are_loaded_is_one_line(how: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "traceback.py").write_text(
        "import os, time\nos.write(1, b'loading')\ntime.sleep(30)\n"
    )
    command = [sys.executable, "-c", HEARING, sys.executable, str(RELEASE), "plan"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as loading:
        assert loading.stdout is not None
        assert loading.stdout.read(7) == "loading"
        loading.send_signal(how)
        _, said = loading.communicate(timeout=20)
    assert loading.returncode == 130
    assert said == "interrupted -> run the same command again, it continues where it stopped\n"


WITH_CHANNELS = """
import sys
from pathlib import Path
from publish.evidence import keys
from publish.policy import channels
channels.load.__defaults__ = (Path(sys.argv[1]),)
import release
sys.exit(release.main(["plan", "v2.6.0"]))
"""


def test_a_mistake_in_what_arguments_are_made_of_is_one_line_and_exit_code_2(
    tmp_path: Path,
) -> None:
    file = tmp_path / "channels.yaml"
    file.write_text(channels.CHANNELS.read_text().replace("announce_days", "announce_day"))
    command = [sys.executable, "-c", WITH_CHANNELS, str(file)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=places.REPOSITORY, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"error: .*channels\.yaml:\d+: unknown key `announce_day` -> fix the line\n", done.stderr
    )


def test_a_registry_that_does_not_answer_is_exit_code_3(home: Path) -> None:
    done = run("build", "v2.6.0", PYTORCH_CUDA_IMAGES_REGISTRY=NOWHERE)
    assert done.returncode == 3
    assert f"error: GET /v2/ on {NOWHERE}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written_is_exit_code_3(home: Path) -> None:
    done = run(
        "build",
        "v2.6.0",
        PYTORCH_CUDA_IMAGES_OUT="/proc/nowhere",
        PYTORCH_CUDA_IMAGES_REGISTRY=NOWHERE,
    )
    assert done.returncode == 3, done.stderr
    assert "/proc/nowhere" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.docker
def test_an_engine_that_is_down_is_exit_code_3_and_says_how_to_start_it(
    home: Path, registry_host: str
) -> None:
    down = {"DOCKER_HOST": "tcp://127.0.0.1:9", "PYTORCH_CUDA_IMAGES_REGISTRY": registry_host}
    done = run("doctor", **down)
    assert done.returncode == 3
    assert "missing  engine" in done.stdout
    assert "make setup" in done.stdout


def test_the_local_executor_needs_no_engine_and_says_what_python_lacks(home: Path) -> None:
    where = {"DOCKER_HOST": "tcp://127.0.0.1:9", "PYTORCH_CUDA_IMAGES_REGISTRY": NOWHERE}
    here = (
        "validate",
        "v2.6.0",
        "--images",
        "base",
        "--executor",
        "local",
        "--python",
        sys.executable,
    )
    done = run(*here, "--device", "cpu", **where)
    assert (done.returncode, done.stdout) == (3, "")
    assert "No module named 'torch'" in done.stderr.splitlines()[-1]
    assert "--python" in done.stderr.splitlines()[-1]
    assert not list(places.out_folder().rglob("*.json"))


def test_two_runs_in_one_checkout_do_not_mix(home: Path) -> None:
    with places.only_run():
        done = run("build", "v2.6.0", PYTORCH_CUDA_IMAGES_REGISTRY=NOWHERE)
    assert done.returncode == 3
    assert f"another run (process {os.getpid()})" in done.stderr


SHORT = """
import sys
import release
from publish import pipeline
pipeline.STAGE_LIMITS_S["build"] = 0.36
sys.exit(release.main(["build", "v2.6.0"]))
"""


def test_a_stage_that_waits_for_ever_is_ended(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            **os.environ,
            "PYTORCH_CUDA_IMAGES_REGISTRY": f"127.0.0.1:{silent.getsockname()[1]}",
        }
        command = [sys.executable, "-c", SHORT]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=places.REPOSITORY,
            env=environment,
            timeout=60,
            check=False,
        )
    assert done.returncode == 3, done.stderr
    assert (
        "error: build of v2.6.0 did not end within 0.0001 hours -> " in done.stderr.splitlines()[-1]
    )
    assert "Traceback" not in done.stderr


def test_every_other_command_that_waits_for_ever_is_ended_too() -> None:
    """One limit for all, at the one place where commands are run."""
    script = (
        "import release, commands.parser as parser, threading, types;"
        "release.parse = lambda _: types.SimpleNamespace("
        "verbose=False, command='verify', longest_s=0.3, run=lambda _: threading.Event().wait(50));"
        "raise SystemExit(release.main([]))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=places.REPOSITORY, timeout=60, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "error: `verify` did not end within" in done.stderr


ADDRESSES = {
    "127.0.0.1:5097/Team/project": "a namespace may follow, as ghcr.io/acme",
    "ghcr.io//acme": "a namespace may follow, as ghcr.io/acme",
    "http://127.0.0.1:5097": "write HOST or HOST:PORT",
    "127.0.0.1:5097/": "write HOST or HOST:PORT",
    "a b": "write HOST or HOST:PORT",
    "[zz": "write HOST or HOST:PORT",
    "a..b": "write HOST or HOST:PORT",
    "": "unset it",
    f"{'x' * 300}.example.com": "write HOST or HOST:PORT",
    "somebody:s3cret@ghcr.io": "docker login",
}
"""What is no registry's address, and the way out that is told."""

COMMANDS = (
    ("doctor",),
    ("plan",),
    ("build", "v2.6.0"),
    ("verify", "v2.6.0"),
    ("notes", "v2.6.0"),
    ("rollback", "v2.6"),
    ("due",),
    ("keys", "folder"),
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_wrong_address_is_refused_at_once(address: str, home: Path) -> None:
    for command in COMMANDS if address == "ghcr.io//acme" else (("doctor",), ("notes", "v2.6.0")):
        done = run(*command, PYTORCH_CUDA_IMAGES_REGISTRY=address)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith(
            "error: PYTORCH_CUDA_IMAGES_REGISTRY is not the address of a registry: "
        )
        assert ADDRESSES[address] in line
        assert "s3cret" not in line


def test_the_doctor_asks_the_registry(home: Path) -> None:
    done = run("doctor", PYTORCH_CUDA_IMAGES_REGISTRY=NOWHERE)
    assert f"missing  registry   GET /v2/ on {NOWHERE}" in done.stdout
    assert done.returncode == 3
    with FakeRegistry() as registry:
        done = run("doctor", PYTORCH_CUDA_IMAGES_REGISTRY=registry.host)
    assert f"ok       registry   {registry.host} (configured)" in done.stdout


def test_the_doctor_says_what_this_account_may_do(home: Path) -> None:
    with FakeRegistry() as registry:
        registry.faults.append(Fault("POST", "/pytorch-cuda/blobs/uploads", status=403))
        done = run("doctor", PYTORCH_CUDA_IMAGES_REGISTRY=f"{registry.host}/acme/images")
        assert not registry.uploads
    assert f"ok       registry   {registry.host}/acme/images (configured)" in done.stdout
    lines = {line.split()[1]: line for line in done.stdout.splitlines()}
    assert "ok       staging    acme/images/pytorch-cuda-staging: may read and push" in done.stdout
    assert lines["production"].startswith("limited")
    assert "acme/images/pytorch-cuda: may read, may not push" in lines["production"]


@pytest.mark.parametrize(
    "command",
    [
        ("due",),
        ("rescan",),
        ("verify", "v2.6.0"),
        ("verify", "pytorch-cuda:v2.6.0"),
        ("verify", "pytorch-cuda-staging:v2.6.0"),
        ("notes", "v2.6.0"),
        ("diff", "v2.6.0", "v2.6.1"),
        ("rollback", "v2.6"),
        ("yank", "v2.6.0", "--reason", "a test"),
        ("promote", "v2.6.0"),
        ("report", "v2.6.0"),
        ("doctor",),
    ],
    ids=" ".join,
)
def test_every_repository_is_below_the_namespace(
    command: tuple[str, ...], home: Path, tmp_path: Path
) -> None:
    key, public = keys.generate_pair(tmp_path, "release")
    with FakeRegistry() as registry:
        run(
            *command,
            PYTORCH_CUDA_IMAGES_REGISTRY=f"{registry.host}/acme/images",
            PYTORCH_CUDA_IMAGES_SIGNING_KEY=str(key),
            PYTORCH_CUDA_IMAGES_TRUSTED_KEYS=str(public),
        )
    paths = {request.split()[1] for request in registry.requests}
    assert all(re.match(r"/v2/(acme/images/|$)", path) for path in paths), paths
    if command[0] not in ("report", "promote"):  # they need records of a build first
        assert any("/acme/images/" in path for path in paths)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plan", "v2.6.99999999"), "is not a version"),
        (("plan", "v2.6.0", "--images", "base-base"), "names a stack twice"),
        (("plan", "v2.6.0", "--images", "cv,,nlp"), "has an empty name: two commas in a row"),
        (("plan", "v2.6.0\n::error::x\x1b[31m"), "is not a version"),
        (("verify", "../..", "--key", "KEY"), "is not a reference"),
        (("due", "--date", "0001-01-01", "--key", "KEY"), "--date"),
        (("due", "--date", "2026-W01-1", "--key", "KEY"), "--date"),
        (("keys", "FOLDER", "--name", "../../x"), "is not the name of a key"),
        (("yank", "v2.6.0", "--reason", "a\n::error::b"), "--reason"),
        (("yank", "v2.6.0", "--reason", "x" * 2000), "--reason"),
        (("scan", "v2.6.0", "--db-repository=--help"), "--db-repository"),
        (("plan", "--nothing\x1b[31m"), "unrecognized arguments"),
        (("validate", "v2.6.0", "--executor", "local", "--python", "a\nb"), "--python"),
    ],
)
def test_what_is_typed_is_refused_in_a_line_without_control_characters(
    arguments: tuple[str, ...], message: str, home: Path, tmp_path: Path
) -> None:
    _, public = keys.generate_pair(tmp_path, "mine")
    words = [
        {"KEY": str(public), "FOLDER": str(tmp_path / "inside")}.get(word, word)
        for word in arguments
    ]
    with FakeRegistry() as empty:
        done = run(*words, PYTORCH_CUDA_IMAGES_REGISTRY=empty.host)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr
    assert not [line for line in done.stderr.splitlines() if line.lstrip().startswith("::")]


WITH_A_MISTAKE = """
import sys
import release
from commands import prepare
from images import catalog
def fail(*_):
    raise {error}
catalog.load_catalog = fail
sys.exit(release.main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "error",
    [
        "KeyError('x')",
        "MemoryError()",
        "RecursionError()",
        "UnicodeDecodeError('a', b'b', 0, 1, 'c')",
        "BaseException()",
    ],
)
def test_a_mistake_of_ours_is_one_line_and_its_traceback_is_in_a_file(
    error: str, home: Path
) -> None:
    command = [sys.executable, "-c", WITH_A_MISTAKE.format(error=error), "plan"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=places.REPOSITORY, check=False
    )
    assert (done.returncode, done.stdout) == (3, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"internal error: {error.partition('(')[0]}")
    (file,) = (places.out_folder() / "errors").iterdir()
    assert line.endswith(f"-> report it with {file}")
    assert "Traceback" in file.read_text()
    told = subprocess.run(
        [*command, "--verbose"], capture_output=True, text=True, cwd=places.REPOSITORY, check=False
    )
    assert "Traceback" in told.stderr


@pytest.mark.parametrize("variable", ["PYTORCH_CUDA_IMAGES_HOME", "PYTORCH_CUDA_IMAGES_OUT"])
def test_a_folder_that_is_a_file_is_exit_code_3(variable: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with FakeRegistry() as empty:
        given = {"PYTORCH_CUDA_IMAGES_REGISTRY": empty.host, variable: str(tmp_path / "file")}
        done = run("build", "v2.6.0", **given)
    assert done.returncode == 3, done.stderr
    assert str(tmp_path / "file") in done.stderr
    assert "Traceback" not in done.stderr
    assert variable in done.stderr


@pytest.mark.parametrize("form", ["table", "json", "github"])
@pytest.mark.parametrize(("version", "code"), [("v2.6.0", 0), ("v9.9.0", 2)])
def test_a_reader_that_leaves_does_not_change_the_exit_code(
    form: str, version: str, code: int, home: Path
) -> None:
    read, written = os.pipe()
    os.close(read)
    command = [sys.executable, str(RELEASE), "plan", version, "--format", form]
    done = subprocess.run(command, stdout=written, stderr=written, check=False)
    os.close(written)
    assert done.returncode == code


HEARING = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
"""A shell starts what runs in the background deaf to Ctrl-C, and these tests may be run so."""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_says_so_and_the_next_one_may_start(
    how: signal.Signals, home: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            **os.environ,
            "PYTORCH_CUDA_IMAGES_REGISTRY": f"127.0.0.1:{silent.getsockname()[1]}",
        }
        command = [sys.executable, "-c", HEARING, sys.executable, str(RELEASE), "build", "v2.6.0"]
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=environment
        ) as waiting:
            silent.accept()
            waiting.send_signal(how)
            try:
                _, said = waiting.communicate(timeout=30)
            finally:
                waiting.kill()
    assert waiting.returncode == 130
    assert said.splitlines()[-1].startswith("interrupted -> run the same command again")
    with places.only_run():
        pass


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with `release.py` and no virtual environment."""
    (tmp_path / "release.py").write_bytes(RELEASE.read_bytes())
    return tmp_path


def run_in(checkout: Path) -> tuple[int, list[str]]:
    command = ["/usr/bin/env", "python3", str(checkout / "release.py"), "plan"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=checkout
    )
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


def no_python(_: Path) -> None:
    """Leave the folder out."""


def not_executable(python: Path) -> None:
    python.parent.mkdir(parents=True)
    python.write_text("")


def a_fifo(python: Path) -> None:
    python.parent.mkdir(parents=True)
    os.mkfifo(python, 0o777)


def not_a_program(python: Path) -> None:
    not_executable(python)
    python.chmod(0o755)


def links_that_lead_back(python: Path) -> None:
    python.parent.parent.symlink_to(".venv")


def no_packages(python: Path) -> None:
    python.parent.mkdir(parents=True)
    python.symlink_to(Path(sys.executable).resolve())
    (python.parent.parent / "pyvenv.cfg").write_text(
        f"home = {Path(sys.executable).resolve().parent}\n"
    )


def no_environment(python: Path) -> None:
    """The link alone: that Python has the prefix of the system, and would start itself for ever."""
    python.parent.mkdir(parents=True)
    python.symlink_to(Path(sys.executable).resolve())


@pytest.mark.parametrize(
    "made",
    [
        no_python,
        not_executable,
        a_fifo,
        not_a_program,
        links_that_lead_back,
        no_packages,
        no_environment,
    ],
)
def test_what_is_not_set_up_is_one_line_and_exit_code_3(
    made: Callable[[Path], None], checkout: Path
) -> None:
    made(checkout / ".venv" / "bin" / "python")
    code, lines = run_in(checkout)
    assert code == 3, lines
    assert len(lines) == 1
    assert lines[0].endswith("-> run `make setup`")


def test_a_machine_without_memory_is_one_line_and_exit_code_3() -> None:
    limited = f"ulimit -v 60000; exec {sys.executable} {RELEASE} plan"
    done = subprocess.run(
        ["/bin/sh", "-c", limited], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (3, "", 1), done.stderr


@pytest.mark.parametrize(
    "error", ['RuntimeError("can\'t start new thread")', "OSError(11, 'fork')"]
)
def test_a_machine_without_processes_is_one_line_with_a_way_out(error: str, home: Path) -> None:
    command = [sys.executable, "-c", WITH_A_MISTAKE.format(error=error), "plan"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=places.REPOSITORY, check=False
    )
    assert (done.returncode, done.stdout) == (3, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "--pids-limit" in line


ENOUGH_TO_START = 4


@pytest.mark.parametrize("processes", [2, ENOUGH_TO_START])
def test_a_group_with_few_processes(home: Path, tmp_path: Path, processes: int) -> None:
    """A control group of the machine; numpy too starts threads, while it is loaded."""
    group = Path(
        "/sys/fs/cgroup/pids" if Path("/sys/fs/cgroup/pids").is_dir() else "/sys/fs/cgroup"
    )
    group /= f"pytorch-cuda-images-{os.getpid()}"
    try:
        group.mkdir()
        (group / "pids.max").write_text(str(processes))
    except OSError:
        pytest.skip("no control group can be made here")
    inside = f"echo $$ >{group}/cgroup.procs && exec {sys.executable} {RELEASE} doctor"
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", inside], capture_output=True, text=True, timeout=120, check=False
        )
    finally:
        group.rmdir()
    assert "internal error" not in done.stderr
    if processes == ENOUGH_TO_START:  # how many threads a library starts depends on the machine
        assert done.returncode in (0, 3), done.stderr
    else:
        assert done.returncode == 3, done.stderr
        assert "--pids-limit" in done.stdout + done.stderr


def test_a_file_for_keys_of_tls_is_not_written(home: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keys")
    done = run(
        "doctor",
        SSLKEYLOGFILE=str(tmp_path / "keys"),
        PYTORCH_CUDA_IMAGES_REGISTRY="127.0.0.2:9",
    )
    assert done.returncode == 3
    assert "127.0.0.2:9" in done.stdout


def test_a_pipe_in_place_of_authorities_is_refused_at_once(home: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ca.pem")
    done = run("plan", "v2.6.0", REQUESTS_CA_BUNDLE=str(tmp_path / "ca.pem"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "REQUESTS_CA_BUNDLE" in done.stderr
    assert "not a regular file" in done.stderr


@pytest.mark.parametrize("size", ["²", "1" * 5000])
@pytest.mark.parametrize("variable", ["COLUMNS", "LINES"])
def test_a_size_of_the_terminal_that_is_no_number(home: Path, variable: str, size: str) -> None:
    done = run("plan", "v2.6.0", **{variable: size})
    assert done.returncode == 0, done.stderr
    assert "v2.6.0" in done.stdout


@pytest.mark.parametrize("encoding", ["idna", "latin-1"])
def test_an_encoding_of_the_streams(home: Path, encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, str(RELEASE), "plan", "v9.9.9"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
    )
    assert done.returncode == 2
    assert b"9.9" in done.stderr.replace(b"\0", b"")


SHUTTING_DOWN = """
import atexit, os, runpy, signal, sys, time
def shut_down():
    os.write(1, b"shutting down")
    time.sleep(2)
atexit.register(shut_down)
import commands.parser
def run(_):
    if sys.argv[1] == "interrupted":
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
    return 4
from types import SimpleNamespace
commands.parser.parse = lambda _: SimpleNamespace(
    verbose=False, command="plan", longest_s=60, run=run
)
runpy.run_path(sys.argv[2], run_name="__main__")
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(("ended", "code"), [("well", 4), ("interrupted", 130)])
def test_a_signal_while_python_shuts_down_does_not_change_the_exit_code(
    ended: str, code: int, how: signal.Signals
) -> None:
    command = [sys.executable, "-c", HEARING, sys.executable, "-c", SHUTTING_DOWN, ended]
    with subprocess.Popen(
        [*command, str(RELEASE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=places.REPOSITORY,
    ) as ending:
        assert ending.stdout is not None
        assert ending.stdout.read(13) == "shutting down"
        for _ in range(3):
            ending.send_signal(how)
        _, said = ending.communicate(timeout=30)
    assert ending.returncode == code, said
    assert "Traceback" not in said


STUCK = """
import runpy, sys
import commands.parser
from oci.registry import Registry
from runner import home
from runner.errors import GateRefused
from runner.pool import worker_pool
ask = lambda each: Registry(sys.argv[1]).has_blob("cache", f"sha256:{each:064}")
def run(_):
    folder = home.keep_scratch_folder("kept")
    with home.only_run(), home.scratch_folder("stuck") as folder, worker_pool(2) as pool:
        asked = [pool.submit(ask, each) for each in range(4)]
        sys.stdin.readline()
        if sys.argv[2] == "refused":
            raise GateRefused("no")
        asked[0].result()
from types import SimpleNamespace
commands.parser.parse = lambda _: SimpleNamespace(
    verbose=False, command="build", longest_s=60, run=run
)
runpy.run_path(sys.argv[3], run_name="__main__")
"""


@pytest.mark.parametrize(
    ("how", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGHUP, 130), (None, 1)],
)
def test_no_run_waits_at_its_end_for_a_registry_that_never_answers(
    how: signal.Signals | None, code: int, home: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        end = "refused" if how is None else "waits"
        command = [sys.executable, "-c", HEARING, sys.executable, "-c", STUCK, host, end]
        with subprocess.Popen(
            [*command, str(RELEASE)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=places.REPOSITORY,
        ) as process:
            accepted = [silent.accept() for _ in range(2)]
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            if how is not None:
                process.send_signal(how)
            started = time.monotonic()
            _, said = process.communicate(timeout=30)
            seconds = time.monotonic() - started
            for connection, _ in accepted:
                connection.close()
    assert (process.returncode, said.count("\n")) == (code, 1), said
    assert seconds < 5
    assert not list((home / "work").iterdir())
    with places.only_run():
        """Its lock is free."""


@pytest.mark.parametrize("command", [(), ("plan",), ("promote",)])
def test_help_that_cannot_be_written_is_exit_code_3(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, str(RELEASE), *command, "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert "error: No space left on device" in done.stderr


FORBIDDEN = """
import sys
import release
from commands import prepare
from images import catalog
def fail(*_):
    raise PermissionError(13, "Permission denied", sys.argv[1])
catalog.load_catalog = fail
sys.exit(release.main(["plan"]))
"""


@pytest.mark.parametrize("variable", ["PYTORCH_CUDA_IMAGES_HOME", "PYTORCH_CUDA_IMAGES_OUT"])
def test_a_folder_that_may_not_be_read_names_the_variable_that_moves_it(
    variable: str, home: Path
) -> None:
    folder = home if variable.endswith("HOME") else places.out_folder()
    command = [sys.executable, "-c", FORBIDDEN, str(folder / "keys" / "local.pub")]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=places.REPOSITORY, check=False
    )
    assert done.returncode == 3
    assert f"set {variable} to a folder" in done.stderr


SEES = """#!/bin/sh
tr '\\0' '\\n' </proc/$PPID/environ >"$0.of-the-parent"
env >"$0.own"
"""
PLANTED_SECRETS = {
    "PYTORCH_CUDA_IMAGES_WEBHOOK_SECRET": "planted",
    "GH_TOKEN": "planted\nline",
    "UV_INDEX_URL": "http://u:planted@h",
}


@pytest.mark.parametrize("python", ["own", "another"])
def test_no_program_can_read_the_secrets_of_its_parent(
    python: str, home: Path, tmp_path: Path
) -> None:
    """/proc shows what a process was started with to each process of the same user."""
    program = tmp_path / "nvidia-smi"
    program.write_text(SEES)
    program.chmod(0o755)
    starter = sys.executable if python == "own" else "/usr/bin/python3"
    environment = {**os.environ, **PLANTED_SECRETS, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    environment |= {"PYTORCH_CUDA_IMAGES_REGISTRY": NOWHERE, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [starter, "-W", "ignore", str(RELEASE), "doctor"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )
    assert "gpu" in done.stdout, done.stderr
    for seen in ("of-the-parent", "own"):
        text = Path(f"{program}.{seen}").read_text()
        assert "PATH=" in text
        assert "planted" not in text


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("PYTORCH_CUDA_IMAGES_SIGNING_KEYS", "PYTORCH_CUDA_IMAGES_SIGNING_KEY is one: rename it"),
        ("PYTORCH_CUDA_IMAGES_X", "unset it"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused(name: str, hint: str, home: Path) -> None:
    """A misspelled key would silently not count."""
    done = run("plan", "v2.6.0", **{name: "planted"})
    assert done.returncode == 2
    assert f"{name} is not a setting -> {hint}" in done.stderr
    assert "planted" not in done.stdout + done.stderr


def test_secrets_that_leave_the_environment_still_count(home: Path) -> None:
    done = run("notes", "v2.6.0", PYTORCH_CUDA_IMAGES_WEBHOOK="ftp://planted")
    assert done.returncode == 2
    assert "PYTORCH_CUDA_IMAGES_WEBHOOK is not an HTTPS address" in done.stderr
    assert "planted" not in done.stderr
