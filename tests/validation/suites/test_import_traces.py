"""Packages that change Python for all others when they are imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from validation.suites.state import import_traces, known_traces

CHANGES = {
    "sys.path: /odd is there": "import sys; sys.path.insert(0, '/odd')",
    "python: sys.path is []": "import sys; sys.path.clear()",
    "os.environ: ODD is 1": "import os; os.environ['ODD'] = '1'",
    "os.environ: PATH is gone": "import os; del os.environ['PATH']",
    "python: folder is /": "import os; os.chdir('/')",
    "python: umask is 0o77": "import os; os.umask(0o77)",
    "sys: getrecursionlimit is 5000": "import sys; sys.setrecursionlimit(5000)",
    "sys: excepthook is odd.hook": "import sys\ndef hook(*_): ...\nsys.excepthook = hook",
    "sys.meta_path: odd.Finder is there": "import sys\nclass Finder:\n def find_spec(*_): ...\n"
    "sys.meta_path.append(Finder())",
    "warnings.filters: ignore::builtins.Warning::0 is there": "import warnings; "
    "warnings.simplefilter('ignore')",
    "signals: SIGTERM is": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "python: threads is": "import threading, time; "
    "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
    "python: multiprocessing.start_method is spawn": "import multiprocessing; "
    "multiprocessing.set_start_method('spawn')",
    "python: logging.root is <RootLogger root (DEBUG)>": "import logging; "
    "logging.basicConfig(level=10)",
    "python: RLIMIT_NOFILE is (222, ": "import resource; "
    "resource.setrlimit(7, (222, resource.getrlimit(7)[1]))",
    "random states: random is": "import random; random.seed(0)",
    "code of Python: pickle.loads is odd.loads": "import pickle\n"
    "def loads(*_): ...\npickle.loads = loads",
    "builtins: odd is there": "import builtins; builtins.odd = 1",
}
"""What is told of a package, and its code."""


@pytest.mark.parametrize("says", CHANGES)
def test_a_change_is_told(says: str, tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(CHANGES[says] + "\n", encoding="utf-8")
    faults = [*known_traces.find_trace_faults(trace_imports(tmp_path, "json,odd"), ["odd"])]
    assert any(f"`import odd` leaves {says}" in fault for fault in faults), faults


def test_a_package_may_speak_of_its_own_warnings(tmp_path: Path) -> None:
    code = "import warnings; warnings.filterwarnings('ignore', module='odd[.]')\n"
    (tmp_path / "odd.py").write_text(code, encoding="utf-8")
    assert not [*known_traces.find_trace_faults(trace_imports(tmp_path, "odd"), ["odd"])]


def trace_imports(folder: Path, names: str) -> list[known_traces.Trace]:
    """Return what the program prints of packages in a folder."""
    done = subprocess.run(
        [sys.executable, "-P", import_traces.__file__, names],
        env={**os.environ, "PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
