"""DistributedDataParallel over two nodes gives the gradients of one process on the whole batch.

One container on each node runs this module, and each check begins on both of them together
(meeting.py). Over gloo there is one rank on the CPU of each node, over NCCL one for each GPU.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from .. import processes
from ..conftest import Answers, Figures
from ..contract.expected import Expected
from ..contract.node_place import NODES, PLACE, read_place
from ..contract.words import GLOO, NCCL
from ..ddp import failures, gradients, nccl_debug
from ..declared import needs_gpus, reports
from ..gpus import require_gpus
from ..outcome import report_infra, require
from ..processes import WorkProcessExit
from ..ranks import NodeShare, RankGroup, Work, run_ranks, run_to_exit
from . import launcher, user_training, work
from .launcher import LauncherExit
from .meeting import Meeting

LIMIT_S = 60.0
"""How long a rank may take, which may have to wait for that of a slower machine."""
FAILURE_TIMEOUT_S = 20.0
"""How long a collective call waits that is meant to fail."""
ABSENT = "absent0"
"""An interface that no machine has."""
Begin = Callable[[str], AbstractContextManager[RankGroup]]
SIZES = (4, 2, 1)
"""Ranks of one node over NCCL: so many that all have equal shares of the batch."""


@pytest.fixture(autouse=True)
def _server(capfd: pytest.CaptureFixture[str]) -> None:
    """Start the server so that ranks print to the container's log, not into pytest's capture."""
    with capfd.disabled():
        processes.start_server()


@pytest.fixture(scope="session")
def meeting(nonce: str, expected: Expected) -> Iterator[Meeting]:
    """Return the containers of all nodes, which have met."""
    facts = {"nonce": nonce, "gpus": expected.gpu_count, "torch": str(torch.__version__)}
    met = Meeting(read_place(os.environ[PLACE]), facts)
    yield met
    met.part()


@pytest.fixture(params=[GLOO, pytest.param(NCCL, marks=needs_gpus(1))])
def placement(request: pytest.FixtureRequest, expected: Expected) -> str:
    """Return the placement of the ranks."""
    if request.param == NCCL:
        require_gpus(expected)
    return str(request.param)


@pytest.fixture
def begin(
    request: pytest.FixtureRequest, meeting: Meeting, expected: Expected, tmp_path: Path
) -> Begin:
    """Return a function that begins this check on all nodes, and gives it its ranks."""
    check = request.node.name

    @contextlib.contextmanager
    def begin_check(placement: str) -> Iterator[RankGroup]:
        with meeting.meet(check):
            _require_equal_nodes(meeting)
            each = 1 if placement == GLOO else max(n for n in SIZES if n <= expected.gpu_count)
            share = NodeShare(meeting.place, check, meeting.interface)
            yield RankGroup(NODES * each, placement, tmp_path, LIMIT_S, share=share)

    return begin_check


@reports("gradient_error", "relative")
def test_gradients(placement: str, begin: Begin, figure: Figures) -> None:
    with begin(placement) as group:
        _check_gradients(work.train, group, figure)


@reports("gradient_error", "relative")
def test_slow_node(placement: str, begin: Begin, figure: Figures) -> None:
    """A node that is late in each step changes nothing: the others wait for it."""
    with begin(placement) as group:
        slow = partial(work.train, slow_rank=group.world_size - 1)
        _check_gradients(slow, group, figure)


@needs_gpus(1)
@reports("connections by *", "connections", required=False)
def test_transport(expected: Expected, begin: Begin, figure: Figures) -> None:
    """GPUs of two nodes must talk by NCCL's network transport, and by the interface named."""
    require_gpus(expected)
    with begin(NCCL) as group:
        log = (
            ("NCCL_DEBUG", "INFO"),
            ("NCCL_DEBUG_SUBSYS", "INIT,P2P,SHM,NET"),
            ("NCCL_DEBUG_FILE", str(group.folder / "nccl.%p")),
        )
        run_ranks(work.train, replace(group, environment=log))
        files = sorted(group.folder.glob("nccl.*"))
        text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)
        found = nccl_debug.parse_connections(text)
        for transport, count in nccl_debug.count_per_transport(found).items():
            figure(f"connections by {transport}", count, "connections")
        here = set(group.local_ranks)
        across = [each for each in found if (each.source in here) != (each.target in here)]
        foreign = [each for each in across if each.transport != "NET"]
        by = ", ".join(nccl_debug.count_per_transport(foreign))
        require(
            across and not foreign,
            f"{len(across)} connections to the other node, {by or 'none'} of them by "
            f"no network ({len(files)} debug files)",
            "one or more, all by NET",
            "NCCL takes the ranks of two nodes for those of one, or does not connect them",
        )


@reports("error_after", "s", required=False)
def test_dead_rank_surfaces(begin: Begin, meeting: Meeting, figure: Figures) -> None:
    """A rank that dies on one node is an error on the other at once, not a hang. Over gloo."""
    with begin(GLOO) as group:
        (ended,) = run_to_exit(failures.let_rank_die, group)
        if meeting.place.rank == 1:
            found = f"the rank here left with exit code {ended.exit_code} {ended.raised}"
            is_dead = ended.exit_code == failures.EXIT_CODE
            require(is_dead, found, f"{failures.EXIT_CODE}", "it was held up or killed")
            return
        figure("error_after", ended.seconds, "s")
        _require_error(
            ended.result if ended.returned else ended.raised,
            ended,
            "its peer on the other node died",
            "its collective call neither fails nor ends without its peer",
        )


def test_wrong_interface(placement: str, begin: Begin) -> None:
    """An interface that is not there is an error in bounded time, and never a hang."""
    with begin(placement) as group:
        names = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
        wrong = tuple((name, ABSENT) for name in names)
        patient = replace(group, environment=wrong, timeout_s=FAILURE_TIMEOUT_S)
        for ended in run_to_exit(work.add_once, patient):
            _require_error(
                ended.raised,
                ended,
                f"it was told the interface {ABSENT}",
                "the interface that was named is ignored, or looked for without an end",
            )


def test_torchrun_trains(begin: Begin, meeting: Meeting, expected: Expected) -> None:
    with begin(GLOO) as group:
        backend = NCCL if expected.gpu_count else GLOO
        ended = launcher.run_torchrun(meeting, "trains", backend, group.folder)
        cause = "torchrun or its rendezvous does not work as documented"
        require(ended.code == 0, str(ended), "exit code 0", cause)
        losses = _read_losses(group.folder, ended)
        require(
            len(losses) == user_training.STEPS and losses[-1] < losses[0] / 2,
            f"{len(losses)} steps whose loss went from {losses[0]:.3g} to {losses[-1]:.3g}",
            f"{user_training.STEPS}, and half of the first loss",
            "the training was cut, or the gradients are wrong",
        )


def test_torchrun_fails(begin: Begin, meeting: Meeting, expected: Expected) -> None:
    """A training that fails on one node fails on both, in bounded time."""
    with begin(GLOO) as group:
        backend = NCCL if expected.gpu_count else GLOO
        is_here = meeting.place.rank == NODES - 1
        ended = launcher.run_torchrun(meeting, "fails", backend, group.folder, fails=is_here)
        where = "here" if is_here else "on the other node"
        cause = "torchrun hides the failure of a training, or waits for it without an end"
        found = f"the training failed {where}, and {ended}"
        require(ended.code, found, "another exit code than 0", cause)
        _read_losses(group.folder, ended)


def test_challenge(begin: Begin, meeting: Meeting, expected: Expected, answer: Answers) -> None:
    """The gradients of a linear model, averaged over the nodes: exact in float64.

    Each node has a question of its own, and the others compute it with it.
    """
    placements = [GLOO, *([NCCL] if expected.gpu_count else [])]
    with begin(GLOO) as group:
        for asking, facts in enumerate(meeting.facts):
            for placement in placements:
                prefix = f"{placement} of node {asking}"
                share = NodeShare(meeting.place, prefix, meeting.interface)
                work_of_rank = partial(work.answer_question, nonce=facts["nonce"])
                (gradient,) = run_ranks(
                    work_of_rank, replace(group, placement=placement, share=share)
                )
                if asking == meeting.place.rank:
                    answer(f"gradient {placement}", gradient.flatten().tolist())


def _read_losses(folder: Path, ended: LauncherExit) -> list[float]:
    """Return the losses of a training; fail the check if it did not begin, or not on all nodes."""
    left = folder / "result"
    cause = "torchrun started no training, or the nodes did not find each other"
    require(left.exists(), f"{ended}, and its training left nothing", "its losses", cause)
    size, losses = json.loads(left.read_text(encoding="utf-8"))
    require(size == NODES, f"a training of {size} ranks", f"{NODES}", cause)
    return [float(each) for each in losses]


def _check_gradients(train: Work, group: RankGroup, figure: Figures) -> None:
    """Compare the gradients of the ranks of this node with those of one process."""
    reference = gradients.compute_reference(group.world_size)
    errors = [
        gradients.require_same(reference, result["gradients"], rank, group.world_size)
        for rank, result in zip(group.local_ranks, run_ranks(train, group), strict=True)
    ]
    figure("gradient_error", max(errors), "relative")


def _require_error(error: str, ended: WorkProcessExit, why: str, cause: str) -> None:
    """Fail the check unless a rank had an error before its limit."""
    seen = f"was told {error!r}" if error else "had no error"
    state = seen if ended.exit_code is not None else f"still waited in {ended.stuck_in}"
    found = f"the rank here {state} {ended.seconds:.1f} s after the start, though {why}"
    require(error and ended.exit_code is not None, found, "an error", cause)


def _require_equal_nodes(meeting: Meeting) -> None:
    """End the check as `infra` if the nodes have other numbers of GPUs, which no rank expects."""
    counts = [facts["gpus"] for facts in meeting.facts]
    if len(set(counts)) > 1:
        report_infra(f"the nodes have {counts} GPUs", "the job has nodes of different kinds")
