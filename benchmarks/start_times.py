#!/usr/bin/env python3
"""Measure how long the images take to start, and record it for the suite `start`.

    .venv/bin/python benchmarks/start_times.py 2.6=IMAGE ...

Each image (a reference that the engine has) is started many times. The least time of each kind
counts, as a multiple of what was measured beside it. They are written to
validation/host_suites/start/times.yaml: commit it. The lines that are not named keep theirs. Run it
on a machine that does nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import reduce
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from runner import engine, records
from validation.host_suites.start import times
from validation.host_suites.start.times import MeasuredStart, StartRatios
from validation.host_suites.starts import Starts

RUNS = 10
HEAD = "# Written by `benchmarks/start_times.py LINE=IMAGE ...`. See docs/validation.md.\n"


def main(words: Sequence[str]) -> None:
    recorded = times.load_ratios()
    for word in words:
        line, _, reference = word.partition("=")
        starts = Starts(engine.connect_engine(), reference, {}, lambda _: None)
        measures = (times.measure_first_line, times.measure_import)
        recorded[line] = StartRatios(*(_least_ratio(starts, each) for each in measures))
        print(line, recorded[line])
    lines = {line: asdict(found) for line, found in sorted(recorded.items())}
    text = HEAD + yaml.safe_dump({"lines": lines}, default_flow_style=None)
    records.write_text(times.TIMES, text)


def _least_ratio(starts: Starts, measure: Callable[[Starts], MeasuredStart]) -> float:
    least = reduce(MeasuredStart.least_of, [measure(starts) for _ in range(RUNS)])
    print(f"  {least.seconds:.3f} s, beside it {least.beside:.3f} s")
    return round(least.seconds / least.beside, 2)


if __name__ == "__main__":
    main(sys.argv[1:])
