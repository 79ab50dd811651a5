"""A suite of two nodes, with both nodes on this machine: two containers that meet on loopback."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from validation.executors import docker
from validation.executors.interface import Setup
from validation.judge import judge_suite
from validation.record import SuiteResult
from validation.suite import Suite
from validation.suites.contract.node_place import PORTS, NodePlace


def run_on_nodes(suite: Suite, setups: Sequence[Setup]) -> list[SuiteResult]:
    """Run the suite in a container for each node at the same time, and judge each."""
    port = _find_ports()
    placed = [
        replace(setup, place=NodePlace(rank, "127.0.0.1", port))
        for rank, setup in enumerate(setups)
    ]
    with ThreadPoolExecutor(len(placed)) as nodes:
        ended = nodes.map(lambda setup: docker.run_suite(suite, setup), placed)
        return [judge_suite(suite, each) for each in ended]


def _find_ports() -> int:
    """Return the first of PORTS free ports in a row."""
    for first in range(21_000, 32_000, PORTS):
        probes = list[socket.socket]()
        try:
            probes += [socket.create_server(("", first + each)) for each in range(PORTS)]
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
        return first
    raise AssertionError("no free ports")
