"""Starts the ranks of a process group on this machine, and makes sure that they end."""

from __future__ import annotations

import faulthandler
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed
import torch.multiprocessing

RANK_LIMIT_S = 60
GRACE_S = 10
"""A rank past its limit prints its stacks and exits by itself; the parent kills what has not ended this much later."""

Work = Callable[[int, int, str], Any]
"""(rank, world size, backend) -> anything `torch.save` can write."""


@dataclass(frozen=True)
class Group:
    """A process group: `folder` takes its rendezvous file and its results, a rank may take `limit_s`."""

    world_size: int
    backend: str
    folder: Path
    limit_s: int = RANK_LIMIT_S


def run_ranks(work: Work, group: Group) -> list[Any]:
    """What `work` returned in each rank. Raises AssertionError where a rank failed, died or hung."""
    started = torch.multiprocessing.spawn(_rank, (work, group), nprocs=group.world_size, join=False)
    try:
        _join(started, group)
    finally:
        for process in started.processes:
            process.kill()
    return [torch.load(_result(group, rank)) for rank in range(group.world_size)]


def _join(started: Any, group: Group) -> None:  # noqa: ANN401 - torch's own context
    limit_s = group.limit_s + GRACE_S
    deadline = time.monotonic() + limit_s
    while not _all_ended(started):
        alive = [rank for rank, process in enumerate(started.processes) if process.is_alive()]
        assert time.monotonic() < deadline, f"ranks {alive} of {group.world_size} did not end within {limit_s} s"


def _all_ended(started: Any) -> bool:  # noqa: ANN401
    try:
        return bool(started.join(timeout=1))
    except torch.multiprocessing.ProcessRaisedException as error:
        raise AssertionError(f"a rank failed: {str(error).strip().splitlines()[-1]}") from error
    except torch.multiprocessing.ProcessExitedException as error:
        raise AssertionError(f"a rank died or hung (its stacks are in the output): {error}") from error


def _rank(rank: int, work: Work, group: Group) -> None:
    faulthandler.dump_traceback_later(group.limit_s, exit=True)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # without a network there is no other interface to guess
    torch.distributed.init_process_group(
        group.backend,
        init_method=f"file://{group.folder / 'store'}",
        rank=rank,
        world_size=group.world_size,
        timeout=timedelta(seconds=group.limit_s),
    )
    try:
        torch.save(work(rank, group.world_size, group.backend), _result(group, rank))
    finally:
        torch.distributed.destroy_process_group()


def _result(group: Group, rank: int) -> Path:
    return group.folder / f"rank{rank}.pt"
