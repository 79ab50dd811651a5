"""Reads from NCCL's debug file how GPUs are connected. Standard library only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

_CONNECTED = re.compile(
    r"NCCL INFO Channel (?P<channel>\d+)(?:/\d+)? :"
    r" (?P<source>\d+)\[[0-9a-f]+\] -> (?P<target>\d+)\[[0-9a-f]+\]"
    r"(?: \[(?P<end>send|receive)\])? via (?P<transport>[^/\s]+)(?P<path>\S*)"
)


@dataclass(frozen=True)
class NcclConnection:
    """One direction of one channel between two ranks.

    `transport` is `P2P`, `SHM` or `NET`. `path` is what NCCL adds to it (`/CUMEM/read`,
    `/direct/direct`, `/Socket/0`).
    """

    channel: int
    source: int
    target: int
    transport: str
    path: str


def parse_connections(text: str) -> tuple[NcclConnection, ...]:
    """Return every connection in the file, in its order.

    Over a network both ends report it, and only the sender's line is taken. The lines are those of
    transport/{p2p,shm,net}.cc of NCCL 2.8 to 2.28, with NCCL_DEBUG=INFO.
    """
    return tuple(
        NcclConnection(
            int(it["channel"]), int(it["source"]), int(it["target"]), it["transport"], it["path"]
        )
        for it in _CONNECTED.finditer(text)
        if it["end"] != "receive"
    )


def find_connection_problem(
    found: Iterable[NcclConnection], world_size: int, allowed: Collection[str]
) -> str:
    """Return why the ranks must not be connected so; empty if they may.

    Each must send and receive, by a transport that is `allowed`.
    """
    found = tuple(found)
    if not found:
        return "NCCL told of no connection at all"
    both = {each.source for each in found} & {each.target for each in found}
    silent = sorted(set(range(world_size)) - both)
    if silent:
        return f"ranks {silent} of {world_size} do not both send and receive"
    foreign = [each for each in found if each.transport not in allowed]
    if foreign:
        first = foreign[0]
        return f"rank {first.source} reaches rank {first.target} by {first.transport}{first.path}"
    return ""


def count_per_transport(found: Iterable[NcclConnection]) -> dict[str, int]:
    """Return how many connections each transport carries."""
    return dict(sorted(Counter(each.transport for each in found).items()))
