"""The folders of the harness: records in the checkout, and a shared folder for what is costly.

Records are in `out/` of the checkout (PYTORCH_CUDA_IMAGES_OUT moves them). The shared folder is in
the user's cache directory (PYTORCH_CUDA_IMAGES_HOME moves it).
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import errno
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from runner import child_programs, settings
from runner.errors import ConfigError, EnvironmentFailed
from runner.untrusted import Malformed, clean_line, open_own_file, read_own_file

REPOSITORY = Path(__file__).resolve().parent.parent

_NAME = "pytorch-cuda-images"
MAX_LOCK_WAIT_S = 600.0
"""A folder is locked for a moment, and for as long as `prune` deletes in it."""
_LOCK_POLL_S = 0.1
OWN_MARK = f".{_NAME}"
"""An empty file in a shared folder that this program has made."""

_SCRATCH = "pytorch-cuda-images-scratch-"
_TABLE_BYTES = 64 << 20
"""Bytes of the kernel's table of mounts at most."""
_DETACH = 2
"""MNT_DETACH of sys/mount.h: unmount even if a program is in it."""
REMOVAL_S = 600.0
"""Seconds for the program that removes what Python cannot."""
_LEFT = re.compile(rf"{_SCRATCH}[a-z]+-[a-z0-9_]{{8}}")
"""The names that `scratch_folder` makes. Nothing else is removed: it may be somebody's work."""


def home_folder() -> Path:
    """Return the shared folder of wheels, the embedded registry, the scanner's cache and tools."""
    if given := os.environ.get(settings.HOME):
        return _named_folder(given, settings.HOME)
    if cache := os.environ.get(settings.XDG_CACHE_HOME):
        return _named_folder(cache, settings.XDG_CACHE_HOME) / _NAME
    try:
        return _named_folder(str(Path.home()), "HOME") / ".cache" / _NAME
    except RuntimeError:
        raise ConfigError(
            "this user has no home folder", f"set {settings.HOME} to a folder you can write"
        ) from None


def make_home_folder(*parts: str) -> Path:
    """Return a folder below `home()`, and make it if it is missing."""
    home = home_folder()
    path = home.joinpath(*parts)
    with _report_unwritable(path, settings.HOME):
        try:
            with os.scandir(home) as entries:
                is_new = not any(entries)
        except FileNotFoundError:
            is_new = True
        path.mkdir(parents=True, exist_ok=True)
        if is_new:
            (home / OWN_MARK).touch()
    return path


def is_own_home() -> bool:
    """Return whether the shared folder belongs to this program alone, and is nobody's own folder.

    It was empty when it was first used, or has this project's name. A person who names a folder
    that has `wheels` or `registry` of their own keeps them.
    """
    home = home_folder()
    return home.name == _NAME or (home / OWN_MARK).is_file()


def out_folder() -> Path:
    """Return the folder of the records of releases."""
    given = os.environ.get(settings.OUT)
    return _named_folder(given, settings.OUT) if given else REPOSITORY / "out"


def full_hint() -> str:
    """Return what to do if a disk is full and it is not known which one."""
    return (
        f"free space on the disk of {home_folder()} ({settings.HOME} moves it), "
        f"of {out_folder()} ({settings.OUT} moves it), of {tempfile.gettempdir()} and of the "
        "Docker engine"
    )


def hint_for(error: OSError) -> str:
    """Return what to do about an error of the system, by its number and its path."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        if not isinstance(error.filename, str):
            return full_hint()
        where = f"free space on the disk of {error.filename}"
        return f"{where}; {settings.HOME} and {settings.OUT} move what is kept here"
    return _HINTS.get(error.errno or 0, "correct that, then run the same command again")


def machine_hint(error: BaseException) -> str:
    """Return what to do about a limit of this machine; empty for any other error."""
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        return hint_for(error)
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return _HINTS[errno.EAGAIN]
    return ""


def variable_for(path: object) -> str:
    """Return the variable that moves the folder in which `path` lies; empty if none does."""
    if not isinstance(path, str):
        return ""
    for folder, variable in ((out_folder, settings.OUT), (home_folder, settings.HOME)):
        with contextlib.suppress(ConfigError):
            if Path(path).absolute().is_relative_to(folder()):
                return variable
    return ""


_HINTS = {
    errno.EACCES: "allow this account to use it",
    errno.EPERM: "allow this account to use it",
    errno.EROFS: f"set {settings.HOME} or {settings.OUT} to a folder on a disk that can be written",
    errno.ENOENT: "name one that exists",
    errno.ENOTDIR: "name a folder: a part of this path is a file",
    errno.EEXIST: "name a folder: this is a file",
    errno.EISDIR: "name a file: this is a folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "allow more open files (`ulimit -n`), then run the same command again",
    errno.ENFILE: "end other programs that hold many files open, then run the same command again",
    errno.ENOMEM: "free memory, then run the same command again",
    errno.EAGAIN: (
        "allow more processes and threads (`ulimit -u`, a container's `--pids-limit`), then run "
        "the same command again"
    ),
    errno.EFBIG: "allow larger files (`ulimit -f`), then run the same command again",
}

_OF_THE_MACHINE = (
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EAGAIN,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
)
"""Limits of this machine: also if the error comes from a connection."""


def _named_folder(given: str, variable: str) -> Path:
    """Return the folder that a variable names, as an absolute path.

    Such a path is never read as an option. Raises ConfigError for a path that a mount of the engine
    or a line of a log cannot carry.
    """
    if not given.isprintable() or ":" in given:
        # The value is not shown: what follows a colon may be a password.
        raise ConfigError(
            f"the value of {variable} contains a colon or a control character",
            "name a folder without them",
        )
    return Path(given).absolute()


@contextlib.contextmanager
def share_home() -> Iterator[None]:
    """Keep what is in the shared folder from being freed meanwhile, by any checkout's `prune`.

    Waits while one frees something.
    """
    with _hold_lock(make_home_folder("wheels"), fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def claim_home() -> Iterator[None]:
    """Hold the shared folder alone, to free what is in it.

    Raises EnvironmentFailed if another command uses it.
    """
    with _hold_lock(make_home_folder("wheels"), fcntl.LOCK_EX | fcntl.LOCK_NB) as is_alone:
        if not is_alone:
            raise EnvironmentFailed(
                f"another command is using {home_folder()}", "wait for it, then run `prune` again"
            )
        yield


@contextlib.contextmanager
def only_run() -> Iterator[None]:
    """Hold the lock of this checkout's records. A second run is refused, not queued."""
    lock = out_folder() / ".lock"
    with contextlib.ExitStack() as held:
        held.enter_context(share_home())
        with _report_unwritable(out_folder(), settings.OUT):
            lock.parent.mkdir(parents=True, exist_ok=True)
            _claim_lock(held.enter_context(open_file(lock)))
        yield


def open_own_record(name: str) -> TextIO:
    """Open a file in the folder of records, which is made if it is missing.

    Raises EnvironmentFailed if that cannot be, or if it is a link or a FIFO.
    """
    with _report_unwritable(out_folder(), settings.OUT):
        out_folder().mkdir(parents=True, exist_ok=True)
        return open_file(out_folder() / name)


def open_file(path: Path) -> TextIO:
    """Open a file of this project for reading and appending.

    Raises EnvironmentFailed if it is a link or a FIFO.
    """
    try:
        return os.fdopen(open_own_file(path), "a+", encoding="utf-8", errors="replace")
    except Malformed as error:
        raise EnvironmentFailed(
            str(error), f"delete {path}, then run the same command again"
        ) from None


def _claim_lock(lock: TextIO) -> None:
    """Lock the file and write our process id into it, for the message of a second run."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise EnvironmentFailed(
            (
                f"another run (process {clean_line(lock.read(20)) or 'unknown'}) is using "
                f"{out_folder()}"
            ),
            "wait for it, or use another checkout",
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()


@contextlib.contextmanager
def _report_unwritable(path: Path, variable: str) -> Iterator[None]:
    """Turn an OSError about a folder into EnvironmentFailed that names `variable`."""
    try:
        yield
    except OSError as error:
        hint = f"{hint_for(error)}, or set {variable} to a folder you can write"
        raise EnvironmentFailed(f"cannot create {path}: {error.strerror}", hint) from error


@contextlib.contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """Make a folder for this run alone, and remove it afterwards.

    Folders that killed runs left behind are removed first.
    """
    work = make_home_folder("work")
    with _hold_lock(work, fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
        for left in work.iterdir() if alone else ():  # else another run is just making a folder
            if not _LEFT.fullmatch(left.name) or left.is_symlink() or not left.is_dir():
                continue
            with _hold_lock(left, fcntl.LOCK_EX | fcntl.LOCK_NB) as free:
                if free:
                    _remove_tree(left)
    with contextlib.ExitStack() as held:
        # Nothing is removed while `work` is shared: a folder is never seen between being made and
        # being locked.
        with _report_unwritable(work, settings.HOME), _hold_lock(work, fcntl.LOCK_SH):
            folder = Path(tempfile.mkdtemp(dir=work, prefix=f"{_SCRATCH}{purpose}-"))
            held.enter_context(_hold_lock(folder, fcntl.LOCK_EX))
        try:
            yield folder
        finally:
            _remove_tree(folder)


def _remove_tree(folder: Path) -> None:
    """Remove a folder, but nothing that is mounted in it.

    A program that was killed can leave mounts, such as the machine's own /dev. They are unmounted,
    and if that cannot be, the folder stays.
    """
    for mount in reversed(_list_mounts(folder)):
        ctypes.CDLL(None).umount2(os.fsencode(mount), _DETACH)
    if not _list_mounts(folder):
        try:
            shutil.rmtree(folder, ignore_errors=True)
        except RecursionError:  # folders of a stranger, too deep for Python
            child_programs.run_quietly(("rm", "-rf", "--", str(folder)), REMOVAL_S)


def _list_mounts(folder: Path) -> list[str]:
    """Return the paths below `folder` where something is mounted, outer ones first."""
    table = read_own_file(Path("/proc/self/mountinfo"), _TABLE_BYTES).decode(
        errors="surrogateescape"
    )
    paths = (
        re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), line.split()[4])
        for line in table.splitlines()
    )
    return [path for path in paths if path.startswith(f"{folder.resolve()}/")]


def keep_scratch_folder(purpose: str) -> Path:
    """Return a folder for this run alone that stays until this process ends."""
    return _kept.enter_context(scratch_folder(purpose))


_kept = contextlib.ExitStack()
atexit.register(_kept.close)


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep other processes of this program out of a folder for a moment; wait until they are."""
    with _hold_lock(folder, fcntl.LOCK_EX):
        yield


@contextlib.contextmanager
def _hold_lock(folder: Path, operation: int) -> Iterator[bool]:
    """Hold a lock (flock(2) `operation`) on a folder, and yield whether it is held.

    It is not if the folder is gone or another user's, or with LOCK_NB if another process holds it.
    Raises EnvironmentFailed if that one holds it for MAX_LOCK_WAIT_S.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except (FileNotFoundError, PermissionError):
        yield False
        return
    try:
        yield _take_lock(handle, operation, folder)
    finally:
        os.close(handle)


def _take_lock(handle: int, operation: int, folder: Path) -> bool:
    may_wait = not operation & fcntl.LOCK_NB
    deadline = time.monotonic() + (MAX_LOCK_WAIT_S if may_wait else 0)
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, operation | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            break
        time.sleep(_LOCK_POLL_S)
    if may_wait:
        raise EnvironmentFailed(
            f"another program keeps {folder} locked, for {MAX_LOCK_WAIT_S:g} s now",
            f"end that program (`fuser -v {folder}` names it), then run the same command again",
        )
    return False
