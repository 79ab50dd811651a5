"""The ranks of a process group on this machine, and how they failed."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed

from . import processes
from .contract.node_place import NODES, NodePlace
from .contract.words import GLOO, NCCL, ONE_GPU, ONE_GPU_NCCL
from .one_gpu import share_one_gpu
from .outcome import require
from .processes import WorkProcessExit

RANK_LIMIT_S = processes.LIMIT_S
_CAUSES = (
    ("NVIDIA driver", "the ranks cannot use a GPU"),
    (
        "ready only once",
        "static_graph is ignored: a parameter was used twice under reentrant checkpointing",
    ),
    ("finished reduction", "find_unused_parameters is ignored: some parameters had no gradient"),
    ("Connection closed", "a rank left while others still waited for it"),
    ("Connection reset", "a rank left while others still waited for it"),
)
"""Words of an error, and the likely cause."""

_UNKNOWN = "this image's torch.distributed or DistributedDataParallel does not work as documented"
_PATIENCE = 4
"""Collective calls wait this many times longer than a rank may take.

So a rank that hangs is ended first, and its stacks show where.
"""

Work = Callable[[int, int, str], Any]
"""(rank, world size, placement) -> anything `torch.save` can write. Can be pickled."""


@dataclass(frozen=True)
class NodeShare:
    """The ranks of this node in a group over all nodes, which meet by the store on the first one.

    `prefix` keeps the keys of this group apart. `interface` is that of this node towards the
    others; empty if torch and NCCL must find it.
    """

    place: NodePlace
    prefix: str
    interface: str


@dataclass(frozen=True)
class RankGroup:
    """A process group whose ranks lie as `placement` says (contract/words.py).

    A rank may take `limit_s`. `folder` takes the rendezvous file and the results. `environment` is
    set in each rank before torch is used. `timeout_s` is how long a collective call waits, by
    default longer than a rank may take. With a `share`, the other ranks are on other nodes.
    """

    world_size: int
    placement: str
    folder: Path
    limit_s: float = RANK_LIMIT_S
    environment: tuple[tuple[str, str], ...] = ()
    timeout_s: float | None = None
    share: NodeShare | None = None

    @property
    def local_ranks(self) -> range:
        """The ranks on this node: all of them, or equally many on each."""
        if self.share is None:
            return range(self.world_size)
        each = self.world_size // NODES
        return range(self.share.place.rank * each, (self.share.place.rank + 1) * each)


def run_ranks(work: Work, group: RankGroup) -> list[Any]:
    """Return what `work` returned in each rank here; fail the check if one raised, died or hung."""
    ended = run_to_exit(work, group)
    failed = {
        rank: _describe_failure(end, group)
        for rank, end in zip(group.local_ranks, ended, strict=True)
        if not end.returned
    }
    found = _join_accounts(failed, group.world_size)
    require(not failed, found, f"all to do their work over {group.placement}", _likely_cause(ended))
    return [end.result for end in ended]


def run_to_exit(work: Work, group: RankGroup) -> list[WorkProcessExit]:
    """Return how each rank here ended, for checks in which one is meant to fail."""
    folder = Path(tempfile.mkdtemp(dir=group.folder))
    works = [
        partial(_run_rank, rank, work, group, str(folder / "store")) for rank in group.local_ranks
    ]
    return processes.run_all(works, folder, group.limit_s)


def device_of(rank: int, placement: str) -> Any:
    """Return the device on which a rank computes."""
    if placement == GLOO:
        return torch.device("cpu")
    return torch.device("cuda", rank if placement == NCCL else 0)


def _run_rank(rank: int, work: Work, group: RankGroup, store: str) -> Any:
    if group.share and group.share.interface:
        names = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
        os.environ.update(dict.fromkeys(names, group.share.interface))
    os.environ.update(group.environment)
    if not group.share:  # without a network there is no other interface to guess
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(1)  # more ranks than cores must not fight over them
    if group.placement == ONE_GPU_NCCL:
        os.environ.update(share_one_gpu(rank, torch.cuda.nccl.version()))
    if group.placement != GLOO:
        torch.cuda.set_device(device_of(rank - group.local_ranks[0], group.placement))
    torch.distributed.init_process_group(
        group.placement.removeprefix(ONE_GPU),
        **_find_peers(group, store),
        rank=rank,
        world_size=group.world_size,
        timeout=timedelta(seconds=group.timeout_s or _PATIENCE * group.limit_s),
    )
    result = work(rank, group.world_size, group.placement)
    if group.placement in (NCCL, ONE_GPU_NCCL):
        torch.distributed.destroy_process_group()
    # gloo's destructor can wait for ever for a thread that waits for the GIL (pytorch pull 154976)
    return result


def _find_peers(group: RankGroup, file: str) -> dict[str, Any]:
    """Return the arguments of torch by which the ranks find each other."""
    if group.share is None:
        return {"init_method": f"file://{file}"}
    place = group.share.place
    store = torch.distributed.TCPStore(
        place.leader, place.port, is_master=False, timeout=timedelta(seconds=group.limit_s)
    )
    return {"store": torch.distributed.PrefixStore(group.share.prefix, store)}


def _join_accounts(accounts: dict[int, str], world_size: int) -> str:
    """Join the ranks and what they did: `rank 0 of 2 ...; rank 1 of 2 ...`.

    Ranks that did the same are named together: `ranks 0, 1 of 2 ...`.
    """
    alike: dict[str, list[str]] = {}
    for rank, what in accounts.items():
        alike.setdefault(what, []).append(str(rank))
    parts = (
        f"rank{'s' * (len(ranks) > 1)} {', '.join(ranks)} of {world_size} {what}"
        for what, ranks in alike.items()
    )
    return "; ".join(parts)


def _describe_failure(end: WorkProcessExit, group: RankGroup) -> str:
    if end.raised:
        return f"raised {end.raised}"
    if end.exit_code is None and end.seconds < group.limit_s:
        return "was still waiting"
    if end.exit_code is None:
        return (
            f"still ran after {group.limit_s:.0f} s, in "
            f"{end.stuck_in or 'a place that is not known'}"
        )
    if end.exit_code < 0:
        return f"was killed by {signal.Signals(-end.exit_code).name}"
    return f"died with exit code {end.exit_code} and no error"


def _likely_cause(ended: Sequence[WorkProcessExit]) -> str:
    """Return the likely cause of the failure that came first.

    The death of a rank makes others raise, and an error makes others wait.
    """
    codes = {end.exit_code for end in ended if not (end.returned or end.raised)}
    if -signal.SIGKILL in codes:
        return "the kernel or the engine killed a rank, most often for want of memory"
    if any(code is not None and code < 0 for code in codes):
        return "a native library of the image crashed in a rank"
    if codes - {None}:
        return (
            "something in a rank ends its process without an error, and the others lose their peer"
        )
    raised = " ".join(end.raised for end in ended)
    if raised.strip():
        return next((cause for words, cause in _CAUSES if words in raised), _UNKNOWN)
    return "a rank never comes to a collective call that the others wait in"
