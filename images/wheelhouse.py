"""The locked wheels on disk: downloaded once, kept whole, shared by every checkout."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from images.locks import Wheel
from oci.registry import file_sha256
from runner import home, progress, settings, shell
from runner.errors import ConfigError, EnvironmentFailed
from runner.untrusted import clean

BIG_BYTES = 20_000_000
"""From this size a wheel is downloaded by itself, and gets a layer of its own."""

PARALLEL_DOWNLOADS = 3
POLL_S = 0.5
DOWNLOAD_TIMEOUT_S = 7200
"""For one run of pip. The largest wheel, torch with 0.8 GB, comes in that time at 110 kB/s."""

INDEX_HINT = "check pip's index configuration (`pip config list`) and the network, then run again"
NEWEST_GLIBC_MINOR = 36  # Debian 12's glibc 2.36: newer wheels would not load


def path_of(wheel: Wheel) -> Path:
    """Where a wheel is kept."""
    return home.kept("wheels") / wheel.file


def fetch(wheels: Sequence[Wheel], python: str) -> None:
    """Download the wheels that are not here yet, for Python `python` (`3.11`) on x86-64 Linux.

    A wheel appears only when its hash is right; a killed download loses at most the wheels in
    flight. Raises EnvironmentFailed where the index cannot be reached or serves other bytes.
    """
    missing = [wheel for wheel in wheels if not _is_here(wheel)]
    if not missing:
        return
    total = sum(wheel.size for wheel in missing)
    with (
        home.scratch("download") as folder,
        progress.meter(f"download {len(missing)} wheels", total) as meter,
    ):
        stop = threading.Event()
        watcher = threading.Thread(target=_watch, args=(folder, meter, stop))
        watcher.start()
        try:
            _download_all(missing, python, folder)
        finally:
            stop.set()
            watcher.join()
        meter.advance(max(0, total - meter.done))  # what landed and was moved on between two looks


def _is_here(wheel: Wheel) -> bool:
    path = path_of(wheel)
    return path.exists() and path.stat().st_size == wheel.size


def _download_all(missing: Sequence[Wheel], python: str, folder: Path) -> None:
    small = [wheel for wheel in missing if wheel.size < BIG_BYTES]
    batches = [[wheel] for wheel in missing if wheel.size >= BIG_BYTES] + ([small] if small else [])
    with ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
        for done in pool.map(lambda batch: _download(batch, python, folder), batches):
            for wheel in done:
                _keep(wheel, folder / wheel.file)


def _download(batch: list[Wheel], python: str, folder: Path) -> list[Wheel]:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text("".join(f"{wheel.requirement()}\n" for wheel in batch))
        done = shell.ended(
            [*pip_download(python), "-r", wanted, "-d", folder],
            env=_environment(scratch),
            hint=INDEX_HINT,
            timeout_s=DOWNLOAD_TIMEOUT_S,
        )
    if done.code != 0:
        said = clean(done.stderr).splitlines()
        errors = [line for line in said if "ERROR" in line] or said[-1:]
        full = shell.full_disk_hint(done.stderr)
        why = "No space left on device" if full else " ".join(errors)[:300]
        raise EnvironmentFailed(f"download of {batch[0].file} failed: {why}", full or INDEX_HINT)
    return batch


def pip_download(python: str) -> list[str]:
    """Pip's command to download hash-checked wheels for Python `python` on the images' platform."""
    platforms = [
        f"--platform=manylinux_2_{minor}_x86_64" for minor in range(NEWEST_GLIBC_MINOR, 4, -1)
    ]
    platforms += [f"--platform=manylinux{old}_x86_64" for old in ("2014", "2010", "1")]
    common = [
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--no-cache-dir",
        "--no-input",
    ]
    target = [f"--python-version={python}", "--implementation=cp", *platforms]
    return [sys.executable, "-m", "pip", "download", *common, *target]


def _environment(scratch: str) -> dict[str, str]:
    index = shell.secrets_for(settings.INDEXES)
    return {**index, "TMPDIR": scratch, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _keep(wheel: Wheel, downloaded: Path) -> None:
    verify(wheel, downloaded)
    if downloaded.stat().st_size != wheel.size:
        raise ConfigError(
            f"{wheel.file} has another size than its lock says", "run `./release.py lock`"
        )
    downloaded.replace(path_of(wheel))


def verify(wheel: Wheel, path: Path) -> None:
    """Raises ConfigError where the file is not the locked wheel."""
    found = file_sha256(path)
    if found != wheel.sha256:
        raise ConfigError(
            f"{path}: sha256 is {found[:12]}..., the lock says {wheel.sha256[:12]}...",
            (
                "delete the file and run again; if it stays wrong, the index serves other bytes "
                "than "
                "were locked"
            ),
        )


def _watch(folder: Path, meter: progress.Meter, stop: threading.Event) -> None:
    """Count bytes as they land; pip itself reports nothing that can be read."""
    seen = 0
    while not stop.wait(POLL_S):
        now = sum(_size(path) for path in folder.rglob("*.whl"))
        meter.advance(max(0, now - seen))
        seen = max(seen, now)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
