"""JupyterLab asks for its token, runs cells, shows pictures, and its libraries compute right."""

from __future__ import annotations

import base64
import io
import json
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from ..conftest import Answers
from ..contract import questions
from ..contract.expected import Expected
from ..outcome import require
from .lab import LabServer, read_printed, run_cell, run_lab

NOTEBOOK = {
    "type": "notebook",
    "content": {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5},
}
PLOT = "import matplotlib.pyplot as plt; plt.plot([0, 3, 1]); plt.show()"
PRODUCT = """
import torch
left = torch.tensor({left}).reshape(-1, {inner})
print((left @ torch.tensor({right}).reshape({inner}, -1)).flatten().tolist())
"""
NOT_OPEN = "the server was configured without a token, or with one that everybody knows"


@pytest.fixture(scope="module")
def lab(expected: Expected, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """Return JupyterLab, started with the command of the image."""
    with run_lab(expected.command, tmp_path_factory.mktemp("lab")) as server:
        yield server


def test_token_is_asked(lab: LabServer) -> None:
    """A stranger, or one with a wrong token, reads and runs nothing.

    The server was started with an empty JUPYTER_TOKEN, as a template without a value sets it.
    """
    require(len(lab.token) >= 32, "the server drew no token", "a token", NOT_OPEN)
    for path, method in (("/api/contents", "GET"), ("/api/kernels", "POST")):
        for token in ("", "wrong", "None"):
            status, _ = lab.ask(path, token=token, method=method)
            require(
                status == 403,
                f"{method} {path} with the token `{token}` was answered with status {status}",
                "403",
                NOT_OPEN,
            )
    status, _ = lab.ask("/api/contents", token=lab.token)
    require(status == 200, f"the right token gave status {status}", "200", "a broken server")


def test_notebooks_are_in_the_workspace(lab: LabServer) -> None:
    """A notebook that a user saves is a file below /workspace, which a volume can keep."""
    path = Path("/workspace/validation-notebook.ipynb")
    try:
        status, _ = lab.ask(
            f"/api/contents/{path.name}", token=lab.token, method="PUT", body=NOTEBOOK
        )
        require(
            status == 201 and path.is_file(),
            f"a new notebook was answered with status {status}, and {path} is "
            f"{'a file' if path.is_file() else 'missing'}",
            "201, and the file",
            "another root_dir, or a folder that this user cannot write",
        )
    finally:
        path.unlink(missing_ok=True)


def test_cell_shows_a_plot(lab: LabServer) -> None:
    """A cell that plots with Matplotlib shows a picture without a further word."""
    with lab.start_kernel() as kernel:
        outputs = run_cell(kernel, PLOT)
    pictures = [output["data"]["image/png"] for output in outputs if "data" in output]
    require(
        len(pictures) == 1,
        f"a plot gave {len(pictures)} pictures: {read_printed(outputs)[:160]}",
        "1",
        "Matplotlib's backend for notebooks is not the one in use",
    )
    png = base64.b64decode(pictures[0])
    width, height = struct.unpack(">II", png[16:24])
    require(
        png.startswith(b"\x89PNG") and width > 200 and height > 200,
        f"the picture is {width} x {height} pixels",
        "a PNG of more than 200 x 200",
        "a damaged Matplotlib",
    )


def test_classifier_separates() -> None:
    """scikit-learn's logistic regression separates two groups of points that pandas read."""
    points = np.random.default_rng(0).normal(size=(400, 2))
    table = pd.DataFrame(points, columns=["x", "y"]).assign(group=np.arange(400) % 2)
    table.loc[table.group == 1, ["x", "y"]] += 4.0
    read = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    fitted = LogisticRegression().fit(read[["x", "y"]], read["group"])
    right = float((fitted.predict(table[["x", "y"]]) == table["group"]).mean())
    # Their centres are 5.7 standard deviations apart: the best line separates 99.8 %.
    require(
        right > 0.98,
        f"{right:.1%} of the points were put into their group",
        "more than 98 %",
        "a solver, or a table whose columns and rows do not stay together",
    )


def test_metrics_are_right() -> None:
    """TorchMetrics collects batches; accuracy and F1 agree with their definitions."""
    guessed, wanted = torch.arange(600) * 7 % 3, torch.arange(600) * 5 % 11 % 3
    metrics = (MulticlassAccuracy(3, average="micro"), MulticlassF1Score(3, average="macro"))
    for batch in range(0, 600, 100):
        for metric in metrics:
            metric.update(guessed[batch : batch + 100], wanted[batch : batch + 100])
    found = [round(float(metric.compute()), 5) for metric in metrics]
    hits = [((guessed == each) & (wanted == each)).sum().item() for each in range(3)]
    sums = [((guessed == each).sum() + (wanted == each).sum()).item() for each in range(3)]
    f1 = sum(2 * hit / both for hit, both in zip(hits, sums, strict=True)) / 3
    right = [round(sum(hits) / 600, 5), round(f1, 5)]
    require(
        found == right,
        f"accuracy and F1 of 600 guesses are {found}",
        f"{right}",
        "batches that are lost or counted twice",
    )


def test_tensorboard_reads_what_torch_writes(tmp_path: Path) -> None:
    written = [(step, step * 0.5) for step in range(20)]
    with warnings.catch_warnings(), SummaryWriter(str(tmp_path)) as writer:
        for step, value in written:
            writer.add_scalar("loss", value, step)
    events = EventAccumulator(str(tmp_path)).Reload()
    read = [(event.step, event.value) for event in events.Scalars("loss")] if events.Tags() else []
    require(
        read == written,
        f"TensorBoard reads {len(read)} of {len(written)} values, the last of them {read[-1:]}",
        f"all, up to {written[-1:]}",
        "a writer or a reader of events that do not go together",
    )


def test_challenge(lab: LabServer, nonce: str, answer: Answers) -> None:
    """A cell multiplies matrices that nobody knew before, with torch."""
    factors = questions.draw_product(nonce, "jupyter")
    with lab.start_kernel() as kernel:
        printed = read_printed(run_cell(kernel, PRODUCT.format(**vars(factors))))
    require(
        printed.startswith("["),
        f"the cell printed `{printed[-160:]}`",
        "a product",
        "a kernel that does not import torch",
    )
    answer("product", json.loads(printed))
