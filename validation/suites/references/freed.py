"""Whether what a program drops is freed: what is kept costs memory, in each training more."""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch.utils import checkpoint, data

from . import continuing

Parts = list[tuple[str, Any]]


def find_kept_objects() -> Iterator[str]:
    """Yield what is still there after it was built, used and dropped."""
    builds = [*continuing.list_builds()]
    gc.collect()
    # tensors that the databases give to constructors are theirs
    given = {id(each) for each in gc.get_objects() if issubclass(type(each), torch.Tensor)}
    gc.freeze()  # what was there before need not be looked at again and again
    try:
        for name, build in builds:
            yield from find_kept_parts(name, partial(use_subject, build), given)
        for name, use in OTHERS.items():
            yield from find_kept_parts(name, use, given)
    finally:
        gc.unfreeze()


def find_kept_parts(name: str, use: Callable[[], Parts], given: set[int]) -> Iterator[str]:
    """Yield the first part that is kept of what was used, beside objects that were given."""
    references = [(part, weakref.ref(each)) for part, each in use() if id(each) not in given]
    gc.collect()
    kept = [part for part, reference in references if reference() is not None]
    if kept:
        yield f"of {name}, the {kept[0]} is kept after the program dropped it"


def use_subject(build: continuing.Build) -> Parts:
    """Build something with a state, make a step, and return it with all it holds."""
    subject = build(0)
    subject.advance(0)
    subject.read()
    parts = [*subject.parts.items()]
    for name, part in subject.parts.items():
        if isinstance(part, torch.nn.Module):
            inside = (*part.named_modules(), *part.named_parameters(), *part.named_buffers())
            parts += [(f"{name}.{below}", each) for below, each in inside if below]
        if isinstance(part, torch.optim.Optimizer):
            states = [pair for state in part.state.values() for pair in state.items()]
            parts += [(f"{key} of {name}", each) for key, each in states if torch.is_tensor(each)]
    return parts


def use_loader() -> Parts:
    """Read some batches of a loader, and leave it in the middle."""
    samples = data.TensorDataset(torch.arange(8.0))
    loader = data.DataLoader(samples, batch_size=2, shuffle=True)
    batches = iter(loader)
    (batch,) = next(batches)
    return [
        ("data set", samples),
        ("loader", loader),
        ("iterator", batches),
        ("sampler", loader.sampler),
        ("batch", batch),
    ]


def use_graph(manager: Any, recompute: bool = False) -> Parts:
    """Compute gradients of layers in a context."""
    layers = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    values = torch.ones(2, 4, requires_grad=True)
    with manager:
        result = (
            checkpoint.checkpoint(layers, values, use_reentrant=False)
            if recompute
            else layers(values)
        )
        loss = result.float().sum()
    loss.backward()
    parts = [*layers.named_parameters()]
    gradients = [(f"gradient of {name}", each.grad) for name, each in parts]
    return [*parts, *gradients, ("input", values), ("result", result), ("loss", loss)]


OTHERS: dict[str, Callable[[], Parts]] = {
    "a DataLoader": use_loader,
    "a graph": lambda: use_graph(contextlib.nullcontext()),
    "a graph with autocast": lambda: use_graph(torch.autocast("cpu", torch.bfloat16)),
    "a graph with recomputed layers": lambda: use_graph(contextlib.nullcontext(), recompute=True),
    "a graph with anomaly mode": lambda: use_graph(torch.autograd.set_detect_anomaly(True)),
    "a graph with hooks": lambda: use_graph(
        torch.autograd.graph.saved_tensors_hooks(torch.clone, torch.clone)
    ),
}
"""What has no state of its own."""
