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


def integers(nonce: str, topic: str, count: int, limit: int = LIMIT) -> list[int]:
    """Return `count` integers from -limit to limit.

    Each topic has its own; they come from SHAKE-256.
    """
    return [word % (2 * limit + 1) - limit for word in _words(nonce, topic, count)]


def permutation(nonce: str, topic: str, count: int) -> list[int]:
    """Return the integers below `count` in an order that follows from the nonce."""
    drawn = _words(nonce, topic, count)
    return sorted(range(count), key=lambda number: (drawn[number], number))


def texts(nonce: str, topic: str, count: int, length: int) -> list[str]:
    """Return `count` different texts of `length` lower-case letters.

    `count` must be far below 16**length.
    """
    found: dict[str, None] = {}
    stream = hashlib.shake_256(f"{nonce} {topic}".encode()).hexdigest(2 * count * length)
    letters = stream.translate(str.maketrans("0123456789abcdef", "abcdefghijklmnop"))
    for start in range(0, len(letters), length):
        found[letters[start : start + length]] = None
    return list(found)[:count]


def _words(nonce: str, topic: str, count: int) -> tuple[int, ...]:
    stream = hashlib.shake_256(f"{nonce} {topic}".encode()).digest(4 * count)
    return struct.unpack(f"<{count}I", stream)


@dataclass(frozen=True)
class Product:
    """Two matrices to be multiplied, row by row: (ROWS, inner) and (inner, COLUMNS)."""

    inner: int
    left: list[int]
    right: list[int]


def product(nonce: str, topic: str, inner: int = INNER, limit: int = LIMIT) -> Product:
    """Return the question of a matrix product."""
    left = integers(nonce, f"{topic} left", ROWS * inner, limit)
    return Product(inner, left, integers(nonce, f"{topic} right", inner * COLUMNS, limit))


IMAGES = (2, 4, 10, 10)
KERNELS = (6, 4, 3, 3)
SORTED = 512


@dataclass(frozen=True)
class Kernels:
    """The question of `compute`: a convolution, a sort and a running sum.

    `images` (IMAGES) are convolved with `kernels` (KERNELS) without padding; `values` are sorted
    and summed.
    """

    images: list[int]
    kernels: list[int]
    values: list[int]


def kernels(nonce: str) -> Kernels:
    """Return the question of the suite `compute`."""
    return Kernels(
        images=integers(nonce, "images", IMAGES[0] * IMAGES[1] * IMAGES[2] * IMAGES[3]),
        kernels=integers(nonce, "kernels", KERNELS[0] * KERNELS[1] * KERNELS[2] * KERNELS[3]),
        values=integers(nonce, "values", SORTED, limit=1000),
    )


SAMPLES, VALUES, BATCH, WORKERS = 64, 256, 4, 2


def sample(nonce: str, number: int) -> list[int]:
    """Return the values of one sample of the suite `dataloader`."""
    return integers(nonce, f"sample {number}", VALUES, limit=1000)


def order(nonce: str) -> list[int]:
    """Return the order in which the samples of the suite `dataloader` must be delivered."""
    return permutation(nonce, "order", SAMPLES)


RANKS = 2
INPUTS, OUTPUTS, ROWS_PER_RANK = 8, 4, 8
"""Powers of two, because a mean divides by them: so it stays exact."""


@dataclass(frozen=True)
class Regression:
    """The question of `ddp`: a linear model without bias.

    `weights` is (OUTPUTS, INPUTS); rank N has the N-th part of the rows.
    """

    weights: list[int]
    inputs: list[int]
    targets: list[int]


def regression(nonce: str, ranks: int) -> Regression:
    """Return the question of the suite `ddp` for as many ranks."""
    rows = ranks * ROWS_PER_RANK
    return Regression(
        weights=integers(nonce, "weights", OUTPUTS * INPUTS),
        inputs=integers(nonce, f"inputs of {ranks}", rows * INPUTS),
        targets=integers(nonce, f"targets of {ranks}", rows * OUTPUTS),
    )


FEATURES, HIDDEN, EXAMPLES, STEPS = 6, 5, 16, 5
RATE, MOMENTUM = 0.05, 0.5
SCALE = 16
"""The integers are divided by it, so that tanh is not saturated."""


@dataclass(frozen=True)
class Learning:
    """The question of `workloads`: a network with tanh learns `targets` from `inputs`.

    Its weights are `first` (HIDDEN, FEATURES) and `second` (1, HIDDEN).
    """

    first: list[int]
    second: list[int]
    inputs: list[int]
    targets: list[int]


def learning(nonce: str) -> Learning:
    """Return the question of the suite `workloads`."""
    return Learning(
        first=integers(nonce, "first", HIDDEN * FEATURES),
        second=integers(nonce, "second", HIDDEN),
        inputs=integers(nonce, "inputs", EXAMPLES * FEATURES),
        targets=integers(nonce, "targets", EXAMPLES),
    )


PICTURE = (10, 14, 3)
TOP, LEFT, HEIGHT, WIDTH, BORDER = 2, 3, 6, 8, 1


def picture(nonce: str) -> list[int]:
    """Return the bytes of a picture of the shape PICTURE, for the suite `cv`."""
    size = PICTURE[0] * PICTURE[1] * PICTURE[2]
    return [word % 256 for word in _words(nonce, "picture", size)]


UNKNOWN = "[UNK]"
PIECES, LENGTH, WORDS = 64, 4, 48


@dataclass(frozen=True)
class Reading:
    """The question of `nlp`: a `vocabulary` of WordPiece (text to number), and `words` to read."""

    vocabulary: dict[str, int]
    words: list[str]


def reading(nonce: str) -> Reading:
    """Return the question of the suite `nlp`.

    Every piece may begin a word or continue one; a few words are unknown.
    """
    pieces = texts(nonce, "pieces", PIECES, LENGTH)
    numbers = permutation(nonce, "numbers", 2 * PIECES + 1)
    entries = [UNKNOWN, *pieces, *(f"##{piece}" for piece in pieces)]
    chosen = [number % PIECES for number in _words(nonce, "chosen", 3 * WORDS)]
    words = [
        pieces[chosen[at]] + pieces[chosen[at + 1]] * (chosen[at + 2] % 3)
        for at in range(0, 3 * WORDS, 3)
    ]
    return Reading(dict(zip(entries, numbers, strict=True)), [*words, pieces[0] + "zz"])


STATES, ACTIONS, MOVES, EPISODE = 32, 4, 96, 10
COPIES = 2


@dataclass(frozen=True)
class World:
    """The question of `rl`: a table of transitions and rewards, and the actions to take.

    `target[state * ACTIONS + action]` is the next state, `reward[state * ACTIONS + action]` its
    reward. `moves` are the actions of COPIES environments in turn. Every episode begins in state 0
    and has EPISODE moves.
    """

    target: list[int]
    reward: list[int]
    moves: list[int]


def world(nonce: str) -> World:
    """Return the question of the suite `rl`."""
    return World(
        target=[word % STATES for word in _words(nonce, "target", STATES * ACTIONS)],
        reward=integers(nonce, "reward", STATES * ACTIONS),
        moves=[word % ACTIONS for word in _words(nonce, "moves", MOVES)],
    )
