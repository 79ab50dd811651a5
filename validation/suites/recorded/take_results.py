"""Record results in a clean environment of wheels: `... take_results FOLDER`.

FOLDER has `wheels/`, in `task.json` the names of the wheels and whether to search for calls, and in
`calls.json` the calls that other lines have. `out/results.json` gets the results of each package.

It is run by the Python of the system, without the variables of the image.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from .. import clean_environment


def main(folder: Path) -> None:
    """Install the wheels, find calls, and make them."""
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    made = clean_environment.make_environment(folder, task["wheels"])
    variables = {
        **made.variables,
        "PYTHONPATH": os.environ["PYTHONPATH"],
        "CUDA_VISIBLE_DEVICES": "",
        "NO_ALBUMENTATIONS_UPDATE": "1",  # as in the images: it would ask the network
    }
    source = folder / "calls.json"
    calls = folder / "out" / "calls.json"
    if task["search"]:
        _run(made.python, variables, "search_all", str(source), str(calls))
        source = calls
    _run(made.python, variables, "settle", str(source), str(folder / "out" / "results.json"))
    calls.unlink(missing_ok=True)


def _run(python: str, variables: dict[str, str], module: str, *words: str) -> None:
    """Run a module of this package; end with its exit code if it fails."""
    command = [python, "-m", f"{__package__}.{module}", *words]
    code = subprocess.run(command, env=variables, check=False).returncode
    if code:
        sys.exit(f"{module} exits {code}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
