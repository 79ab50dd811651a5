"""A suite of two nodes, with both nodes on this machine: two containers that meet on loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from validation.executors import docker
from validation.executors.interface import Setup
from validation.judge import judge_suite
from validation.record import SuiteResult
from validation.suite import Suite
from validation.suites.contract.node_place import NODES, PORTS, NodePlace


def run_on_two(
    suite: Suite, plant: Callable[[Setup, int], Setup], clean: Setup
) -> list[SuiteResult]:
    """Run the suite in a container for each node, and judge each; `plant` gets the node's rank."""
    port = _find_ports()
    setups = [
        plant(replace(clean, place=NodePlace(rank, "127.0.0.1", port)), rank)
        for rank in range(NODES)
    ]
    with ThreadPoolExecutor(NODES) as nodes:
        ended = nodes.map(lambda setup: docker.run_suite(suite, setup), setups)
        return [judge_suite(suite, each) for each in ended]


def _find_ports() -> int:
    """Return the first of PORTS free ports in a row."""
    for first in range(21000, 32000, PORTS):
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
