"""The two workloads whose throughput is measured: random weights, synthetic data that lies on the
device already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchvision

VOCABULARY = 30522
HIDDEN = 768


@dataclass(frozen=True)
class MeasuredTask:
    """A model, one batch for it, and what it learns; everything on one device.

    `model(inputs)` is scored against `targets` by cross entropy over dimension 1. `unit` is what a
    batch is counted in.
    """

    model: Any
    inputs: Any
    targets: Any
    optimizer: Any
    unit: str

    @property
    def batch_size(self) -> int:
        """How many of `unit` one step handles."""
        return len(self.inputs)


@dataclass(frozen=True)
class Training:
    """`step` makes one training step and returns when the device has finished it; `losses` grows by
    one with each.
    """

    step: Callable[[], None]
    losses: list[Any]


class Bert(torch.nn.Module):  # type: ignore[misc] # torch is not in the harness' own environment
    """An encoder of BERT-base's size (12 layers, 768 wide, 12 heads) with a question-answering
    head.

    Built from torch alone, so that every image is measured with the same work, transformers or not.
    """

    def __init__(self, positions: int) -> None:
        super().__init__()
        layer = torch.nn.TransformerEncoderLayer(
            HIDDEN, 12, 4 * HIDDEN, activation="gelu", batch_first=True
        )
        self.words = torch.nn.Embedding(VOCABULARY, HIDDEN)
        self.positions = torch.nn.Parameter(0.02 * torch.randn(positions, HIDDEN))
        self.encoder = torch.nn.TransformerEncoder(layer, num_layers=12, enable_nested_tensor=False)
        self.span = torch.nn.Linear(HIDDEN, 2)

    def forward(self, words: Any) -> Any:
        """(batch, length) word numbers to (batch, length, 2) scores of where the answer starts and
        ends.
        """
        return self.span(self.encoder(self.words(words) + self.positions))


def resnet50(device: str) -> MeasuredTask:
    """Images of 224 x 224, 1000 classes, SGD with momentum; 128 a step on a GPU, 4 on a CPU.

    The images differ in brightness, or random weights tell none from another. `channels_last`: the
    layout of the kernels of cuDNN (tensor cores) and oneDNN, which with the other transpose around
    every convolution. `cudnn.benchmark`: shapes never change here, as in most trainings, and those
    set it; the algorithms are tried during the warm-up.
    """
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    batch = 128 if device == "cuda" else 4
    model = torchvision.models.resnet50(weights=None).to(device, memory_format=torch.channels_last)
    images = torch.randn(batch, 3, 224, 224) + torch.linspace(-2, 2, batch).reshape(batch, 1, 1, 1)
    images = images.to(device, memory_format=torch.channels_last)
    classes = torch.randint(1000, (batch,)).to(device)
    return MeasuredTask(
        model,
        images,
        classes,
        torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9),
        "images",
    )


def bert_base(device: str) -> MeasuredTask:
    """Question answering as SQuAD's, AdamW; 32 sequences of 384 a step on a GPU, 2 of 64 on a
    CPU.
    """
    torch.manual_seed(0)
    batch, length = (32, 384) if device == "cuda" else (2, 64)
    model = Bert(length).to(device)
    words = torch.randint(VOCABULARY, (batch, length)).to(device)
    spans = torch.randint(length, (batch, 2)).to(device)
    return MeasuredTask(
        model, words, spans, torch.optim.AdamW(model.parameters(), lr=3e-5), "sequences"
    )


def autocast(device: str, *, amp: bool) -> Any:
    """AMP is float16 on a GPU (every one with tensor cores has it), bfloat16 on a CPU (no other has
    instructions).

    Without, it is float32 as torch has it by default: on a GPU cuDNN may take TF32 for
    convolutions, cuBLAS not for matrix products.
    """
    return torch.autocast(
        device, dtype=torch.float16 if device == "cuda" else torch.bfloat16, enabled=amp
    )


def build_training(task: MeasuredTask, device: str, *, amp: bool) -> Training:
    """Forward, loss, backward, update.

    Losses stay on the device, so that reading them costs no step anything.
    """
    scaler = torch.amp.GradScaler(
        device, enabled=amp and device == "cuda"
    )  # bfloat16 needs no loss scaling
    losses: list[Any] = []

    def step() -> None:
        task.optimizer.zero_grad(set_to_none=True)
        with autocast(device, amp=amp):
            loss = torch.nn.functional.cross_entropy(task.model(task.inputs), task.targets)
        scaler.scale(loss).backward()
        scaler.step(task.optimizer)
        scaler.update()
        losses.append(loss.detach())
        wait(device)

    task.model.train()
    return Training(step, losses)


def build_inference(task: MeasuredTask, device: str, *, amp: bool) -> Callable[[Any], Any]:
    """From inputs to outputs, with the model in eval mode; returns when the device has finished."""

    def answer(inputs: Any) -> Any:
        with torch.inference_mode(), autocast(device, amp=amp):
            outputs = task.model(inputs)
        wait(device)
        return outputs

    task.model.eval()
    return answer


def wait(device: str) -> None:
    """Return when the device has finished: kernels of a GPU run on after the call that starts
    them.
    """
    if device == "cuda":
        torch.cuda.synchronize()
