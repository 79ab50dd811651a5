"""The two workloads whose throughput is measured: random weights and synthetic data.

The data are on the device already.
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
    """A model, one batch for it, and its targets; everything on one device.

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
class MeasuredTraining:
    """A training whose `step` returns when the device has finished it.

    `losses` grows by one with each step.
    """

    step: Callable[[], None]
    losses: list[Any]


class BertEncoder(torch.nn.Module):  # type: ignore[misc] # torch is not in the harness' own environment
    """An encoder of the size of BERT-base with a question-answering head.

    It has 12 layers, is 768 wide and has 12 heads. It is built from torch alone, so that every
    image is measured with the same work, with or without transformers.
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
        """Map (batch, length) word numbers to (batch, length, 2) scores.

        The scores are those of the answer's start and end.
        """
        return self.span(self.encoder(self.words(words) + self.positions))


def build_resnet50(device: str) -> MeasuredTask:
    """Return a task on images of 224 x 224, 1000 classes, with SGD with momentum.

    A batch has 128 images on a GPU, 4 on a CPU. The images differ in brightness, because random
    weights cannot tell them apart otherwise. `channels_last` is the layout of the kernels of cuDNN
    (tensor cores) and oneDNN, which otherwise transpose around every convolution. `cudnn.benchmark`
    is on, as in most trainings whose shapes never change; the algorithms are tried during the
    warm-up.
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


def build_bert_base(device: str) -> MeasuredTask:
    """Return a task of question answering as SQuAD's, with AdamW.

    A batch has 32 sequences of 384 on a GPU, 2 of 64 on a CPU.
    """
    torch.manual_seed(0)
    batch, length = (32, 384) if device == "cuda" else (2, 64)
    model = BertEncoder(length).to(device)
    words = torch.randint(VOCABULARY, (batch, length)).to(device)
    spans = torch.randint(length, (batch, 2)).to(device)
    return MeasuredTask(
        model, words, spans, torch.optim.AdamW(model.parameters(), lr=3e-5), "sequences"
    )


def autocast_context(device: str, *, amp: bool) -> Any:
    """Return the context of automatic mixed precision (AMP).

    It is float16 on a GPU (every one with tensor cores has it) and bfloat16 on a CPU (no other type
    has instructions). Without AMP it is float32 with torch's defaults: on a GPU cuDNN may use TF32
    for convolutions, cuBLAS not for matrix products.
    """
    return torch.autocast(
        device, dtype=torch.float16 if device == "cuda" else torch.bfloat16, enabled=amp
    )


def build_training(task: MeasuredTask, device: str, *, amp: bool) -> MeasuredTraining:
    """Return a training of forward pass, loss, backward pass and update.

    Losses stay on the device, so that reading them costs a step nothing.
    """
    scaler = torch.amp.GradScaler(
        device, enabled=amp and device == "cuda"
    )  # bfloat16 needs no loss scaling
    losses: list[Any] = []

    def train_step() -> None:
        task.optimizer.zero_grad(set_to_none=True)
        with autocast_context(device, amp=amp):
            loss = torch.nn.functional.cross_entropy(task.model(task.inputs), task.targets)
        scaler.scale(loss).backward()
        scaler.step(task.optimizer)
        scaler.update()
        losses.append(loss.detach())
        wait_for_device(device)

    task.model.train()
    return MeasuredTraining(train_step, losses)


def build_inference(task: MeasuredTask, device: str, *, amp: bool) -> Callable[[Any], Any]:
    """Return a function from inputs to outputs, with the model in eval mode.

    It returns when the device has finished.
    """

    def compute_outputs(inputs: Any) -> Any:
        with torch.inference_mode(), autocast_context(device, amp=amp):
            outputs = task.model(inputs)
        wait_for_device(device)
        return outputs

    task.model.eval()
    return compute_outputs


def wait_for_device(device: str) -> None:
    """Return when the device has finished.

    Kernels of a GPU run on after the call that starts them.
    """
    if device == "cuda":
        torch.cuda.synchronize()
