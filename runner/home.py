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

from runner.errors import EnvironmentFailed

REPOSITORY = Path(__file__).resolve().parent.parent


def home() -> Path:
    """The shared folder: wheels, the embedded registry's data, the scanner's cache, the harness' own tools."""
    given = os.environ.get("PYTORCH_CUDA_IMAGES_HOME")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else cache / "pytorch-cuda-images"


def kept(*parts: str) -> Path:
    """A folder under `home()`, made if missing."""
    path = home().joinpath(*parts)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot create {path}: {error.strerror}", "set PYTORCH_CUDA_IMAGES_HOME to a folder you can write"
        ) from error
    return path


def out() -> Path:
    """Where the records of releases are; `PYTORCH_CUDA_IMAGES_OUT` moves it."""
    return Path(os.environ.get("PYTORCH_CUDA_IMAGES_OUT") or REPOSITORY / "out")


@contextlib.contextmanager
def only_run() -> Iterator[None]:
    """Hold the one lock of this checkout's records; a second run is refused, not queued."""
    lock = out() / ".lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise EnvironmentFailed(
                f"another run (process {file.read().strip() or 'unknown'}) is at work on {out()}",
                "wait for it, or use another checkout",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """A folder of this run alone, gone afterwards; what killed runs left behind is removed first."""
    work = kept("work")
    for left in work.iterdir():
        with _held(left) as free:
            if free:
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=work, prefix=f"{purpose}-"))
    with _held(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Hold a lock on a folder while in use; False where a living run holds it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(handle)
