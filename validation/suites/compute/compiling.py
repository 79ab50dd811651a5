"""torch.compile: what Dynamo captures and computes, and the compilers for the generated code."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

LIMIT = 1e-12
"""Largest difference allowed in float64, relative to the largest value.

Rounding in another order leaves about 1e-15; fp32 anywhere in the computation would leave 1e-7.
"""

OPERATIONS = 9
"""The number of operations in one pass through the network.

Two linear layers, norm, gelu, sum, comparison, running sum, division, softmax.
"""

_COMPILER = re.compile(r"(cc|gcc|clang|c\+\+|g\+\+|clang\+\+)(-\d+)?")


def find_compilers() -> dict[str, str]:
    """Return the C and C++ compilers on PATH as name to path, versioned names too.

    The path is that of the program that would be run.
    """
    folders = [
        Path(folder) for folder in reversed(os.environ.get("PATH", "").split(os.pathsep)) if folder
    ]
    files = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
    return {
        path.name: str(path)
        for path in files
        if _COMPILER.fullmatch(path.name) and os.access(path, os.X_OK)
    }


class BranchingNetwork(torch.nn.Module):  # type: ignore[misc] # torch is not in the harness' own environment
    """A network whose branch depends on its data.

    Dynamo must end one graph there and begin another.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(16, 32)
        self.norm = torch.nn.LayerNorm(32)
        self.last = torch.nn.Linear(32, 8)

    def forward(self, inputs: Any) -> Any:
        """Map (batch, 16) to (batch, 8) logarithms of probabilities."""
        hidden = torch.nn.functional.gelu(self.norm(self.first(inputs)))
        hidden = hidden.cumsum(dim=1) / 16 if inputs.sum() > 0 else hidden.flip(1)
        return torch.log_softmax(self.last(hidden), dim=-1)


@dataclass(frozen=True)
class CompiledComparison:
    """How many `operations` were captured, and the largest relative `error`.

    The error is that of outputs and gradients.
    """

    operations: int
    error: float


def compare_compiled(device: str, backend: str) -> CompiledComparison:
    """Compare the network compiled with `backend` with itself, in float64.

    There are inputs for both branches.
    """
    torch.manual_seed(0)
    torch._dynamo.reset()  # what another backend compiled would be used again
    model, captured = BranchingNetwork().double().to(device), _CountingBackend(backend)
    compiled = torch.compile(model, backend=captured)
    inputs = torch.randn(6, 16, dtype=torch.float64, device=device)
    ways = [inputs.abs(), -inputs.abs()]
    error = max(_largest_difference(model, compiled, way) for way in ways)
    return CompiledComparison(captured.operations, error)


class _CountingBackend:
    """A backend that counts the operations it is given, and leaves the work to another backend."""

    def __init__(self, backend: str) -> None:
        self.operations = 0
        self._backend: Callable[..., Any] = torch._dynamo.lookup_backend(backend)

    def __call__(self, graph: Any, inputs: Any) -> Any:
        self.operations += sum(node.op.startswith("call") for node in graph.graph.nodes)
        return self._backend(graph, inputs)


def _largest_difference(model: Any, compiled: Any, inputs: Any) -> float:
    wanted = _outputs_and_gradients(model, model, inputs)
    got = _outputs_and_gradients(compiled, model, inputs)
    error = max(
        float((mine - its).abs().max() / its.abs().max())
        for mine, its in zip(got, wanted, strict=True)
    )
    return error if error == error else float("inf")  # noqa: PLR0124 - NaN is not itself


def _outputs_and_gradients(function: Any, model: Any, inputs: Any) -> list[Any]:
    outputs = function(inputs)
    loss = (outputs * torch.arange(8, device=inputs.device)).sum()
    return [outputs.detach(), *torch.autograd.grad(loss, list(model.parameters()))]
