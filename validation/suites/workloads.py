"""The two training workloads whose throughput is measured, with random weights and synthetic data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchvision

VOCABULARY = 30522
HIDDEN = 768


@dataclass(frozen=True)
class Workload:
    """`train` makes one training step and returns its loss, which also waits for the device to finish it.

    `batch` is in `unit`s (images, sequences); `parameters` are those being trained.
    """

    train: Callable[[], float]
    parameters: tuple[Any, ...]
    batch: int
    unit: str


class Bert(torch.nn.Module):  # type: ignore[misc] # torch is not in the harness' own environment
    """An encoder of BERT-base's size (12 layers, 768 wide, 12 heads) with a question-answering head.

    Built from torch alone, so that every image is measured with the same work, transformers or not.
    """

    def __init__(self, positions: int) -> None:
        super().__init__()
        layer = torch.nn.TransformerEncoderLayer(HIDDEN, 12, 4 * HIDDEN, activation="gelu", batch_first=True)
        self.words = torch.nn.Embedding(VOCABULARY, HIDDEN)
        self.positions = torch.nn.Parameter(0.02 * torch.randn(positions, HIDDEN))
        self.encoder = torch.nn.TransformerEncoder(layer, num_layers=12, enable_nested_tensor=False)
        self.span = torch.nn.Linear(HIDDEN, 2)

    def forward(self, words: Any) -> Any:  # noqa: ANN401
        """(batch, length) word numbers to (batch, length, 2) scores of where the answer starts and ends."""
        return self.span(self.encoder(self.words(words) + self.positions))


def resnet50(device: str, *, amp: bool) -> Workload:
    """Images of 224 x 224, 1000 classes, SGD with momentum; 128 a step on a GPU, 4 on a CPU."""
    torch.manual_seed(0)
    batch = 128 if device == "cuda" else 4
    model = torchvision.models.resnet50(weights=None).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    images = torch.randn(batch, 3, 224, 224, device=device)
    classes = torch.randint(1000, (batch,), device=device)

    def loss() -> Any:  # noqa: ANN401
        return torch.nn.functional.cross_entropy(model(images), classes)

    return Workload(_step(loss, optimizer, device, amp), tuple(model.parameters()), batch, "images")


def bert_base(device: str, *, amp: bool) -> Workload:
    """Question answering as SQuAD's, AdamW; 32 sequences of 384 a step on a GPU, 2 of 128 on a CPU."""
    torch.manual_seed(0)
    batch, length = (32, 384) if device == "cuda" else (2, 128)
    model = Bert(length).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-5)
    words = torch.randint(VOCABULARY, (batch, length), device=device)
    spans = torch.randint(length, (batch, 2), device=device)

    def loss() -> Any:  # noqa: ANN401
        return torch.nn.functional.cross_entropy(model(words), spans)

    return Workload(_step(loss, optimizer, device, amp), tuple(model.parameters()), batch, "sequences")


def _step(loss: Callable[[], Any], optimizer: Any, device: str, amp: bool) -> Callable[[], float]:  # noqa: ANN401
    scaler = torch.amp.GradScaler(device, enabled=amp)

    def train() -> float:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, dtype=torch.float16, enabled=amp):
            found = loss()
        scaler.scale(found).backward()
        scaler.step(optimizer)
        scaler.update()
        return float(found.item())

    return train
