"""A defect: how it is planted in a real image, and which check must catch it with which words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from runner import engine, shell
from runner.child_variables import ENGINES
from runner.verdict import Verdict
from tests.defects.two_nodes import run_on_nodes
from tests.validation.suites_here import asserted
from validation.executors import docker
from validation.executors.interface import Setup
from validation.judge import judge_suite
from validation.node_results import join_suites
from validation.record import Check, SuiteResult
from validation.suite import EVERY_SUITE, Suite

PLANTED = Path(__file__).resolve().parent / "planted"
IMAGES = "pytorch-cuda-images-tests/defect"

UNBUILT = ""
"""The reference of a run on which layers are noted and not built: to see what a plant changes."""

Plant = Callable[[Setup], Setup]
"""From what a clean run is given to what the defective one is given."""


@dataclass(frozen=True)
class Defect:
    """`caught` are the checks of `suite` that must refuse, each with words of its reason or cause;
    the check "" is the suite itself, where it is refused for more than its checks.

    Every other check of the suite must pass or be `not run`. `representative` ones run in `make
    test`, all of them in `make defects`. `image` is the image it is planted in, by default that of
    the stack that brings the suite.
    """

    name: str
    suite: str
    caught: tuple[tuple[str, str], ...]
    plant: Plant
    verdict: Verdict = Verdict.FAIL
    representative: bool = False
    image: str = ""


def run(defect: Defect, reference: str, harness: Path) -> SuiteResult:
    """Plant it in the image `reference` and judge its suite there."""
    suite = next(suite for suite in EVERY_SUITE if suite.name == defect.suite)
    clean = Setup(reference, harness, asserted(image_of(defect)))
    planted = defect.plant(clean)
    try:
        return judge_in(suite, planted)
    finally:
        if planted.reference != clean.reference:
            engine.connect_engine().images.remove(planted.reference, force=True)


def judge_in(suite: Suite, setup: Setup) -> SuiteResult:
    """Judge a suite in a container, or in one for each of its nodes."""
    if suite.nodes > 1:
        return join_suites(run_on_nodes(suite, [setup] * suite.nodes))
    return judge_suite(suite, docker.run_suite(suite, setup))


def image_of(defect: Defect) -> str:
    """The image it is planted in."""
    return defect.image or next(suite.stack for suite in EVERY_SUITE if suite.name == defect.suite)


def missed(defect: Defect, result: SuiteResult) -> str:
    """Why `result` does not catch the defect as it should; empty where it does."""
    found = {"": Check("", result.verdict, result.reason, 0, (), result.cause)}
    found |= {check.name: check for check in result.checks}
    for name, says in defect.caught:
        check = found.get(name)
        if check is None:
            return f"`{name}` has no result"
        if check.verdict is not defect.verdict:
            return f"`{name}` is {check.verdict}, expected {defect.verdict}: {check.reason}"
        if says not in f"{check.reason} {check.cause}":
            return f"`{name}` says `{check.reason}; {check.cause}`, expected `{says}`"
    return _more_than(defect, found)


def _more_than(defect: Defect, found: dict[str, Check]) -> str:
    """A defect that is caught by chance, by checks it was not meant for, proves nothing about
    them.
    """
    named = {"", *(name for name, _ in defect.caught)}
    others = [check for name, check in found.items() if name not in named]
    bad = [check for check in others if check.verdict not in (Verdict.PASS, Verdict.NOT_RUN)]
    if bad and ("" not in dict(defect.caught)):
        return f"`{bad[0].name}` is {bad[0].verdict} too: {bad[0].reason}"
    return ""


def patched(folder: str) -> Plant:
    """Every Python of the container runs planted/FOLDER/sitecustomize.py when it starts."""
    return lambda clean: replace(
        clean,
        environment=(*clean.environment, ("PYTHONPATH", "/planted")),
        mounts=(*clean.mounts, (PLANTED / folder, "/planted")),
    )


def with_environment(**variables: str) -> Plant:
    """Variables as an image's configuration would set them."""
    return lambda clean: replace(clean, environment=(*clean.environment, *variables.items()))


def with_file(host: str, inside: str) -> Plant:
    """planted/HOST lies at `inside`, instead of what the image has there."""
    return lambda clean: replace(clean, mounts=(*clean.mounts, (PLANTED / host, inside)))


def with_shm(size: int) -> Plant:
    """`/dev/shm` of `size` bytes."""
    return lambda clean: replace(clean, shm_bytes=size)


def told(**asserted: object) -> Plant:
    """The tag asserts something else than the image holds; `device` and `gpu_count` too."""
    return lambda clean: replace(clean, expected=replace(clean.expected, **asserted))  # type: ignore[arg-type] # a table of fields, of any type


def with_layer(*instructions: str, user: str = "1000:1000") -> Plant:
    """A small image on top: Dockerfile instructions, run as root; the image's user is `user` after
    them.
    """

    def plant(clean: Setup) -> Setup:
        dockerfile = "\n".join(
            [f"FROM {clean.reference}", "USER root", *instructions, f"USER {user}", ""]
        )
        tag = f"{IMAGES}:{hashlib.sha256(dockerfile.encode()).hexdigest()[:16]}"
        if clean.reference == UNBUILT:
            return replace(clean, reference=tag)
        shell.run(
            [engine.docker_program(), "build", "--quiet", "--tag", tag, "-"],
            stdin=dockerfile.encode(),
            hint="see the output",
            allowed=ENGINES,
        )
        return replace(clean, reference=tag)

    return plant


def both(*plants: Plant) -> Plant:
    """One after the other."""

    def plant(clean: Setup) -> Setup:
        for each in plants:
            clean = each(clean)
        return clean

    return plant
