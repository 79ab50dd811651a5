"""Typical uses of these images: online learning and a recommender.

The learning survives a kill, and ranks train the recommender.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from .. import checkpoints, fresh_process
from ..conftest import Answers, Figures
from ..contract import questions
from ..contract.expected import Expected
from ..declared import reports
from ..one_thread import one_thread
from ..outcome import require
from ..ranks import RankGroup, run_ranks
from ..training import copy_parameters, require_fall, require_trained
from . import learning_process, online_learning, recommender
from .online_learning import EVERY, SAMPLES, LearningUpdate, OnlineLearner

AREA = "area under the curve"
GPU_LIMIT = 1e-4
"""Largest difference of weights allowed on a GPU.

Its library may choose other kernels in another process.
"""

AVERAGE_LIMIT = 1e-5
"""Largest difference allowed of averages from those in float64, relative to the largest weight.

fp32 rounds by 2**-24 twice an update. Each rounding fades with the decay, so that the last 50
count.
"""


CLIPPING_LIMIT = 1e-4
"""Largest relative error of lengths after clipping.

torch adds 1e-6 to the norm it divides by, and fp32 rounds.
"""


@dataclass(frozen=True)
class LearnedStream:
    """The whole stream learned in one process.

    It has each update, and the weights as one vector after each of them.
    """

    updates: list[LearningUpdate]
    before: list[Any]
    weights: list[Any]
    learner: OnlineLearner


@pytest.fixture(scope="module")
def stream(expected: Expected) -> LearnedStream:
    """Learn once for all checks, in one thread, as the processes do that it is compared with."""
    learner = OnlineLearner(expected.device)
    before, updates, weights = copy_parameters(learner.list_weights()), [], []
    with one_thread():
        for _ in range(SAMPLES):
            updates.append(learner.learn_next())
            weights.append(_flatten_parameters(learner.list_weights()))
    return LearnedStream(updates, before, weights, learner)


@reports("update_p50", "ms")
@reports("update_p99", "ms")
def test_online_learning(stream: LearnedStream, figure: Figures) -> None:
    """Sample by sample the loss falls; how long an update takes is what a team has to plan with."""
    seconds = [update.seconds for update in stream.updates]
    figure("update_p50", 1e3 * statistics.median(seconds), "ms")
    figure("update_p99", 1e3 * statistics.quantiles(seconds, n=100)[-1], "ms")
    losses = [
        update.loss
        for number, update in enumerate(stream.updates)
        if not online_learning.is_outlier(number)
    ]
    require_trained(stream.before, stream.learner.list_weights(), losses)
    require_fall(losses, factor=0.5, window=50)


def test_gradient_clipping(stream: LearnedStream) -> None:
    """No gradient is longer than the limit after clipping, and shorter ones are unchanged.

    Outliers in the stream have gradients that must be clipped.
    """
    limit, updates = online_learning.CLIP, stream.updates
    outliers, longer = (
        SAMPLES // online_learning.OUTLIERS,
        sum(update.norm > limit for update in updates),
    )
    require(
        longer >= outliers,
        f"{longer} of {SAMPLES} gradients were longer than {limit}",
        f"those of {outliers} outliers at least",
        "norms that are not those of the gradients",
    )
    off = max(abs(update.clipped_norm / min(update.norm, limit) - 1) for update in updates)
    longest = max(update.clipped_norm for update in updates)
    require(
        off < CLIPPING_LIMIT,
        f"clipping left a length off by {off:.1e}, the longest gradient is {longest:.3f} long",
        f"none longer than {limit}, and the others as they were",
        "a clip_grad_norm_ that does not clip, or that changes gradients below its limit",
    )


def test_averaged_weights(stream: LearnedStream) -> None:
    """The moving average follows its definition: here it is computed again in float64."""
    moved = float((stream.weights[-1] - stream.weights[0]).abs().max())
    require(
        moved > 0,
        "the weights never moved",
        "weights to average",
        "an optimizer that takes no step",
    )
    wanted = stream.weights[0].double()  # the first update copies
    for weights in stream.weights[1:]:
        wanted = online_learning.DECAY * wanted + (1 - online_learning.DECAY) * weights.double()
    error = float(
        (_flatten_parameters(stream.learner.list_averages()) - wanted).abs().max()
        / wanted.abs().max()
    )
    require(
        error <= AVERAGE_LIMIT,
        f"the averaged weights are off by {error:.1e} of the largest",
        f"at most {AVERAGE_LIMIT:.0e}",
        "averaged weights that are not updated, or not with the decay asked for",
    )


def test_killed_learning_resumes(stream: LearnedStream, expected: Expected, tmp_path: Path) -> None:
    """Learning that was killed while it wrote a checkpoint resumes from the whole one before it.

    It sees each sample once.
    """
    kept = learning_process.kill_half_way(tmp_path, expected.device)
    last_whole = learning_process.KILLED_AT - EVERY
    require(
        kept["position"] == last_whole,
        f"the killed process left a checkpoint of sample {kept['position']}",
        f"one of sample {last_whole}, the last that was written whole",
        "a rename that shows half a file, or a position that is not the one saved",
    )
    resumed = learning_process.resume_learning(tmp_path, expected.device)
    still = [
        name for name in kept["model"] if torch.equal(kept["model"][name], resumed["model"][name])
    ]
    require(
        not still,
        f"`{', '.join(still)}` did not change after the restart",
        "all to change",
        "learning that is none",
    )
    _require_each_sample_once(resumed["seen"])
    _require_same(resumed, stream.learner.capture_state(), expected.device)


def _require_each_sample_once(seen: Any) -> None:
    wrong = [
        f"sample {number} {int(seen[number])} times"
        for number in torch.nonzero(seen != 1).flatten().tolist()
    ]
    require(
        not wrong,
        f"the resumed learning saw {', '.join(wrong[:3])}{' and others' if len(wrong) > 3 else ''}",
        f"each of {SAMPLES} samples once",
        "a position in the stream that does not belong to the weights it is saved with",
    )


def _require_same(resumed: dict[str, Any], whole: dict[str, Any], device: str) -> None:
    """Fail the check if the states differ: to the last bit on a CPU."""
    differ = list(checkpoints.find_differences(resumed, whole))
    pairs = [
        (resumed[part][name].cpu().double(), whole[part][name].cpu().double())
        for part in ("model", "average")
        for name in whole[part]
    ]
    apart = max(float((mine - its).abs().max() / its.abs().max()) for mine, its in pairs)
    require(
        not differ or (device == "cuda" and apart <= GPU_LIMIT),
        (
            f"{len(differ)} parts of the resumed learning differ ({', '.join(differ[:2])}), "
            f"weights by {apart:.1e}"
        ),
        "what an uninterrupted one ends with",
        "a part of the state that is not saved, or not loaded",
    )


@pytest.fixture(scope="module")
def ranks(
    expected: Expected, tmp_path_factory: pytest.TempPathFactory
) -> list[list[dict[str, Any]]]:
    """Return the results of the ranks of each group.

    There are two ranks on GPUs; with fewer GPUs, two on the CPU and one on a GPU if there is one.
    """
    sizes = (
        [("nccl", 2)]
        if expected.gpu_count > 1
        else [("gloo", 2), ("nccl", 1)][: 1 + expected.gpu_count]
    )
    groups = [
        RankGroup(size, placement, tmp_path_factory.mktemp(placement)) for placement, size in sizes
    ]
    return [run_ranks(recommender.train_rank, group) for group in groups]


@reports("auc cpu", AREA, device="cpu")
@reports("auc cuda", AREA, device="cuda")
@reports("auc cpu", AREA, device="cuda", required=False)
def test_recommender(
    ranks: list[list[dict[str, Any]]], expected: Expected, figure: Figures
) -> None:
    """Ranks that share the clicks end with the same weights.

    The weights predict the clicks of pairs that no rank has seen.
    """
    for group in ranks:
        _require_low_precision(group)
        _require_in_step(group)
        users, items, clicks = recommender.draw_held_out(expected.device)
        with torch.inference_mode():
            trained = recommender.build_trained(group[0]["weights"], expected.device)
            auc = recommender.compute_area_under_curve(trained(users, items), clicks)
        figure(f"auc {group[0]['device']}", auc, AREA)
        require(
            auc >= recommender.MIN_AUC,
            f"held-out pairs are ranked with an area under the curve of {auc:.3f}",
            f"at least {recommender.MIN_AUC}; chance gives 0.5",
            "embeddings or a network that were not trained",
        )


def _require_low_precision(group: list[dict[str, Any]]) -> None:
    for number, rank in enumerate(group):
        wanted = [str(recommender.autocast_type(rank["device"]))]
        require(
            rank["activations"] == wanted,
            f"the layers of rank {number} gave {' and '.join(rank['activations'])} under autocast",
            wanted[0],
            "autocast that does not cast: mixed precision which is none",
        )


def _require_in_step(group: list[dict[str, Any]]) -> None:
    """Fail the check if the ranks of a group have different weights.

    One rank alone always passes.
    """
    for number, rank in enumerate(group):
        differ = list(checkpoints.find_differences(rank["weights"], group[0]["weights"]))
        require(
            not differ,
            f"rank {number} ended with other weights than rank 0, `{', '.join(differ)}`",
            "the same to the last bit",
            "ranks that begin with other weights, or gradients that are not exchanged",
        )


def test_recommender_export(
    ranks: list[list[dict[str, Any]]], expected: Expected, tmp_path: Path
) -> None:
    """The exported network gives the same scores in a process that does not know its class."""
    model = recommender.build_trained(ranks[-1][0]["weights"], expected.device)
    inputs = recommender.draw_held_out(expected.device)[:2]
    with torch.inference_mode():
        wanted = model(*inputs)
    recommender.export_network(model, tmp_path)
    got = fresh_process.compute_scores(tmp_path, expected.device, (recommender.EXPORT,), inputs)[
        recommender.EXPORT
    ]
    error = fresh_process.relative_difference(got, wanted)
    require(
        error <= fresh_process.LIMIT,
        f"the exported recommender's scores are off by {error:.1e} of the largest",
        f"at most {fresh_process.LIMIT:.0e}",
        "an export that rounds or loses weights",
    )


def test_challenge(nonce: str, expected: Expected, answer: Answers) -> None:
    """Some steps of SGD with momentum in float64, by a small network.

    The answer is its losses and its last weights.
    """
    question = questions.draw_learning(nonce)
    first, second, inputs, targets = (
        torch.tensor(values, dtype=torch.float64, device=expected.device).reshape(shape)
        / questions.SCALE
        for values, shape in (
            (question.first, (questions.HIDDEN, questions.FEATURES)),
            (question.second, (1, questions.HIDDEN)),
            (question.inputs, (questions.EXAMPLES, questions.FEATURES)),
            (question.targets, (questions.EXAMPLES, 1)),
        )
    )
    weights = [first.requires_grad_(), second.requires_grad_()]
    optimizer = torch.optim.SGD(weights, lr=questions.RATE, momentum=questions.MOMENTUM)
    losses = []
    for _ in range(questions.STEPS):
        optimizer.zero_grad()
        hidden = torch.tanh(torch.nn.functional.linear(inputs, first))
        loss = torch.nn.functional.mse_loss(torch.nn.functional.linear(hidden, second), targets)
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    answer("losses", losses)
    answer("weights", _flatten_parameters(weights).tolist())


def _flatten_parameters(parameters: list[Any]) -> Any:
    return torch.cat([parameter.detach().flatten() for parameter in parameters])
