"""The questions of the challenges: numbers that follow from the nonce of a run.

No image can know them before. They are computed inside the image and on the host, with the standard
library only. Every number is a small integer: products and sums of them are exact in every
precision that is used, so the answers can be compared digit by digit.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

ROWS, INNER, COLUMNS = 16, 256, 16
LIMIT = 8
"""With 256 products of numbers up to 8 a sum stays below 2**15: exact in float32, and the factors
are exact in TF32.
"""

NARROW = 64
"""With 64 products of -1, 0 and 1 a sum is exact in bfloat16 (integers up to 2**8) and in float16
(up to 2**11).
"""


def draw_integers(nonce: str, topic: str, count: int, limit: int = LIMIT) -> list[int]:
    """Return `count` integers from -limit to limit.

    Each topic has its own; they come from SHAKE-256.
    """
    return [word % (2 * limit + 1) - limit for word in _draw_words(nonce, topic, count)]


def draw_permutation(nonce: str, topic: str, count: int) -> list[int]:
    """Return the integers below `count` in an order that follows from the nonce."""
    drawn = _draw_words(nonce, topic, count)
    return sorted(range(count), key=lambda number: (drawn[number], number))


def draw_texts(nonce: str, topic: str, count: int, length: int) -> list[str]:
    """Return `count` different texts of `length` lower-case letters.

    `count` must be far below 16**length.
    """
    found: dict[str, None] = {}
    stream = hashlib.shake_256(f"{nonce} {topic}".encode()).hexdigest(2 * count * length)
    letters = stream.translate(str.maketrans("0123456789abcdef", "abcdefghijklmnop"))
    for start in range(0, len(letters), length):
        found[letters[start : start + length]] = None
    return list(found)[:count]


def _draw_words(nonce: str, topic: str, count: int) -> tuple[int, ...]:
    stream = hashlib.shake_256(f"{nonce} {topic}".encode()).digest(4 * count)
    return struct.unpack(f"<{count}I", stream)


@dataclass(frozen=True)
class ProductQuestion:
    """Two matrices to be multiplied, row by row: (ROWS, inner) and (inner, COLUMNS)."""

    inner: int
    left: list[int]
    right: list[int]


def draw_product(nonce: str, topic: str, inner: int = INNER, limit: int = LIMIT) -> ProductQuestion:
    """Return the question of a matrix product."""
    left = draw_integers(nonce, f"{topic} left", ROWS * inner, limit)
    return ProductQuestion(
        inner, left, draw_integers(nonce, f"{topic} right", inner * COLUMNS, limit)
    )


IMAGES = (2, 4, 10, 10)
KERNELS = (6, 4, 3, 3)
SORTED = 512


@dataclass(frozen=True)
class KernelQuestion:
    """The question of `compute`: a convolution, a sort and a running sum.

    `images` (IMAGES) are convolved with `kernels` (KERNELS) without padding; `values` are sorted
    and summed.
    """

    images: list[int]
    kernels: list[int]
    values: list[int]


def draw_kernels(nonce: str) -> KernelQuestion:
    """Return the question of the suite `compute`."""
    return KernelQuestion(
        images=draw_integers(nonce, "images", IMAGES[0] * IMAGES[1] * IMAGES[2] * IMAGES[3]),
        kernels=draw_integers(nonce, "kernels", KERNELS[0] * KERNELS[1] * KERNELS[2] * KERNELS[3]),
        values=draw_integers(nonce, "values", SORTED, limit=1000),
    )


SAMPLES, VALUES, BATCH, WORKERS = 64, 256, 4, 2


def draw_sample(nonce: str, number: int) -> list[int]:
    """Return the values of one sample of the suite `dataloader`."""
    return draw_integers(nonce, f"sample {number}", VALUES, limit=1000)


def draw_order(nonce: str) -> list[int]:
    """Return the order in which the samples of the suite `dataloader` must be delivered."""
    return draw_permutation(nonce, "order", SAMPLES)


RANKS = 2
INPUTS, OUTPUTS, ROWS_PER_RANK = 8, 4, 8
"""Powers of two, because a mean divides by them: so it stays exact."""


@dataclass(frozen=True)
class RegressionQuestion:
    """The question of `ddp`: a linear model without bias.

    `weights` is (OUTPUTS, INPUTS); rank N has the N-th part of the rows.
    """

    weights: list[int]
    inputs: list[int]
    targets: list[int]


def draw_regression(nonce: str, ranks: int) -> RegressionQuestion:
    """Return the question of the suite `ddp` for as many ranks."""
    rows = ranks * ROWS_PER_RANK
    return RegressionQuestion(
        weights=draw_integers(nonce, "weights", OUTPUTS * INPUTS),
        inputs=draw_integers(nonce, f"inputs of {ranks}", rows * INPUTS),
        targets=draw_integers(nonce, f"targets of {ranks}", rows * OUTPUTS),
    )


FEATURES, HIDDEN, EXAMPLES, STEPS = 6, 5, 16, 5
RATE, MOMENTUM = 0.05, 0.5
SCALE = 16
"""The integers are divided by it, so that tanh is not saturated."""


@dataclass(frozen=True)
class LearningQuestion:
    """The question of `workloads`: a network with tanh learns `targets` from `inputs`.

    Its weights are `first` (HIDDEN, FEATURES) and `second` (1, HIDDEN).
    """

    first: list[int]
    second: list[int]
    inputs: list[int]
    targets: list[int]


def draw_learning(nonce: str) -> LearningQuestion:
    """Return the question of the suite `workloads`."""
    return LearningQuestion(
        first=draw_integers(nonce, "first", HIDDEN * FEATURES),
        second=draw_integers(nonce, "second", HIDDEN),
        inputs=draw_integers(nonce, "inputs", EXAMPLES * FEATURES),
        targets=draw_integers(nonce, "targets", EXAMPLES),
    )


PICTURE = (10, 14, 3)
TOP, LEFT, HEIGHT, WIDTH, BORDER = 2, 3, 6, 8, 1


def draw_picture(nonce: str) -> list[int]:
    """Return the bytes of a picture of the shape PICTURE, for the suite `cv`."""
    size = PICTURE[0] * PICTURE[1] * PICTURE[2]
    return [word % 256 for word in _draw_words(nonce, "picture", size)]


UNKNOWN = "[UNK]"
PIECES, LENGTH, WORDS = 64, 4, 48


@dataclass(frozen=True)
class ReadingQuestion:
    """The question of `nlp`: a `vocabulary` of WordPiece (text to number), and `words` to read."""

    vocabulary: dict[str, int]
    words: list[str]


def draw_reading(nonce: str) -> ReadingQuestion:
    """Return the question of the suite `nlp`.

    Every piece may begin a word or continue one; a few words are unknown.
    """
    pieces = draw_texts(nonce, "pieces", PIECES, LENGTH)
    numbers = draw_permutation(nonce, "numbers", 2 * PIECES + 1)
    entries = [UNKNOWN, *pieces, *(f"##{piece}" for piece in pieces)]
    chosen = [number % PIECES for number in _draw_words(nonce, "chosen", 3 * WORDS)]
    words = [
        pieces[chosen[at]] + pieces[chosen[at + 1]] * (chosen[at + 2] % 3)
        for at in range(0, 3 * WORDS, 3)
    ]
    return ReadingQuestion(dict(zip(entries, numbers, strict=True)), [*words, pieces[0] + "zz"])


STATES, ACTIONS, MOVES, EPISODE = 32, 4, 96, 10
COPIES = 2


@dataclass(frozen=True)
class WorldQuestion:
    """The question of `rl`: a table of transitions and rewards, and the actions to take.

    `target[state * ACTIONS + action]` is the next state, `reward[state * ACTIONS + action]` its
    reward. `moves` are the actions of COPIES environments in turn. Every episode begins in state 0
    and has EPISODE moves.
    """

    target: list[int]
    reward: list[int]
    moves: list[int]


def draw_world(nonce: str) -> WorldQuestion:
    """Return the question of the suite `rl`."""
    return WorldQuestion(
        target=[word % STATES for word in _draw_words(nonce, "target", STATES * ACTIONS)],
        reward=draw_integers(nonce, "reward", STATES * ACTIONS),
        moves=[word % ACTIONS for word in _draw_words(nonce, "moves", MOVES)],
    )
