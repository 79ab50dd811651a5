"""The locked wheels on disk: downloaded once, kept unchanged, shared by all checkouts."""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from images.locks import Wheel
from oci.registry import file_sha256
from runner import home, progress, settings, shell
from runner.child_variables import RESOLVERS, secrets_for
from runner.errors import ConfigError, EnvironmentFailed
from runner.nouns import count_noun
from runner.pool import worker_pool
from runner.untrusted import clean_text

BIG_BYTES = 20_000_000
"""A wheel of this size or more is downloaded by itself, and gets a layer of its own."""

PARALLEL_DOWNLOADS = 3
POLL_S = 0.5
DOWNLOAD_TIMEOUT_S = 7200
"""The limit for one run of pip: torch, the largest wheel with 0.8 GB, needs it at 110 kB/s."""

INDEX_HINT = "check pip's index configuration (`pip config list`) and the network, then run again"
NEWEST_GLIBC_MINOR = 36  # Debian 12's glibc 2.36: newer wheels would not load
PLATFORMS = (
    *(f"manylinux_2_{minor}_x86_64" for minor in range(NEWEST_GLIBC_MINOR, 4, -1)),
    *(f"manylinux{old}_x86_64" for old in ("2014", "2010", "1")),
)
"""The platforms of wheels that the images run. Of two wheels of a version, the earlier is taken."""


def wheel_path(wheel: Wheel) -> Path:
    """Return the path of a wheel in the wheelhouse."""
    return home.make_home_folder("wheels") / wheel.file


def has_wheel(wheel: Wheel) -> bool:
    """Return whether a file of a wheel's name and size is in the wheelhouse; it is not hashed."""
    path = wheel_path(wheel)
    return path.exists() and path.stat().st_size == wheel.size


def fetch_wheels(wheels: Sequence[Wheel], python: str) -> None:
    """Download the wheels that are missing, for Python `python` (`3.11`) on x86-64 Linux.

    A wheel is put in its place only after its hash was verified. A killed download loses only the
    wheels that were not complete. Raises EnvironmentFailed if the index cannot be reached or serves
    other bytes.
    """
    missing = [wheel for wheel in wheels if not has_wheel(wheel)]
    if not missing:
        return
    total = sum(wheel.size for wheel in missing)
    with (
        home.scratch_folder("download") as folder,
        progress.show_meter(f"download {count_noun(len(missing), 'wheel')}", total) as meter,
    ):
        stop = threading.Event()
        watcher = threading.Thread(target=_watch_download, args=(folder, meter, stop))
        watcher.start()
        try:
            _download_all(missing, python, folder)
        finally:
            stop.set()
            watcher.join()
        meter.advance_by(max(0, total - meter.done))  # downloaded and moved since the last count


def _download_all(missing: Sequence[Wheel], python: str, folder: Path) -> None:
    small = [wheel for wheel in missing if wheel.size < BIG_BYTES]
    batches = [[wheel] for wheel in missing if wheel.size >= BIG_BYTES] + ([small] if small else [])
    with worker_pool(PARALLEL_DOWNLOADS) as pool:
        for done in pool.map(lambda batch: _download_batch(batch, python, folder), batches):
            for wheel in done:
                downloaded = folder / wheel.file
                verify_wheel(wheel, downloaded)
                if downloaded.stat().st_size != wheel.size:
                    raise ConfigError(
                        f"{wheel.file} has another size than its lock says",
                        "run `./release.py lock`",
                    )
                downloaded.replace(wheel_path(wheel))


def _download_batch(batch: list[Wheel], python: str, folder: Path) -> list[Wheel]:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text("".join(f"{wheel.lock_line()}\n" for wheel in batch))
        done = shell.run_to_end(
            [*pip_download_command(python), "-r", wanted, "-d", folder],
            env={
                **secrets_for(settings.INDEXES),
                "TMPDIR": scratch,
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            },
            hint=INDEX_HINT,
            timeout_s=DOWNLOAD_TIMEOUT_S,
            allowed=RESOLVERS,
        )
    if done.code != 0:
        full = shell.full_disk_hint(done.stderr)
        why = "No space left on device" if full else describe_failure(done.stderr)
        raise EnvironmentFailed(f"download of {batch[0].file} failed: {why}", full or INDEX_HINT)
    return batch


def describe_failure(output: str) -> str:
    """Return what pip's stderr says about a failure, in one line.

    Of an exception, it is the name alone: the text may hold a part of a password.
    """
    lines = clean_text(output).strip().splitlines()
    if any(line.startswith("Traceback ") for line in lines):
        name = re.match(r"[A-Za-z_.]+", lines[-1])
        return f"pip itself failed ({name[0].rpartition('.')[2] if name else 'unknown'})"
    errors = [line for line in lines if "ERROR" in line] or lines[-1:]
    return " ".join(errors)[:300]


def pip_download_command(python: str) -> list[str]:
    """Return pip's command to download hash-checked wheels for the images' platform."""
    platforms = [f"--platform={each}" for each in PLATFORMS]
    common = [
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--no-cache-dir",
        "--no-input",
    ]
    target = [f"--python-version={python}", "--implementation=cp", *platforms]
    return [sys.executable, "-P", "-m", "pip", "download", *common, *target]


def verify_wheel(wheel: Wheel, path: Path) -> None:
    """Verify that a file is the locked wheel. Raises ConfigError if it is not."""
    found = file_sha256(path)
    if found != wheel.sha256:
        raise ConfigError(
            f"{path}: sha256 is {found[:12]}..., the lock says {wheel.sha256[:12]}...",
            "delete the file and run again; if the hash is wrong again, the index serves another "
            "file than the locked one",
        )


def _watch_download(folder: Path, meter: progress.Meter, stop: threading.Event) -> None:
    """Count bytes as they arrive: pip itself reports nothing that can be read."""
    seen = 0
    while not stop.wait(POLL_S):
        now = 0
        for path in folder.rglob("*.whl"):
            with contextlib.suppress(OSError):
                now += path.stat().st_size
        meter.advance_by(max(0, now - seen))
        seen = max(seen, now)
