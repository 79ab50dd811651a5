"""Two runs of one machine, of two checkouts and two homes, leave each other's containers alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner import engine, home
from runner.containers import OWNER, PREFIX
from runner.engine_kind import EngineObject
from validation.executors import docker

pytestmark = [pytest.mark.docker, pytest.mark.slow]

ROOMS = ("runner", "oci", "images", "validation", "tests/validation", "tests/__init__.py")
PROGRAM = """
import sys
from pathlib import Path
from runner import containers, engine
from tests.validation.suites_here import EXPECTED, written
from validation.executors import docker
from validation.executors.interface import Setup
from validation.judge import judge_suite

image, harness, seconds = sys.argv[1:]
client = engine.connect_engine()
docker.remove_leftovers()
volumes = containers.volumes_read_only({"Volumes": {"/kept": {}}}, "/harness")
options = {"name": containers.new_name("kept"), "command": ["true"], "mounts": volumes}
kept = containers.create_confined(client, image, options)
suite = written(Path("suite"), f"import time\\ndef test_a():\\n    time.sleep({seconds})\\n")
result = judge_suite(suite, docker.run_suite(suite, Setup(image, Path(harness), EXPECTED)))
docker.remove_leftovers()
kept.reload()
client.api.inspect_volume(volumes[0]["Source"])
kept.remove()
containers.remove_mounted(client, volumes)
print(result.verdict)
"""


def _start(checkout: Path, *words: str) -> subprocess.Popen[str]:
    """Start a run in a checkout of its own, with a home of its own."""
    for room in ROOMS:
        if (source := home.REPOSITORY / room).is_dir():
            shutil.copytree(source, checkout / room, ignore=shutil.ignore_patterns("__pycache__"))
    (checkout / "suite").mkdir()
    variables = {**os.environ, "PYTORCH_CUDA_IMAGES_HOME": str(checkout / "home")}
    command = [sys.executable, "-c", PROGRAM, *words]
    return subprocess.Popen(command, cwd=checkout, env=variables, text=True, stdout=subprocess.PIPE)


def _list_of(run: subprocess.Popen[str], kind: str) -> list[str]:
    """Return the names of the containers, or of the volumes, that a run has made."""
    api: EngineObject = engine.connect_engine().api
    if kind == "volumes":
        found = api.volumes({"label": OWNER})["Volumes"] or ()
        names = {each["Name"]: each["Labels"][OWNER] for each in found}
    else:
        found = api.containers(all=True, filters={"label": OWNER})
        names = {each["Names"][0]: each["Labels"][OWNER] for each in found}
    return [name for name, owner in names.items() if owner.split("_")[1] == str(run.pid)]


def _wait_for(run: subprocess.Popen[str], count: int) -> None:
    deadline = time.monotonic() + 60
    while len(_list_of(run, "containers")) < count:
        assert time.monotonic() < deadline
        assert run.poll() is None
        time.sleep(0.2)


def test_two_checkouts(tiny_image: str, mounted_harness: Path, tmp_path: Path) -> None:
    """One run is killed, and what it left is removed; the other two keep all that is theirs."""
    words = (tiny_image, str(mounted_harness))
    first = _start(tmp_path / "first", *words, "15")
    killed = _start(tmp_path / "killed", *words, "60")
    for run in (first, killed):
        _wait_for(run, 2)
    names = {name for run in (first, killed) for name in _list_of(run, "containers")}
    assert len(names) == 4
    assert all(name.startswith(f"/{PREFIX}-") for name in names)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert len(_list_of(killed, "containers")) == 2
    second = _start(tmp_path / "second", *words, "1")
    assert second.communicate(timeout=120)[0].strip() == "pass"
    assert (_list_of(killed, "containers"), _list_of(killed, "volumes")) == ([], [])
    assert len(_list_of(first, "volumes")) == 1
    assert first.communicate(timeout=120)[0].strip() == "pass"
    for run in (first, second):
        assert (_list_of(run, "containers"), _list_of(run, "volumes")) == ([], [])
    # folders belong to a home: only a run with that home removes them
    runs = {each: tmp_path / each / "home" / "validation" / "runs" for each in ("first", "killed")}
    assert [len(list(folder.iterdir())) for folder in runs.values()] == [0, 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTORCH_CUDA_IMAGES_HOME", str(tmp_path / "killed" / "home"))
        docker.remove_leftovers()
    assert not list(runs["killed"].iterdir())
