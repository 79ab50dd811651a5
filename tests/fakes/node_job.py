"""The work of a job on a node, with a planted end: passes, fails, hangs, takes memory, or nothing.

`release.py` of a planted checkout calls it. Slurm, the registry, the keys and the waiting side are
real; suites are not run. `plan.json` beside that checkout has the ends of each attempt in turn, and
the names of jobs whose first attempt is killed.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from images.record import BuildRecord
from oci.registry import Registry
from publish.evidence import keys
from publish.evidence.attest import EvidenceSigner
from runner import records, slurm
from runner.moments import format_now
from runner.verdict import Verdict
from tests.publish.signed import suite, validation_record


def main(folder: Path) -> int:
    """Do what the plan has for this attempt, and end as `run-job` would."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs=2)
    for name in ("image", "digest", "suites", "device", "job", "node"):
        parser.add_argument(f"--{name}")
    given = parser.parse_args()
    plan = json.loads((folder / "plan.json").read_text())
    with (folder / "attempts").open("a+") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.seek(0)
        lines = log.read().splitlines()
        number = sum(line.startswith(f"{given.suites} ") for line in lines)
        log.write(f"{given.suites} {given.node} {given.job}\n")
    ends = plan["ends"].get(given.suites, plan["ends"].get("*", ["pass"]))
    end = ends[min(number, len(ends) - 1)]
    slurm.mark_job(int(given.job.rpartition("/")[2]), f"base: {given.suites}"[:60])
    is_new = not any(f"{given.job.rpartition('/')[0]}/" in line for line in lines)
    if is_new and given.job.rpartition("/")[0] in plan.get("killed", ()):
        os.kill(os.getpid(), signal.SIGKILL)
    if end == "hang":
        time.sleep(600)
    if end == "memory":
        hold_memory(2 << 30)
    if end == "broken":
        slurm.mark_job(int(given.job.rpartition("/")[2]), "failed: no engine here")
        return 3
    if end == "nothing":
        return 0
    time.sleep(plan.get("seconds", 0))
    _attach(plan, given, Verdict(end.removeprefix("part ")))
    return 0


def hold_memory(most: int) -> None:
    """Take memory, up to so many bytes; whoever limits it ends this process before."""
    held = [bytearray(16 << 20) for _ in range(most // (16 << 20))]
    time.sleep(60 * bool(held))


def _attach(plan: dict[str, str], given: argparse.Namespace, verdict: Verdict) -> None:
    build = records.from_json(BuildRecord, plan["build"], "plan.json")
    names = given.suites.split(",")
    reason = "" if verdict is Verdict.PASS else "planted"
    results = (suite(name, verdict, reason) for name in names)
    record = replace(
        validation_record(build, *results, verdict=verdict, gpus=()),
        version=given.words[1],
        key=plan["key"],
        reason=reason,
        jobs=(given.job,),
        started_at=format_now(),
    )
    record = replace(record, suites=tuple(replace(e, node=given.node) for e in record.suites))
    signer = EvidenceSigner(
        Registry(plan["registry"]), keys.load_signing_key(str(plan["key_file"])), "pytorch-cuda"
    )
    attach = signer.attest_tests if plan["is_whole"] else signer.attest_part
    attach(build, record)


def make_checkout(folder: Path) -> Path:
    """Return a folder whose `release.py` is this module with the plan beside it."""
    checkout = folder / "checkout"
    checkout.mkdir(parents=True)
    program = checkout / "release.py"
    repository = Path(__file__).resolve().parents[2]
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(repository)!r})\n"
        f"from pathlib import Path\nfrom tests.fakes.node_job import main\n"
        f"sys.exit(main(Path({str(folder)!r})))\n"
    )
    program.chmod(0o755)
    return checkout
