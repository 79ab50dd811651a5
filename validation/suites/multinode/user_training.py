"""A training as users write it for torchrun: `user_training.py BACKEND RESULT [fail]`.

It writes the size of the group and the losses into RESULT, after FAILS_AT steps and at the end.
With `fail` it ends with EXIT_CODE after so many steps.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed
from torch.nn.parallel import DistributedDataParallel

STEPS, FAILS_AT = 20, 5
EXIT_CODE = 3


def main(backend: str, result: str, *, fails: bool) -> None:
    """Train a small model on data of the rank's own."""
    torch.distributed.init_process_group(backend)
    device = torch.device("cpu")
    if backend == "nccl":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    torch.manual_seed(torch.distributed.get_rank())
    inputs = torch.randn(64, 16, device=device)
    targets = inputs.sum(dim=1, keepdim=True)
    model = DistributedDataParallel(torch.nn.Linear(16, 1).to(device))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    losses = list[float]()
    for step in range(STEPS):
        if step == FAILS_AT:
            write_losses(result, losses)
            if fails:
                os._exit(EXIT_CODE)
        loss = torch.nn.functional.mse_loss(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    write_losses(result, losses)
    if backend == "gloo":
        # its destructor can wait for ever for a thread that waits for the GIL (pytorch pull 154976)
        os._exit(0)
    torch.distributed.destroy_process_group()


def write_losses(result: str, losses: list[float]) -> None:
    """Write the size of the group and the losses so far."""
    found = [torch.distributed.get_world_size(), losses]
    Path(result).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], fails=sys.argv[3:] == ["fail"])
