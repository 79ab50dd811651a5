"""Which commit holds a file as it is on disk, by the real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from images.catalog import IMAGES
from runner.checkout import Checkout, commit_of, describe_checkout, last_change_of

SHA = "c" * 40


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one committed file."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a.lock").write_text("a\n")
    commit(tmp_path, "a.lock")
    return tmp_path


def git(folder: Path, *words: str) -> str:
    who = (
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.com",
        "-c",
        "commit.gpgsign=false",
    )
    return subprocess.run(
        ["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(folder: Path, *names: str) -> str:
    git(folder, "add", *names)
    git(folder, "commit", "--quiet", "-m", "a test")
    return git(folder, "rev-parse", "HEAD")


def test_a_committed_file(checkout: Path) -> None:
    assert commit_of([checkout / "a.lock"]) == git(checkout, "rev-parse", "HEAD")


def test_other_changes_do_not_matter(checkout: Path) -> None:
    (checkout / "b.lock").write_text("b\n")
    assert commit_of([checkout / "a.lock"])


def test_a_changed_file_is_in_no_commit(checkout: Path) -> None:
    (checkout / "a.lock").write_text("changed\n")
    assert commit_of([checkout / "a.lock"]) == ""
    git(checkout, "add", "a.lock")
    assert commit_of([checkout / "a.lock"]) == "", "nor is one that is only staged"


@pytest.mark.parametrize("ignored", [False, True])
def test_a_file_that_git_does_not_have(checkout: Path, ignored: bool) -> None:
    (checkout / "b.lock").write_text("b\n")
    (checkout / ".gitignore").write_text("b.lock\n" if ignored else "")
    assert commit_of([checkout / "a.lock", checkout / "b.lock"]) == ""


def test_a_folder_that_is_no_checkout(tmp_path: Path) -> None:
    (tmp_path / "a.lock").write_text("a\n")
    assert commit_of([tmp_path / "a.lock"], {"GITHUB_SHA": SHA}) == ""


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert commit_of([tmp_path / "nowhere" / "a.lock"]) == ""


@pytest.mark.parametrize(("said", "expected"), [(SHA, SHA), ("rubbish\n::error::", ""), ("", "")])
def test_without_git_it_is_what_the_ci_checked_out(
    said: str, expected: str, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert commit_of([IMAGES / "base" / "2.6.layers.lock"], {"GITHUB_SHA": said}) == expected
    assert commit_of([checkout / "a.lock"], {"GITHUB_SHA": said}) == "", (
        "which is this checkout, and no other folder"
    )


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://forge.example/team/images.git", "https://forge.example/team/images"),
        ("https://user:secret@forge.example/team/images", "https://forge.example/team/images"),
        ("git@forge.example:team/images.git", "https://forge.example/team/images"),
        ("ssh://git@forge.example:2222/team/images.git", "https://forge.example/team/images"),
        ("https://u:pw@forge.example:8443/team/images", "https://forge.example:8443/team/images"),
        ("/srv/git/images.git", ""),
        ("file:///srv/git/images.git", ""),
        ("", ""),
    ],
)
def test_the_source_has_an_address_that_others_can_reach(
    checkout: Path, remote: str, address: str
) -> None:
    if remote:
        git(checkout, "remote", "add", "origin", remote)
    assert describe_checkout(checkout) == Checkout(address, git(checkout, "rev-parse", "HEAD"))


def test_no_commit_is_the_source_of_changed_files(checkout: Path) -> None:
    (checkout / "more.txt").write_text("not part of the repository\n")
    assert describe_checkout(checkout).commit
    (checkout / "a.lock").write_text("changed\n")
    assert describe_checkout(checkout) == Checkout()
    assert describe_checkout(Path("/")) == Checkout()


# The newest commit that changed a file


def test_the_last_change_is_not_that_of_other_files(checkout: Path) -> None:
    first = git(checkout, "rev-parse", "HEAD")
    (checkout / "b.lock").write_text("b\n")
    second = commit(checkout, "b.lock")
    assert last_change_of([checkout / "a.lock"]) == first
    assert last_change_of([checkout / "a.lock", checkout / "b.lock"]) == second
    (checkout / "a.lock").write_text("changed\n")
    assert last_change_of([checkout / "a.lock"]) == ""


def test_a_shallow_clone_does_not_know_the_last_change(checkout: Path, tmp_path: Path) -> None:
    """Its oldest commit seems to have added every file: it would give another digest."""
    (checkout / "b.lock").write_text("b\n")
    second = commit(checkout, "b.lock")
    git(checkout, "tag", "old")
    (checkout / "c.lock").write_text("c\n")
    third = commit(checkout, "c.lock")
    for depth, a_lock, c_lock in ((1, "", ""), (2, "", third)):
        clone = tmp_path / f"clone-{depth}"
        git(tmp_path, "clone", "--quiet", f"--depth={depth}", f"file://{checkout}", str(clone))
        assert last_change_of([clone / "a.lock"]) == a_lock
        assert last_change_of([clone / "c.lock"]) == c_lock
    assert last_change_of([checkout / "b.lock"]) == second


def test_the_first_commit_of_a_whole_history_is_known(checkout: Path) -> None:
    assert last_change_of([checkout / "a.lock"]) == git(checkout, "rev-parse", "HEAD")
