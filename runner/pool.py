"""The one pool of threads: nobody waits for them after an error or a signal."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from runner import shell


@contextlib.contextmanager
def worker_pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Yield `workers` threads; at the end of the block all their work is done.

    If the block raises, what has not begun is dropped, programs that its threads run are ended, and
    nothing else is waited for: each request ends by its own deadline, or with the process.
    """
    members: set[threading.Thread] = set()
    pool = ThreadPoolExecutor(workers, initializer=lambda: members.add(threading.current_thread()))
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        shell.end_programs_of(members)
        raise
    pool.shutdown()
