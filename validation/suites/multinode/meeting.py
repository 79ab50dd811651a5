"""The containers of all nodes meet before each check, and know when one of them is gone.

They share a store of torch's on the first node. Every wait has a deadline, so that no check hangs.
A node that does not come is a fault of the machines, and never a failure of the image.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import socket
import struct
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import torch
import torch.distributed

from ..contract.node_place import NODES, NodePlace
from ..outcome import report_infra

COME_S = 600.0
"""How long a node waits for the others at the start: they may still pull the image."""
MEET_S = 240.0
"""How long it waits at a later check. A check of another node ends before that."""
END_S = 240.0
"""How long a node whose check failed waits to hear that the others are still there."""

_INTERFACE_ADDRESS = 0x8915
"""SIOCGIFADDR of Linux."""
_GONE = "the node or its container ended, or the network between the nodes fails"


class Meeting:
    """This container and those of the other nodes."""

    def __init__(self, place: NodePlace, facts: dict[str, Any]) -> None:
        self.place = place
        self._problem = ""
        self.address = find_own_address(place)
        self.interface = find_interface(self.address)
        self.facts = [facts] * NODES
        """What each node told of itself when they met first."""
        try:
            store = _open_store(place)
        except (OSError, RuntimeError) as error:
            first = str(error).partition("\n")[0][:200]
            self._problem = f"no store at {place.leader}:{place.port}: {first}"
            return
        self._store = store
        try:
            store.set(f"facts/{place.rank}", json.dumps(facts))
            self._wait_for("facts", COME_S)
            answers = [store.get(f"facts/{rank}") for rank in range(NODES)]
            self.facts = [json.loads(each) for each in answers]
        except (RuntimeError, _NodeGone) as error:
            self._problem = str(error).partition("\n")[0][:200]

    def open_prefix(self, check: str) -> Any:
        """Return a store of the check's own."""
        return torch.distributed.PrefixStore(check, self._store)

    @contextlib.contextmanager
    def meet(self, check: str) -> Iterator[None]:
        """Begin a check together. A failure in it counts only if all other nodes are still there.

        Otherwise it is `infra`: the ranks of a node that is gone fail those of the others.
        """
        if self._problem:
            report_infra(self._problem, _GONE)
        self._reach(f"{check} begins", MEET_S)
        try:
            yield
        except BaseException:
            self._reach(f"{check} ends", END_S)
            raise
        with contextlib.suppress(RuntimeError):
            self._store.set(f"{check} ends/{self.place.rank}", "")

    def part(self) -> None:
        """Wait until all nodes are through: the store ends with the first of them."""
        if not self._problem:
            with contextlib.suppress(RuntimeError, _NodeGone):
                self._store.set(f"parts/{self.place.rank}", "")
                self._wait_for("parts", END_S)

    def _reach(self, point: str, seconds: float) -> None:
        try:
            self._store.set(f"{point}/{self.place.rank}", "")
            self._wait_for(point, seconds)
        except (RuntimeError, _NodeGone) as error:
            self._problem = f"at `{point}`: {str(error).partition(chr(10))[0][:200]}"
            report_infra(self._problem, _GONE)

    def _wait_for(self, point: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for rank in range(NODES):
            left = timedelta(seconds=max(1.0, deadline - time.monotonic()))
            try:
                self._store.wait([f"{point}/{rank}"], left)
            except RuntimeError as error:
                if "timeout" not in str(error).lower():
                    raise
                raise _NodeGone(f"node {rank} did not come within {seconds:.0f} s") from None


class _NodeGone(Exception):
    """Another node did not come in time."""


def find_own_address(place: NodePlace) -> str:
    """Return the address of this node by which it reaches the first one; no packet is sent."""
    family, _, _, _, target = socket.getaddrinfo(place.leader, place.port, type=socket.SOCK_DGRAM)[
        0
    ]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(target)
        return str(probe.getsockname()[0])


def find_interface(address: str) -> str:
    """Return the network interface that has an IPv4 address; empty if none has it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with contextlib.suppress(OSError):  # it has no such address
                reply = fcntl.ioctl(probe.fileno(), _INTERFACE_ADDRESS, request)
                if socket.inet_ntoa(reply[20:24]) == address:
                    return name
    return ""


def _open_store(place: NodePlace) -> Any:
    """Return the store on the first node; other nodes wait until it is there."""
    return torch.distributed.TCPStore(
        place.leader,
        place.port,
        is_master=place.rank == 0,
        wait_for_workers=False,
        timeout=timedelta(seconds=COME_S),
    )
