#!/usr/bin/env python3
"""Count the small changes of a package's code that its recorded calls notice.

    .venv/bin/python benchmarks/mutations.py LINE IMAGE PACKAGE COUNT
    .venv/bin/python benchmarks/mutations.py LINE IMAGE PACKAGE options

IMAGE is a reference that `docker run` takes. COUNT changes are drawn by a fixed seed from all of
the functions that recorded calls execute. With `options`, each option of each public function is
ignored once. The changes that no call notices are listed, then comes the count. Not all of them
matter: some change nothing that a user can see.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SUITES = Path(__file__).resolve().parent.parent / "validation" / "suites"

INSIDE = """
import secrets, sys
# As in the process of the suite: NumPy draws the seed of a generator without one here.
secrets.randbits = lambda bits: 0x9E3779B97F4A7C15F39CC0605CEDC835 >> max(0, 128 - bits)
sys.path.append("/harness")
from suites.recorded import mutate
mutate.main(*sys.argv[1:])
"""
VARIABLES = {
    "CUDA_VISIBLE_DEVICES": "",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def main(line: str, image: str, package: str, count: str) -> None:
    """Print the changes that nothing notices, and how many were noticed."""
    command = ["docker", "run", "--rm", "--network=none", f"--volume={SUITES}:/harness/suites:ro"]
    command += [f"--env={name}={value}" for name, value in VARIABLES.items()]
    command += ["--entrypoint=python", image, "-c", INSIDE, line, package, count]
    seen = tried = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for text in process.stdout or ():
            file, function, number, what, path, _ = json.loads(text)
            tried, seen = tried + 1, seen + bool(path)
            if not path:
                place = file.rpartition("site-packages/")[2]
                print(f"not noticed: {place}:{number}, {function}: {what}", flush=True)
    if process.returncode or not tried:
        raise SystemExit(f"the changes were not tried: exit {process.returncode}")
    print(f"{package}: {seen} of {tried} changes are noticed")


if __name__ == "__main__":
    main(*sys.argv[1:])
