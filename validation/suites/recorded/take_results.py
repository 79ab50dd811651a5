"""Record results in a clean environment of wheels: `... take_results FOLDER`.

FOLDER has `wheels/`, in `task.json` the names of the wheels and whether to search for calls, in
`calls.json` the calls that other lines have, and in `stacks.json` the packages of each stack.
`out/results.json` gets the results of each package.

It is run by the Python of the system, without the variables of the image.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import clean_environment

Run = Callable[..., str]
"""Runs the Python of the environment with these words."""


def prepare(folder: Path) -> tuple[dict[str, Any], Run]:
    """Install the wheels; return the task and what runs the Python of their environment."""
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    made = clean_environment.make_environment(folder, task["wheels"])
    variables = {
        **made.variables,
        "PYTHONPATH": os.environ["PYTHONPATH"],
        "CUDA_VISIBLE_DEVICES": "",
        "NO_ALBUMENTATIONS_UPDATE": "1",  # as in the images: it would ask the network
    }

    def run(*words: object) -> str:
        return clean_environment.run(made.python, *map(str, words), variables=variables)

    return task, run


def main(folder: Path) -> None:
    """Install the wheels, find calls, and make them."""
    task, run = prepare(folder)
    source, target = folder / "calls.json", folder / "out" / "results.json"
    found = folder / "out" / "calls.json"
    packages = task["packages"]
    if task["search"]:
        search = ("-m", f"{__package__}.search_all")
        run(*search, source, found, *packages)
        run(*search, found, found, *packages, "--combine")
        source = found
    run("-m", f"{__package__}.settle", source, target, folder / "stacks.json", *packages)
    found.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
