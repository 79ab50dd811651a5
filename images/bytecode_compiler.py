"""Compiles the Python files of wheels to bytecode. Runs inside the image's own OS layer, with its interpreter.

Reads jobs from the JSON file in argv[1], writes a zip per job into the folder argv[2]. Each job is a list of
[wheel file, member, installed path] and gets a fresh interpreter with a fixed hash seed, because marshal's output
depends on which strings the process has interned before. Files that do not compile are left out, as pip does.
"""

from __future__ import annotations

import json
import marshal
import multiprocessing
import os
import sys
import zipfile
from concurrent.futures import ProcessPoolExecutor
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

LEVEL = 6
UNCHECKED_HASH = (0b01).to_bytes(4, "little")  # PEP 552: hash-based, source never looked at


def bytecode(source: bytes, path: str) -> bytes | None:
    """A .pyc with an unchecked source hash; None where the source does not compile."""
    try:
        code = compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    return MAGIC_NUMBER + UNCHECKED_HASH + source_hash(source) + marshal.dumps(code)


def cached_name(path: str) -> str:
    """`a/b.py` -> `a/__pycache__/b.cpython-311.pyc`."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name[:-3]}.{sys.implementation.cache_tag}.pyc"


def compile_job(numbered: tuple[int, list[list[str]], str]) -> None:
    """Write the bytecode of one job as NUMBER.zip."""
    number, job, out = numbered
    target = zipfile.ZipFile(f"{out}/{number:05}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
    with target, zipfile.ZipFile(job[0][0]) as wheel:
        for _, member, path in job:
            made = bytecode(wheel.read(member), path)
            if made is not None:
                target.writestr(zipfile.ZipInfo(cached_name(path).lstrip("/")), made, zipfile.ZIP_DEFLATED, LEVEL)


if __name__ == "__main__":
    jobs = json.loads(Path(sys.argv[1]).read_text())
    work = [(number, job, sys.argv[2]) for number, job in enumerate(jobs)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn, max_tasks_per_child=1) as pool:
        for _ in pool.map(compile_job, work):
            pass
