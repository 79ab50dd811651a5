"""A program that imports every package of the image and prints each that asked the network.

Each line is `PACKAGE EVENT`: the audit event (PEP 578) of a name that was looked up, or of a
connection. A package that cannot be imported is for other checks.
"""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module
from importlib.metadata import packages_distributions
from typing import Any

ASKS = (
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.sendto",
    "urllib.Request",
)
PRINTED = os.dup(1)
at_work = ""


def tell_of_request(event: str, arguments: tuple[Any, ...]) -> None:
    """Print who asks the network: an audit hook. A local socket is no network."""
    is_local = event in ASKS[:1] and isinstance(arguments[1], str | bytes)
    if event in ASKS and not is_local:
        os.write(PRINTED, f"{at_work} {event}\n".encode())


if __name__ == "__main__":
    os.dup2(2, 1)  # what packages print is not ours
    sys.addaudithook(tell_of_request)
    own = [name for name in packages_distributions() if name.isidentifier() and name[0] != "_"]
    for at_work in sorted(own, key=lambda name: (name != "torch", name)):
        with contextlib.suppress(BaseException):
            import_module(at_work)
