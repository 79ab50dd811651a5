"""Dropout and recomputed layers against what their documentation promises of random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils import checkpoint

VALUES = 40_000
SHARES = (0.1, 0.5, 0.8)
DEVIATIONS = 6
"""A share may be off by as many standard deviations."""


def find_dropout_faults(device: str) -> Iterator[str]:
    """Yield how a dropout layer leaves out another share, or scales what it keeps otherwise."""
    channels = (100, VALUES // 100)
    layers = (
        ("Dropout", (VALUES,)),
        ("Dropout1d", (*channels, 3)),
        ("Dropout2d", (*channels, 2, 2)),
        ("Dropout3d", (*channels, 1, 2, 2)),
    )
    for name, shape in layers:
        for share in SHARES:
            ones = torch.ones(shape, device=device)
            for inplace in (False, True):
                layer = getattr(torch.nn, name)(share, inplace=inplace)
                label = f"{name}({share}, inplace={inplace})"
                torch.manual_seed(0)
                got = layer(ones.clone())
                yield from find_wrong_share(got, share, label)
                if not torch.equal(layer.eval()(ones), ones):
                    yield f"{label} changes values in evaluation"


def find_wrong_share(got: Any, share: float, label: str) -> Iterator[str]:
    """Yield how ones that went through dropout are not what its share says."""
    channels = got.reshape(VALUES, -1)
    if not torch.equal(channels.amin(dim=1), channels.amax(dim=1)):
        yield f"{label} leaves out a part of a channel"
    kept = channels[:, 0][channels[:, 0] != 0]
    spread = (share * (1 - share) / VALUES) ** 0.5
    lost = 1 - len(kept) / VALUES
    if not abs(lost - share) <= DEVIATIONS * spread:
        yield f"{label} leaves out {lost:.3f} of the values, not {share}"
    if not torch.allclose(kept, torch.full_like(kept, 1 / (1 - share))):
        yield f"{label} scales what it keeps by {float(kept.mean()):.4f}, not {1 / (1 - share):.4f}"


def find_alpha_faults(device: str) -> Iterator[str]:
    """Yield how AlphaDropout does not keep the mean and the deviation of normal numbers."""
    torch.manual_seed(0)
    normal = torch.randn(VALUES, device=device)
    for layer in (torch.nn.AlphaDropout(0.3), torch.nn.FeatureAlphaDropout(0.3)):
        got = layer(normal[:, None, None])
        mean, deviation = float(got.mean()), float(got.std())
        if not (abs(mean) < 0.05 and abs(deviation - 1) < 0.05):
            yield f"{layer} makes normal numbers of mean {mean:.2f} and deviation {deviation:.2f}"


def find_checkpoint_faults(device: str) -> Iterator[str]:
    """Yield how layers that are computed twice draw other random numbers the second time."""
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        torch.nn.Linear(8, 64), torch.nn.Dropout(0.5), torch.nn.Linear(64, 8), torch.nn.Dropout(0.5)
    ).to(device, torch.float64)
    values = torch.randn(16, 8, dtype=torch.float64, device=device, requires_grad=True)
    wanted, after = _differentiate(layers, lambda: layers(values), values)
    for reentrant in (False, True):
        ways = {
            "checkpoint": lambda own=reentrant: checkpoint.checkpoint(
                layers, values, use_reentrant=own
            ),
            "checkpoint_sequential": lambda own=reentrant: checkpoint.checkpoint_sequential(
                layers, 2, values, use_reentrant=own
            ),
        }
        for name, run in ways.items():
            got, now = _differentiate(layers, run, values)
            label = f"{name} with use_reentrant={reentrant}"
            if not all(map(torch.equal, got, wanted)):
                yield f"{label} gives other gradients than the same layers without it"
            if now != after:
                yield f"{label} leaves the generator elsewhere"


def _differentiate(layers: Any, run: Any, values: Any) -> tuple[list[Any], float]:
    """Return the gradients by all weights and the input, and the next random number."""
    torch.manual_seed(1)
    sources = [*layers.parameters(), values]
    for each in sources:
        each.grad = None
    (run() ** 2).sum().backward()
    return [each.grad.clone() for each in sources], float(torch.rand(()))


def find_seed_faults(device: str) -> Iterator[str]:
    """Yield how seeds and saved states of the generators do not bring back the same numbers."""

    def draw() -> Any:
        return torch.randn(5, device=device)

    torch.manual_seed(3)
    first, second = draw(), draw()
    torch.manual_seed(3)
    if torch.equal(first, second) or not torch.equal(first, draw()):
        yield "manual_seed does not bring back the same random numbers"
    with torch.random.fork_rng():
        torch.manual_seed(99)
        draw()
    if not torch.equal(draw(), second):
        yield "fork_rng does not bring back the generators as they were"
