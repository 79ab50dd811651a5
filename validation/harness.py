"""The harness that is mounted into an image: pytest with its plugins, and the suites."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from images.wheelhouse import describe_failure
from runner import home, records, settings, shell
from runner.child_variables import RESOLVERS, secrets_for
from runner.errors import EnvironmentFailed
from validation.suite import SUITES_FOLDER, Suite
from validation.suites.contract.expected import Expected
from validation.suites.contract.layout import NONCE, PACKAGE_FOLDER, STACKS

ROOT = "/harness"
"""The folder of a suite in its container."""
LOCK = Path(__file__).resolve().parent / "requirements.lock"
HINT = "check the network or the proxy of the package index, then run the same command again"


def install_harness(lock: Path = LOCK) -> Path:
    """Return a folder with the packages of `lock`, each wheel checked by its hash.

    It is made on the first call and kept for later runs. Raises EnvironmentFailed if the wheels
    cannot be downloaded.
    """
    locked = hashlib.sha256(records.read_bytes(lock)).hexdigest()
    target = home.make_home_folder("harness") / locked[:16]
    if not target.is_dir():
        _install_wheels(lock, target)
    return target


def lay_out(folder: Path, suite: Suite, expected: Expected, nonce: str = "") -> None:
    """Fill `folder` with what `entrypoint.py` reads, and make `out`.

    It reads the suites' code, `suite`'s module, and the facts that the tag asserts.

    `nonce` is what the answers of the suite's challenge must depend on.
    """
    code = folder / PACKAGE_FOLDER
    copy_suites(code)
    (code / suite.module_file).parent.mkdir(exist_ok=True)
    shutil.copyfile(suite.module_path, code / suite.module_file)
    (folder / "expected.json").write_text(records.to_json(expected), encoding="utf-8")
    (folder / NONCE).write_text(nonce, encoding="ascii")
    (folder / "packages").mkdir()
    written = (folder / "out", folder / "out" / STACKS)
    for each in written:
        each.mkdir()
    _make_readable(folder)
    for each in written:
        each.chmod(0o777)  # the image's user is another uid


def copy_suites(target: Path) -> None:
    """Copy the code of the suites to a folder that is made; anybody may read it."""
    shutil.copytree(SUITES_FOLDER, target, ignore=shutil.ignore_patterns("__pycache__"))
    _make_readable(target)


def _make_readable(folder: Path) -> None:
    """Let the image's user (another uid) read all below `folder`, whatever this user's umask is."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def _install_wheels(lock: Path, target: Path) -> None:
    """Install under a temporary name first: a folder with the final name is always complete."""
    with home.scratch_folder("harness") as folder:
        half = folder / "half"
        half.mkdir()
        command = (
            sys.executable,
            "-P",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        )
        only_wheels = ("--only-binary=:all:", "--require-hashes", "--target", half, "-r", lock)
        index = secrets_for(settings.INDEXES)
        words: list[str | Path] = [*command, *only_wheels]
        done = shell.run_to_end(words, hint=HINT, env=index, timeout_s=600, allowed=RESOLVERS)
        if done.code != 0:
            problem = f"pip cannot install {lock}: {describe_failure(done.stderr)}"
            raise EnvironmentFailed(problem, shell.full_disk_hint(done.stderr) or HINT)
        _make_readable(half)
        _publish_folder(half, target)


def _publish_folder(half: Path, target: Path) -> None:
    try:
        half.rename(target)
    except OSError as error:
        if not target.is_dir():  # else another run was faster with the same contents
            raise EnvironmentFailed(
                f"cannot write {target}: {error.strerror}", "free space or fix permissions"
            ) from None
