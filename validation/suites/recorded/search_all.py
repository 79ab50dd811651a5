"""Search calls of all packages that are installed: `... search_all KNOWN FOUND PACKAGE...`.

KNOWN has calls by package and function; FOUND gets them, and those that are found besides.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import os
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from . import calls, pool, scenarios, search, surface

LIMIT_S = 60
"""For the search of one function or class; some wait for something that does not come."""

Work = Callable[[search.Learned], None]


def list_works(package: str) -> list[tuple[str, Work]]:
    """Return a search for each function and class of a package, and for each of a family."""
    families = scenarios.FAMILIES.get(package, ())
    in_family = [(family, name) for family in families for name in family.list_names()]
    kinds = [family.find(name) for family, name in in_family]
    covered = {id(kind) for kind in kinds if inspect.isclass(kind)}
    works: list[tuple[str, Work]] = [
        (path, functools.partial(search.search_calls, package, called))
        for path, called in surface.list_callables(package).items()
        if id(called) not in covered
    ]
    return works + [
        (
            f"{surface.SCENARIOS}.{family.program.__name__}",
            functools.partial(search.search_scenario, package, family, name),
        )
        for family, name in in_family
    ]


def search_package(package: str) -> dict[str, list[str]]:
    """Return the calls of each function and class of a package that give something."""
    pool.list_kinds(package)  # once, not in each child
    learned = search.Learned()
    found: dict[str, list[str]] = {}
    for path, work in list_works(package):
        texts, taken = search_apart(work, learned)
        learned.add(taken)
        if texts:
            found.setdefault(path, []).extend(texts)
    return found


def search_apart(work: Work, learned: search.Learned) -> tuple[list[str], search.Taken]:
    """Search in a child process, which may end badly; return what it found and learned."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        try:
            write_found(work, learned, writer)
        finally:
            os._exit(0)
    os.close(writer)
    text, ends = b"", time.monotonic() + LIMIT_S + 5
    with os.fdopen(reader, "rb") as stream:
        while time.monotonic() < ends and select.select([stream], [], [], LIMIT_S)[0]:
            part = os.read(stream.fileno(), 1 << 20)
            if not part:
                break
            text += part
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith(b"\n")]
    taken = next((line for line in lines if isinstance(line, dict)), {})
    return [line for line in lines if isinstance(line, str)], taken


def write_found(work: Work, learned: search.Learned, writer: int) -> None:
    """Search, and write each call that is found, and then what was learned."""
    os.setpgid(0, 0)
    os.chdir(tempfile.mkdtemp())
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    with os.fdopen(writer, "w") as target:

        def write(found: object) -> None:
            target.write(f"{json.dumps(found)}\n")
            target.flush()

        learned.report = write
        with calls.quietly():
            work(learned)
        write(learned.taken)


def main(known: Path, found: Path, *packages: str) -> None:
    """Search, package by package."""
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads do not live on in a child
    all_calls = json.loads(known.read_text(encoding="utf-8"))
    for package in [each for each in surface.list_packages() if each in packages]:
        merged = all_calls.setdefault(package, {})
        for path, texts in search_package(package).items():
            merged[path] = [*dict.fromkeys([*merged.get(path, []), *texts])]
        count = sum(map(len, merged.values()))
        print(f"{package}: {len(merged)} names, {count} calls", file=sys.stderr)
    found.write_text(json.dumps(all_calls), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
