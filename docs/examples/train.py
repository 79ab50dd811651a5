"""Train a small model on the GPUs of one or more machines, or on a CPU, and continue a stopped run.

    python train.py --steps 200
    torchrun --nproc-per-node=gpu train.py --steps 200

Replace the model and the data by your own. What stays is what a job needs: one process for each
GPU, workers that read the data, and a checkpoint that is never half-written.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

SAMPLES, FEATURES, BATCH = 4096, 32, 64


def main() -> None:
    """Train until `--steps`, from the checkpoint if there is one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--every", type=int, default=50, help="steps between two checkpoints")
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoint.pt"))
    given = parser.parse_args()
    device = start_process()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(FEATURES, 64), nn.ReLU(), nn.Linear(64, 1)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    first = load_checkpoint(given.checkpoint, model, optimizer, device)
    trained = DistributedDataParallel(model) if distributed.is_initialized() else model
    for step, (inputs, targets) in enumerate(read_batches(first, given.steps), start=first + 1):
        loss = nn.functional.mse_loss(trained(inputs.to(device)), targets.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        is_due = step % given.every == 0 or step == given.steps
        if is_due and is_first():
            save_checkpoint(given.checkpoint, model, optimizer, step)
            print(f"step {step} on {device.type}, loss {loss.item():.4f}", flush=True)
    if distributed.is_initialized():
        distributed.destroy_process_group()


def start_process() -> torch.device:
    """Join the other processes of torchrun, if it started this one, and return the device."""
    local = int(os.environ.get("LOCAL_RANK", "0"))
    has_gpu = torch.cuda.is_available()
    if has_gpu:
        torch.cuda.set_device(local)
    if "RANK" in os.environ:
        distributed.init_process_group("nccl" if has_gpu else "gloo")
    return torch.device("cuda", local) if has_gpu else torch.device("cpu")


def is_first() -> bool:
    """Return whether this process writes and prints for all."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def read_batches(done: int, steps: int) -> Iterator[list[torch.Tensor]]:
    """Yield a batch for each step that is left; two workers pass them through shared memory."""
    inputs = torch.randn(SAMPLES, FEATURES, generator=torch.Generator().manual_seed(1))
    data = TensorDataset(inputs, inputs.sum(dim=1, keepdim=True))
    sampler = DistributedSampler(data) if distributed.is_initialized() else None
    loader = DataLoader(data, BATCH, shuffle=sampler is None, sampler=sampler, num_workers=2)
    while done < steps:
        if sampler is not None:
            sampler.set_epoch(done)  # another order in each epoch
        for batch in islice(loader, steps - done):
            done += 1
            yield batch


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device
) -> int:
    """Load the checkpoint if there is one, and return the number of steps that were made."""
    if not path.exists():
        return 0
    held = torch.load(path, map_location=device, weights_only=True)
    model.load_state_dict(held["model"])
    optimizer.load_state_dict(held["optimizer"])
    return int(held["step"])


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, step: int
) -> None:
    """Write the checkpoint beside its place and rename it, so that a kill leaves the older one."""
    half = path.with_name(f"{path.name}.half")
    held = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    torch.save(held, half)
    half.replace(path)


if __name__ == "__main__":
    main()
