"""The linters as tests, and what must not be in the repository.

Each has a control that it can fail.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pip._internal.models.index import PyPI, TestPyPI

from runner.home import REPOSITORY

BIN = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path = REPOSITORY) -> str:
    """What a linter of the virtual environment complains of; empty where it is content."""
    words = [str(BIN / command[0]), *map(str, command[1:])]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{done.stdout}\n{done.stderr}"


def tracked() -> list[Path]:
    """Every file of the repository, as git knows it and as it is on disk."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return [
        path for name in done.stdout.split("\0") if name and (path := REPOSITORY / name).is_file()
    ]


def scripts() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".sh" or path == REPOSITORY / ".ci/run"]


def dockerfiles() -> list[Path]:
    return [path for path in tracked() if path.name.startswith("Dockerfile")]


def test_ruff() -> None:
    assert not run("ruff", "check", ".")


def test_ruff_format() -> None:
    assert not run("ruff", "format", "--check", ".")


@pytest.mark.slow
def test_mypy() -> None:
    assert not run("mypy")


def test_shellcheck() -> None:
    assert scripts()
    assert not run("shellcheck", *scripts())


def test_hadolint() -> None:
    # DL3008 wants Debian packages pinned by version; the layer is to have today's security updates,
    # and records them.
    assert dockerfiles()
    assert not run(
        "hadolint", "--ignore", "DL3008", "--failure-threshold", "warning", *dockerfiles()
    )


PLANTED = [
    pytest.param("a.py", "import os\n", ["ruff", "check", "--isolated"], id="unused import"),
    pytest.param("a.py", "x = {'a':1}\n", ["ruff", "format", "--check"], id="format"),
    pytest.param(
        "a.py",
        "def f(x: int) -> str:\n    return x\n",
        ["mypy", "--strict", "--no-incremental"],
        id="types",
    ),
    pytest.param("a.sh", "#!/bin/sh\nrm $1/*\n", ["shellcheck"], id="unquoted"),
    pytest.param("Dockerfile", "FROM debian\nRUN cd /x && sudo y\n", ["hadolint"], id="sudo"),
]


@pytest.mark.long
@pytest.mark.parametrize(("file", "text", "command"), PLANTED)
def test_a_planted_fault_is_found(tmp_path: Path, file: str, text: str, command: list[str]) -> None:
    (tmp_path / file).write_text(text)
    assert file in run(*command, file, cwd=tmp_path)


# Silenced checks

SILENCE = re.compile(r"#\s*(?:noqa|type: ignore)\b")
REASONED = re.compile(r"# (?:noqa: [A-Z0-9, ]+ - |type: ignore\[[a-z, -]+\] # )[`\w]")


def find_silenced(comment: str) -> list[str]:
    """Return each `noqa` and `type: ignore` of a comment that has no code or no reason."""
    starts = [found.start() for found in SILENCE.finditer(comment)]
    return [comment[start:] for start in starts if not REASONED.match(comment, start)]


def list_comments(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.string


def test_a_silenced_check_has_a_reason() -> None:
    files = [path for path in tracked() if path.suffix == ".py"]
    assert len(files) > 500
    assert not [
        f"{path.relative_to(REPOSITORY)}: {found}"
        for path in files
        if re.search("noqa|type: ignore", path.read_text())
        for comment in list_comments(path)
        for found in find_silenced(comment)
    ]


@pytest.mark.parametrize(
    ("comment", "is_silent"),
    [
        ("# noqa", True),
        ("# noqa: S301", True),
        ("# noqa: S301 -", True),
        ("# type: ignore", True),
        ("# type: ignore[misc]", True),
        ("# type: ignore # the reason without a code", True),
        ("# type: ignore[misc, unused-ignore] # it has no types", False),
        ("# type: ignore[misc] # it has no types  # noqa: S301", True),
        ("# noqa: PLR0913, PLR0917 - a reason", False),
        ("# a comment about a noqa", False),
    ],
)
def test_a_planted_silence_is_found(comment: str, is_silent: bool) -> None:
    assert bool(find_silenced(comment)) is is_silent


# What must not be in the repository


def hosts() -> Iterator[str]:
    """Hosts that packages come from: of pip, Debian and npm, and those of this machine."""
    for index in (PyPI, TestPyPI):
        yield from (index.netloc, index.file_storage_domain)
    yield from (f"{name}.debian.org" for name in ("deb", "security", "snapshot", "ftp"))
    yield from (f"registry.{name}" for name in ("npmjs.org", "yarnpkg.com"))
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    for address in re.findall(r"\w+://[^\s'\"]+", configured.stdout):
        if host := urlsplit(address).hostname:
            yield host


@cache
def patterns() -> dict[str, re.Pattern[str]]:
    named = "|".join(re.escape(host) for host in sorted(set(hosts())))
    here = [str(REPOSITORY)] if len(REPOSITORY.parts) > 2 else []
    places = "|".join(
        [*map(re.escape, here), re.escape(f"{Path.home()}/"), r"/home/[a-z]\w*/", r"/Users/\w+/"]
    )
    return {
        "a host that packages come from": re.compile(named, re.IGNORECASE),
        "a path of one machine": re.compile(rf"(?<![\w.$}}/])(?:{places})"),
    }


ALLOWED = re.compile(r"/home/mluser/")
"""The home of the images' own user."""


def leaks(files: Iterable[Path]) -> list[str]:
    """`FILE:LINE: what` for every line that names what it should not."""
    return [
        f"{path}:{number}: {what}: {found.group()}"
        for path in files
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        )
        for what, pattern in patterns().items()
        for found in pattern.finditer(ALLOWED.sub("", line))
    ]


def test_nothing_names_a_package_host_or_a_place_on_one_machine() -> None:
    assert not leaks(tracked())


@pytest.mark.parametrize(
    "text",
    [
        f"--index-url {PyPI.simple_url}",
        f"https://{PyPI.file_storage_domain}/packages/x.whl",
        f"https://{TestPyPI.netloc.upper()}/x",
        "deb http://deb." + "debian.org/debian x main",
        "https://registry." + "npmjs.org/x",
        f"cd {REPOSITORY}/images",
        f"`{Path.home()}/.cache`",
        "/home/" + "somebody/project",
    ],
)
def test_a_planted_name_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_text(f"first\n{text}\n")
    assert any(leak.startswith(f"{tmp_path / 'file'}:2:") for leak in leaks([tmp_path / "file"]))


@pytest.mark.parametrize(
    "text", ["/home/mluser/.cache", "$HOME/.cache", "out/home/x/y", "./srv/repository"]
)
def test_what_is_no_leak(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_text(text)
    assert not leaks([tmp_path / "file"])


def test_git_does_not_know_what_is_made_here() -> None:
    made = (".venv", "out", "__pycache__")
    assert not [
        path
        for path in tracked()
        if any(part in made for part in path.relative_to(REPOSITORY).parts)
    ]


def test_what_is_run_can_be_run() -> None:
    for path in [*scripts(), REPOSITORY / "release.py"]:
        assert os.access(path, os.X_OK), path
        assert path.read_text().startswith("#!"), path
