"""The image works for a user that has no account in it, as Kubernetes and OpenShift choose one.

Its login shells have Python, users can make virtual environments, and what they edit takes effect.
"""

from __future__ import annotations

import getpass
import os
import pwd
import sys
from pathlib import Path

import pytest

from .. import installed
from ..conftest import Answers
from ..contract import questions
from ..environment import surroundings
from ..outcome import require
from . import edited_module

NO_HOOK = "image_start.pth in site-packages was removed or replaced"
CLOSED = "the folder can be written by the image's own user alone"
VARIABLES = {
    "huggingface": "HF_HOME",
    "matplotlib": "MPLCONFIGDIR",
    "inductor": "TORCHINDUCTOR_CACHE_DIR",
}
"""Variables of folders that programs write; without one, the folder is below home or /tmp."""


def list_places() -> dict[str, Path]:
    """Return the folders that programs write, by what they are for."""
    named = {
        name: Path(os.environ[variable])
        for name, variable in VARIABLES.items()
        if variable in os.environ
    }
    return {**surroundings.writable_places(), **named}


def test_foreign_user() -> None:
    """Programs that ask for the account of this user get an answer."""
    user = os.getuid()
    try:
        found = f"{pwd.getpwuid(user).pw_name} {getpass.getuser()}"
    except KeyError as error:
        found = ""
        require(False, f"uid {user} has no account: {error}", "a name for any uid", NO_HOOK)
    require(all(found.split()), f"uid {user} has the name `{found}`", "a name", NO_HOOK)


def test_folders_can_be_written() -> None:
    problems = {
        name: problem
        for name, folder in list_places().items()
        if (problem := surroundings.find_writing_problem(folder))
    }
    shown = installed.format_some([f"{name}: {problem}" for name, problem in problems.items()], 2)
    require(
        not problems,
        f"uid {os.getuid()} cannot write its folders: {shown}",
        "home, caches, /tmp and the working folder to be for anybody",
        CLOSED,
    )


def test_inductor_cache() -> None:
    """torch.compile finds a folder for what it compiles."""
    code = "from torch._inductor.runtime.runtime_utils import cache_dir; print(cache_dir())"
    done = installed.run_command(sys.executable, "-c", code)
    require(
        done.returncode == 0,
        f"torch's compiler finds no cache: {installed.describe_exit(done)}",
        "a folder",
        NO_HOOK,
    )
    folder = done.stdout.splitlines()[-1]
    problem = surroundings.find_writing_problem(Path(folder))
    require(
        not problem, f"torch's compiler cannot write: {problem}", f"{folder} to be ours", CLOSED
    )


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_login_shells(shell: str) -> None:
    """A login shell that inherits nothing, as one of ssh or su, has the image's Python."""
    asks = "command -v python && python -c 'import sys; print(sys.prefix)'"
    done = installed.run_command("env", "-i", "HOME=/", shell, "-lc", asks)
    wanted = [f"{sys.prefix}/bin/python", sys.prefix]
    found = f"`{shell} -lc` finds {installed.format_some(done.stdout.splitlines()) or 'no python'}"
    cause = "/etc/profile sets PATH, and no file of /etc/profile.d adds the image's Python"
    require(done.stdout.splitlines() == wanted, found, f"{wanted[0]}", cause)


@pytest.mark.parametrize("sees_torch", [False, True], ids=["alone", "with_packages"])
def test_virtual_environments(sees_torch: bool, tmp_path: Path) -> None:
    """A user can make one, with pip in it; with the packages of the system it has the image's."""
    # one pip is enough: the second environment has that of the image
    options = ["--system-site-packages", "--without-pip"] if sees_torch else []
    made = installed.run_command(sys.executable, "-m", "venv", *options, str(tmp_path / "own"))
    require(
        made.returncode == 0,
        f"`python -m venv` ends in {installed.describe_exit(made)}",
        "exit 0",
        "ensurepip is missing: the Debian package pythonX-venv was removed",
    )
    asks = (
        "import sys; from importlib.util import find_spec; "
        "print(find_spec('pip') is not None, find_spec('torch') is not None)"
    )
    done = installed.run_command(str(tmp_path / "own" / "bin" / "python"), "-c", asks)
    found = done.stdout.strip() or installed.describe_exit(done)
    cause = "virtual_environments.pth in dist-packages was removed, or names another folder"
    require(
        found == f"True {sees_torch}",
        f"pip and torch are there: {found}",
        f"True {sees_torch}",
        cause,
    )


def test_edited_file(tmp_path: Path) -> None:
    """A file that differs from its bytecode takes effect, with bytecode as the image's is."""
    wanted = edited_module.write_edited_module(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import edited; print(edited.VALUE)"
    done = installed.run_command(sys.executable, "-c", code)
    found = done.stdout.strip() or installed.describe_exit(done)
    require(found == wanted, f"an edited file says {found}", f"{wanted}, its new value", NO_HOOK)


def test_challenge(nonce: str, answer: Answers, tmp_path: Path) -> None:
    """An edited module computes a product of numbers that nobody knew before."""
    factors = questions.draw_product(nonce, "guest")
    (tmp_path / "product.py").write_text(edited_module.PRODUCT, encoding="utf-8")
    given = [factors.left, factors.right, factors.inner]
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import product; product.main()"
    done = installed.run_command(sys.executable, "-c", code, QUESTION=repr(given))
    require(done.returncode == 0, installed.describe_exit(done), "a product", "Python is damaged")
    answer("product", [int(each) for each in done.stdout.split()])
