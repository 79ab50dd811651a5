"""The real work of a job on one of two nodes, with a fault planted on that node.

`release.py` of a planted checkout calls it. `plan.json` beside that checkout has the fault of each
node by its name: `sums` (the gradients are summed there), or `dies` (its container and its program
are killed after the first check).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import release
from publish import cluster_peers
from runner import containers, engine, owner
from tests.defects.defect import patched
from validation.executors import EXECUTORS, docker
from validation.machine import DOCKER

FIRST_PASS = b"PASSED"


def main(folder: Path, words: list[str]) -> int:
    """Plant the fault of this node, and do the work of the job."""
    plan = json.loads((folder / "plan.json").read_text())
    cluster_peers.PART_S = plan["part_s"]
    fault = plan["faults"].get(os.environ["SLURMD_NODENAME"], "")
    if fault == "sums":
        plain = docker.run_suite
        EXECUTORS[DOCKER].run_suite = lambda suite, setup: plain(  # type: ignore[method-assign] # the planted start
            suite, patched("ddp_sums")(setup)
        )
    elif fault == "dies":
        threading.Thread(target=_die_later, daemon=True).start()
    return release.main(words)


def _die_later() -> None:
    """Kill the container of this program after its first check, and the program."""
    mine: dict[str, str | list[str] | bool] = {
        "label": f"{containers.OWNER}={owner.current_owner()}"
    }
    while True:
        time.sleep(1)
        for container in engine.connect_engine().containers.list(filters=mine):
            if FIRST_PASS in container.logs():
                container.kill("SIGKILL")
                os.kill(os.getpid(), signal.SIGKILL)


def make_checkout(folder: Path, faults: dict[str, str], part_s: float) -> Path:
    """Return a folder whose `release.py` is this module with the plan beside it."""
    checkout = folder / "checkout"
    checkout.mkdir(parents=True)
    (folder / "plan.json").write_text(json.dumps({"faults": faults, "part_s": part_s}))
    program, repository = checkout / "release.py", Path(__file__).resolve().parents[2]
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(repository)!r})\n"
        f"from pathlib import Path\nfrom tests.fakes.planted_node import main\n"
        f"sys.exit(main(Path({str(folder)!r}), sys.argv[1:]))\n"
    )
    program.chmod(0o755)
    return checkout
