#!/usr/bin/env python3
"""Measure how the cost of the commands grows with images, releases and tags.

Each size is a registry of its own (benchmarks/growth_world.py). Each command runs in a process of
its own, as `./release.py` does, and its least time of several runs is taken. What is measured: wall
seconds, seconds of CPU, requests to the registry, and the peak memory of the process. `build` finds
every layer in the registry: it plans and assembles. `rescan` and `promote` have no vulnerability
database, so Trivy does not run. It prints a Markdown table; benchmarks/growth_plot.py draws it.

    .venv/bin/python benchmarks/growth.py [--runs 3] [--only due,verify] [--profile FOLDER]

It takes about 10 minutes on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.growth_commands import COMMANDS
from benchmarks.growth_world import Size, fill_world
from tests.fakes.registry import FakeRegistry

USUAL = Size(10, 10)
AXES = {
    "images": (Size(1, 10), USUAL, Size(100, 10)),
    "releases": (Size(1, 10), Size(1, 100), Size(1, 1000)),
    "other tags": (USUAL, Size(10, 10, 1000), Size(10, 10, 10_000)),
}
"""The sizes along which one number grows, and the two others stay."""
SIZES = tuple(dict.fromkeys(size for sizes in (*AXES.values(), (Size(10, 100),)) for size in sizes))
"""Every size that is measured: those of the axes, and one in which two numbers are larger."""
TIMEOUT_S = 3600


@dataclass(frozen=True)
class Cost:
    """The cost of one command in one world: seconds, CPU seconds, requests, and megabytes."""

    command: str
    size: Size
    seconds: float
    cpu_seconds: float
    requests: int
    megabytes: float

    def format_row(self) -> str:
        """Return a row of the table."""
        size = f"{self.size.images:,} | {self.size.releases:,} | {self.size.tags:,}"
        cost = f"{self.seconds:.2f} | {self.cpu_seconds:.2f} | {self.requests:,}"
        return f"| {self.command} | {size} | {cost} | {self.megabytes:.0f} |"


HEAD = (
    "| command | images | releases | other tags | seconds | of CPU | requests | peak MB |\n"
    "|---|---|---|---|---|---|---|---|"
)


def run_command(words: Sequence[str], profile: Path | None) -> dict[str, float]:
    """Run a command in a process of its own, and return what it measured."""
    profiled = ["-m", "cProfile", "-o", str(profile)] if profile else []
    command = [sys.executable, *profiled, str(Path(__file__).with_name("growth_commands.py"))]
    done = subprocess.run(
        [*command, *words], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def measure_size(size: Size, options: argparse.Namespace) -> Iterator[Cost]:
    """Yield the cost of each command in a world of this size."""
    with tempfile.TemporaryDirectory() as folder, FakeRegistry() as fake:
        fill_world(fake, size, Path(folder))
        state = fake.state()
        for name in options.only:
            found = []
            for number in range(options.runs):
                fake.restore(state)
                shutil.rmtree(Path(folder) / "out" / size.next_version, ignore_errors=True)
                words = [name, fake.host, folder, *map(str, asdict(size).values())]
                kept = (
                    options.profile / f"{name}-{'-'.join(words[3:])}" if options.profile else None
                )
                found.append({**run_command(words, kept), "requests": len(fake.requests)})
                print(f"  {name} {size} run {number}: {found[-1]}", file=sys.stderr)
            cost = {key: min(each[key] for each in found) for key in found[0]}
            requests = int(cost.pop("requests"))
            yield Cost(name, size, requests=requests, **cost)


def main() -> None:
    """Measure every command in every size, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=3, help="runs of which the least time counts")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(COMMANDS))
    parser.add_argument("--profile", type=Path, help="a folder for profiles of cProfile")
    parser.add_argument("--sizes", default="", help="a pattern: only sizes that match, `10-1000-0`")
    options = parser.parse_args()
    if unknown := set(options.only) - set(COMMANDS):
        parser.error(f"--only names no command: {min(unknown)}; choose of {', '.join(COMMANDS)}")
    print(HEAD, flush=True)
    for size in SIZES:
        if not re.search(options.sizes, "-".join(map(str, asdict(size).values()))):
            continue
        for cost in measure_size(size, options):
            print(cost.format_row(), flush=True)


if __name__ == "__main__":
    main()
