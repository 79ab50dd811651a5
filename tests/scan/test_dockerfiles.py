"""The linter of Dockerfiles takes its settings from this repository alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from images import catalog
from scan.dockerfiles import check_dockerfiles
from scan.record import ScanProblem

FAULTY = "FROM debian\nUSER root\nRUN sudo apt-get install -y zsh=1\n"
HIDING = "failure-threshold: none\nignored: [DL3002, DL3004, DL3006]\n"
VARIABLES = {
    "HADOLINT_IGNORE": "DL3002,DL3004,DL3006",
    "HADOLINT_OVERRIDE_INFO": "DL3002,DL3004,DL3006",
    "HADOLINT_FORMAT": "tty",
    "HADOLINT_NOFAIL": "1",
    "HADOLINT_FAILURE_THRESHOLD": "none",
}


def found(root: Path) -> list[ScanProblem]:
    return [*check_dockerfiles(["base"], root)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "images" / "base").mkdir(parents=True)
    (tmp_path / "images" / "base" / "Dockerfile").write_text(FAULTY)
    return tmp_path / "images"


def test_a_person_s_settings_hide_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = found(root)
    assert {problem.what.partition(":")[0] for problem in expected} >= {"DL3004", "DL3006"}
    for folder, name in ((tmp_path, ".hadolint.yaml"), (tmp_path / "xdg", "hadolint.yaml")):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(HIDING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    assert found(root) == expected


def test_the_dockerfile_of_more_packages_is_read_too(root: Path) -> None:
    (root / "base" / "Dockerfile").unlink()
    (root / "base" / "added").mkdir()
    (root / "base" / "added" / "Dockerfile").write_text(FAULTY)
    assert {problem.where.partition(":")[0] for problem in found(root)} == {"base/added/Dockerfile"}


def test_our_own_dockerfiles_have_no_problem() -> None:
    assert not list(check_dockerfiles(catalog.load_catalog().stacks))


def test_packages_of_debian_need_no_version(root: Path) -> None:
    (root / "base" / "Dockerfile").write_text("FROM debian:1\nRUN apt-get install -y zsh\n")
    assert not [problem for problem in found(root) if "DL3008" in str(problem)]
