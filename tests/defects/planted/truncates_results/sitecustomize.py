"""The last line of the results is cut when the run ends."""

import atexit
import os
from pathlib import Path


def cut() -> None:
    """As a disk that is full."""
    report = Path("/harness/out/report.jsonl")
    if report.exists():
        os.truncate(report, report.stat().st_size - 9)


atexit.register(cut)
