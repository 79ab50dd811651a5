"""Every collective call against its definition, in every type and from a few bytes to over 16 MB.

A rank knows what the others send, so each compares what it gets by itself. All values are small
whole numbers, which are exact in every type.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import torch
import torch.distributed

from ..ranks import device_of

SIZES = (1, 300, (4 << 20) + 12, (16 << 20) + 20)
"""Bytes of a tensor. Libraries change their way of sending at sizes in between."""

TYPES = (
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int8,
    torch.uint8,
    torch.int32,
    torch.int64,
)
LARGE_TYPE = torch.float32
PERIOD = 7
LATE_S = 0.6
"""How long rank 1 lets the others wait in a barrier."""

UNSUPPORTED = (
    "not support",
    "unsupported",
    "not implemented",
    "Invalid scalar type",
    "Unsupported",
)
"""Words of a backend that has no such call, or not for this type."""

Result = tuple[Any, Any]
"""What a rank got, and what it must get."""


def _make(rank: int, size: int, dtype: Any, device: Any, salt: int = 0) -> Any:
    """Return the tensor of a rank: numbers from 1 to 7, shifted by the rank."""
    count = max(1, size // torch.empty((), dtype=dtype).element_size())
    first = (rank * 3 + salt) % PERIOD
    whole = torch.arange(1, PERIOD + 1).to(dtype).repeat(-(-count // PERIOD) + 1)
    return whole[first : first + count].to(device, copy=True)


class _Calls:
    """The collective calls of one rank, each with its definition."""

    def __init__(self, rank: int, world: int, size: int, dtype: Any, device: Any) -> None:
        self._rank, self._world = rank, world
        self._how = (size, dtype, device)

    def _mine(self, salt: int = 0) -> Any:
        return _make(self._rank, *self._how, salt)

    def _of_all(self, salt: int = 0) -> list[Any]:
        return [_make(rank, *self._how, salt) for rank in range(self._world)]

    def all_reduce(self) -> Iterator[Result]:
        """Sums, products, least and largest of all ranks."""
        ways: tuple[tuple[Any, Callable[[Any, Any], Any]], ...] = (
            (torch.distributed.ReduceOp.SUM, torch.add),
            (torch.distributed.ReduceOp.PRODUCT, torch.mul),
            (torch.distributed.ReduceOp.MIN, torch.minimum),
            (torch.distributed.ReduceOp.MAX, torch.maximum),
        )
        for way, combine in ways:
            got = self._mine()
            torch.distributed.all_reduce(got, op=way)
            yield got, reduce(combine, self._of_all())
        got = self._mine()
        torch.distributed.all_reduce(got, async_op=True).wait()
        yield got, reduce(torch.add, self._of_all())

    def reduce(self) -> Iterator[Result]:
        """The sum, on one rank."""
        got, last = self._mine(), self._world - 1
        torch.distributed.reduce(got, last)
        if self._rank == last:
            yield got, reduce(torch.add, self._of_all())

    def broadcast(self) -> Iterator[Result]:
        """The tensor of each rank, on all."""
        for source, wanted in enumerate(self._of_all()):
            got = self._mine()
            torch.distributed.broadcast(got, source)
            yield got, wanted

    def all_gather(self) -> Iterator[Result]:
        """The tensors of all ranks, in their order."""
        got = [torch.zeros_like(self._mine()) for _ in range(self._world)]
        torch.distributed.all_gather(got, self._mine())
        yield torch.cat(got), torch.cat(self._of_all())

    def all_gather_into_tensor(self) -> Iterator[Result]:
        """The same in one tensor."""
        wanted = torch.cat(self._of_all())
        got = torch.zeros_like(wanted)
        torch.distributed.all_gather_into_tensor(got, self._mine())
        yield got, wanted

    def gather(self) -> Iterator[Result]:
        """The tensors of all ranks, on one."""
        wanted = self._of_all()
        got = [torch.zeros_like(each) for each in wanted] if self._rank == 0 else None
        torch.distributed.gather(self._mine(), got, 0)
        if got:
            yield torch.cat(got), torch.cat(wanted)

    def scatter(self) -> Iterator[Result]:
        """A tensor of one rank for each."""
        last = self._world - 1
        got = torch.zeros_like(self._mine())
        torch.distributed.scatter(got, self._of_all(4) if self._rank == last else None, last)
        yield got, self._mine(4)

    def reduce_scatter(self) -> Iterator[Result]:
        """The sum of what all ranks have for this one."""
        given = [_make(self._rank, *self._how, salt) for salt in range(self._world)]
        got = torch.zeros_like(self._mine())
        torch.distributed.reduce_scatter(got, given)
        yield got, reduce(torch.add, self._of_all(self._rank))

    def all_to_all(self) -> Iterator[Result]:
        """The parts of all ranks for this one."""
        given = torch.cat([_make(self._rank, *self._how, salt) for salt in range(self._world)])
        got = torch.zeros_like(given)
        torch.distributed.all_to_all_single(got, given)
        yield got, torch.cat(self._of_all(self._rank))

    def send(self) -> Iterator[Result]:
        """A tensor from one rank to the next."""
        got = torch.zeros_like(self._mine())
        after, before = (self._rank + 1) % self._world, (self._rank - 1) % self._world
        sent = torch.distributed.isend(self._mine(), after)
        torch.distributed.recv(got, before)
        sent.wait()
        yield got, _make(before, *self._how)


CALLS = [name for name in vars(_Calls) if not name.startswith("_")]


def find_wrong_calls(rank: int, world: int, placement: str) -> dict[str, Any]:
    """Return the calls that gave something else than their definition, and how many were made."""
    wrong, made, device = list[str](), set[str](), device_of(rank, placement)
    for dtype in TYPES:
        for size in SIZES if dtype is LARGE_TYPE else SIZES[:2]:
            calls = _Calls(rank, world, size, dtype, device)
            for name in CALLS:
                label = f"{name} of {size} bytes of {str(dtype).removeprefix('torch.')}"
                try:
                    results = [*getattr(calls, name)()]
                except (RuntimeError, ValueError) as error:
                    if any(words in str(error) for words in UNSUPPORTED):
                        continue
                    raise
                made.add(name)
                wrong += [label for got, wanted in results if not torch.equal(got, wanted)][:1]
    return {"wrong": [*wrong, *_find_wrong_objects(rank, world)], "made": sorted(made)}


def _find_wrong_objects(rank: int, world: int) -> list[str]:
    """Return the calls on Python objects and on a part of the ranks that gave something else."""
    mine = {"rank": rank, "text": "é" * (rank + 1)}
    of_all = [{"rank": each, "text": "é" * (each + 1)} for each in range(world)]
    gathered: list[Any] = [None] * world
    torch.distributed.all_gather_object(gathered, mine)
    given = [mine, rank]
    torch.distributed.broadcast_object_list(given, src=world - 1)
    alone = torch.distributed.new_group([0])
    kept = torch.ones(3) * (rank + 1)
    if rank == 0 and alone is not None:
        torch.distributed.all_reduce(kept, group=alone)
    return [
        name
        for name, right in (
            ("all_gather_object", gathered == of_all),
            ("broadcast_object_list", given == [of_all[-1], world - 1]),
            ("all_reduce in a group of one", bool((kept == rank + 1).all())),
        )
        if not right
    ]


def arrive_late(rank: int, world: int, placement: str, *, folder: str) -> bool:
    """Let rank 1 come late to a barrier; return whether it had arrived when this rank went on."""
    arrived = Path(folder) / "arrived"
    torch.distributed.barrier()
    if rank == 1:
        time.sleep(LATE_S)
        arrived.touch()
    torch.distributed.barrier()
    return arrived.exists()
