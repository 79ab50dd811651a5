"""Where things are kept. Records go in the checkout under `out/`; what is costly and shared goes in HOME.

`PYTORCH_CUDA_IMAGES_HOME` moves the shared part (default: the user's cache directory).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from runner.errors import EnvironmentFailed

REPOSITORY = Path(__file__).resolve().parent.parent

_HOME, _OUT = "PYTORCH_CUDA_IMAGES_HOME", "PYTORCH_CUDA_IMAGES_OUT"


def home() -> Path:
    """The shared folder: wheels, the embedded registry's data, the scanner's cache, the harness' own tools."""
    given = os.environ.get(_HOME)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else cache / "pytorch-cuda-images"


def kept(*parts: str) -> Path:
    """A folder under `home()`, made if missing."""
    path = home().joinpath(*parts)
    with _writing(path, _HOME):
        path.mkdir(parents=True, exist_ok=True)
    return path


def out() -> Path:
    """Where the records of releases are; `PYTORCH_CUDA_IMAGES_OUT` moves it."""
    return Path(os.environ.get(_OUT) or REPOSITORY / "out")


@contextlib.contextmanager
def only_run() -> Iterator[None]:
    """Hold the one lock of this checkout's records; a second run is refused, not queued."""
    lock = out() / ".lock"
    with contextlib.ExitStack() as held:
        with _writing(out(), _OUT):
            lock.parent.mkdir(parents=True, exist_ok=True)
            _claim(held.enter_context(lock.open("a+")))
        yield


def _claim(lock: TextIO) -> None:
    """Lock the file and write our process id into it, for whoever comes second."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise EnvironmentFailed(
            f"another run (process {lock.read().strip() or 'unknown'}) is at work on {out()}",
            "wait for it, or use another checkout",
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()


@contextlib.contextmanager
def _writing(path: Path, variable: str) -> Iterator[None]:
    """A folder that cannot be written is the machine's fault, and `variable` names another."""
    try:
        yield
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot create {path}: {error.strerror}", f"free space, or set {variable} to a folder you can write"
        ) from error


@contextlib.contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """A folder of this run alone, gone afterwards; what killed runs left behind is removed first."""
    work = kept("work")
    _remove_left(work)
    with contextlib.ExitStack() as held:
        # Nothing is removed while `work` is shared: a folder is never seen between being made and being locked.
        with _writing(work, _HOME), _locked(work, fcntl.LOCK_SH):
            folder = Path(tempfile.mkdtemp(dir=work, prefix=f"{purpose}-"))
            held.enter_context(_locked(folder, fcntl.LOCK_EX))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_left(work: Path) -> None:
    """Remove the folders no living run holds; left to the next run where another is just making one."""
    with _locked(work, fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
        for left in work.iterdir() if alone else ():
            with _locked(left, fcntl.LOCK_EX | fcntl.LOCK_NB) as free:
                if free:
                    shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path, operation: int) -> Iterator[bool]:
    """Hold a lock (flock(2) `operation`) on a folder; False where it is gone, another user's, or held already."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except (FileNotFoundError, PermissionError):
        yield False
        return
    try:
        yield _lock(handle, operation)
    finally:
        os.close(handle)


def _lock(handle: int, operation: int) -> bool:
    try:
        fcntl.flock(handle, operation)
    except BlockingIOError:
        return False
    return True
