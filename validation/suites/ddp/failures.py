"""Ranks that fail on purpose, and the errors that the other ranks get."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed

EXIT_CODE = 7
TIMEOUT_S = 2.0
ABSENT_S = 8.0
"""How long rank 1 stays away, at most, from a collective call that waits TIMEOUT_S."""


def let_rank_die(rank: int, world_size: int, placement: str) -> str:
    """Let rank 1 exit without a word; return the error of the collective call of the others."""
    torch.distributed.barrier()
    if rank == 1:
        os._exit(EXIT_CODE)
    return _collective_error(None)


def let_rank_hang(rank: int, world_size: int, placement: str, *, end_file: str) -> str:
    """Let rank 1 stay away; return the error of the collective call of the others.

    The file `end_file` ends the wait of rank 1.
    """
    torch.distributed.barrier()
    impatient = torch.distributed.new_group(timeout=timedelta(seconds=TIMEOUT_S))
    if rank == 1:
        deadline = time.monotonic() + ABSENT_S
        while not Path(end_file).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        return ""
    error = _collective_error(impatient)
    Path(end_file).touch()
    return error


def _collective_error(group: Any) -> str:
    try:
        torch.distributed.all_reduce(torch.ones(1024), group=group)
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return ""
