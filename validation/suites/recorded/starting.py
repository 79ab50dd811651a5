"""How a process that makes recorded calls is started.

It needs the standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

PROGRAM = """
import os, re, runpy, secrets, sys
# Sums over other parts are rounded otherwise, so the number of cores must not count.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# NumPy draws the seed of a generator without one here; it keeps the function if it is imported.
secrets.randbits = lambda bits: 0x9E3779B97F4A7C15F39CC0605CEDC835 >> max(0, 128 - bits)
if "numpy.random" in sys.modules:
    sys.modules["numpy.random.bit_generator"].randbits = secrets.randbits
if "HIDDEN_MODULES" in os.environ:
    # Their import fails, and `find_spec` and `importlib.metadata` find nothing, as where they are
    # not installed.
    from importlib.metadata import Distribution
    hidden = {*os.environ["HIDDEN_DISTRIBUTIONS"].split()}
    sys.modules |= dict.fromkeys(os.environ["HIDDEN_MODULES"].split())
    discover = Distribution.discover
    def discover_others(*arguments, **options):
        for each in discover(*arguments, **options):
            if re.sub("[-_.]+", "-", each.metadata["Name"]).lower() not in hidden:
                yield each
    Distribution.discover = staticmethod(discover_others)
harness, module, *sys.argv[1:] = sys.argv[1:]
sys.path.append(harness)  # last, so that it shadows no package of the image
runpy.run_module(module, run_name="__main__")
"""
SHIFT = "\n" * 3
"""Before the lines of code that is moved."""


def hide(modules: Iterable[str], distributions: Iterable[str]) -> dict[str, str]:
    """Return the variables of a process that must not find these, by their normalised names."""
    return {
        "HIDDEN_MODULES": " ".join(modules),
        "HIDDEN_DISTRIBUTIONS": " ".join(distributions),
    }


def start_words(module: str, *words: object, moved: Path | None = None) -> list[str]:
    """Return the words after `python` for a process that runs a module of this folder.

    With the folder of `move_harness`, it runs that code.
    """
    package = str(__package__)
    harness = moved or Path(__file__).parents[len(package.split("."))]
    program = f"{SHIFT}{PROGRAM}" if moved else PROGRAM
    return ["-c", program, str(harness), f"{package}.{module}", *map(str, words)]


def move_harness(folder: Path) -> Path:
    """Copy the code of the suites into a folder, with other numbers of its lines; return it.

    What tells the place of the code or of a line gives something else then.
    """
    suites = Path(__file__).parents[1]
    moved = folder.joinpath(*str(__package__).split(".")[:-1])
    for each in suites.rglob("*.py"):
        target = moved / each.relative_to(suites)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"{SHIFT}{each.read_text(encoding='utf-8')}", encoding="utf-8")
    return folder
