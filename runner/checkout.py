"""The git checkout that this program runs in: which commit it is, if any."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner import child_programs, child_variables, home, settings

TIMEOUT_S = 20
_REMOTE = re.compile(
    r"(?:(?P<scheme>https|ssh)://(?:[^@/\s]*@)?|[A-Za-z0-9._-]+@(?=[A-Za-z0-9.-]+:))"
    r"(?P<host>[A-Za-z0-9.-]+)(?:(?P<port>:[0-9]{1,5})/|[:/])(?P<path>[A-Za-z0-9._~/-]+?)(?:\.git)?/?",
    re.ASCII,
)
_COMMIT = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)


@dataclass(frozen=True)
class Checkout:
    """The commit that is checked out; `address` is that of its repository for others.

    A field is empty if it is not known; both are if a file was changed and not committed.
    """

    address: str = ""
    commit: str = ""


def describe_checkout(folder: Path) -> Checkout:
    """Return the repository and the commit that hold the files of `folder` as they are on disk.

    The address is that of the remote `origin`, as HTTPS and without an account. An address on this
    machine says nothing to others, and is left out.
    """
    changed = _run_git(folder, "status", "--porcelain", "--untracked-files=no")
    commit = (_run_git(folder, "rev-parse", "HEAD") or "").strip()
    if changed != "" or not _COMMIT.fullmatch(commit):
        return Checkout()
    remote = _REMOTE.fullmatch((_run_git(folder, "remote", "get-url", "origin") or "").strip())
    if remote is None:
        return Checkout("", commit)
    # the port of SSH is not the one of the pages
    port = (remote["port"] or "") if remote["scheme"] == "https" else ""
    return Checkout(f"https://{remote['host']}{port}/{remote['path']}", commit)


def commit_of(paths: Sequence[Path], environ: Mapping[str, str] = os.environ) -> str:
    """Return the commit that holds these files as they are on disk.

    It is empty if one of them was changed and not committed, or if they are in no checkout. Without
    git on the machine it is the commit that GitHub Actions says it checked out.
    """
    if shutil.which("git") is None:
        commit = environ.get(settings.GITHUB_SHA, "")
        is_checked_out = all(path.is_relative_to(home.REPOSITORY) for path in paths)
        return commit if is_checked_out and _COMMIT.fullmatch(commit) else ""
    folder, names = paths[0].parent, [str(path) for path in paths]
    is_tracked = _run_git(folder, "ls-files", "--error-unmatch", "--", *names) is not None
    is_clean = is_tracked and _run_git(folder, "status", "--porcelain", "--", *names) == ""
    return (_run_git(folder, "rev-parse", "HEAD") or "").strip() if is_clean else ""


def last_change_of(paths: Sequence[Path]) -> str:
    """Return the newest commit that changed one of these files: the same in every full clone.

    It is empty if `commit_of` is, and in a shallow clone whose history does not reach that commit.
    """
    if shutil.which("git") is None or not commit_of(paths):
        return ""
    folder, names = paths[0].parent, [str(path) for path in paths]
    commit = (_run_git(folder, "log", "-1", "--format=%H", "--", *names) or "").strip()
    has_parent = _run_git(folder, "rev-parse", "--verify", "--quiet", f"{commit}^") is not None
    is_shallow = _run_git(folder, "rev-parse", "--is-shallow-repository") != "false\n"
    # The oldest commit of a shallow clone seems to have added every file.
    return commit if has_parent or not is_shallow else ""


def _run_git(folder: Path, *words: str) -> str | None:
    """Return what git prints, or None if it fails or is not there."""
    command = ["git", "-C", str(folder.absolute()), *words]
    return child_programs.run_quietly(command, TIMEOUT_S, child_variables.GIT)
