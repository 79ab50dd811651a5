"""The place at which a process hangs, read from faulthandler's stacks. Standard library only."""

from __future__ import annotations

import re
from pathlib import Path

_THREAD = "(most recent call first):"
_FRAME = re.compile(
    r'^  File "(?P<file>[^"]*)", line (?P<line>\d+) in (?P<function>.*)$', re.MULTILINE
)
_OF_PYTHON = re.compile(r"/lib/python3\.\d+/(?!site-packages/|dist-packages/)")


def find_innermost_frame(stacks: str) -> str:
    """Return the `function (file:line)` in which the main thread hangs; empty if there is no frame.

    The main thread is the last one written. The innermost frame outside Python's own library is
    taken if there is one.
    """
    frames = [*_FRAME.finditer(stacks.rpartition(_THREAD)[2])]
    telling = [frame for frame in frames if not _OF_PYTHON.search(frame["file"])]
    frame = next(iter(telling or frames), None)
    return f"{frame['function']} ({Path(frame['file']).name}:{frame['line']})" if frame else ""
