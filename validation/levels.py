"""Levels of proof: what a run of the tests proves of gradient synchronisation.

A level is proven if every check of it ran and passed. The list of checks in the repository says
which checks these are (`checks.yaml` of `ddp` and of `multinode`), so a check that is missing in a
record proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from runner.verdict import WORST_FIRST, Verdict
from validation.check_list import ListedCheck, load_checks
from validation.machine import DOCKER
from validation.record import SuiteResult, ValidationRecord
from validation.suite import EVERY_SUITE, MULTINODE
from validation.suites.contract.words import CHALLENGE, ONE_GPU_GLOO, ONE_GPU_NCCL

Level = Literal["one-gpu-gloo", "one-gpu-nccl", "multi-gpu", "multi-node"]
LEVELS: tuple[Level, ...] = get_args(Level)
MULTI_GPU, MULTI_NODE = "multi-gpu", "multi-node"

MEANINGS: Mapping[str, str] = {
    ONE_GPU_GLOO: "two ranks on one GPU over gloo",
    ONE_GPU_NCCL: "two NCCL ranks on one GPU over sockets",
    MULTI_GPU: "NCCL between two or more GPUs of one machine",
    MULTI_NODE: "NCCL between machines",
}
"""What each level means, in words."""

UNTESTED = {
    ONE_GPU_GLOO: "gloo with tensors on the GPU",
    ONE_GPU_NCCL: "NCCL",
    MULTI_GPU: "transport between GPUs",
    MULTI_NODE: "transport between machines",
}

DDP = "ddp"
TRANSPORT_ON_ONE_GPU = "one_gpu_transport"
TWO = 2
"""The least number of GPUs of a check that tests the transport between them."""


def list_levels_of(gpus: int) -> tuple[str, ...]:
    """Return the levels that a machine with so many GPUs can prove, if every check passes.

    No machine proves `multi-node` by itself: two of a cluster do, with the suite of two nodes.
    """
    needed = {ONE_GPU_GLOO: 1, ONE_GPU_NCCL: 1, MULTI_GPU: TWO}
    return tuple(level for level in LEVELS if level in needed and gpus >= needed[level])


def find_proven_levels(record: ValidationRecord) -> tuple[str, ...]:
    """Return the levels that a record proves, in the order of LEVELS; none without a GPU."""
    where = record.environment
    if where.device != "cuda":
        return ()
    able = (*list_levels_of(len(where.gpus)), MULTI_NODE)
    return tuple(level for level in able if _is_proven(level, record))


def _is_proven(level: str, record: ValidationRecord) -> bool:
    name = MULTINODE.name if level == MULTI_NODE else DDP
    suite = next((suite for suite in record.suites if suite.suite == name), None)
    if suite is None or suite.verdict not in (Verdict.PASS, Verdict.NOT_RUN):
        return False
    verdicts = {check.name: check.verdict for check in suite.checks}
    needed = _list_checks_of(level, _listed_checks(name))
    return all(verdicts.get(name) is Verdict.PASS for name in needed)


def count_needed_gpus(suite: SuiteResult, gpus: int) -> int:
    """Return how many GPUs `ddp` needs to be complete, if it lacks nothing else; else 0.

    Every other check passed, and each that was not run needs more GPUs than the `gpus` of the run.
    A run without any GPU proves nothing, whatever it lacks. Of other suites nothing is left to
    another machine, because the levels say nothing about them.
    """
    if suite.suite != DDP or suite.verdict is not Verdict.NOT_RUN or gpus < 1 or not suite.checks:
        return 0
    listed = _listed_checks(suite.suite)
    missing = [check for check in suite.checks if check.verdict is not Verdict.PASS]
    needed = [listed[check.name].gpus if check.name in listed else 0 for check in missing]
    is_only_that = all(check.verdict is Verdict.NOT_RUN for check in missing)
    return max(needed) if needed and is_only_that and min(needed) > gpus else 0


def find_blocking_suite(results: Iterable[SuiteResult]) -> SuiteResult | None:
    """Return the first among the worst of the suites; None if all passed."""
    blocking = [result for result in results if result.verdict is not Verdict.PASS]
    return min(blocking, key=lambda result: WORST_FIRST.index(result.verdict), default=None)


def lacks_gpu(suite: SuiteResult, gpus: int) -> bool:
    """Return whether a suite is `not run` because the run had no GPU, and for no other reason.

    Every other check passed, and each that was not run needs a GPU by the list of checks, or may
    be `not run` on a CPU. The results that the host adds (the machine, the floor, the comparison
    with the previous release) are `not run` only without a GPU.
    """
    if gpus or suite.verdict is not Verdict.NOT_RUN:
        return False
    if all(suite.suite != each.name for each in EVERY_SUITE):
        return True
    listed = _listed_checks(suite.suite)
    missing = [check for check in suite.checks if check.verdict is not Verdict.PASS]
    needing = {
        name
        for name, check in listed.items()
        if check.gpus > 0 or any(each.device == "cpu" for each in check.may_not_run)
    }
    return bool(missing) and all(
        check.verdict is Verdict.NOT_RUN and check.name in needing for check in missing
    )


def lacks_only_gpus(record: ValidationRecord) -> bool:
    """Return whether only checks that need more GPUs keep a record from `pass`."""
    gpus = len(record.environment.gpus)
    missing = [suite for suite in record.suites if suite.verdict is not Verdict.PASS]
    return bool(missing) and all(count_needed_gpus(suite, gpus) for suite in missing)


def describe_proof(proven: Mapping[str, str]) -> str:
    """Return what is proven of gradient synchronisation and what is not, in one line.

    `proven` has the machine that proved each level: {`one-gpu-nccl`: `NVIDIA L4`}.
    """
    texts = {
        ONE_GPU_GLOO: "gradient sync proven with gloo on one {}",
        ONE_GPU_NCCL: "gradient sync proven with NCCL on one {} over sockets",
        MULTI_GPU: "gradient sync proven with NCCL between GPUs on {}",
        MULTI_NODE: "gradient sync proven with NCCL between machines on {}",
    }
    best = next((level for level in reversed(LEVELS) if level in proven), None)
    first = texts[best].format(proven[best]) if best else "gradient sync on a GPU: not tested"
    untested = [UNTESTED[level] for level in LEVELS if level not in proven]
    return "; ".join([first, *(f"{each}: not tested" for each in (untested if best else []))])


def describe_record(record: ValidationRecord) -> str:
    """Return what one record proves of gradient synchronisation and what it does not.

    The text is empty if the suites ran outside an image: that proves nothing about one.
    """
    if record.environment.executor != DOCKER:
        return ""
    levels, gpus = find_proven_levels(record), record.environment.gpus
    machine = gpus[0] if gpus else ""
    many = f"{len(gpus)} x {machine}"
    return describe_proof({level: many if level == MULTI_GPU else machine for level in levels})


def _listed_checks(suite: str) -> Mapping[str, ListedCheck]:
    found = next((each for each in EVERY_SUITE if each.name == suite), None)
    return load_checks(found) if found and found.listed else {}


def _list_checks_of(level: str, listed: Mapping[str, ListedCheck]) -> tuple[str, ...]:
    """Return the checks that prove a level; the challenge of the suite is one of each."""
    if level == MULTI_NODE:
        return tuple(listed)
    if level == MULTI_GPU:
        names = [name for name, each in listed.items() if each.gpus >= TWO]
    else:
        names = [name for name in listed if name.endswith(f"[{level}]")]
    return (CHALLENGE, *names, *([TRANSPORT_ON_ONE_GPU] if level == ONE_GPU_NCCL else []))
