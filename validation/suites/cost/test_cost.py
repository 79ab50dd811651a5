"""A step of a training keeps no memory, and modules add no time.

Times are ratios of the least of interleaved runs, so that a busy machine is no failure.
"""

from __future__ import annotations

import resource
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from .. import installed
from ..conftest import Answers, Figures
from ..contract import questions
from ..contract.expected import Expected
from ..declared import reports
from ..one_thread import one_thread
from ..outcome import require
from .operations import OPERATIONS
from .ratio import measure_ratio

WARM_UP, STEPS, EVERY = 30, 60, 10
MAX_LEAK_MB = 0.5
"""Of a step. Allocators give memory back in parts, some megabytes in all."""
SLOWER = 2.5
"""How many times its recorded ratio an operation may take."""
MAX_IMPORT, SLACK_S = 3.0, 2.0
"""How many times as long as `import torch` the import of a package may take, and what it may take
beside that: some are small.
"""
IMPORT_TRIES = 3
PAGE_MB = resource.getpagesize() / 1e6
BESIDE_ME = Path(__file__).parent


@reports("kept", "MB")
@reports("kept on the GPU", "MB", device="cuda")
def test_memory_of_training(expected: Expected, figure: Figures) -> None:
    """After some steps, training takes no more memory."""
    seen, seen_gpu, on_gpu = list[float](), list[float](), expected.device == "cuda"
    with one_thread():
        for number, _ in zip(
            range(WARM_UP + STEPS + 1), _train_for_ever(expected.device), strict=False
        ):
            if number >= WARM_UP and number % EVERY == 0:
                pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
                seen.append(int(pages) * PAGE_MB)
                seen_gpu.append(torch.cuda.memory_allocated() / 1e6 if on_gpu else 0.0)
    for where, amounts in (("", seen), (" on the GPU", seen_gpu)):
        # a leak grows between all samples; a cache that fills up once does not
        leak = min(after - before for before, after in pairwise(amounts))
        require(
            leak / EVERY <= MAX_LEAK_MB,
            f"each step of a training keeps {leak / EVERY:.1f} MB{where}",
            f"at most {MAX_LEAK_MB} MB",
            "something that keeps the tensors of each step",
        )
    figure("kept", max(seen[-1] - seen[0], 1e-3), "MB")
    if on_gpu:
        figure("kept on the GPU", max(seen_gpu[-1] - seen_gpu[0], 1e-3), "MB")


@reports("ratio", "times")
@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name: str, figure: Figures) -> None:
    """A module takes about as long as the same written with functions below it."""
    with one_thread():
        compared = OPERATIONS[name]()
        limit = SLOWER * compared.recorded
        ratio = measure_ratio(compared.judged, compared.beside, limit)
    require(
        ratio <= limit,
        f"{name} takes {ratio:.1f} times as long as the same with simpler functions",
        f"at most {limit:.1f} times, as {compared.recorded} was recorded",
        "something in torch that works or waits beside the operation, or a slower kernel",
    )
    figure("ratio", ratio, "times")


def test_imports() -> None:
    """No package takes much longer to import than torch."""
    least: dict[str, float] = {}
    late: list[str] = []
    for _ in range(IMPORT_TRIES):
        done = installed.run_python(BESIDE_ME / "import_times.py")
        pairs = [line.split() for line in done.stdout.splitlines()]
        for name, seconds in pairs:
            least[name] = min(float(seconds), least.get(name, float("inf")))
        limit = MAX_IMPORT * least.get("torch", 0.0) + SLACK_S
        late = [name for name, seconds in least.items() if seconds > limit]
        if least and not late:  # one that did not end in time has filled the page cache
            break
    require(least, f"no package was imported: {installed.describe_exit(done)}", "torch", "Python")
    shown = installed.format_some([f"{name} {least[name]:.1f} s" for name in late], 3)
    require(
        not late,
        f"imports take long: {shown}",
        f"at most {limit:.1f} s, for torch takes {least.get('torch', 0.0):.1f} s",
        "a package that works or waits when it is imported, or has no bytecode",
    )


def test_challenge(nonce: str, answer: Answers) -> None:
    """A linear layer multiplies matrices that nobody knew before."""
    drawn = questions.draw_product(nonce, "cost")
    left = torch.tensor(drawn.left, dtype=torch.float64).reshape(-1, drawn.inner)
    layer = torch.nn.Linear(drawn.inner, len(drawn.right) // drawn.inner, bias=False)
    right = torch.tensor(drawn.right, dtype=torch.float64).reshape(drawn.inner, -1)
    layer.weight = torch.nn.Parameter(right.t())
    answer("product", [int(value) for value in layer(left).flatten().tolist()])


def _train_for_ever(device: str) -> Any:
    """Yield after each step of a small training with the usual parts."""
    layers = torch.nn
    model = layers.Sequential(
        *(layers.Conv2d(3, 8, 3), layers.BatchNorm2d(8), layers.ReLU(), layers.Flatten()),
        *(layers.Linear(8 * 14 * 14, 64), layers.Dropout(0.1), layers.Linear(64, 10)),
    ).to(device)
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1000)
    data = TensorDataset(torch.randn(64, 3, 16, 16), torch.randint(10, (64,)))
    loader = DataLoader(data, batch_size=16, shuffle=True)
    while True:
        for images, labels in loader:
            optimizer.zero_grad()
            loss = layers.functional.cross_entropy(model(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
            schedule.step()
            yield loss.item()
