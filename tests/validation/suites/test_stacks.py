"""The place of a hang is read from stacks that faulthandler really writes."""

from __future__ import annotations

import faulthandler
import threading
from pathlib import Path

from validation.suites.stacks import find_innermost_frame

OF_A_RANK = """\
Timeout (0:00:25)!
Thread 0x00007fb32fdc36c0 (most recent call first):
  <no Python frame>

Thread 0x00007fb40207b040 (most recent call first):
  File "/usr/lib/python3.11/selectors.py", line 415 in select
  File "/opt/venv/lib/python3.11/site-packages/torch/utils/data/dataloader.py", line 1251 in _try_get_data
  File "/code/validation/suites/processes.py", line 147 in _main
"""  # noqa: E501 - one line of what another program reads


def test_innermost_frame_that_is_not_pythons_own() -> None:
    assert find_innermost_frame(OF_A_RANK) == "_try_get_data (dataloader.py:1251)"


def test_pythons_own_where_there_is_no_other() -> None:
    assert (
        find_innermost_frame("\n".join(OF_A_RANK.splitlines()[:6])) == "select (selectors.py:415)"
    )


def test_no_stacks() -> None:
    assert not find_innermost_frame("")


def test_the_main_thread_is_the_last(tmp_path: Path) -> None:
    """Another thread waits beside it."""
    leave = threading.Event()
    other = threading.Thread(target=leave.wait)
    other.start()
    try:
        with (tmp_path / "stacks").open("w") as stacks:
            faulthandler.dump_traceback(file=stacks, all_threads=True)
    finally:
        leave.set()
        other.join()
    assert find_innermost_frame((tmp_path / "stacks").read_text()).startswith(
        "test_the_main_thread_is_the_last (test_stacks"
    )
