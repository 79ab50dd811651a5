"""The compiler of the Python files of wheels to bytecode.

It runs inside the image's own OS layer, with its interpreter.

It reads jobs from the JSON file in argv[1] and writes a zip for each job into the folder argv[2].
Each job is a list of [wheel file, member, installed path] and is done by a fork of this process,
which has a fixed hash seed, because the output of marshal depends on the strings that a process has
interned before. Files that do not compile are left out, as pip does.
"""

from __future__ import annotations

import json
import marshal
import os
import sys
import traceback
import zipfile
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

LEVEL = 6
UNCHECKED_HASH = (0b01).to_bytes(4, "little")  # PEP 552: hash-based, the source is never read


def compile_source(source: bytes, path: str) -> bytes | None:
    """Return a .pyc with an unchecked source hash; None if the source does not compile."""
    try:
        code = compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    return MAGIC_NUMBER + UNCHECKED_HASH + source_hash(source) + marshal.dumps(code)


def cached_name(path: str) -> str:
    """Return the place of a file's bytecode: `a/b.py` -> `a/__pycache__/b.cpython-311.pyc`."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name[:-3]}.{sys.implementation.cache_tag}.pyc"


def compile_job(job: list[list[str]], zipped: str) -> None:
    """Write the bytecode of one job, all of one wheel, to the file `zipped`."""
    target = zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
    with target, zipfile.ZipFile(job[0][0]) as wheel:
        for _, member, path in job:
            made = compile_source(wheel.read(member), path)
            if made is not None:
                target.writestr(
                    zipfile.ZipInfo(cached_name(path).lstrip("/")),
                    made,
                    zipfile.ZIP_DEFLATED,
                    LEVEL,
                )


def fork_job(job: list[list[str]], zipped: str) -> None:
    """Do one job in a process of its own."""
    if os.fork() == 0:
        status = 1
        try:
            compile_job(job, zipped)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)


def wait_for_one() -> None:
    """Wait for any job to end. Ends this process if the job failed or was killed."""
    _, status = os.wait()
    if status != 0:
        sys.exit(f"a compiling process ended with {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    jobs = json.loads(Path(sys.argv[1]).read_text())
    at_once = os.cpu_count() or 1
    for number, job in enumerate(jobs):
        if number >= at_once:
            wait_for_one()
        fork_job(job, f"{sys.argv[2]}/{number:05}.zip")
    for _ in jobs[-at_once:]:
        wait_for_one()
