"""Requests per second and latency of an inference server, with clients that never wait.

    benchmarks/serving_load.py http://127.0.0.1:8000/v2/models/small/infer TOKEN REQUEST.json

Each client has one connection, and sends the same request again as soon as it has its answer.
"""

from __future__ import annotations

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

SECONDS = 8
CLIENTS = (1, 8)


def ask_again(url: str, token: str, body: bytes) -> list[float]:
    """Return the seconds that each request of one client took."""
    session, taken, end = requests.Session(), [], time.monotonic() + SECONDS
    session.headers["Authorization"] = f"Bearer {token}"
    while time.monotonic() < end:
        started = time.monotonic()
        session.post(url, data=body, timeout=60).raise_for_status()
        taken.append(time.monotonic() - started)
    return taken


def main(url: str, token: str, file: str) -> None:
    """Print a line for each number of clients."""
    body = Path(file).read_bytes()
    for count in CLIENTS:
        with ThreadPoolExecutor(count) as pool:
            clients = [pool.submit(ask_again, url, token, body) for _ in range(count)]
            taken = sorted(seconds for client in clients for seconds in client.result())
        middle, late = statistics.median(taken), taken[int(0.99 * len(taken))]
        print(
            f"{count} clients: {len(taken) / SECONDS:.0f} requests/s, median "
            f"{1000 * middle:.1f} ms, 99 % within {1000 * late:.1f} ms"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
