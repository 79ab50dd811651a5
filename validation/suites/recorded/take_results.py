"""Record results in a clean environment of wheels: `... take_results FOLDER`.

FOLDER has `wheels/`, in `task.json` the names of the wheels and whether to search for calls, and in
`calls.json` the calls that other lines have. `out/results.json` gets the results of each package.

It is run by the Python of the system, without the variables of the image.
"""

from __future__ import annotations

import json
import os
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
    found = folder / "out" / "calls.json"

    def run(module: str, *words: object) -> None:
        command = (made.python, "-m", f"{__package__}.{module}", *map(str, words))
        clean_environment.run(*command, variables=variables)

    if task["search"]:
        run("search_all", source, found, *task["packages"])
        run("search_all", found, found, *task["packages"], "--combine")
        source = found
    run("settle", source, folder / "out" / "results.json", *task["packages"])
    found.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
