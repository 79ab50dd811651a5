"""A pool of threads ends at once with an error, and with all its work otherwise."""

from __future__ import annotations

import ast
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import shell
from runner.errors import EnvironmentFailed
from runner.home import REPOSITORY
from runner.pool import worker_pool
from tests.inside_images import runs_in_images
from tests.test_structure import RANKS


def test_all_work_is_done() -> None:
    with worker_pool(2) as pool:
        done = [pool.submit(pow, number, 2) for number in range(5)]
    assert [each.result(0) for each in done] == [0, 1, 4, 9, 16]


def test_nobody_waits_for_a_worker_that_is_stuck() -> None:
    stuck, begun = threading.Event(), list[int]()

    def work(number: int) -> None:
        begun.append(number)
        stuck.wait(30)

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), worker_pool(1) as pool:
        for number in range(3):
            pool.submit(work, number)
        raise KeyboardInterrupt
    stuck.set()
    assert time.monotonic() - started < 5
    assert begun in ([], [0]), "what had not begun is dropped"


def test_programs_of_the_threads_end_before_the_block_does(tmp_path: Path) -> None:
    """Else one could still write where the caller cleans up."""

    def work(_: int) -> None:
        shell.run(["sh", "-c", "echo > $0/begun; sleep 20; echo > $0/late", tmp_path], hint="")

    started = time.monotonic()
    with pytest.raises(ValueError, match="bad"), worker_pool(1) as pool:
        first, second = pool.submit(work, 1), pool.submit(work, 2)
        while not (tmp_path / "begun").exists():
            time.sleep(0.02)
        raise ValueError("bad")
    assert not shell._running
    assert time.monotonic() - started < 10
    assert second.cancelled()
    with pytest.raises(EnvironmentFailed):
        first.result(5)
    shell.run(["true"], hint="")


def own_pools(root: Path) -> Iterator[str]:
    """`FILE:LINE` of each pool of threads that is made past `runner/pool.py`."""
    for path in sorted(path for name in RANKS for path in (root / name).rglob("*.py")):
        name = str(path.relative_to(root))
        if name == "runner/pool.py" or runs_in_images(name):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("ThreadPoolExecutor"):
                yield f"{name}:{node.lineno}"


def test_all_pools_are_of_one_kind() -> None:
    assert not list(own_pools(REPOSITORY))


def test_another_pool_is_found(tmp_path: Path) -> None:
    (tmp_path / "oci").mkdir()
    (tmp_path / "oci" / "a.py").write_text("with futures.ThreadPoolExecutor(2) as pool: ...")
    assert list(own_pools(tmp_path)) == ["oci/a.py:1"]
