"""Try small changes of a package in a clean environment of wheels: `... take_mutations FOLDER`.

FOLDER has `wheels/`, and in `task.json` the names of the wheels, the line, the package, and how
many changes are drawn. `out/mutations.json` gets what became of each.
"""

from __future__ import annotations

import sys
from pathlib import Path

from . import starting, take_results


def main(folder: Path) -> None:
    """Install the wheels, and try the changes."""
    task, run = take_results.prepare(folder)
    target = folder / "out" / "mutations.json"
    words = (task["line"], task["package"], task["count"], target)
    run(*starting.start_words("mutate", *words))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
