"""The proof of test runs for a channel: on which GPUs, to which levels, against which floor.

The functions depend on their arguments only. Several runs on the same digest add up: one may prove
the GPU that a channel demands, another a level.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from publish.evidence.predicates import test_result
from publish.evidence.predicates.test_result import GpuCount, SuiteVerdict, TestClaim
from publish.policy.channels import ANY, Demands, list_alternatives
from publish.policy.reason import Problem
from runner.reason_cause import ReasonCause
from runner.verdict import Verdict
from validation.floor import MEASURED, PROVISIONAL
from validation.levels import (
    DDP,
    LEVELS,
    MEANINGS,
    MULTI_GPU,
    MULTI_NODE,
    describe_proof,
    list_levels_of,
)
from validation.machine import DOCKER

CUDA = "cuda"

Families = Mapping[str, Sequence[str]]
"""The families of GPUs of channels.yaml, each with words from the names of its models."""


def list_machine(tested: TestClaim | None) -> tuple[tuple[str, int], ...]:
    """Return models and counts of the GPUs of a run: runs on equal machines replace each other."""
    return tuple(sorted((gpu.model, gpu.count) for gpu in tested.gpus)) if tested else ()


def used_gpu(tested: TestClaim, wanted: Iterable[str], families: Families) -> bool:
    """Return whether the tests used a GPU of one of these families; ANY is every known family."""
    return tested.device == CUDA and any(
        is_gpu_of(gpu, wanted, families) for gpu in tested.gpus if gpu.count > 0
    )


def is_gpu_of(gpu: GpuCount, wanted: Iterable[str], families: Families) -> bool:
    """Return whether a GPU is of one of these families, by its capability or by its name.

    The name counts only if the record does not say the family, as records of old versions.
    """
    names = set(families if ANY in wanted else wanted)
    if gpu.family:
        return gpu.family in names & set(families)
    words = set(re.findall(r"\w+", gpu.model))
    return any(words & set(families[name]) for name in names)


def describe_wanted(wanted: Sequence[str], families: Families) -> str:
    """Return the GPUs that one entry of `gpus` asks for: `a Hopper GPU (H100, H200)`."""
    if ANY in wanted:
        return f"a GPU of a supported family ({', '.join(families)})"
    models = ", ".join(word for name in wanted for word in families[name])
    article = "an" if wanted[0][0] in "AEIOU" else "a"
    return f"{article} {' or '.join(wanted)} GPU ({models})"


def describe_gpus(gpus: Iterable[tuple[str, int]]) -> str:
    """Return the place of a run in words: `on 2 x NVIDIA L4`, or `without a GPU`."""
    models = ", ".join(f"{count} x {model}" for model, count in gpus)
    return f"on {models}" if models else "without a GPU"


def proves_level(tested: TestClaim, level: str, demands: Demands, families: Families) -> bool:
    """Return whether a run in the image, on a GPU that the channel takes, proves a level."""
    wanted = [name for entry in demands.gpus for name in list_alternatives(entry)]
    return (
        level in tested.levels
        and tested.executor == DOCKER
        and used_gpu(tested, wanted or [ANY], families)
    )


def explains_missing_level(tested: TestClaim, level: str) -> bool:
    """Return whether another reason says already why a run does not prove a level.

    Its machine could prove the level, and the run has a problem of its own with gradients.
    """
    able = level in list_levels_of(sum(gpu.count for gpu in tested.gpus))
    ddp = next((suite for suite in tested.suites if suite.name == DDP), None)
    has_problem = ddp is None or not (ddp.verdict is Verdict.PASS or is_left_to_levels(ddp))
    return tested.executor != DOCKER or (able and has_problem)


def describe_missing_level(level: str, places: Sequence[str]) -> str:
    """Return why a level that a channel demands is not proven, and what would prove it."""
    ways = {
        MULTI_GPU: "run `validate` on a machine with two or more GPUs too; both runs count",
        MULTI_NODE: "run `validate --on slurm` with `multinode` in the cluster file",
    }
    way = ways.get(level, "run `validate` on a machine with a GPU that the channel accepts")
    ran = ", and ".join(places) or "nowhere"
    return f"the level {level} ({MEANINGS[level]}) is not proven: the tests ran {ran}; {way}"


def find_run_problems(
    tested: TestClaim, suites: Mapping[str, str], demands: Demands
) -> Iterator[Problem]:
    """Yield each suite that is missing, or whose verdict the channel does not accept.

    `suites` has the digest of the list of checks of each suite that the image must pass. A suite
    that was held against another list is a problem too: today's may ask for more.

    A suite of which only checks that need more GPUs were not run is no problem of this run: the
    levels of the channel say whether these checks must have run somewhere.
    """
    if tested.executor != DOCKER:
        problem = f"the tests ran with the executor `{tested.executor}`, not in the image"
        yield Problem(Verdict.NOT_RUN, problem)
    suite_problems = tuple(_find_suite_problems(tested, suites, demands))
    yield from suite_problems
    is_left = any(map(is_left_to_levels, tested.suites))
    excused = (Verdict.NOT_RUN, Verdict.INCONCLUSIVE) if is_left else ()
    if not suite_problems and tested.verdict not in (*demands.suites, *excused):
        yield Problem(tested.verdict, f"{tested.verdict}: {tested.reason}")
    yield from _find_list_problem(tested, suites)
    yield from _find_floor_problem(tested, demands)


def _find_list_problem(tested: TestClaim, suites: Mapping[str, str]) -> Iterator[Problem]:
    held = {
        suite.name: suite.list_digest
        for suite in tested.suites
        if suite.name in suites and suite.reason != test_result.MISSING
    }
    again = f"run `./release.py validate {tested.version}` again"
    if held and not any(held.values()):
        text = f"it does not say against which lists of checks the suites were held; {again}"
        yield Problem(Verdict.INCONCLUSIVE, f"{text}, with this version of the program")
    elif changed := [name for name, digest in held.items() if digest != suites[name]]:
        several = "lists of checks" if len(changed) > 1 else "list of checks"
        text = f"the {several} of {', '.join(changed)} changed since these tests ran"
        yield Problem(Verdict.INCONCLUSIVE, f"{text}, and may ask for more now; {again}")


def _find_suite_problems(
    tested: TestClaim, suites: Iterable[str], demands: Demands
) -> Iterator[Problem]:
    listed = {suite.name for suite in tested.suites if suite.reason != test_result.MISSING}
    for name in suites:
        if name not in listed:
            yield Problem(Verdict.NOT_RUN, f"suite {name} is missing")
    refused = [
        suite
        for suite in tested.suites
        if suite.name in listed
        and suite.verdict not in demands.suites
        and not is_left_to_levels(suite)
    ]
    lacking = tuple(
        suite.name
        for suite in refused
        if suite.cause is ReasonCause.NO_GPU and suite.verdict is Verdict.NOT_RUN
    )
    for suite in refused:
        if suite.name not in lacking:
            yield Problem(suite.verdict, f"suite {suite.name}: {suite.verdict}, {suite.reason}")
    if lacking:
        yield Problem(
            Verdict.NOT_RUN, "the tests ran without a GPU", ReasonCause.NO_GPU, suites=lacking
        )


def is_left_to_levels(suite: SuiteVerdict) -> bool:
    """Return whether a suite lacks only checks between GPUs, which the levels stand for.

    The levels are about gradients, so they stand for no check of another suite.
    """
    return suite.name == DDP and suite.verdict is Verdict.NOT_RUN and suite.needs_gpus > 1


def _find_floor_problem(tested: TestClaim, demands: Demands) -> Iterator[Problem]:
    if tested.floor != MEASURED and PROVISIONAL not in demands.floor:
        kind = tested.floor or "not known"  # statements of older versions do not have it
        yield Problem(
            Verdict.INCONCLUSIVE,
            f"the floor of the throughput is {kind}, and this channel takes only a measured "
            f"one: run `./release.py baseline {tested.version}`, commit the file, and run "
            "`validate` again",
        )


def describe_runs(runs: Iterable[TestClaim]) -> str:
    """Return what several runs prove together and what they do not, in one line of words."""
    proven: dict[str, str] = {}
    floors: dict[str, str] = {}
    for tested in runs:
        if tested.device != CUDA or not tested.gpus or tested.executor != DOCKER:
            continue
        model = tested.gpus[0].model
        whole = ", ".join(f"{gpu.count} x {gpu.model}" for gpu in tested.gpus)
        for level in tested.levels:
            if level in LEVELS:
                proven.setdefault(level, whole if level == MULTI_GPU else model)
        if tested.floor:
            floors.setdefault(model, tested.floor)
    speed = [f"floor of {model}: {kind}" for model, kind in floors.items()]
    return "; ".join([describe_proof(proven), *speed])
