"""The stores by which ranks meet: each operation of each store, alone and between ranks."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch.distributed as dist

from .cases import CaseResult, Told, work_off

LATE_S = 0.05
WAITING = ("HashStore", "TCPStore", "PrefixStore of HashStore")
"""Stores whose limits are tried. FileStore looks for a key once in a second alone."""

PATIENT = timedelta(seconds=20)


def find_wrong_stores(rank: int, world: int, placement: str) -> Told:
    """Return what is wrong with the stores."""
    return work_off((_operations, _between_ranks), rank, world)


def _operations(rank: int, world: int) -> Iterator[CaseResult]:
    """Each operation of each store of this process alone."""
    folder = Path(tempfile.mkdtemp())
    stores = {
        "HashStore": dist.HashStore(),
        "FileStore": dist.FileStore(str(folder / "store"), 1),
        "TCPStore": dist.TCPStore("127.0.0.1", 0, 1, True, PATIENT),
        "TCPStore without libuv": dist.TCPStore("127.0.0.1", 0, 1, True, PATIENT, use_libuv=False),
    }
    stores |= {
        f"PrefixStore of {name}": dist.PrefixStore("p", store) for name, store in stores.items()
    }
    for name, store in stores.items():
        store.set_timeout(PATIENT)
        waits = try_limits(store) if name in WAITING else ()
        for result in itertools.chain(_keep(store), waits):
            yield CaseResult(f"{result.what} of {name}", result.got, result.wanted)
    inner = dist.HashStore()
    dist.PrefixStore("a", inner).set("key", "1")
    dist.PrefixStore("b", inner).set("key", "2")
    yield CaseResult("key of PrefixStore", [inner.get("a/key"), inner.get("b/key")], [b"1", b"2"])


def _keep(store: Any) -> Iterator[CaseResult]:
    """Values that are set, added and compared stay; operations that a store lacks are left out."""
    store.set("text", "é")
    yield CaseResult("get", store.get("text").decode(), "é")
    store.set("text", "other")
    yield CaseResult("get of what was set again", store.get("text"), b"other")
    added = [store.add("count", amount) for amount in (3, 4, -2)]
    yield CaseResult("add", added, [3, 7, 5])
    yield CaseResult("get of what was added", store.get("count"), b"5")
    yield CaseResult("check", [store.check(["text", "count"]), store.check(["no"])], [True, False])
    keys = _try(store.num_keys)
    swaps = [
        _try(store.compare_set, *arguments)
        for arguments in (("new", "", "1"), ("new", "0", "2"), ("new", "1", "3"))
    ]
    if None not in swaps:
        yield CaseResult("compare_set", swaps, [b"1", b"1", b"3"])
        if keys is not None:
            yield CaseResult("num_keys after one more key", store.num_keys() - keys, 1)
    if (gone := _try(store.delete_key, "text")) is not None:
        yield CaseResult("delete_key", [gone, store.check(["text"])], [True, False])
    if store.has_extended_api():
        store.append("list", "a")
        store.append("list", "b")
        yield CaseResult("append", store.get("list"), b"ab")
        store.multi_set(["one", "two"], ["1", "2"])
        yield CaseResult("multi_get", store.multi_get(["two", "one"]), [b"2", b"1"])


def try_limits(store: Any) -> Iterator[CaseResult]:
    """A key that is there is not waited for; one that never comes is an error after the limit."""
    store.wait(["count"], timedelta(seconds=LATE_S))
    message = _raise(lambda: store.wait(["count", "never"], timedelta(seconds=LATE_S)))
    yield CaseResult("wait for a key that never comes is an error", bool(message), True)
    store.set_timeout(timedelta(seconds=LATE_S))
    yield CaseResult("timeout", store.timeout, timedelta(seconds=LATE_S))
    yield CaseResult("get of no key is an error", bool(_raise(lambda: store.get("never"))), True)


def _between_ranks(rank: int, world: int) -> Iterator[CaseResult]:
    """Ranks meet in one store of rank 0, and in one file."""
    folder = [tempfile.mkdtemp()]
    dist.broadcast_object_list(folder, src=0)
    own = dist.TCPStore("127.0.0.1", 0, world, True, PATIENT, False) if rank == 0 else None
    port = [own.port if own else 0]
    dist.broadcast_object_list(port, src=0)
    stores = {
        "TCPStore": own or dist.TCPStore("127.0.0.1", port[0], world, False, PATIENT),
        "FileStore": dist.FileStore(str(Path(folder[0]) / "shared"), world),
    }
    for name, store in stores.items():
        store.set(f"from {rank}", str(rank))
        store.add("sum", rank + 1)
        other = (rank + 1) % world
        store.wait([f"from {other}"], PATIENT)
        yield CaseResult(
            f"get of another rank by {name}", store.get(f"from {other}"), b"%d" % other
        )
        dist.barrier()
        yield CaseResult(
            f"add of all ranks by {name}", store.add("sum", 0), world * (world + 1) // 2
        )
        dist.barrier()
    given = dist.distributed_c10d._get_default_store()
    given.set(f"ddp/{rank}", "here")
    given.wait([f"ddp/{each}" for each in range(world)], PATIENT)


def _try(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a call gives; None if the store does not have it."""
    try:
        return call(*arguments)
    except (RuntimeError, NotImplementedError) as error:
        if "mplemented" in str(error) or "upport" in str(error):
            return None
        raise


def _raise(call: Callable[[], Any]) -> str:
    """Return the error of a call; empty if there is none."""
    try:
        call()
    except RuntimeError as error:
        return str(error) or "error"
    return ""
