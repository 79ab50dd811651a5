"""Every switch that changes results or speed is as the locked wheels have it.

That holds in each way of starting a process.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from .. import installed
from ..conftest import Answers
from ..contract import pristine_state, questions
from ..contract.expected import Expected
from ..contract.pristine_state import FRESH, WAYS
from ..outcome import require
from . import differences, known_traces, ways

BESIDE_ME = Path(__file__).parent
NOT_WRITTEN = "the file in validation/suites/state/pristine was not written with this line or stack"
NO_PROCESS = "the way in which this process is started is broken, or importing torch is"

PRODUCT = """
import json, os, torch
left, right, inner = json.loads(os.environ["QUESTION"])
product = torch.tensor(left).reshape(-1, inner) @ torch.tensor(right).reshape(inner, -1)
print(json.dumps(product.flatten().tolist()))
"""


def require_pristine(expected: Expected, way: str, imported: str = "") -> None:
    """Fail the check unless the state of a process of this image is the pristine one."""
    line = pristine_state.line_of(expected)
    try:
        wanted = differences.expect_state(expected, way, imported)
    except pristine_state.NotKept as error:
        require(False, str(error), f"one: {pristine_state.WRITE} for {line}", NOT_WRITTEN)
    kept = pristine_state.read_kept(differences.FOLDER, line)
    imports = kept[imported].imports if imported else ()
    shown = f"after importing {', '.join(imports)}: " if imports else ""
    try:
        state = ways.read_state(way, sys.prefix, differences.list_variables(), imports)
    except ways.NoState as error:
        require(False, f"{shown}no state: {error}", "one", NO_PROCESS)
    found = differences.find_differences(state, expected, way, imported)
    require(
        not found,
        f"{shown}{differences.describe_differences(found, wanted)[0]}",
        differences.describe_differences(found, wanted)[1],
        differences.find_cause(found),
    )


@pytest.mark.parametrize("way", WAYS)
def test_state(way: str, expected: Expected) -> None:
    """A process that is started in this way finds every switch as it should be."""
    require_pristine(expected, way)


def test_imported_stacks(expected: Expected) -> None:
    """Importing what a stack is for changes what its wheels change, and nothing else."""
    kept = pristine_state.read_kept(differences.FOLDER, pristine_state.line_of(expected))
    for stack in expected.stacks:
        if stack not in kept or kept[stack].imports:
            require_pristine(expected, FRESH, stack)


def test_traces_of_imports(expected: Expected) -> None:
    """No package of the image changes Python for all others when it is imported."""
    locked = {name for name, _ in expected.packages}
    packages = [
        module
        for module, names in packages_distributions().items()
        if module.isidentifier()
        and module[0] != "_"
        and locked & {installed.normalise_name(each) for each in names}
    ]
    # a Python in which pip is imported takes the distutils of Debian for those of setuptools
    packages.sort(key=lambda name: (name != "torch", name == "pip", name))
    done = installed.run_python(BESIDE_ME / "import_traces.py", ",".join(packages))
    require(done.returncode == 0, installed.describe_exit(done), "imports", NO_PROCESS)
    traces = [json.loads(line) for line in done.stdout.splitlines()]
    faults = [*known_traces.find_trace_faults(traces, packages)]
    require(
        not faults,
        installed.format_some(faults),
        "the Python that was there, but for what known_traces.py lists",
        "a package that changes paths, variables, hooks or functions for the whole process",
    )


def test_pip() -> None:
    """`pip` on the path is that of the image's Python, and has no settings."""
    printed = installed.run_command("pip", "--version")
    own = f"({sys.prefix}/" in printed.stdout.replace("from ", "(")
    require(
        printed.returncode == 0 and own,
        f"`pip --version` prints {installed.describe_exit(printed)}",
        f"the pip in {sys.prefix}",
        "a pip of another Python is before it on PATH, or replaced it",
    )
    done = installed.run_command("pip", "config", "list")
    settings = installed.format_some(done.stdout.splitlines())
    require(
        done.returncode == 0 and not settings,
        f"pip is configured: {settings or installed.describe_exit(done)}",
        "no setting",
        "a pip.conf or a variable PIP_... was left in the image",
    )


def test_challenge(nonce: str, answer: Answers) -> None:
    """A process with the pristine switches multiplies exactly."""
    factors = questions.draw_product(nonce, "state")
    given = json.dumps([factors.left, factors.right, factors.inner])
    done = installed.run_command(sys.executable, "-P", "-c", PRODUCT, QUESTION=given)
    require(done.returncode == 0, installed.describe_exit(done), "a product", NO_PROCESS)
    answer("product", json.loads(done.stdout.splitlines()[-1]))
