"""Every container that runs bytes of an image is created confined, and in one place of the code."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from images import bytecode
from runner import containers, engine, start_check
from runner.errors import GateRefused
from runner.home import REPOSITORY
from scan import image_facts
from tests.fakes.small_image import python_image
from tests.test_structure import RANKS
from tests.validation.suites_here import EXPECTED, written
from validation import listing
from validation.executors import docker
from validation.executors.interface import Setup
from validation.suites.contract.node_place import NodePlace

CREATES = ("create_container", "create_container_from_config", "exec_create", "exec_run")
GIVES = ("cap_add", "privileged", "devices", "device_cgroup_rules", "pid_mode", "volumes_from")


def creations(source: str) -> Iterator[str]:
    """Every call that creates a container, and every right that one could be given."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            made_of = node.func.value
            of_containers = isinstance(made_of, ast.Attribute) and made_of.attr == "containers"
            if node.func.attr in CREATES or (of_containers and node.func.attr in ("create", "run")):
                yield node.func.attr
        elif isinstance(node, ast.keyword) and node.arg in GIVES:
            yield str(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if text in GIVES or text.startswith(("--cap-add", "--privileged", "--pid=")):
                yield text
            elif text in ("run", "exec") and "docker_program" in source:
                yield f"docker {text}"


def test_containers_are_created_in_one_place() -> None:
    """The compiler of bytecode is started by the engine's client, with the same confinement."""
    found = {
        f"{path.relative_to(REPOSITORY)}: {each}"
        for package in RANKS
        for path in [*(REPOSITORY / package).rglob("*.py"), REPOSITORY / f"{package}.py"]
        if path.exists()
        for each in creations(path.read_text(encoding="utf-8"))
    }
    assert found == {"runner/containers.py: create", "images/bytecode.py: docker run"}
    assert set(containers.CONFINED) <= set(bytecode.CONFINED)
    assert "--read-only" in bytecode.CONFINED


@pytest.mark.parametrize(
    "source",
    [
        "client.containers.run('x')",
        "self.client.containers.create('x')",
        "api.create_container('x')",
        "container.exec_run('x')",
        "options = {'cap_add': ['SYS_ADMIN']}",
        "make(privileged=True)",
        "command = [engine.docker_program(), 'run']",
        "words = ['--cap-add=ALL']",
    ],
)
def test_a_container_made_elsewhere_is_found(source: str) -> None:
    assert list(creations(source))


@pytest.mark.parametrize(
    "option",
    [
        {"cap_add": ["DAC_READ_SEARCH"]},
        {"cap_drop": []},
        {"privileged": True},
        {"security_opt": ["seccomp=unconfined"]},
        {"network_mode": "host"},
        {"ipc_mode": "host"},
        {"pid_mode": "host"},
        {"userns_mode": "host"},
        {"devices": ["/dev/mem"]},
        {"volumes": {"/": {}}},
        {"runtime": "other"},
    ],
    ids=str,
)
def test_no_option_gives_a_right(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="containers of images get no option"):
        containers.create_confined(None, "image", {"command": ["true"], **option})


# What the engine was told, for every kind of container


def run_suite(folder: Path) -> None:
    """A suite that may write its root: it has the fewest limits."""
    suite = replace(written(folder, "def test_good() -> None:\n    pass\n"), writes_root=True)
    docker.run_suite(suite, Setup(python_image(), folder, EXPECTED))


def list_checks(folder: Path) -> None:
    suite = written(folder, "def test_good() -> None:\n    pass\n")
    with pytest.raises(GateRefused, match="exited"):
        listing._run_collection(suite, python_image(), [])


def check_start(folder: Path) -> None:
    options: dict[str, Any] = {"command": ["true"]}
    start_check.is_fault_of_image(engine.connect_engine(), python_image(), options, [])


def probe_image(folder: Path) -> None:
    assert isinstance(image_facts.probe_image(python_image()), image_facts.ImageFacts)


def run_on_node(folder: Path) -> None:
    """The suite of several nodes: it has the network, and all else as every suite."""
    suite = replace(written(folder, "def test_good() -> None:\n    pass\n"), nodes=2)
    place = NodePlace(0, "127.0.0.1", 20_000)
    docker.run_suite(suite, Setup(python_image(), folder, EXPECTED, place=place))


KINDS: dict[str, Callable[[Path], None]] = {
    "suite": run_suite,
    "suite of two nodes": run_on_node,
    "listing": list_checks,
    "start check": check_start,
    "image probe": probe_image,
}


@pytest.mark.docker
@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_confines_every_container(
    kind: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = list[dict[str, Any]]()
    start: Any = type(engine.connect_engine().containers).model.start

    def look_and_start(container: Any) -> None:
        started.append(container.client.api.inspect_container(container.id)["HostConfig"])
        start(container)

    monkeypatch.setattr("docker.models.containers.Container.start", look_and_start)
    KINDS[kind](tmp_path)
    assert started
    for told in started:
        assert told["CapDrop"] == ["ALL"]
        assert not told["CapAdd"]
        assert told["SecurityOpt"] == ["no-new-privileges"]
        assert not told["Privileged"]
        assert not told["Devices"]
        network = "host" if kind == "suite of two nodes" else "none"
        assert (told["NetworkMode"], told["IpcMode"]) == (network, "private")
        assert (told["PidMode"], told["UsernsMode"], told["UTSMode"]) == ("", "", "")
        assert told["ReadonlyRootfs"] == (kind not in ("suite", "start check"))
        assert not told["Binds"]
