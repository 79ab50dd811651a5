"""How a process that makes recorded calls is started.

It needs the standard library only.
"""

from __future__ import annotations

from pathlib import Path

PROGRAM = """
import os, runpy, secrets, sys
# Sums over other parts are rounded otherwise, so the number of cores must not count.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# NumPy draws the seed of a generator without one here; it keeps the function if it is imported.
secrets.randbits = lambda bits: 0x9E3779B97F4A7C15F39CC0605CEDC835 >> max(0, 128 - bits)
if "numpy.random" in sys.modules:
    sys.modules["numpy.random.bit_generator"].randbits = secrets.randbits
# Their import fails, and `find_spec` finds nothing, as where they are not installed.
sys.modules |= dict.fromkeys(os.environ.get("HIDDEN_MODULES", "").split())
harness, module, *sys.argv[1:] = sys.argv[1:]
sys.path.append(harness)  # last, so that it shadows no package of the image
runpy.run_module(module, run_name="__main__")
"""
HIDDEN = "HIDDEN_MODULES"
"""A variable with modules that the process must not find, with spaces between them."""


def start_words(module: str, *words: object) -> list[str]:
    """Return the words after `python` for a process that runs a module of this folder."""
    package = str(__package__)
    harness = str(Path(__file__).parents[len(package.split("."))])
    return ["-c", PROGRAM, harness, f"{package}.{module}", *map(str, words)]
