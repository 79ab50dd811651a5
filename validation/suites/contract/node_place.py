"""The place of a container among those that run one suite together, one on each node.

The host writes it into an environment variable of the container.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

NODES = 2
"""So many nodes run a suite together."""
PORTS = 2
"""Ports in a row that a run uses on the first node: of the suite's own store, and of torchrun."""

PLACE = "VALIDATION_NODE_PLACE"
"""The environment variable with the place, as JSON."""


@dataclass(frozen=True)
class NodePlace:
    """The container on the node number `rank`, from 0; `leader` is the address of node 0.

    `port` and the ports after it (PORTS) are free there.
    """

    rank: int
    leader: str
    port: int


def write_place(place: NodePlace) -> str:
    """Return the text of the environment variable."""
    return json.dumps(asdict(place))


def read_place(text: str) -> NodePlace:
    """Return the place that the host wrote."""
    return NodePlace(**json.loads(text))
