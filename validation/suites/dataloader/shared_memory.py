"""The shared memory through which DataLoader workers hand their batches over."""

from __future__ import annotations

import os
import time

from ..outcome import report_infra

SHM = "/dev/shm"  # noqa: S108 - the mount itself is what is looked at


def used_bytes() -> int:
    """Return the bytes in use now, with those of files already unlinked, as torch's are."""
    stat = os.statvfs(SHM)
    return (stat.f_blocks - stat.f_bfree) * stat.f_frsize


def require_free(needed: int) -> None:
    """End the check as `infra` if fewer than `needed` bytes are free.

    An engine gives 64 MB by default, and the host asks for more.
    """
    stat = os.statvfs(SHM)
    free = stat.f_bavail * stat.f_frsize
    if free < needed:
        size = stat.f_blocks * stat.f_frsize
        found = (
            f"{SHM} is too small: {free / 1e6:.0f} MB free of {size / 1e6:.0f} MB, "
            f"{needed / 1e6:.0f} MB needed"
        )
        report_infra(
            found, "the container was started without --shm-size, or others fill its shared memory"
        )


def wait_until_used(above: int, wanted: int, seconds: float) -> int:
    """Wait for `wanted` bytes more than `above`, at most `seconds`; return the most seen."""
    deadline = time.monotonic() + seconds
    peak = 0
    while peak < wanted and time.monotonic() < deadline:
        peak = max(peak, used_bytes() - above)
        time.sleep(0.02)
    return peak
