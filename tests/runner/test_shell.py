from __future__ import annotations

import ast
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from images.resolve import UV
from runner import progress, settings, shell
from runner.errors import EnvironmentFailed
from runner.home import REPOSITORY
from tests.fakes.index import make_index
from tests.fakes.refusal import refused
from tests.runner.test_settings import sources

HINT = "do this"


def script(body: str) -> list[str]:
    return ["sh", "-c", body]


def test_what_a_program_prints_is_returned() -> None:
    assert shell.run(script("echo out; echo err >&2"), hint=HINT) == "out\n"


def test_a_program_gets_its_input_and_environment() -> None:
    assert (
        shell.run(script('cat; printf %s "$X"'), hint=HINT, stdin=b"in ", env={"X": "y"}) == "in y"
    )


def test_a_program_that_reads_gets_nothing_of_ours() -> None:
    assert shell.run(["cat"], hint=HINT, timeout_s=5) == ""


def test_other_exit_codes_can_be_fine() -> None:
    assert shell.run(script("exit 7"), hint=HINT, ok_codes=(0, 7)) == ""


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param(
            script("echo one >&2; echo two >&2; exit 3"), "exited 3: one | two", id="fails"
        ),
        pytest.param(script("kill -9 $$"), "exited -9", id="killed"),
        pytest.param(
            script("printf '\\377' >&2; exit 1"), "exited 1", id="prints what is not text"
        ),
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


def test_a_program_that_prints_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "OUTPUT_BYTES", 1 << 20)
    started = time.monotonic()
    with refused(EnvironmentFailed, "printed more than 1 MB", HINT):
        shell.run(["yes"], hint=HINT)
    assert time.monotonic() - started < 5


def test_of_complaints_without_end_the_end_is_kept() -> None:
    done = shell.run_to_end(script("yes | head -c 20000000 >&2; echo last >&2; exit 3"), hint=HINT)
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr.endswith("last\n")
    assert len(done.stderr) <= shell.ERROR_BYTES


def test_a_slow_program_is_ended_with_what_it_started(tmp_path: Path) -> None:
    with refused(EnvironmentFailed, "did not finish in 1 s"):
        shell.run(script(f"(sleep 3; touch {tmp_path}/late) & wait"), hint=HINT, timeout_s=1)
    time.sleep(3)
    assert not (tmp_path / "late").exists()


def test_a_child_that_holds_the_output_open_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "GRACE_S", 0.5)
    assert shell.run(script("echo done; sleep 60 &"), hint=HINT, timeout_s=10) == "done\n"


def test_large_input_and_output_at_once() -> None:
    data = b"x" * 5_000_000
    assert shell.run(["cat"], hint=HINT, stdin=data, timeout_s=30) == data.decode()


def test_a_program_that_does_not_read_its_input() -> None:
    assert shell.run(["true"], hint=HINT, stdin=b"x" * 5_000_000, timeout_s=30) == ""


def test_a_full_disk_is_told_with_the_folders_that_may_be_on_it(home: Path) -> None:
    with refused(EnvironmentFailed, "free space", str(home), "PYTORCH_CUDA_IMAGES_HOME"):
        shell.run(script("echo 'write error: No space left on device' >&2; exit 1"), hint=HINT)


def test_what_a_program_says_cannot_command_the_terminal() -> None:
    with pytest.raises(EnvironmentFailed) as caught:
        shell.run(script(r"printf '\033[31mred\n::error::x\n' >&2; exit 1"), hint=HINT)
    assert "\x1b" not in str(caught.value)
    assert "exited 1: red | : :error::x" in str(caught.value)


def test_the_command_is_shown_where_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_verbose", True)
    shell.run(["echo", "a b"], hint=HINT)
    assert "$ echo 'a b'" in capsys.readouterr().err


def test_no_program_gets_what_signs_or_promotes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "PYTORCH_CUDA_IMAGES_SIGNING_KEY",
        "PYTORCH_CUDA_IMAGES_SIGNING_PASSPHRASE",
        "PYTORCH_CUDA_IMAGES_WEBHOOK",
        "PYTORCH_CUDA_IMAGES_WEBHOOK_SECRET",
        "GH_TOKEN",
        "GITHUB_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "COSIGN_PASSWORD",
        "HF_TOKEN",
        "TRIVY_PASSWORD",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_PROXY",
        "PIP_FIND_LINKS",
        "UV_FIND_LINKS",
        "UV_PUBLISH_TOKEN",
        "SIGSTORE_ID_TOKEN",
        "UV_INDEX_URL",
        "UV_INDEX_OURS_PASSWORD",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AZURE_CLIENT_SECRET",
    ):
        monkeypatch.setenv(name, "planted")
    monkeypatch.setenv("KEPT", "yes")
    said = shell.run(["env"], hint=HINT, env={"X": "y"})
    assert "planted" not in said
    assert {"KEPT=yes", "X=y"} <= set(said.splitlines())
    assert shell.run(["/usr/bin/env"], hint=HINT, env={"X": "y"}, inherit=False) == "X=y\n"


def test_a_program_gets_the_secrets_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_INDEX_URL", "AWS_SECRET_ACCESS_KEY", "COSIGN_PASSWORD", "PIP_CERT"):
        monkeypatch.setenv(name, "planted")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    assert shell.secrets_for(settings.INDEXES) == {"PIP_INDEX_URL": "planted"}


def test_a_program_runs_where_nobody_but_the_system_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file of the folder that a person is in configures it, and no module there is imported."""
    (tmp_path / "timeit.py").write_text("print('foreign')\n")
    monkeypatch.chdir(tmp_path)
    assert shell.run(["pwd"], hint=HINT) == "/\n"
    said = shell.run([sys.executable, "-m", "timeit", "-n1", "-r1", "pass"], hint=HINT)
    assert "foreign" not in said


RELATIVE = {
    "DOCKER_CONFIG": ("docker", "{}/docker"),
    "DOCKER_CERT_PATH": ("./certificates", "{}/certificates"),
    "PIP_CERT": ("ca.pem", "{}/ca.pem"),
    "PIP_CONFIG_FILE": ("pip.conf", "{}/pip.conf"),
    "PIP_NO_CACHE_DIR": ("1", "1"),
    "UV_CACHE_DIR": ("cache", "{}/cache"),
    "UV_NO_CONFIG": ("1", "1"),
    "SSL_CERT_FILE": ("ca.pem", "{}/ca.pem"),
    "REQUESTS_CA_BUNDLE": ("~/ca.pem", "~/ca.pem"),
    "SSL_CERT_DIR": ("a:/b:c", "{0}/a:/b:{0}/c"),
    "PYTHONPATH": ("", ""),
    "PIP_FIND_LINKS": ("wheels https://h/x /w file:x", "{}/wheels https://h/x /w file:x"),
    "UV_FIND_LINKS": ("wheels,https://h/x", "{}/wheels,https://h/x"),
    "UV_INDEX": ("ours=./index https://h/x", "ours={}/index https://h/x"),
    "PIP_INDEX_URL": ("../index", "{}/../index"),
    "UV_INDEX_STRATEGY": ("first-index", "first-index"),
    "PATH": ("bin::/usr/bin", "{0}/bin:{0}:/usr/bin"),
    "KEPT": ("a/b", "a/b"),
}


@pytest.mark.parametrize("name", RELATIVE)
def test_a_relative_path_in_a_variable_stays_the_same_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, wanted = RELATIVE[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    said = shell.run(["/usr/bin/env"], hint=HINT, env=shell.secrets_for(settings.INDEXES))
    assert f"{name}={wanted.format(tmp_path)}" in said.splitlines()


def test_every_path_that_is_a_setting_is_made_absolute() -> None:
    """A setting that other programs get, and whose default is a path, is in the one rule."""
    words = ("file", "folder", "path")
    for each in settings.SETTINGS:
        about_path = any(word in each.meaning.partition(";")[0].split() for word in words)
        if about_path and not each.name.startswith(("PYTORCH_CUDA_IMAGES_", "SSLKEY")):
            assert settings.make_absolute({each.name: "x"})[each.name] == str(Path("x").absolute())


def test_pip_finds_wheels_in_a_relative_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = make_index(tmp_path, {"alpha-1.0": []}, monkeypatch)
    monkeypatch.chdir(tmp_path)
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.setenv(name, index.name)
    links = shell.secrets_for(settings.INDEXES)
    pip: list[str | Path] = [
        sys.executable,
        "-P",
        "-m",
        "pip",
        "download",
        "-q",
        "-d",
        tmp_path / "d",
        "alpha",
    ]
    shell.run(pip, hint=HINT, env=links)
    assert (tmp_path / "d" / "alpha-1.0-py3-none-any.whl").exists()
    said = shell.run([UV, "pip", "compile", "-q", "-"], hint=HINT, env=links, stdin=b"alpha")
    assert "alpha==1.0" in said


STARTS = {"run", "Popen", "call", "check_call", "check_output"}


def starts_without_environment(source: str) -> Iterator[int]:
    """Yield the line of each call that starts a program with all variables of this process."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        module, name = ast.unparse(node.func.value), node.func.attr
        given = {keyword.arg for keyword in node.keywords}
        if module == "subprocess" and name in STARTS and "env" not in given:
            yield node.lineno
        if module == "os" and re.fullmatch(r"system|popen|posix_spawnp?|(spawn|exec)[lv]p?", name):
            yield node.lineno


def test_every_program_is_started_with_chosen_variables() -> None:
    inside = REPOSITORY / "scan" / "image_probe.py"  # it runs in an image
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for path in sources()
        if path != inside
        for line in starts_without_environment(path.read_text())
    ]
    assert not found, "give `env=shell.public_environment()`, or use shell.run"


@pytest.mark.parametrize(
    "call",
    ["subprocess.run(['x'])", "subprocess.Popen(['x'], cwd='/')", "os.system('x')", "os.execv(a)"],
)
def test_a_planted_start_is_found(call: str) -> None:
    assert [*starts_without_environment(f"import os\n{call}\n")] == [2]


def test_the_message_of_a_failed_program_is_short() -> None:
    """A traceback of pip has 15 long lines; the last one says what happened."""
    long = "for i in $(seq 15); do printf '%0999d\\n' $i >&2; done; echo the end >&2; exit 3"
    with pytest.raises(EnvironmentFailed) as caught:
        shell.run(["/bin/sh", "-c", long], hint="look there")
    assert "exited 3: …" in caught.value.message
    assert caught.value.message.endswith("the end")
    assert len(caught.value.message) < 1300
