"""How long an image takes to start, and how long it may take.

Seconds of two machines cannot be compared. So each time is measured beside a work that is always
the same: an interpreter without the image's entry point, and a loop of plain Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from runner import records, yaml_files
from validation.host_suites.starts import LIMIT_S, StartedContainer, Starts

TIMES = Path(__file__).with_name("times.yaml")
SLOWER = 3.0
"""How many times longer than recorded a start may take, in ratio to the other work."""
SLACK_S = 1.0
"""What a busy machine adds to a short time, even to the least of some."""
TRIES = 3
"""The least of each time counts: what else a machine does only makes a time longer."""

BARE = ("python", "-I", "-S", "-c", "print('first')")
PRINTS = ("python", "-c", "print('first')")
IMPORTS = (
    "python",
    "-c",
    """
import time

def read_waited():
    with open("/proc/thread-self/schedstat") as file:
        return int(file.read().split()[1])

def read_seconds():
    while True:
        waited, now = read_waited(), time.perf_counter()
        if waited == read_waited():
            return now - waited / 1e9

started, total = read_seconds(), 0
for number in range(3_000_000):
    total += number % 7
worked = read_seconds()
import torch
print(worked - started, read_seconds() - worked)
""",
)
"""Tells its own times, without those that its thread waited for a core (proc(5), schedstat).

A machine that is busy would make both longer, but not a wait within the import.
"""

_Ratio = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class StartRatios:
    """Times of a line, as multiples of what was measured beside them.

    That is the start of a bare interpreter for `first_line`, and the loop for `import_torch`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    first_line: _Ratio
    import_torch: _Ratio


@dataclass(frozen=True)
class RecordedRatios:
    """The content of times.yaml, by line."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    lines: Annotated[dict[str, StartRatios], Field(min_length=1)]


@dataclass(frozen=True)
class MeasuredStart:
    """Seconds of what is judged, and of the other work that was measured beside it."""

    seconds: float
    beside: float

    def least_of(self, other: MeasuredStart) -> MeasuredStart:
        """Return the least of each time."""
        return MeasuredStart(min(self.seconds, other.seconds), min(self.beside, other.beside))


class NotStarted(Exception):
    """The message says which line did not arrive, and how the container ended."""


@cache
def load_ratios() -> dict[str, StartRatios]:
    """Return the recorded ratios by line. Raises ConfigError if they cannot be read."""
    return yaml_files.load_yaml(RecordedRatios, TIMES).lines


def limit_seconds(name: str, line: str, measured: MeasuredStart) -> float:
    """Return how long what is judged may take: the time of a line by `name` of StartRatios.

    A line that was not recorded may take as long as the slowest that was.
    """
    recorded = load_ratios()
    ratios = [recorded[line]] if line in recorded else list(recorded.values())
    ratio = max(float(getattr(each, name)) for each in ratios)
    return SLOWER * ratio * measured.beside + SLACK_S


def measure_first_line(starts: Starts) -> MeasuredStart:
    """Measure an image once. Raises NotStarted if a line does not arrive."""
    with starts.start(*BARE[1:], entrypoint=[BARE[0]]) as bare:
        beside = _wait_moment(bare, "first") - bare.started
    with starts.start(*PRINTS) as own:
        return MeasuredStart(_wait_moment(own, "first") - own.started, beside)


def measure_import(starts: Starts) -> MeasuredStart:
    """Measure an image once. Raises NotStarted if it does not tell two times."""
    with starts.start(*IMPORTS) as own:
        ended = own.wait_end(LIMIT_S)
    try:
        beside, seconds = (float(word) for word in ended.printed[-1].split())
        if ended.code != 0 or not (0 < beside < LIMIT_S and 0 < seconds < LIMIT_S):
            raise ValueError
    except (IndexError, ValueError):
        raise NotStarted(f"a program that imports torch {ended}") from None
    return MeasuredStart(seconds, beside)


def _wait_moment(started: StartedContainer, text: str) -> float:
    if moment := started.wait_line(text, LIMIT_S):
        return moment
    raise NotStarted(f"`{text}` was not printed: the container {started.wait_end(0.0)}")
