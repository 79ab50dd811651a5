"""Messages between ranks beyond the plain calls of `collectives`, against the definitions.

Every way to reduce and every rank as source and destination; gradients through collective calls;
Python objects; groups of some of the ranks; several messages at once; a barrier that names who is
missing. A rank knows what the others send.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import reduce
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.nn.functional as with_gradients

from .cases import CaseResult, Told, work_off
from .collectives import UNSUPPORTED

COMBINE: dict[str, Callable[[Any, Any], Any]] = {
    "SUM": operator.add,
    "AVG": operator.add,
    "PRODUCT": operator.mul,
    "MIN": torch.minimum,
    "MAX": torch.maximum,
    "BAND": operator.and_,
    "BOR": operator.or_,
    "BXOR": operator.xor,
}
"""The reductions of torch. PREMUL_SUM is left out: it needs NCCL."""

MISSED_AFTER_S = 0.2


def find_wrong_messages(rank: int, world: int, placement: str) -> Told:
    """Return what is wrong with the messages between ranks."""
    cases = (
        _reductions,
        _sources_and_destinations,
        _uneven_parts,
        _gradients,
        _gradients_of_lists,
        _objects,
        _objects_of_one_rank,
        _groups,
        _several_at_once,
        _barriers,
    )
    return work_off(cases, rank, world)


def _values(rank: int, salt: int = 0) -> Any:
    """Return whole numbers of a rank."""
    return torch.arange(1, 8) * (2 * rank + 1) + 5 * salt + rank


def _reals(rank: int, salt: int = 0) -> Any:
    return torch.sin(_values(rank, salt).double())


def _is_supported(call: Callable[..., Any], *arguments: Any, **options: Any) -> bool:
    """Make a call; return whether the backend has it."""
    try:
        call(*arguments, **options)
    except (RuntimeError, ValueError) as error:
        if any(words in str(error) for words in (*UNSUPPORTED, "Cannot use ReduceOp")):
            return False
        raise
    return True


def _reductions(rank: int, world: int) -> Iterator[CaseResult]:
    """Each way to reduce, to all and to each one."""
    for name, way in dist.ReduceOp.RedOpType.__members__.items():
        if name not in COMBINE:
            continue
        make = _reals if name == "AVG" else _values
        wanted = reduce(COMBINE[name], [make(each) for each in range(world)])
        wanted = wanted / world if name == "AVG" else wanted
        got = make(rank)
        if _is_supported(dist.all_reduce, got, op=way):
            yield CaseResult(f"all_reduce {name}", got, wanted)
        for to in range(world):
            got = make(rank)
            made = _is_supported(dist.reduce, got, to, op=way)
            if made and rank == to:
                yield CaseResult(f"reduce {name} to {to}", got, wanted)
        parts, got = [make(rank, each) for each in range(world)], torch.zeros_like(make(rank))
        if _is_supported(dist.reduce_scatter, got, parts, op=way):
            of_all = reduce(COMBINE[name], [make(each, rank) for each in range(world)])
            of_all = of_all / world if name == "AVG" else of_all
            yield CaseResult(f"reduce_scatter {name}", got, of_all)


def _sources_and_destinations(rank: int, world: int) -> Iterator[CaseResult]:
    """Scattered from each rank and gathered on each."""
    for other in range(world):
        got = torch.zeros_like(_values(rank))
        given = [_values(other, each) for each in range(world)] if rank == other else None
        dist.scatter(got, given, src=other)
        yield CaseResult(f"scatter from {other}", got, _values(other, rank))
        room = [torch.zeros_like(got) for _ in range(world)] if rank == other else None
        dist.gather(_values(rank), room, dst=other)
        if room:
            yield CaseResult(f"gather on {other}", room, [_values(each) for each in range(world)])


def _uneven_parts(rank: int, world: int) -> Iterator[CaseResult]:
    """Parts of different lengths: from rank R to rank S it is R + S + 1 numbers long."""
    lengths = [rank + other + 1 for other in range(world)]
    given = torch.cat([_values(rank, other)[: lengths[other]] for other in range(world)])
    wanted = torch.cat([_values(other, rank)[: lengths[other]] for other in range(world)])
    got = torch.zeros_like(wanted)
    dist.all_to_all_single(got, given, lengths, lengths)
    yield CaseResult("all_to_all_single", got, wanted)
    room = [torch.zeros(length, dtype=torch.int64) for length in lengths]
    if _is_supported(dist.all_to_all, room, [*given.split(lengths)]):
        yield CaseResult("all_to_all", room, [*wanted.split(lengths)])


def _gradients(rank: int, world: int) -> Iterator[CaseResult]:
    """A loss of each rank weighs what it got; the gradients are those of the sum of all losses."""
    weights = [_reals(each, 3) for each in range(world)]
    of_all = sum(_reals(each) for each in range(world))
    mine = _reals(rank).requires_grad_()
    got = with_gradients.all_reduce(mine)
    (got * weights[rank]).sum().backward()
    yield CaseResult("all_reduce", [got.detach(), mine.grad], [of_all, sum(weights)])
    for other in range(world):
        mine = _reals(rank).requires_grad_()
        got = with_gradients.broadcast(mine, other)
        (got * weights[rank]).sum().backward()
        nothing = torch.zeros_like(of_all)
        wanted = [_reals(other), sum(weights) if rank == other else nothing]
        yield CaseResult(f"broadcast from {other}", [got.detach(), mine.grad], wanted)
        mine = _reals(rank).requires_grad_()
        got = with_gradients.reduce(mine.clone(), other)
        (got * weights[rank]).sum().backward()
        yield CaseResult(f"reduce to {other}", mine.grad, weights[other])
        if rank == other:
            yield CaseResult(f"value of reduce to {other}", got.detach(), of_all)


def _gradients_of_lists(rank: int, world: int) -> Iterator[CaseResult]:
    """The same for calls that take or give a tensor for each rank."""
    weights = [[_reals(each, 3 + part) for part in range(world)] for each in range(world)]
    mine = _reals(rank).requires_grad_()
    parts = with_gradients.all_gather(mine)
    sum((part * weight).sum() for part, weight in zip(parts, weights[rank], strict=True)).backward()
    yield CaseResult("all_gather", mine.grad, sum(each[rank] for each in weights))
    for other in range(world):
        mine = _reals(rank).requires_grad_()
        parts = with_gradients.gather(mine, other)
        scale = weights[other] if rank == other else [torch.zeros_like(mine)] * world
        sum((part * weight).sum() for part, weight in zip(parts, scale, strict=True)).backward()
        yield CaseResult(f"gather on {other}", mine.grad, weights[other][rank])
        given = [_reals(rank, part).requires_grad_() for part in range(world)]
        got = with_gradients.scatter(given, other)
        (got * weights[rank][0]).sum().backward()
        yield CaseResult(f"value of scatter from {other}", got.detach(), _reals(other, rank))
        if rank == other:
            wanted = [each[0] for each in weights]
            yield CaseResult(f"scatter from {other}", [each.grad for each in given], wanted)
    given = torch.cat([_reals(rank, part) for part in range(world)]).requires_grad_()
    got = with_gradients.all_to_all_single(torch.empty_like(given), given)
    (got * torch.cat(weights[rank])).sum().backward()
    wanted = torch.cat([_reals(each, rank) for each in range(world)])
    yield CaseResult("value of all_to_all_single", got.detach(), wanted)
    yield CaseResult("all_to_all_single", given.grad, torch.cat([each[rank] for each in weights]))


def _name(rank: int, part: int = 0) -> dict[str, Any]:
    return {"rank": rank, "text": "é" * (rank + part + 1)}


def _objects(rank: int, world: int) -> Iterator[CaseResult]:
    """Objects from each rank to all, and from all to each."""
    for other in range(world):
        room: list[Any] = [None]
        given = [_name(other, part) for part in range(world)] if rank == other else None
        dist.scatter_object_list(room, given, src=other)
        yield CaseResult(f"scatter_object_list from {other}", room, [_name(other, rank)])
        gathered: list[Any] | None = [None] * world if rank == other else None
        dist.gather_object(_name(rank), gathered, dst=other)
        if gathered:
            yield CaseResult(
                f"gather_object on {other}", gathered, [_name(each) for each in range(world)]
            )
        sent = [_name(rank), rank]
        dist.broadcast_object_list(sent, src=other)
        yield CaseResult(f"broadcast_object_list from {other}", sent, [_name(other), other])


def _objects_of_one_rank(rank: int, world: int) -> Iterator[CaseResult]:
    """Objects and tensors from one rank to the next, their sender unknown."""
    if rank == 0:
        dist.send_object_list([{"a": 1}, "é"], dst=1)
        dist.send(_values(0), 1)
        dist.send(_values(0, 2), 1, tag=5)
    if rank == 1:
        room: list[Any] = [None, None]
        dist.recv_object_list(room, src=0)
        yield CaseResult("recv_object_list", room, [{"a": 1}, "é"])
        got = torch.zeros_like(_values(0))
        yield CaseResult("sender of recv", dist.recv(got), 0)
        yield CaseResult("recv of any", got, _values(0))
        dist.recv(got, 0, tag=5)
        yield CaseResult("recv of a tag", got, _values(0, 2))


def _groups(rank: int, world: int) -> Iterator[CaseResult]:
    """Groups of some ranks, and what a rank is called in them."""
    everyone = [*range(world)]
    for how, (mine, groups) in {
        "new_subgroups(1)": dist.new_subgroups(1),
        "new_subgroups_by_enumeration": dist.new_subgroups_by_enumeration(
            [[each] for each in everyone]
        ),
    }.items():
        got = _values(rank)
        dist.all_reduce(got, group=mine)
        yield CaseResult(f"all_reduce in {how}", got, _values(rank))
        found = [dist.get_process_group_ranks(each) for each in groups]
        yield CaseResult(f"ranks of {how}", found, [[each] for each in everyone])
        yield CaseResult(f"rank in {how}", dist.get_rank(mine), 0)
        yield CaseResult(f"size of {how}", dist.get_world_size(mine), 1)
        yield CaseResult(f"global rank in {how}", dist.get_global_rank(mine, 0), rank)
    turned = dist.new_group(everyone[::-1], timeout=timedelta(seconds=20))
    got = _values(rank)
    dist.broadcast(got, src=world - 1, group=turned)
    yield CaseResult("broadcast in a new group", got, _values(world - 1))


def _several_at_once(rank: int, world: int) -> Iterator[CaseResult]:
    after, before = (rank + 1) % world, (rank - 1) % world
    rooms = [torch.zeros_like(_values(rank)) for _ in range(2)]
    messages = [
        *(dist.P2POp(dist.isend, _values(rank, salt), after) for salt in range(2)),
        *(dist.P2POp(dist.irecv, room, before) for room in rooms),
    ]
    for work in dist.batch_isend_irecv(messages):
        work.wait()
    yield CaseResult("batch_isend_irecv", rooms, [_values(before, salt) for salt in range(2)])


def _barriers(rank: int, world: int) -> Iterator[CaseResult]:
    """A barrier with a limit lets all go on, or says which rank has not come."""
    dist.monitored_barrier(timeout=timedelta(seconds=20))
    impatient, message = dist.new_group(), ""
    if rank == 0:
        try:
            dist.monitored_barrier(impatient, timedelta(seconds=MISSED_AFTER_S))
        except RuntimeError as error:
            message = str(error)
        named = "Rank 1" in message or "rank 1" in message or "ranks: 1" in message
        yield CaseResult(f"monitored_barrier without rank 1: {message[:80]!r}", named, True)
    dist.barrier()
