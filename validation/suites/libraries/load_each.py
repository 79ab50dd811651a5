"""A program that loads the shared objects NAME... and prints what came of each.

A NAME with a slash is a file; one without is searched as the loader searches. It prints the name
and on the next line `= PATH` of the loaded file, or `! ERROR`. If a library ends the process, its
name is the last line.
"""

from __future__ import annotations

import ctypes
import sys


class LinkMap(ctypes.Structure):
    """The beginning of glibc's struct link_map (link.h), to which a handle of dlopen points."""

    _fields_ = (("l_addr", ctypes.c_void_p), ("l_name", ctypes.c_char_p))


def load_library(name: str) -> str:
    """Load `name` and return the path of its file. Raises OSError if it cannot be loaded."""
    handle = ctypes.CDLL(name)._handle
    return (ctypes.cast(handle, ctypes.POINTER(LinkMap)).contents.l_name or b"").decode()


def describe_loading(name: str) -> str:
    """Load `name` and return the line that tells how it ended."""
    try:
        return f"= {load_library(name)}"
    except OSError as error:
        return f"! {error}"


if __name__ == "__main__":
    for each in sys.argv[1:]:
        print(each, flush=True)
        print(describe_loading(each), flush=True)
