"""The same training twice: in one process on the whole batch, and in ranks on a share each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..outcome import require

STEPS = 3
BATCH = 64
LIMIT = 1e-12
"""Largest gradient difference allowed, relative to the largest reference gradient: fp64 rounding
leaves about 1e-15.
"""

_TELLING = 1e-6
"""Smaller differences, relative to the largest gradient, do not count in a diagnosis."""

Step = list[Any]
"""The gradient or the value of every parameter, in the model's order."""


@dataclass(frozen=True)
class ReferenceGradients:
    """The gradients that one process computes.

    `whole[step]` is the gradient of the whole batch, which every rank must have.
    `shares[step][rank]` is that of the rank's share alone, at the same weights: a rank without its
    peers has that one.
    """

    whole: list[Step]
    shares: list[list[Step]]


def compute_reference(
    world_size: int, make: Callable[[int], Any] | None = None
) -> ReferenceGradients:
    """Train the model of `make` (default: the MLP) on the whole batch, with rank 0's weights."""
    model = (make or build_mlp)(0)
    inputs, targets = draw_batch()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    result = ReferenceGradients([], [])
    for _ in range(STEPS):
        result.shares.append(
            [_compute_gradient(model, *take_share(rank, world_size)) for rank in range(world_size)]
        )
        result.whole.append(_compute_gradient(model, inputs, targets))
        optimizer.step()
    return result


def train_steps(model: Any, inputs: Any, targets: Any) -> list[Step]:
    """Train a model and return the gradients of every step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    steps = []
    for _ in range(STEPS):
        steps.append(_compute_gradient(model, inputs, targets))
        optimizer.step()
    return steps


def train_weights(
    model: Any, batch: tuple[Any, Any], optimizer: Any = None, steps: int = STEPS
) -> Step:
    """Train a model, by SGD with momentum if there is no other optimizer; return its weights."""
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    for _ in range(steps):
        model.zero_grad()
        torch.nn.functional.mse_loss(model(batch[0]), batch[1]).backward()
        optimizer.step()
    return copy_weights(model)


def build_mlp(rank: int) -> Any:
    """Return an fp64 MLP of six parameters, with other weights on every rank.

    DistributedDataParallel has to replace them by those of rank 0.
    """
    layers = (
        torch.nn.Linear(32, 64),
        torch.nn.Tanh(),
        torch.nn.Linear(64, 64),
        torch.nn.Tanh(),
        torch.nn.Linear(64, 8),
    )
    return fill_weights(torch.nn.Sequential(*layers).double(), rank)


def fill_weights(model: Any, seed: int) -> Any:
    """Return `model` with weights that depend on `seed` alone, not on torch's global generator."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(
                torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 8
            )
    return model


def draw_batch() -> tuple[Any, Any]:
    """Return the whole batch: (BATCH, 32) and (BATCH, 8), fp64."""
    generator = torch.Generator().manual_seed(7)
    inputs = torch.randn(BATCH, 32, generator=generator, dtype=torch.float64)
    targets = torch.randn(BATCH, 8, generator=generator, dtype=torch.float64)
    return inputs, targets


def take_share(rank: int, world_size: int) -> tuple[Any, Any]:
    """Return every `world_size`-th sample, from that of `rank`."""
    inputs, targets = draw_batch()
    return inputs[rank::world_size], targets[rank::world_size]


def copy_gradients(model: Any) -> Step:
    """Return a copy on the CPU of every parameter's gradient; zeros if it has none."""
    return [
        torch.zeros_like(parameter, device="cpu")
        if parameter.grad is None
        else parameter.grad.detach().cpu().clone()
        for parameter in model.parameters()
    ]


def copy_weights(model: Any) -> Step:
    """Return a copy on the CPU of every parameter; whole, if ranks have parts of it."""
    parts = [*model.parameters()]
    wholes = [each.full_tensor() if hasattr(each, "full_tensor") else each for each in parts]
    return [each.detach().cpu().clone() for each in wholes]


def require_same(
    reference: ReferenceGradients,
    got: Sequence[Step],
    rank: int,
    world_size: int,
    limit: float = LIMIT,
) -> float:
    """Fail the check if a rank's gradients are not those of the reference.

    The message distinguishes summed gradients, a bucket that was left out, and gradients that were
    not synchronised. Returns the largest relative difference.
    """
    who = f"rank {rank} of {world_size}"
    found = f"{len(got)} steps in {who}"
    require(
        len(got) == len(reference.whole),
        found,
        f"{len(reference.whole)}",
        "the training loop of the rank was cut",
    )
    errors = [
        relative_difference(wanted, mine) for wanted, mine in zip(reference.whole, got, strict=True)
    ]
    wrong = next((step for step, error in enumerate(errors) if not error <= limit), None)
    if wrong is not None:
        wanted, own, mine = reference.whole[wrong], reference.shares[wrong][rank], got[wrong]
        longer = float(_flatten_step(mine).norm() / _flatten_step(wanted).norm())
        found = (
            f"gradients of {who} in step {wrong + 1} off by {errors[wrong]:.1e} and "
            f"{longer:.3f} times as long"
        )
        require(
            False,
            found,
            f"those of one process to {limit:.0e}",
            diagnose_gradients(wanted, own, mine, world_size, limit),
        )
    return max(errors)


def relative_difference(wanted: Step, got: Step) -> float:
    """Return the largest difference relative to the largest gradient wanted.

    NaN stays NaN, which is under no limit.
    """
    exact = _flatten_step(wanted)
    return float((_flatten_step(got) - exact).abs().max() / exact.abs().max())


def diagnose_gradients(
    wanted: Step, own: Step, got: Step, world_size: int, limit: float = LIMIT
) -> str:
    """Return the likely cause, from what the gradient of each parameter is equal to."""
    near = max(limit, _TELLING) * float(_flatten_step(wanted).abs().max())
    kinds = [
        _matching_kinds(*each, world_size, near) for each in zip(wanted, own, got, strict=True)
    ]
    if all("summed" in kind for kind in kinds):
        return "gradients were summed over the ranks instead of averaged"
    if all("own" in kind for kind in kinds):
        return "gradients were not synchronised: each rank kept its own"
    left_out = [number for number, kind in enumerate(kinds) if "right" not in kind]
    if len(left_out) < len(kinds) and all(kinds[number] & {"own", "zero"} for number in left_out):
        are = "zero" if all("zero" in kinds[number] for number in left_out) else "the rank's own"
        return (
            f"a bucket was left out: parameters {left_out} of {len(kinds)} are {are}, the "
            "others right"
        )
    return "the gradients were changed on the way, or the ranks do not train on the same weights"


def _matching_kinds(wanted: Any, own: Any, got: Any, world_size: int, near: float) -> set[str]:
    guesses = {
        "right": wanted,
        "summed": wanted * world_size,
        "own": own,
        "zero": torch.zeros_like(wanted),
    }
    return {kind for kind, guess in guesses.items() if float((got - guess).abs().max()) <= near}


def _compute_gradient(model: Any, inputs: Any, targets: Any) -> Step:
    model.zero_grad()
    torch.nn.functional.mse_loss(model(inputs), targets).backward()
    return copy_gradients(model)


def _flatten_step(step: Step) -> Any:
    return torch.cat([gradient.flatten().double() for gradient in step])
