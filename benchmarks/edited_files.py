#!/usr/bin/env python3
"""Measure what an image pays so that an edited file takes effect, and for its entry point.

    .venv/bin/python benchmarks/edited_files.py IMAGE

Python imports the same modules with and without the comparison of each file with its bytecode, in
turn, in one container of IMAGE (a reference that `docker run` takes). Other programs on the machine
disturb the seconds of CPU less than the time, and the smallest of all runs least.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

RUNS = 5
MODULES = ("torch",)

INSIDE = """
import json, resource, subprocess, sys, time

SOURCES = '''
import os, sys
files = [getattr(module, "__file__", "") or "" for module in list(sys.modules.values())]
own = {each for each in files if each.endswith(".py") and os.path.exists(each)}
print(len(own), sum(map(os.path.getsize, own)))
'''

def cpu_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

def python(checked, modules):
    kept = f"import _imp; _imp.check_hash_based_pycs = {checked!r}; "
    return [sys.executable, "-c", f"{kept}import {modules}"]

runs, found = json.loads(sys.argv[1]), {}
for modules in json.loads(sys.argv[2]):
    taken = {"default": [], "always": []}
    for number in range(runs + 1):
        for checked in taken:
            seconds = cpu_seconds(python(checked, modules))
            if number:  # the first one reads the files from the disk
                taken[checked].append(seconds)
    code = f"import {modules}\\n{SOURCES}"
    counted = subprocess.check_output([sys.executable, "-c", code], text=True)
    found[modules] = [taken, *map(int, counted.split())]
start = ["/usr/local/lib/image/start", "true"]
found["entry point"] = [{"without": [cpu_seconds(["true"]) for _ in range(20)],
                         "with": [cpu_seconds(start) for _ in range(20)]}, 0, 0]
print(json.dumps(found))
"""


def main(image: str) -> None:
    """Print a line for each set of modules, and one for the entry point."""
    command = [
        "docker",
        "run",
        "--rm",
        "--network=none",
        "--entrypoint=python",
        image,
        "-c",
        INSIDE,
    ]
    done = subprocess.run(
        [*command, json.dumps(RUNS), json.dumps(MODULES)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    for name, (taken, files, size) in json.loads(done.stdout).items():
        least = {how: min(seconds) for how, seconds in taken.items()}
        without, with_it = least.values()
        read = f", {files} files with {size / 1e6:.1f} MB are compared" if files else ""
        print(
            f"{name}: {without:.3f} s of CPU without and {with_it:.3f} s with, "
            f"{with_it - without:+.3f} s{read}"
        )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {Path(__file__).name} IMAGE")
    main(sys.argv[1])
