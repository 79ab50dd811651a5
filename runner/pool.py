"""Threads that nobody waits for after an error or a signal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor


@contextlib.contextmanager
def worker_pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Yield `workers` threads; at the end of the block all their work is done.

    If the block raises, what has not begun is dropped, and what has is not waited for: each request
    ends by its own deadline.
    """
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
