"""Runs that are killed leave nothing in the engine, and runs at work lose nothing.

The runs are real processes that share the engine and nothing else.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from images import bytecode
from images.catalog import load_catalog
from images.plan import prefix_of
from runner import containers, engine, leftovers, start_check
from runner.home import REPOSITORY
from runner.owner import current_owner
from tests.fakes import small_image

CODE = ("runner", "oci", "images", "validation", "scan", "publish", "report", "commands")
CLEARED = {
    "runner/home.py": "a folder with a lock, which the next run removes",
    "runner/records.py": "a file with the name of its process, which the next run removes",
    "validation/executors/staging.py": "a folder with the name of its process",
    "images/wheelhouse.py": "inside such a folder",
}
"""Where temporary files may be made, and why nothing stays of a killed run."""


def test_temporary_files_are_made_only_where_a_killed_run_leaves_none() -> None:
    makes = re.compile(r"tempfile\.(?!gettempdir)\w+")
    found = {
        str(path.relative_to(REPOSITORY))
        for folder in CODE
        for path in (REPOSITORY / folder).rglob("*.py")
        if "validation/suites" not in str(path) and makes.search(path.read_text(encoding="utf-8"))
    }
    assert found == CLEARED.keys()


RUN = """
import sys, time
import tarfile
from pathlib import Path
from images import debian
from runner import containers, engine, owner, start_check
client = engine.connect_engine(60)
volumes = containers.volumes_read_only({"Volumes": {"/data": {}}}, "/ours")
options = {"name": containers.new_name("suite"), "command": ["sleep", "300"], "mounts": volumes}
made = containers.create_confined(client, sys.argv[1], options)
made.start()
api, loose = client.api, containers.new_name("volume")
api.create_volume(loose, labels={containers.OWNER: owner.current_owner()})
root = Path(sys.argv[2])
tarfile.open(root, "w").close()
with start_check._own_image(client), debian.imported_root(root) as system:
    print(made.id, volumes[0]["Source"], loose, owner.current_owner(), system, flush=True)
    sys.stdin.read()
made.remove(force=True, v=True)
containers.remove_volumes(made)
api.remove_volume(loose)
"""


@contextmanager
def _run_at_work(home: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Yield a run of another shared folder, and the container, volumes and image tag it made."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, small_image.python_image(), f"{home}.tar"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTORCH_CUDA_IMAGES_HOME": str(home)},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().split()
    finally:
        process.communicate("")


def _what_is_left(made: list[str]) -> int:
    """Return how many of what a run made are in the engine: container, two volumes, images."""
    client: Any = engine.connect_engine()
    container, attached, loose, tag, system = made
    listed = {each["Id"] for each in client.api.containers(all=True)}
    volumes = {each["Name"] for each in client.api.volumes()["Volumes"] or ()}
    tags = {name for each in client.api.images() for name in each["RepoTags"] or ()}
    images = {f"{start_check.REPOSITORY}:{tag}", system}
    return (container in listed) + len({attached, loose} & volumes) + len(images & tags)


@pytest.mark.docker
def test_the_next_run_removes_what_a_killed_one_left_and_nothing_else(tmp_path: Path) -> None:
    client = engine.connect_engine(60)
    with ExitStack() as runs:
        at_work = runs.enter_context(_run_at_work(tmp_path / "a"))
        killed = runs.enter_context(_run_at_work(tmp_path / "b"))
        os.killpg(killed[0].pid, signal.SIGKILL)
        killed[0].wait()
        assert (_what_is_left(at_work[1]), _what_is_left(killed[1])) == (5, 5)
        assert leftovers.remove_leftovers(client) >= 1
        assert (_what_is_left(at_work[1]), _what_is_left(killed[1])) == (5, 0)
    assert _what_is_left(at_work[1]) == 0


def test_the_compiler_of_bytecode_is_found_by_the_next_run(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`docker run` starts it, so `create_confined` gives it neither its name nor its label."""
    commands: list[list[str]] = []
    monkeypatch.setattr("images.bytecode.shell.run", lambda words, **_: commands.append(words))
    monkeypatch.setattr("images.bytecode.engine.docker_program", lambda: "docker")
    bytecode._run_compiler(prefix_of(load_catalog().lines["2.6"]), "image", tmp_path)
    (words,) = commands
    (name,) = (each.removeprefix("--name=") for each in words if each.startswith("--name="))
    listed = SimpleNamespace(containers=lambda **_: [{"Id": "1", "Names": [f"/{name}"]}])
    assert containers.list_containers(SimpleNamespace(api=listed))
    assert f"--label={containers.OWNER}={current_owner()}" in words
