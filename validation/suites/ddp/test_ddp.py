"""DistributedDataParallel gives the gradients of one process on the whole batch, in every mode.

Ranks are compared with that reference, never with each other: if gradients are summed, they still
agree. Over gloo the ranks are processes on the CPU, over NCCL each has a GPU. With one GPU, two
ranks share it: over gloo with tensors on the GPU, and over NCCL by its network transport.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from .. import installed, processes
from ..conftest import Answers, Figures
from ..contract import questions
from ..contract.expected import Expected
from ..contract.words import GLOO, NCCL, ONE_GPU_GLOO, ONE_GPU_NCCL
from ..declared import needs_gpus, reports
from ..gpus import require_gpus
from ..outcome import require
from ..ranks import RankGroup, Work, run_ranks, run_to_exit
from . import (
    amp,
    buffers,
    challenge,
    collectives,
    failures,
    gradients,
    hooks,
    messages,
    modes,
    nccl_debug,
    optimizers,
    sharding,
    stores,
)
from .cases import SHOWN, work_off
from .gradients import ReferenceGradients, Step

TWO = 2
WORLD_SIZES = (1, 2, 4)
FAILURE_LIMIT_S = 15.0
COLLECTIVES_LIMIT_S = 100.0
"""They send some hundred megabytes, also through one GPU."""

MUST_HAVE = ("all_gather", "all_reduce", "broadcast", "send")
"""Calls that every backend has."""

SAME_NORMS = 1e-9
FAILS_WITH = 3
SCRIPT = "import os, sys\nsys.exit(int(sys.argv[1]) if os.environ['RANK'] == '1' else 0)\n"
TORCHRUN = (
    "--nnodes=1",
    "--nproc-per-node=2",
    "--rdzv-backend=c10d",
    "--rdzv-endpoint=127.0.0.1:0",
    "--local-addr=127.0.0.1",
)
F = TypeVar("F", bound=Callable[..., None])


def _figures_of_ranks(
    world_size: int, *, required: bool = True
) -> tuple[pytest.MarkDecorator, ...]:
    """Return the marks of the figures of `_check_gradients`, for a group of this size."""
    names = [f"gradient_error rank {rank} of {world_size}" for rank in range(world_size)]
    return tuple(reports(name, "relative", required=required) for name in names)


def _apply_marks(marks: Sequence[pytest.MarkDecorator]) -> Callable[[F], F]:
    """Return a decorator that puts every one of `marks` on a check."""

    def apply_all(check: F) -> F:
        for mark in marks:
            check = mark(check)
        return check

    return apply_all


EACH_OF_TWO = _figures_of_ranks(TWO)


@pytest.fixture(autouse=True)
def _server(capfd: pytest.CaptureFixture[str]) -> None:
    """Start the server so that ranks print to the container's log, not into pytest's capture.

    A watchdog may end the container before pytest prints what it captured.
    """
    with capfd.disabled():
        processes.start_server()


@pytest.fixture(
    params=[
        GLOO,
        pytest.param(ONE_GPU_GLOO, marks=needs_gpus(1)),
        pytest.param(ONE_GPU_NCCL, marks=needs_gpus(1)),
        pytest.param(NCCL, marks=needs_gpus(TWO)),
    ]
)
def placement(request: pytest.FixtureRequest, expected: Expected) -> str:
    """Return the placement of the ranks: each mode runs in all that there are GPUs for."""
    if request.param == NCCL:
        _require_two_gpus(expected)
    elif request.param != GLOO:
        require_gpus(expected)
    return str(request.param)


@_apply_marks([mark for world_size in WORLD_SIZES for mark in _figures_of_ranks(world_size)])
def test_gloo_gradients(tmp_path: Path, figure: Figures) -> None:
    for world_size in WORLD_SIZES:
        _check_gradients(
            modes.train_plain,
            gradients.compute_reference(world_size),
            RankGroup(world_size, GLOO, tmp_path),
            figure,
        )


@needs_gpus(TWO)
@_apply_marks([*_figures_of_ranks(TWO), *_figures_of_ranks(4, required=False)])
def test_nccl_gradients(expected: Expected, tmp_path: Path, figure: Figures) -> None:
    _require_two_gpus(expected)
    for world_size in [size for size in WORLD_SIZES if TWO <= size <= expected.gpu_count]:
        _check_gradients(
            modes.train_plain,
            gradients.compute_reference(world_size),
            RankGroup(world_size, NCCL, tmp_path),
            figure,
        )


@needs_gpus(1)
@_apply_marks(_figures_of_ranks(1))
def test_nccl_single_rank(expected: Expected, tmp_path: Path, figure: Figures) -> None:
    """NCCL starts and DistributedDataParallel trains on one GPU.

    That proves nothing about synchronisation.
    """
    require_gpus(expected)
    _check_gradients(
        modes.train_plain, gradients.compute_reference(1), RankGroup(1, NCCL, tmp_path), figure
    )


def test_integer_gradients(placement: str, tmp_path: Path) -> None:
    """Bit for bit: sums of small integers are exact in fp32."""
    reference = modes.compute_integers_reference(TWO)
    for rank, result in enumerate(
        run_ranks(modes.train_integers, RankGroup(TWO, placement, tmp_path))
    ):
        wanted, got = reference.whole[0], result["gradients"][0]
        off, total = _count_differences(wanted, got), sum(each.numel() for each in wanted)
        cause = gradients.diagnose_gradients(wanted, reference.shares[0][rank], got, TWO)
        require(
            not off,
            f"{off} of {total} integer gradients of rank {rank} of {TWO} differ",
            "equality",
            cause,
        )


@_apply_marks(EACH_OF_TWO)
@reports("buckets", "buckets")
def test_small_buckets(placement: str, tmp_path: Path, figure: Figures) -> None:
    results = _check_gradients(
        modes.train_small_buckets,
        gradients.compute_reference(TWO),
        RankGroup(TWO, placement, tmp_path),
        figure,
    )
    buckets = min(each["buckets"] for each in results)
    figure("buckets", buckets, "buckets")
    found = f"{buckets} bucket with bucket_cap_mb={modes.SMALL_BUCKET_MB}"
    require(buckets > TWO, found, f"more than {TWO}", "bucket_cap_mb is not honoured")


@_apply_marks(EACH_OF_TWO)
def test_no_sync(placement: str, tmp_path: Path, figure: Figures) -> None:
    """Micro-batches inside `no_sync` stay with their rank.

    The first one outside brings all to the mean.
    """
    whole = ReferenceGradients(
        *(steps[:1] for steps in _whole_and_shares(gradients.compute_reference(TWO)))
    )
    for rank, result in enumerate(
        _check_gradients(modes.train_no_sync, whole, RankGroup(TWO, placement, tmp_path), figure)
    ):
        error = gradients.relative_difference(modes.accumulate_alone(rank, TWO), result["alone"])
        found = (
            f"gradients of rank {rank} of {TWO} inside no_sync are off by {error:.1e} from its own"
        )
        cause = "no_sync is ignored: every pass synchronises"
        require(error <= gradients.LIMIT, found, f"{gradients.LIMIT:.0e}", cause)


@_apply_marks(EACH_OF_TWO)
def test_bucket_view(placement: str, tmp_path: Path, figure: Figures) -> None:
    for result in _check_gradients(
        modes.train_bucket_view,
        gradients.compute_reference(TWO),
        RankGroup(TWO, placement, tmp_path),
        figure,
    ):
        found = f"{result['memories']} separate memories hold the gradients"
        require(
            result["memories"] == 1,
            found,
            "views of 1 bucket",
            "gradient_as_bucket_view is ignored",
        )


@_apply_marks(EACH_OF_TWO)
def test_static_graph(placement: str, tmp_path: Path, figure: Figures) -> None:
    reference = gradients.compute_reference(TWO, modes.build_twice_checkpointed)
    _check_gradients(
        modes.train_static_graph, reference, RankGroup(TWO, placement, tmp_path), figure
    )


@_apply_marks(EACH_OF_TWO)
def test_unused_parameters(placement: str, tmp_path: Path, figure: Figures) -> None:
    _check_gradients(
        modes.train_unused_parameters,
        modes.compute_unused_reference(TWO),
        RankGroup(TWO, placement, tmp_path),
        figure,
    )


def test_unused_parameters_surface(placement: str, tmp_path: Path) -> None:
    """Without find_unused_parameters the second step fails.

    Otherwise it would train on gradients that were never synchronised.
    """
    for rank, error in enumerate(
        run_ranks(modes.train_unused_unannounced, RankGroup(TWO, placement, tmp_path))
    ):
        found = f"rank {rank} of {TWO} said {error or 'nothing'!r} to parameters without a gradient"
        require(
            "finished reduction" in error,
            found,
            "a refusal",
            "unused parameters are silently left unsynchronised",
        )


@reports("gradient_error rank 0", "relative")
@reports("gradient_error rank 1", "relative")
def test_uneven_inputs(placement: str, tmp_path: Path, figure: Figures) -> None:
    """Under `join`, a rank that has run out of batches does not stop the others.

    It ends with their weights.
    """
    reference, weights = modes.compute_uneven_reference()
    for rank, result in enumerate(
        run_ranks(modes.train_uneven_inputs, RankGroup(TWO, placement, tmp_path))
    ):
        own = ReferenceGradients(
            *(steps[: modes.UNEVEN_STEPS[rank]] for steps in _whole_and_shares(reference))
        )
        figure(
            f"gradient_error rank {rank}",
            gradients.require_same(own, result["gradients"], rank, TWO),
            "relative",
        )
        error = gradients.relative_difference(weights, result["weights"])
        found = f"weights of rank {rank} of {TWO} after join are off by {error:.1e}"
        require(
            error <= gradients.LIMIT,
            found,
            f"{gradients.LIMIT:.0e}",
            "join did not hand over the last weights",
        )


@reports("gradient_error rank 0", "relative")
@reports("gradient_error rank 1", "relative")
@reports("gradient_scale", "times")
def test_amp_gradients(placement: str, tmp_path: Path, figure: Figures) -> None:
    """fp16 autocast with a GradScaler, on gradients that fp16 loses if they are not scaled."""
    reference = amp.compute_reference(TWO)
    ranks = run_ranks(amp.train_scaled, RankGroup(TWO, placement, tmp_path))
    for rank, result in enumerate(ranks):
        _require_scaled(rank, result)
        error = gradients.require_same(reference, result["gradients"], rank, TWO, amp.LIMIT)
        figure(f"gradient_error rank {rank}", error, "relative")
    figure("gradient_scale", ranks[0]["scales"][0], "times")


def test_amp_overflow(placement: str, tmp_path: Path) -> None:
    """An infinite loss on one rank makes all of them skip that step, halve the scale, and go on."""
    at = amp.OVERFLOW_STEP
    for rank, result in enumerate(
        run_ranks(amp.train_overflowing, RankGroup(TWO, placement, tmp_path))
    ):
        steps = enumerate(zip(result["weights_at_start"], result["weights"], strict=True))
        skipped = [step for step, (before, after) in steps if not _count_differences(before, after)]
        found = (
            f"rank {rank} of {TWO} skipped steps {skipped}, and rank {TWO - 1} had an "
            f"infinite loss in step {at}"
        )
        require(
            skipped == [at],
            found,
            f"{[at]}",
            "GradScaler steps along an infinite gradient, does not see it, or scales nothing",
        )
        now, half = result["scales_after"][at], result["scales"][at] / 2
        found = f"the scale of rank {rank} of {TWO} is {now:.0f} after an infinite gradient"
        require(
            now == half, found, f"{half:.0f}", "GradScaler skips the step and does not back off"
        )


def test_seeded_runs(placement: str, tmp_path: Path) -> None:
    """Two runs of one seed are equal bit for bit, and another seed gives other gradients.

    Without the second part, equality would prove nothing.
    """
    group = RankGroup(
        TWO, placement, tmp_path, environment=(("CUBLAS_WORKSPACE_CONFIG", ":4096:8"),)
    )
    firsts = run_ranks(partial(modes.train_seeded, seeds=(1, 2)), group)
    agains = run_ranks(partial(modes.train_seeded, seeds=(1,)), group)
    for rank, (first, again) in enumerate(zip(firsts, agains, strict=True)):
        one, other = first["gradients"][: gradients.STEPS], first["gradients"][gradients.STEPS :]
        off = sum(_count_differences(*pair) for pair in zip(one, again["gradients"], strict=True))
        found = (
            f"{off} gradient elements of rank {rank} of {TWO} differ between two runs of one seed"
        )
        require(
            off == 0,
            found,
            "none",
            "torch.manual_seed is ignored, or an operation is not deterministic",
        )
        differ = sum(_count_differences(*pair) for pair in zip(one, other, strict=True))
        require(
            differ > 0,
            "another seed gave the same gradients",
            "others",
            "nothing is drawn from the seed",
        )


def test_collectives(placement: str, tmp_path: Path) -> None:
    """Each collective call gives its definition, in all types and sizes."""
    group = RankGroup(TWO, placement, tmp_path, COLLECTIVES_LIMIT_S)
    ranks = run_ranks(collectives.find_wrong_calls, group)
    for rank, result in enumerate(ranks):
        wrong = result["wrong"]
        require(
            not wrong,
            f"{len(wrong)} calls gave rank {rank} of {TWO} other values: {', '.join(wrong[:3])}",
            "those of their definition",
            "a collective call that skips, mixes or reorders what ranks send",
        )
        lacking = {*MUST_HAVE} - {*result["made"]}
        require(
            not lacking,
            f"over {placement} no {', '.join(sorted(lacking))} can be made",
            f"{', '.join(MUST_HAVE)}",
            "a backend that was built without them",
        )


def test_barrier(placement: str, tmp_path: Path) -> None:
    """No rank leaves a barrier before the last one has come."""
    work = partial(collectives.arrive_late, folder=str(tmp_path))
    for rank, waited in enumerate(run_ranks(work, RankGroup(TWO, placement, tmp_path))):
        found = f"rank {rank} of {TWO} left a barrier {collectives.LATE_S} s before rank 1 came"
        require(waited, found, "it to wait", "a barrier that does nothing")


def test_buffers(placement: str, tmp_path: Path) -> None:
    """Ranks have the buffers of rank 0, in each pass if `broadcast_buffers` says so."""
    for rank, got in enumerate(
        run_ranks(buffers.share_buffers, RankGroup(TWO, placement, tmp_path))
    ):
        for when, wanted in buffers.wanted_buffers(rank).items():
            require(
                got[when] == wanted,
                f"rank {rank} of {TWO}, {when}: its buffer is {got[when]}",
                f"{wanted}",
                "buffers that are not sent to the other ranks, or sent when they should not be",
            )


def test_shared_norms(placement: str, tmp_path: Path) -> None:
    """SyncBatchNorm replaces every batch norm; on GPUs it has the statistics of all ranks."""
    faults = buffers.find_conversion_faults()
    cause = "a conversion that leaves layers out or changes them"
    require(not faults, "; ".join(faults), "all to be converted, and nothing else changed", cause)
    if placement == GLOO:  # it computes on GPUs alone
        return
    whole = buffers.train_whole_norms(TWO)
    group = RankGroup(TWO, placement, tmp_path)
    for rank, got in enumerate(run_ranks(buffers.train_shared_norms, group)):
        apart = {name: float((got[name] - whole[name]).abs().max()) for name in whole}
        name = max(apart, key=lambda each: apart[each])
        require(
            apart[name] <= SAME_NORMS,
            f"{name} of rank {rank} of {TWO} is off by {apart[name]:.1e} from that of one process",
            f"{SAME_NORMS:.0e}",
            "batch norms that do not share their statistics",
        )


def test_communication_hooks(tmp_path: Path) -> None:
    """Each hook of torch, also in its wrappers, gives the mean gradient, or what it is for."""
    cause = "a communication hook that sums, drops or keeps gradients, or forgets what it left out"
    _require_faultless(hooks.find_wrong_hooks, tmp_path, cause)


def test_parallel_trainings(tmp_path: Path) -> None:
    """Options of DDP, optimizers over ranks and uneven inputs: the weights of one process."""
    cause = "an option, an optimizer over ranks or a join that does not do what it is for"
    _require_faultless(optimizers.find_wrong_trainings, tmp_path, cause)


def test_sharded_models(tmp_path: Path) -> None:
    """Tensors, models and checkpoints in parts on each rank: the same as whole ones."""
    saved, to_save = str(tmp_path / "of one"), str(tmp_path / "of all")
    sharding.save_checkpoint(saved)
    cause = "parts that are cut, added up or put together in another way"
    work = partial(sharding.find_wrong_shards, saved=saved, to_save=to_save)
    _require_faultless(work, tmp_path, cause)
    wrong = work_off((partial(sharding.load_checkpoint, to_save),), 0, 1)["wrong"]
    require(not wrong, "; ".join(wrong), "the weights that ranks saved", cause)


def test_messages(tmp_path: Path) -> None:
    """Every way to reduce, gradients of collective calls, objects and groups, as defined."""
    cause = "a call that adds up, sends or differentiates something else than its definition"
    _require_faultless(messages.find_wrong_messages, tmp_path, cause)


def test_stores(tmp_path: Path) -> None:
    """The stores by which ranks meet keep, count, compare and wait."""
    cause = "a store that loses or invents values, or does not keep its limit"
    _require_faultless(stores.find_wrong_stores, tmp_path, cause)


def test_torchrun_exit_code(tmp_path: Path) -> None:
    """A script that fails in one rank makes torchrun fail, and one that does not makes it pass."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    for wanted in (0, FAILS_WITH):
        done = installed.run_command("torchrun", *TORCHRUN, str(script), str(wanted))
        ended = "0" if done.returncode == 0 else "another one"
        require(
            (done.returncode == 0) == (wanted == 0),
            f"torchrun ended with {done.returncode} after a rank that ended with {wanted}",
            "0" if wanted == 0 else "another code than 0",
            "a torchrun that does not pass on how its ranks ended" if ended == "0" else "it failed",
        )


@needs_gpus(TWO)
@reports("connections by *", "connections", required=False)
def test_nccl_transport(expected: Expected, tmp_path: Path, figure: Figures) -> None:
    """GPUs of one machine must talk by P2P or shared memory.

    Over sockets training is many times slower.
    """
    _require_two_gpus(expected)
    cause = (
        "P2P is off between these GPUs and /dev/shm is not shared or too small, or "
        "NCCL_*_DISABLE is set"
    )
    group = RankGroup(min(expected.gpu_count, max(WORLD_SIZES)), NCCL, tmp_path)
    _require_transport(group, ("P2P", "SHM"), cause, figure)


@needs_gpus(1)
@reports("connections by *", "connections", required=False)
def test_one_gpu_transport(expected: Expected, tmp_path: Path, figure: Figures) -> None:
    """Ranks that share a GPU must talk by NCCL's network transport.

    If they did not talk at all, the checks over `one-gpu-nccl` would prove nothing.
    """
    require_gpus(expected)
    cause = "NCCL_HOSTID or NCCL_SOCKET_IFNAME is not honoured by this NCCL"
    _require_transport(RankGroup(TWO, ONE_GPU_NCCL, tmp_path), ("NET",), cause, figure)


@reports("told_after", "s")
def test_dead_rank_surfaces(tmp_path: Path, figure: Figures) -> None:
    """A rank that dies is an error in the others at once, not a hang. Over gloo."""
    waiting, dead = run_to_exit(
        failures.let_rank_die, RankGroup(TWO, GLOO, tmp_path, FAILURE_LIMIT_S)
    )
    found = f"rank 1 left with exit code {dead.exit_code}"
    require(
        dead.exit_code == failures.EXIT_CODE,
        found,
        f"{failures.EXIT_CODE}",
        "it was held up or killed",
    )
    cause = "its collective call neither fails nor ends without its peer"
    _require_error_in_time(waiting, "rank 1 died", "", cause, figure)


@reports("told_after", "s")
def test_hung_rank_surfaces(tmp_path: Path, figure: Figures) -> None:
    """A rank that stays away is an error in the others after the group's timeout. Over gloo."""
    work = partial(failures.let_rank_hang, end_file=str(tmp_path / "end"))
    waiting, _ = run_to_exit(work, RankGroup(TWO, GLOO, tmp_path, FAILURE_LIMIT_S))
    cause = f"the timeout of {failures.TIMEOUT_S} s of the group is ignored"
    _require_error_in_time(waiting, "rank 1 hung", "Timed out", cause, figure)


def test_challenge(nonce: str, expected: Expected, answer: Answers, tmp_path: Path) -> None:
    """The gradients of a linear model, averaged over the ranks: exact in float64.

    Over NCCL too, if there is a GPU.
    """
    groups = [(GLOO, questions.RANKS)]
    if expected.gpu_count:
        groups += [(ONE_GPU_GLOO, questions.RANKS), (ONE_GPU_NCCL, questions.RANKS)]
        groups += [(NCCL, min(expected.gpu_count, questions.RANKS))]
    for placement, ranks in groups:
        work = partial(challenge.compute_averaged_gradient, nonce=nonce)
        for rank, gradient in enumerate(run_ranks(work, RankGroup(ranks, placement, tmp_path))):
            answer(f"gradient {placement} rank {rank} of {ranks}", gradient.flatten().tolist())


def _require_faultless(work: Work, folder: Path, cause: str) -> None:
    """Fail the check if one of two ranks over gloo found a result that is not as wanted."""
    for rank, found in enumerate(run_ranks(work, RankGroup(TWO, GLOO, folder))):
        wrong = found["wrong"]
        require(
            found["made"] and not wrong,
            f"{len(wrong)} of {found['made']} results of rank {rank} of {TWO} are wrong: "
            f"{'; '.join(wrong[:SHOWN])}",
            "those of one process",
            cause,
        )


def _require_transport(
    group: RankGroup, allowed: tuple[str, ...], cause: str, figure: Figures
) -> None:
    """Train in `group`, and fail the check unless NCCL connects all its ranks by `allowed`."""
    log = group.folder / "nccl.%p"
    environment = (
        ("NCCL_DEBUG", "INFO"),
        ("NCCL_DEBUG_SUBSYS", "INIT,P2P,SHM,NET"),
        ("NCCL_DEBUG_FILE", str(log)),
    )
    run_ranks(modes.train_plain, replace(group, environment=environment))
    files = [
        path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(group.folder.glob("nccl.*"))
    ]
    connections = nccl_debug.parse_connections("\n".join(files))
    for transport, count in nccl_debug.count_per_transport(connections).items():
        figure(f"connections by {transport}", count, "connections")
    problem = nccl_debug.find_connection_problem(connections, group.world_size, allowed)
    require(
        not problem,
        f"{problem} ({len(files)} debug files)",
        f"{' or '.join(allowed)} between all ranks",
        cause,
    )


def _require_error_in_time(
    waiting: processes.WorkProcessExit, why: str, words: str, cause: str, figure: Figures
) -> None:
    """Fail the check unless rank 0 had an error in time, with `words` in it."""
    figure("told_after", waiting.seconds, "s")
    outcome = (
        f"was told {waiting.result or 'nothing'!r}"
        if waiting.returned
        else waiting.raised or "still waited"
    )
    found = f"rank 0 of {TWO} {outcome} {waiting.seconds:.1f} s after the start, though {why}"
    require(
        waiting.returned and waiting.result and words in waiting.result,
        found,
        words or "an error",
        cause,
    )


def _check_gradients(
    work: Work, reference: ReferenceGradients, group: RankGroup, figure: Figures
) -> Sequence[Any]:
    """Compare every rank's gradients with the reference; return what the ranks returned."""
    ranks = run_ranks(work, group)
    for rank, result in enumerate(ranks):
        error = gradients.require_same(reference, result["gradients"], rank, group.world_size)
        figure(f"gradient_error rank {rank} of {group.world_size}", error, "relative")
    return ranks


def _require_scaled(rank: int, result: Any) -> None:
    scale = result["scales"][0]
    cause = "the GradScaler is disabled, and fp16 loses small gradients"
    require(
        scale > 1, f"rank {rank} of {TWO} scales its loss by {scale:.0f}", f"{amp.SCALE:.0f}", cause
    )
    after = [gradient * scale for gradient in result["gradients"][0]]
    off = _count_differences(result["before"][0], after)
    require(
        off == 0,
        f"{off} gradients of rank {rank} of {TWO} were not scaled before unscale_",
        "all by it",
        cause,
    )


def _require_two_gpus(expected: Expected) -> None:
    require_gpus(
        expected, TWO, else_reason=f"NCCL gradient sync not proven ({expected.gpu_count} GPU)"
    )


def _count_differences(wanted: Step, got: Step) -> int:
    return sum(int((one != other).sum()) for one, other in zip(wanted, got, strict=True))


def _whole_and_shares(reference: ReferenceGradients) -> tuple[Any, Any]:
    return reference.whole, reference.shares
