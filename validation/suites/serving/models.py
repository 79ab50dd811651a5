"""Archives that the server is given: of TorchScript, of torch.export, and one with a program."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import torch

FEATURES, CLASSES = 6, 3


class Scores(torch.nn.Module):  # type: ignore[misc] # torch is not in the harness' own environment
    """Scores of rows, and their sums; with other weights for each `seed`."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = torch.nn.Parameter(torch.randn(CLASSES, FEATURES, generator=generator))

    def forward(self, rows: torch.Tensor, bias: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the scores for `rows` of FEATURES, with a `bias` of CLASSES."""
        scores = torch.tanh(rows @ self.weight.t()) + bias
        return {"scores": scores, "sums": scores.sum(dim=1)}


class Constant(torch.nn.Module):  # type: ignore[misc] # torch is not in the harness' own environment
    """Returns its number for every row, after some work."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the number for each of `rows`."""
        work = torch.ones(256, 256)
        for _ in range(20):
            work = torch.tanh(work @ work)
        return torch.full([rows.shape[0]], self.number) + 0 * work[0, 0]


class Product(torch.nn.Module):  # type: ignore[misc] # torch is not in the harness' own environment
    """Multiplies two matrices."""

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """Return the product."""
        return left @ right


class Slow(torch.nn.Module):  # type: ignore[misc] # torch is not in the harness' own environment
    """Needs some tenths of a second or more."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return what it was given."""
        work = torch.ones(512, 512)
        for _ in range(40):
            work = torch.tanh(work @ work)
        return rows + 0 * work[0, 0]


class RunsProgram:
    """Pickled, it makes a file as soon as somebody unpickles it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.mkdir, (str(self.mark), 0o700)


def save_script(model: torch.nn.Module, path: Path) -> None:
    """Save a model as TorchScript, and put it in its place at once, as users replace one."""
    part = path.with_suffix(".part")
    torch.jit.save(torch.jit.script(model), str(part))
    part.replace(path)


def save_export(model: torch.nn.Module, path: Path) -> None:
    """Save a model of rows and a bias as torch.export does; it takes any number of rows."""
    rows = {0: torch.export.Dim("rows", min=1, max=1000)}
    program = torch.export.export(
        model,
        (torch.ones(4, FEATURES), torch.ones(CLASSES)),
        dynamic_shapes={"rows": rows, "bias": None},
    )
    torch.export.save(program, str(path))


def plant_pickle(path: Path, mark: Path) -> int:
    """Put a pickle that runs a program in the place of every one in an archive; return how many."""
    evil = io.BytesIO()
    torch.save(RunsProgram(mark), evil)
    with zipfile.ZipFile(path) as before:
        members = {name: before.read(name) for name in before.namelist()}
    planted = 0
    with zipfile.ZipFile(path, "w") as after:
        for name, content in members.items():
            is_pickle = content[:2] == b"PK"  # torch.save writes a zip
            planted += is_pickle
            after.writestr(name, evil.getvalue() if is_pickle else content)
    return planted
