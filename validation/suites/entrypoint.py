"""Start pytest in the image: `python entrypoint.py ROOT FILE TEST_TIMEOUT_S LEASED_GPUS WORKERS`.

ROOT holds `packages` (pytest and its plugins), `code` (this package), `expected.json`, the `nonce`
of this run, and the writable `out` with an empty `stacks` in it. The tests run in worker processes,
so that a test that dies or breaks CUDA ends its worker and not the suite. There is one worker for
each of LEASED_GPUS; if that is 0, there is one worker that leases no GPU.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
if not __package__:  # run as a script: the rest of the package is imported by the folder's name
    sys.path.append(str(FOLDER.parent))
    __package__ = FOLDER.name

from .contract.layout import LEASED_GPUS, PACKAGE_FOLDER, REPORT, ROOT, STACKS

PLUGINS = ("pytest_reportlog.plugin", "pytest_timeout", "xdist.plugin", "xdist.looponfail")
WORKER_RESTARTS = 8
WORKER_EXIT_S = 100
"""How long a worker may take to end after its tests, on a busy machine. xdist would kill it after
10 s, and the end of its checks would look like a container that somebody killed.
"""


def main(root: Path, file: str, test_timeout_s: str, leased_gpus: str, workers: str) -> int:
    """Run one suite and return pytest's exit code."""
    prepare_process(root, leased_gpus)
    _pass_on_quit()
    dump_stacks_on_quit(chain=True)
    import pytest
    from xdist.workermanage import NodeManager

    NodeManager.EXIT_TIMEOUT = WORKER_EXIT_S
    exits = _WorkerExits()
    code = int(
        pytest.main(
            _pytest_arguments(root, file, test_timeout_s, int(workers)),
            plugins=[exits],
        )
    )
    return code or exits.exit_code()


def prepare_process(root: Path, leased_gpus: str) -> None:
    """Tell the suites where they are, and keep out the settings of the image."""
    os.environ.update({ROOT: str(root), LEASED_GPUS: leased_gpus})
    # The harness is last on the path, so that it shadows no package of the image. Spawned workers
    # inherit the list.
    of_the_harness = (str(FOLDER), str(FOLDER.parent))
    own = [entry for entry in sys.path if entry not in of_the_harness]
    sys.path[:] = [*own, str(root / "packages"), str(FOLDER.parent)]
    # An image, or a pytest plugin in it, must not choose which checks run, or how.
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"


class _WorkerExits:
    """The worker processes and their exit codes.

    xdist does not look at them, so a worker that crashes while it exits would not be noticed.
    """

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def pytest_testnodeready(self, node: Any) -> None:
        """Keep the process of a worker. Called by xdist for every worker, replacements too."""
        self._processes.append(node.gateway._io.popen)

    def exit_code(self) -> int:
        """Return the first exit code that is not 0; a signal is 128 + its number, as in a shell."""
        codes = [process.wait(WORKER_EXIT_S) for process in self._processes]
        return next((code if code > 0 else 128 - code for code in codes if code), 0)


def dump_stacks_on_quit(*, chain: bool = False) -> None:
    """Write the stacks of this process on SIGQUIT, which the host's watchdog sends before it kills.

    Each process has a file of its own: in a common one their lines would mix. With `chain`, the
    handler that was there before is called too.
    """
    file = (Path(os.environ[ROOT]) / "out" / STACKS / str(os.getpid())).open("w")
    faulthandler.register(signal.SIGQUIT, file=file, all_threads=True, chain=chain)


def _pass_on_quit() -> None:
    """Send each SIGQUIT that this process gets to all processes below it.

    The engine sends a signal to the first process of a container only. A thread does it, since the
    main thread may hang in compiled code.
    """
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    signal.signal(signal.SIGQUIT, lambda *_: None)
    signal.set_wakeup_fd(writes, warn_on_full_buffer=False)

    def pass_on() -> None:
        while numbers := os.read(reads, 1):
            for pid in _list_descendants() if numbers[0] == signal.SIGQUIT else ():
                with contextlib.suppress(OSError):  # it has ended
                    os.kill(pid, signal.SIGQUIT)

    threading.Thread(target=pass_on, daemon=True).start()


def _list_descendants() -> list[int]:
    """Return the process ids of the children of this process, of their children, and so on."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
                parents[int(folder.name)] = int(stat.rpartition(") ")[2].split()[1])
    found = [os.getpid()]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found[1:]


def _pytest_arguments(root: Path, file: str, test_timeout_s: str, workers: int) -> list[str]:
    """Return the arguments of pytest."""
    return [
        str(root / PACKAGE_FOLDER / file),
        f"--rootdir={root / 'code'}",
        "--config-file=/dev/null",
        "--import-mode=importlib",
        *(word for plugin in PLUGINS for word in ("-p", plugin)),
        *("-p", "no:cacheprovider"),
        f"--report-log={root / 'out' / REPORT}",
        f"--timeout={test_timeout_s}",
        f"--numprocesses={workers}",
        "--maxschedchunk=1",  # or long tests that follow each other wait in one process
        f"--max-worker-restart={WORKER_RESTARTS}",
        "--verbose",
        "--tb=short",
        "--color=no",
    ]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
