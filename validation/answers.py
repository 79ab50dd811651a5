"""Expected answers to the challenges of the suites, computed on the host by NumPy.

The questions are in `suites/contract/questions.py`. No image takes part.

They are exact, integers or integers divided by a power of two, but for the parts that name a
tolerance.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from validation.suites.contract import questions, words
from validation.suites.contract.expected import Expected
from validation.suites.contract.node_place import NODES
from validation.suites.contract.questions import (
    ACTIONS,
    COPIES,
    EPISODE,
    INPUTS,
    OUTPUTS,
    RANKS,
    ROWS_PER_RANK,
)

Value = int | float | str
ROUNDING = 1e-9
"""How far the float64 numbers of the suite `workloads` may be off.

Sums of up to 16 terms and five steps round by 1e-15 each, and libraries add in different orders.
"""

TRANSFORMED = 0.05
"""How far the convolution of `compute` may be off.

Its values are integers of some hundreds and exact, unless cuDNN takes an algorithm that transforms
first (Winograd, FFT): in float32 these are off by about 1e-5 of the largest.
"""


@dataclass(frozen=True)
class ExpectedAnswer:
    """The values of one part of a challenge, each of which may be off by `tolerance`."""

    values: tuple[Value, ...]
    tolerance: float = 0.0


def compute_answers(suite: str, nonce: str, expected: Expected) -> dict[str, ExpectedAnswer]:
    """Return the right answer to every part of the challenge of `suite`.

    Raises KeyError for an unknown suite.
    """
    return _OF_THE_SUITES[suite](nonce, expected)


def _answer_device(nonce: str, expected: Expected) -> dict[str, ExpectedAnswer]:
    devices = ("cpu", *(f"cuda:{index}" for index in range(expected.gpu_count)))
    return {
        f"matmul {device}": _exact_answer(_matrix_product(questions.draw_product(nonce, device)))
        for device in devices
    }


def _answer_libraries(nonce: str, _: Expected) -> dict[str, ExpectedAnswer]:
    question = questions.draw_product(nonce, "libraries")
    left, right = _draw_factors(question)
    changed = left.copy()
    changed[0] *= -1
    return {
        "numpy": _exact_answer(left @ right),
        "torch": _exact_answer(changed @ right),
        "memory": _exact_answer(changed[0]),
    }


def _answer_environment(nonce: str, expected: Expected) -> dict[str, ExpectedAnswer]:
    facts = (f"cpython {expected.python}", "linux", "little")
    authenticated = hmac.new(nonce.encode(), "\n".join(facts).encode(), hashlib.sha256).hexdigest()
    return {"facts": ExpectedAnswer(facts), "hmac": ExpectedAnswer((authenticated,))}


def _answer_dataloader(nonce: str, _: Expected) -> dict[str, ExpectedAnswer]:
    order = questions.draw_order(nonce)
    rows = np.array([questions.draw_sample(nonce, number) for number in order]).reshape(
        -1, questions.BATCH * questions.VALUES
    )
    return {
        "order": _exact_answer(order),
        "sums": _exact_answer(rows @ np.arange(1, rows.shape[1] + 1)),
    }


def _answer_ddp(nonce: str, expected: Expected) -> dict[str, ExpectedAnswer]:
    groups = [(words.GLOO, RANKS)]
    if expected.gpu_count:
        groups += [(words.ONE_GPU_GLOO, RANKS), (words.ONE_GPU_NCCL, RANKS)]
        groups += [(words.NCCL, min(RANKS, expected.gpu_count))]
    answers: dict[str, ExpectedAnswer] = {}
    for placement, ranks in groups:
        gradient = _average_gradient(nonce, ranks)
        for rank in range(ranks):
            answers[f"gradient {placement} rank {rank} of {ranks}"] = gradient
    return answers


def _average_gradient(nonce: str, ranks: int) -> ExpectedAnswer:
    question = questions.draw_regression(nonce, ranks)
    weights = np.array(question.weights, dtype=float).reshape(OUTPUTS, INPUTS)
    inputs = np.array(question.inputs, dtype=float).reshape(ranks * ROWS_PER_RANK, INPUTS)
    errors = inputs @ weights.T - np.array(question.targets, dtype=float).reshape(-1, OUTPUTS)
    # The ranks average their gradients and have equally many rows, so that each ends with the
    # gradient of the mean squared error over all rows.
    return _exact_answer(2 * errors.T @ inputs / errors.size)


def _answer_multinode(nonce: str, expected: Expected) -> dict[str, ExpectedAnswer]:
    """Return the answer of one rank on each node, which each node asks for its own nonce."""
    placements = [words.GLOO, *([words.NCCL] if expected.gpu_count else [])]
    return dict.fromkeys(
        (f"gradient {each}" for each in placements), _average_gradient(nonce, NODES)
    )


def _answer_compute(nonce: str, _: Expected) -> dict[str, ExpectedAnswer]:
    question = questions.draw_kernels(nonce)
    images, kernels = (
        np.array(question.images).reshape(questions.IMAGES),
        np.array(question.kernels).reshape(questions.KERNELS),
    )
    windows = np.lib.stride_tricks.sliding_window_view(images, questions.KERNELS[2:], axis=(2, 3))
    values = np.array(question.values)
    return {
        "conv2d": replace(
            _exact_answer(np.einsum("nchwij,ocij->nohw", windows, kernels)), tolerance=TRANSFORMED
        ),
        "sort": _exact_answer(np.argsort(values, kind="stable")),
        "cumsum": _exact_answer(np.cumsum(values)),
    }


def _answer_workloads(nonce: str, _: Expected) -> dict[str, ExpectedAnswer]:
    """Return the answers of the same network, with its gradients written out."""
    question = questions.draw_learning(nonce)
    first = np.array(question.first).reshape(questions.HIDDEN, questions.FEATURES) / questions.SCALE
    second = np.array(question.second).reshape(1, questions.HIDDEN) / questions.SCALE
    inputs = (
        np.array(question.inputs).reshape(questions.EXAMPLES, questions.FEATURES) / questions.SCALE
    )
    targets = np.array(question.targets).reshape(questions.EXAMPLES, 1) / questions.SCALE
    weights, losses = [first, second], []
    moved = [np.zeros_like(first), np.zeros_like(second)]
    for _step in range(questions.STEPS):
        hidden = np.tanh(inputs @ weights[0].T)
        errors = hidden @ weights[1].T - targets
        losses.append(float((errors**2).mean()))
        slopes = 2 * errors / len(errors)
        gradients = [(slopes @ weights[1] * (1 - hidden**2)).T @ inputs, slopes.T @ hidden]
        moved = [questions.MOMENTUM * old + new for old, new in zip(moved, gradients, strict=True)]
        weights = [old - questions.RATE * step for old, step in zip(weights, moved, strict=True)]
    ended = np.concatenate([each.ravel() for each in weights])
    return {"losses": _near_answer(losses), "weights": _near_answer(ended)}


def _answer_throughput(nonce: str, _: Expected) -> dict[str, ExpectedAnswer]:
    questions_by_name = {
        name: questions.draw_product(nonce, name, questions.NARROW, limit=1)
        for name in ("fp32", "amp")
    }
    return {
        f"matmul {name}": _exact_answer(_matrix_product(each))
        for name, each in questions_by_name.items()
    }


def _answer_cv(nonce: str, _: Expected) -> dict[str, ExpectedAnswer]:
    picture = np.array(questions.draw_picture(nonce)).reshape(questions.PICTURE)
    rows = slice(questions.TOP, questions.TOP + questions.HEIGHT)
    columns = slice(questions.LEFT, questions.LEFT + questions.WIDTH)
    border = (questions.BORDER, questions.BORDER)
    framed = np.pad(picture[rows, columns][:, ::-1], (border, border, (0, 0)), mode="reflect")
    swapped = _exact_answer(framed[..., ::-1])
    return {"opencv": swapped, "torchvision": swapped}


def _answer_nlp(nonce: str, _: Expected) -> dict[str, ExpectedAnswer]:
    question = questions.draw_reading(nonce)
    return {
        "wordpiece": ExpectedAnswer(
            tuple(
                number
                for word in question.words
                for number in _split_word(word, question.vocabulary)
            )
        )
    }


def _split_word(word: str, vocabulary: dict[str, int]) -> list[int]:
    """Return the longest piece first, then the longest of the rest, marked by `##`.

    It is UNKNOWN if a rest is unknown.
    """
    found: list[int] = []
    start = 0
    while start < len(word):
        marked = "##" if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if f"{marked}{word[start:end]}" in vocabulary), None)
        if end is None:
            return [vocabulary[questions.UNKNOWN]]
        found.append(vocabulary[f"{marked}{word[start:end]}"])
        start = end
    return found


def _answer_rl(nonce: str, _: Expected) -> dict[str, ExpectedAnswer]:
    question = questions.draw_world(nonce)
    now, states, rewards = [0] * COPIES, [0] * COPIES, []
    for number, action in enumerate(question.moves):
        at = now[number % COPIES] * ACTIONS + action
        rewards.append(question.reward[at])
        ended = (number // COPIES + 1) % EPISODE == 0  # the next episode begins at once
        now[number % COPIES] = 0 if ended else question.target[at]
        states.append(now[number % COPIES])
    return {"states": _exact_answer(states), "rewards": _exact_answer(rewards)}


def _answer_product(topic: str, nonce: str, _: Expected) -> dict[str, ExpectedAnswer]:
    """Return the answer of the suites whose question is one product of matrices."""
    return {"product": _exact_answer(_matrix_product(questions.draw_product(nonce, topic)))}


_OF_THE_SUITES: dict[str, Callable[[str, Expected], dict[str, ExpectedAnswer]]] = {
    "device": _answer_device,
    "libraries": _answer_libraries,
    "environment": _answer_environment,
    "guest": partial(_answer_product, "guest"),
    "start": partial(_answer_product, "start"),
    "state": partial(_answer_product, "state"),
    "dataloader": _answer_dataloader,
    "ddp": _answer_ddp,
    "multinode": _answer_multinode,
    "compute": _answer_compute,
    "cost": partial(_answer_product, "cost"),
    "references": partial(_answer_product, "references"),
    "recorded": partial(_answer_product, "recorded"),
    "workloads": _answer_workloads,
    "throughput": _answer_throughput,
    "cv": _answer_cv,
    "nlp": _answer_nlp,
    "rl": _answer_rl,
    "cli": partial(_answer_product, "cli"),
    "jupyter": partial(_answer_product, "jupyter"),
    "serving": partial(_answer_product, "serving"),
    "devel": partial(_answer_product, "devel"),
    "ssh": partial(_answer_product, "ssh"),
}


def _draw_factors(question: questions.ProductQuestion) -> tuple[Any, Any]:
    return np.array(question.left).reshape(-1, question.inner), np.array(question.right).reshape(
        question.inner, -1
    )


def _matrix_product(question: questions.ProductQuestion) -> Any:  # noqa: ANN401 - numpy's types are not checked here
    left, right = _draw_factors(question)
    return left @ right


def _exact_answer(values: Sequence[Value] | Any) -> ExpectedAnswer:  # noqa: ANN401 - arrays of NumPy or torch, which is only in the images
    return ExpectedAnswer(tuple(np.asarray(values).ravel().tolist()))


def _near_answer(values: Any) -> ExpectedAnswer:  # noqa: ANN401 - arrays of NumPy or torch, which is only in the images
    return replace(_exact_answer(values), tolerance=ROUNDING)
