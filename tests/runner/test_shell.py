from __future__ import annotations

import ast
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from images.resolve import UV
from runner import child_programs, child_variables, progress, settings, shell
from runner.child_variables import ENGINES, NOTHING, RESOLVERS, SYSTEM, secrets_for
from runner.errors import ConfigError, EnvironmentFailed
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
    for name in OTHERS:
        monkeypatch.setenv(name, "planted")
    monkeypatch.setenv("PIP_TIMEOUT", "9")
    said = shell.run(["env"], hint=HINT, env={"X": "y"}, allowed=RESOLVERS)
    assert "planted" not in said
    assert {"PIP_TIMEOUT=9", "X=y"} <= set(said.splitlines())
    assert shell.run(["/usr/bin/env"], hint=HINT, env={"X": "y"}, allowed=NOTHING) == "X=y\n"


OTHERS = (
    *("DATABASE_URL", "A_NAME_THAT_NO_LIST_HAS", "SLACK_WEBHOOK_URL", "BUILD_USER", "DB_PASS"),
    *("DOCKER_PASSWORD", "PIP_PASSWORD", "UV_AUTH_HEADER", "TRIVY_IGNORE_UNFIXED", "REGISTRY_HTTP"),
    *("GIT_CONFIG_VALUE_0", "BUILDKITE_MESSAGE", "LD_AUDIT", "PYTHONINSPECT", "X_API_KEY"),
    *("PIP_PASS", "KEYRING_PWD", "UV_APIKEY", "BUILDKIT_CRED", "CUDA_APIKEY", "UV_X_PAT_2"),
)
"""Variables that are no secret by runner/settings.py, and on no list."""


def test_each_list_has_only_names_that_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in child_variables.LISTS:
        wanted = {"GIT_CONFIG_VALUE_0"} if each is child_variables.GIT else set()
        assert {name for name in OTHERS if each.has(name)} == wanted
        for name in ("", "GH_TOKEN", "AWS_SECRET_ACCESS_KEY", settings.SIGNING_KEY, settings.OUT):
            assert not each.has(name)
    for name in (
        "DOCKER_HOST",
        "https_proxy",
        "HTTPS_PROXY",
        "SSL_CERT_FILE",
        "LC_ALL",
        "UV_OFFLINE",
    ):
        assert ENGINES.has(name) == (name != "UV_OFFLINE")
        assert RESOLVERS.has(name) == (name != "DOCKER_HOST")
    assert child_variables.CI_AGENTS.has("BUILDKITE_AGENT_ENDPOINT")


def test_a_family_of_variables_reaches_its_own_program_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for each in ("PIP_TIMEOUT", "BUILDKIT_HOST", "DOCKER_CONFIG", "https_proxy", "AWS_PROFILE"):
        monkeypatch.setenv(each, "planted")
    given = {
        allowed: shell.run(["env"], hint=HINT, allowed=allowed) for allowed in (ENGINES, RESOLVERS)
    }
    assert "BUILDKIT_HOST" in given[ENGINES]
    assert "PIP_TIMEOUT" not in given[ENGINES]
    assert "PIP_TIMEOUT" in given[RESOLVERS]
    assert "BUILDKIT_HOST" not in given[RESOLVERS]
    # mount, rm and others need nothing of them: so much a program gets if its caller says nothing
    assert "planted" not in shell.run(["env"], hint=HINT)
    assert "planted" not in str(child_programs.run_quietly(["env"], 9))
    assert not SYSTEM.families


def test_a_person_names_variables_for_a_credential_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", "https://vault.example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    monkeypatch.setenv(settings.HELPER_VARIABLES, "VAULT_ADDR, NOT_SET")
    wanted = {"VAULT_ADDR": "https://vault.example", "AWS_SECRET_ACCESS_KEY": "planted"}
    assert child_variables.login_variables().items() >= wanted.items()
    assert "NOT_SET" not in child_variables.login_variables()
    assert "VAULT_ADDR" not in child_variables.choose_variables(ENGINES)


@pytest.mark.parametrize("given", ["A=B", settings.SIGNING_KEY, "TRIVY_IGNORE_UNFIXED", "A B"])
def test_what_is_no_name_for_a_helper_is_refused(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.HELPER_VARIABLES, given)
    with refused(ConfigError, f"{settings.HELPER_VARIABLES} is no list of names", "NAME,NAME"):
        child_variables.login_variables()


def test_a_quiet_program_gets_the_same_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_NAME_THAT_NO_LIST_HAS", "planted")
    assert "planted" not in (child_programs.run_quietly(["/usr/bin/env"], 5) or "planted")
    assert child_programs.run_quietly(["no-such-program"], 5) is None
    assert child_programs.run_quietly(["false"], 5) is None
    began = time.monotonic()
    assert child_programs.run_quietly(["sleep", "9"], 0.1) is None
    assert time.monotonic() - began < 5


def test_a_program_gets_the_secrets_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_INDEX_URL", "AWS_SECRET_ACCESS_KEY", "COSIGN_PASSWORD", "PIP_CERT"):
        monkeypatch.setenv(name, "planted")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    assert secrets_for(settings.INDEXES) == {"PIP_INDEX_URL": "planted"}


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
    "PIP_TIMEOUT": ("a/b", "a/b"),
}


@pytest.mark.parametrize("name", RELATIVE)
def test_a_relative_path_in_a_variable_stays_the_same_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, wanted = RELATIVE[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    allowed = ENGINES if name.startswith("DOCKER") else RESOLVERS
    said = shell.run(
        ["/usr/bin/env"], hint=HINT, env=secrets_for(settings.INDEXES), allowed=allowed
    )
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
    links = secrets_for(settings.INDEXES)
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
    shell.run(pip, hint=HINT, env=links, allowed=RESOLVERS)
    assert (tmp_path / "d" / "alpha-1.0-py3-none-any.whl").exists()
    uv: list[str | Path] = [UV, "pip", "compile", "-q", "-"]
    said = shell.run(uv, hint=HINT, env=links, stdin=b"alpha", allowed=RESOLVERS)
    assert "alpha==1.0" in said


STARTERS = {"subprocess", "pty", "pexpect", "asyncio", "_posixsubprocess", "multiprocessing"}
MAY_START = {
    "runner/child_programs.py": "gives each program the variables of a list",
    "runner/shell.py": "names what it waits for",
    "runner/embedded.py": "names what it waits for",
    "validation/executors/local.py": "names what it waits for",
    "images/workers.py": "starts processes of this program, which get its variables",
    "runner/signals.py": "the same",
    "release.py": "becomes this program again, without secrets",
}
"""Modules that may name what starts a program, and what for."""
WHOLE = {
    "runner/engine.py": "docker-py reads DOCKER_HOST and its like there",
    "runner/progress.py": "rich reads the size of the terminal there",
    "runner/settings.py": "has all variables, with the secrets",
    "runner/secret_values.py": "reads the names of folders there",
    "publish/evidence/attest.py": "a function of ours reads the names of a job there",
}
"""Modules that hand on all variables in one piece, and for what."""


def starts_of_programs(source: str) -> Iterator[int]:
    """Yield the line of each import and call by which a module could start a program."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (node.lineno for each in node.names if each.name.split(".")[0] in STARTERS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in STARTERS:
            yield node.lineno
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os":
            pattern = r"system|popen|startfile|posix_spawnp?|(spawn|exec)[lv]p?e?"
            yield from (node.lineno for _ in range(bool(re.fullmatch(pattern, node.attr))))
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield node.lineno


def uses_of_all_variables(source: str) -> Iterator[int]:
    """Yield the line where a module hands on `os.environ` as a whole."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or ast.unparse(node) != "os.environ":
            continue
        above = parents[node]
        is_read = isinstance(above, ast.Attribute | ast.Compare | ast.arguments) or (
            isinstance(above, ast.Subscript) and above.value is node
        )
        if not is_read:
            yield node.lineno


def test_one_module_starts_every_program() -> None:
    started: dict[str, list[int]] = {}
    for path in sources():
        where = str(path.relative_to(REPOSITORY))
        if lines := [*starts_of_programs(path.read_text())]:
            started[where] = lines
    assert set(started) <= set(MAY_START), "use shell.run or child_programs.run_quietly"
    calls = [
        f"{path.relative_to(REPOSITORY)}:{ast.unparse(node)}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("subprocess.")
    ]
    assert len(calls) == 1
    assert calls[0].startswith("runner/child_programs.py:subprocess.Popen(")
    assert "env={**choose_variables(allowed), **extra}" in calls[0]


def test_no_module_hands_on_all_variables() -> None:
    found = {
        str(path.relative_to(REPOSITORY))
        for path in sources()
        if [*uses_of_all_variables(path.read_text())]
    }
    assert found <= set(WHOLE), "choose them with runner/child_variables.py"


@pytest.mark.parametrize(
    "source",
    [
        *(
            "import subprocess",
            "from subprocess import run",
            "import pty",
            "import os; os.system(x)",
        ),
        *("import os; os.execvpe(x)", "from os import execv", "import asyncio.subprocess"),
    ],
)
def test_a_planted_start_is_found(source: str) -> None:
    assert [*starts_of_programs(source)]


@pytest.mark.parametrize(
    "text", ["f(os.environ)", "dict(os.environ)", "{**os.environ}", "x = os.environ"]
)
def test_planted_variables_are_found(text: str) -> None:
    assert [*uses_of_all_variables(text)] == [1]
    assert not [*uses_of_all_variables("os.environ['X'], os.environ.get('X'), 'X' in os.environ")]


def test_the_message_of_a_failed_program_is_short() -> None:
    """A traceback of pip has 15 long lines; the last one says what happened."""
    long = "for i in $(seq 15); do printf '%0999d\\n' $i >&2; done; echo the end >&2; exit 3"
    with pytest.raises(EnvironmentFailed) as caught:
        shell.run(["/bin/sh", "-c", long], hint="look there")
    assert "exited 3: …" in caught.value.message
    assert caught.value.message.endswith("the end")
    assert len(caught.value.message) < 1300
