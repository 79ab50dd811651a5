"""Online learning: a stream of single samples, one update each.

The process may be killed at any moment. `python -m MODULE FOLDER DEVICE [HALT_AT]`, with the name
of this module, continues from the checkpoint in FOLDER if there is one.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..checkpoints import get_random_state, set_random_state

SAMPLES = 400
EVERY = 50
"""A checkpoint is written after as many samples."""

CLIP = 1.0
DECAY = 0.98
FEATURES = 16
OUTLIERS = 20
"""One sample in as many has a target ten too high, so that its gradient must be clipped."""

CHECKPOINT = "checkpoint.pt"
FINAL = "final.pt"
HALF_WRITTEN = "half written"


@dataclass(frozen=True)
class LearningUpdate:
    """The result of one sample. Norms are of the gradient, before and after clipping."""

    loss: float
    norm: float
    clipped_norm: float
    seconds: float


class OnlineLearner:
    """A small network with dropout, AdamW, clipped gradients and averaged weights.

    It keeps a ledger of the samples it saw.
    """

    def __init__(self, device: str) -> None:
        torch.manual_seed(0)
        layers = (
            torch.nn.Linear(FEATURES, 64),
            torch.nn.Tanh(),
            torch.nn.Dropout(0.05),
            torch.nn.Linear(64, 1),
        )
        self._device = device
        self._model = torch.nn.Sequential(*layers).to(device)
        self._optimizer = torch.optim.AdamW(self._model.parameters(), lr=0.005)
        averaging = torch.optim.swa_utils.get_ema_multi_avg_fn(DECAY)
        self._average = torch.optim.swa_utils.AveragedModel(self._model, multi_avg_fn=averaging)
        self._seen = torch.zeros(SAMPLES, dtype=torch.int64)
        self.position = 0

    def learn_next(self) -> LearningUpdate:
        """Learn from the next sample of the stream."""
        inputs, target = (tensor.to(self._device) for tensor in draw_sample(self.position))
        started = time.perf_counter()
        loss = torch.nn.functional.smooth_l1_loss(self._model(inputs), target)
        self._optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._model.parameters(), CLIP)
        self._optimizer.step()
        self._average.update_parameters(self._model)
        found, seconds = (
            float(loss.item()),
            time.perf_counter() - started,
        )  # item() also waits for the device
        self._seen[self.position] += 1
        self.position += 1
        clipped = torch.cat([each.grad.flatten() for each in self._model.parameters()])
        return LearningUpdate(found, float(norm), float(clipped.norm()), seconds)

    def list_weights(self) -> list[Any]:
        """Return the parameters that are trained."""
        return list(self._model.parameters())

    def list_averages(self) -> list[Any]:
        """Return the averages of the parameters."""
        return list(self._average.parameters())

    def capture_state(self) -> dict[str, Any]:
        """Return everything that the next update depends on, and the ledger."""
        return {
            "position": self.position,
            "model": self._model.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "random": get_random_state(self._device),
            "seen": self._seen,
        }

    def restore_state(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self._model.load_state_dict(state["model"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        set_random_state(state["random"])
        self._seen = state["seen"].cpu()
        self.position = state["position"]


def draw_sample(number: int) -> tuple[Any, Any]:
    """Return sample `number` of the stream: a row of features and its target, always the same."""
    generator = torch.Generator().manual_seed(number)
    inputs = torch.randn(1, FEATURES, generator=generator)
    target = torch.tanh(inputs @ torch.linspace(-1, 1, FEATURES)[:, None])
    return inputs, target + (10 if is_outlier(number) else 0)


def is_outlier(number: int) -> bool:
    """Return whether the target of this sample is far away."""
    return number % OUTLIERS == OUTLIERS - 1


def main(folder: Path, device: str, halt_at: int) -> None:
    """Learn to the end of the stream, from the checkpoint if there is one.

    After `halt_at` samples the process stops while half a checkpoint is written, and waits until it
    is killed.
    """
    torch.set_num_threads(1)
    learner = OnlineLearner(device)
    if (folder / CHECKPOINT).exists():
        learner.restore_state(
            torch.load(folder / CHECKPOINT, weights_only=True, map_location="cpu")
        )
    while learner.position < SAMPLES:
        learner.learn_next()
        if learner.position % EVERY == 0:
            _save_checkpoint(
                learner.capture_state(), folder / CHECKPOINT, halt=learner.position == halt_at
            )
    torch.save(learner.capture_state(), folder / FINAL)


def _save_checkpoint(state: dict[str, Any], path: Path, *, halt: bool) -> None:
    """Write the state under another name first.

    So a checkpoint with the final name is always whole.
    """
    buffer, half = io.BytesIO(), path.with_suffix(".half")
    torch.save(state, buffer)
    data = buffer.getvalue()
    with half.open("wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        if halt:
            print(HALF_WRITTEN, flush=True)
            signal.pause()
        file.write(data[len(data) // 2 :])
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
