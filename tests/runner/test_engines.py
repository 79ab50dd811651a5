"""Engines as teams have them: contexts, TCP, containerd's store, Podman, rootless Docker.

What is installed is tried for real. What Debian does not have is the real engine behind a proxy
that answers as the other one does.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from docker.types import Mount

from runner import containers, engine, engine_kind, free_space, home, pull, start_check
from runner.engine_kind import EngineUnsuited
from runner.errors import ConfigError, EnvironmentFailed
from runner.home import REPOSITORY
from scan import image_facts
from tests.fakes import small_image
from tests.fakes.engine_proxy import ContainerdStore, EngineAnswers, serve_engine
from tests.fakes.refusal import refused
from validation.executors import root_usage

SYSTEM = {"MemoryLimit": True, "PidsLimit": True, "SecurityOptions": ["name=seccomp"]}
ROOTLESS = SYSTEM | {"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}
PODMAN = {"Version": "5.4.0", "ApiVersion": "1.41", "MinAPIVersion": "1.24"}


@pytest.fixture(autouse=True)
def another_engine() -> Iterator[None]:
    """Forget which engine was found, before and after."""
    known = (engine.connect_engine, engine.build_command, start_check.require_own_machine)
    for found in known:
        found.cache_clear()
    yield
    for found in known:
        found.cache_clear()


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [
        ("1.41", "1.12", "1.41"),
        ("1.45", "1.24", "1.45"),
        ("1.52", "1.44", "1.45"),
        ("1.9", "1.9", "1.9"),
    ],
)
def test_no_version_of_the_api_is_spoken_that_one_side_does_not_know(
    newest: str, oldest: str, spoken: str
) -> None:
    told = {"ApiVersion": newest, "MinAPIVersion": oldest}
    assert engine_kind.choose_api_version(told) == spoken


def test_an_engine_without_a_common_version_is_refused() -> None:
    with refused(EngineUnsuited, "takes API 1.99 or newer", "update this checkout"):
        engine_kind.choose_api_version({"ApiVersion": "1.99", "MinAPIVersion": "1.99"})


def test_podman_is_refused_by_its_name() -> None:
    told = PODMAN | {"Components": [{"Name": "Podman Engine", "Version": "5.4.0"}]}
    with refused(EngineUnsuited, "the engine is Podman 5.4.0", "BuildKit", "DOCKER_HOST"):
        engine_kind.choose_api_version(told)


@pytest.mark.parametrize("missing", ["MemoryLimit", "PidsLimit"])
def test_an_engine_without_limits_is_refused(missing: str) -> None:
    engine_kind.require_limits(SYSTEM)
    engine_kind.require_limits(ROOTLESS)
    engine_kind.require_limits({})
    with refused(EngineUnsuited, "the rootless Docker engine cannot limit the", "cgroup v2"):
        engine_kind.require_limits(ROOTLESS | {missing: False})
    assert EngineUnsuited.exit_code == 3


@pytest.mark.parametrize(
    "registry", ["127.0.0.1:5005", "localhost:5005", "[::1]:5000", "localhost"]
)
def test_a_rootless_engine_cannot_reach_a_registry_on_loopback(registry: str) -> None:
    engine_kind.require_reachable(SYSTEM, registry)
    with refused(EngineUnsuited, "network of its own", registry, "PYTORCH_CUDA_IMAGES_REGISTRY"):
        engine_kind.require_reachable(ROOTLESS, registry)


@pytest.mark.parametrize("registry", ["docker.io", "registry.example:5000", "10.0.0.1:5000"])
def test_a_rootless_engine_reaches_other_registries(registry: str) -> None:
    engine_kind.require_reachable(ROOTLESS, registry)


def test_an_engine_in_words() -> None:
    store = {"DriverStatus": [["driver-type", engine_kind.CONTAINERD_STORE]]}
    assert engine_kind.describe_engine("20.10", SYSTEM) == "Docker 20.10"
    said = engine_kind.describe_engine("29.0", ROOTLESS | store)
    assert said == "Docker 29.0 (rootless, containerd image store)"


@pytest.fixture
def own_home(request: pytest.FixtureRequest) -> Path:
    """Return the fixture `home`, by another name than the module's."""
    return Path(request.getfixturevalue("home"))


@pytest.fixture
def docker_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a configuration of Docker of this test alone, and forget the address in use."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    return tmp_path / "docker"


def _docker(*words: str) -> None:
    subprocess.run([engine.docker_program(), *words], check=True, capture_output=True, timeout=30)


@pytest.mark.docker
@pytest.mark.parametrize("how", ["unix", "tcp"])
def test_a_context_of_the_docker_client_is_used(
    how: str, docker_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_engine(EngineAnswers(), tmp_path / "e.sock" if how == "unix" else None) as address:
        _docker("context", "create", "team", "--docker", f"host={address}")
        monkeypatch.setenv("DOCKER_CONTEXT", "team")
        if how == "tcp":
            words = ("`team`", "without a file", "docker context use team")
            with refused(ConfigError, *words):
                engine.connect_engine()
            (docker_folder / "config.json").write_text("{}")
        assert engine.connect_engine().api.base_url != "http+docker://localhost" or how == "unix"
        assert engine.engine_version()
        engine.connect_engine.cache_clear()
        monkeypatch.delenv("DOCKER_CONTEXT")
        _docker("context", "use", "team")
        assert json.loads((docker_folder / "config.json").read_text())["currentContext"] == "team"
        assert engine.engine_version()
    engine.connect_engine.cache_clear()
    with refused(EnvironmentFailed, "no Docker engine answers"):  # so it was that one
        engine.connect_engine()


def _look_for_an_engine() -> subprocess.CompletedProcess[str]:
    """Run the part of `make setup` that looks for an engine; it cannot install or start one."""
    script = (REPOSITORY / "runner" / "setup.sh").read_text(encoding="utf-8")
    functions = script[script.index("say()") : script.index('case "${1:-}" in')]
    stopped = 'start_engine() { say "starting"; exit 9; }\ninstall_packages() { exit 9; }\nengine'
    words = ["bash", "-c", f"set -euo pipefail\n{functions}\n{stopped}"]
    return subprocess.run(
        words, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_setup_starts_no_engine_beside_the_context_in_use(
    docker_folder: Path, tmp_path: Path
) -> None:
    """The one that it starts would not be used."""
    name = hashlib.sha256(b"team").hexdigest()
    (docker_folder / "config.json").write_text('{"currentContext": "team"}')
    (docker_folder / "contexts" / "meta" / name).mkdir(parents=True)
    endpoint = {"docker": {"Host": f"unix://{tmp_path}/gone.sock"}}
    meta = {"Name": "team", "Metadata": {}, "Endpoints": endpoint}
    (docker_folder / "contexts" / "meta" / name / "meta.json").write_text(json.dumps(meta))
    done = _look_for_an_engine()
    assert done.returncode == 3, done.stderr
    assert "no engine answers in the current Docker context -> start it" in done.stderr


@pytest.mark.docker
def test_a_context_over_ssh_is_refused_with_the_way_out(
    docker_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _docker("context", "create", "far", "--docker", "host=ssh://user@far.example")
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    with refused(ConfigError, "context does not hold the address", "docker context use default"):
        engine.connect_engine()


@pytest.mark.docker
def test_images_that_containerd_keeps(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their ids are digests of manifests, and the engine takes no old version of its API."""
    reference, answers = small_image.python_image(), ContainerdStore()
    engine.connect_engine.cache_clear()
    with serve_engine(answers, tmp_path / "engine.sock") as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        client = engine.connect_engine(60)
        assert client.api.api_version == "1.45"
        assert engine.describe_engine() == "Docker 29.0.0 (containerd image store)"
        held = pull.obtain_image(reference)
        assert held.id == held.digest != answers.ids[held.id]
        assert pull.obtain_image(held.id).id == held.id
        options = {"name": containers.new_name("suite"), "command": ["true"]}
        container = containers.create_confined(client, held.id, options)
        try:
            containers.require_plain_accounts(container)
            container.start()
            assert container.wait(timeout=20)["StatusCode"] == 0
            container.reload()
            assert root_usage.describe_excess(container, 1 << 30, 10_000) == ""
            assert "holds more than" in root_usage.describe_excess(container, -1, 10_000)
        finally:
            container.remove(force=True)
        impossible = {"mounts": [Mount("/h", str(tmp_path / "no"), type="bind")], "command": ["x"]}
        assert not start_check.is_fault_of_image(client, held.id, impossible, [])
        facts = image_facts.probe_image(held.id)
        assert isinstance(facts, image_facts.ImageFacts)
        assert "python3" in facts.debian


class FarEngine(EngineAnswers):
    """An engine of another machine, which has none of the folders of this one."""

    def change_request(self, path: str, body: bytes) -> tuple[str, bytes]:
        folder = str(home.home_folder()).encode()
        return path, body.replace(folder, b"/of-another-machine")


@pytest.mark.docker
def test_an_engine_of_another_machine_is_refused(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_check.require_own_machine()
    start_check.require_own_machine.cache_clear()
    engine.connect_engine.cache_clear()
    with serve_engine(FarEngine()) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        words = ("does not see the folders of this machine", "bind source path does not exist")
        with refused(EngineUnsuited, *words, "docker context use default"):
            start_check.require_own_machine()
    assert not [*(home.home_folder() / "work").iterdir()]


def test_the_disk_of_containerd_is_watched_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Engine:
        def info(self) -> dict[str, object]:
            store = [["driver-type", engine_kind.CONTAINERD_STORE]]
            return {"DockerRootDir": str(tmp_path), "DriverStatus": store}

    (tmp_path / "containerd").mkdir()
    monkeypatch.setattr(free_space, "CONTAINERD_FOLDER", tmp_path / "containerd")
    assert free_space.disks_of(Engine()) == (tmp_path, tmp_path / "containerd")


@pytest.fixture
def podman() -> Iterator[str]:
    """Yield the address of Podman's service, with a store of this test alone.

    Podman takes no long path for one.
    """
    tmp_path = Path(tempfile.mkdtemp(prefix="podman-"))
    store = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run")]
    service = subprocess.Popen(
        ["podman", *store, "system", "service", "--time=0", f"unix://{tmp_path}/podman.sock"],
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 20
        while not (tmp_path / "podman.sock").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        yield f"unix://{tmp_path}/podman.sock"
    finally:
        service.kill()
        service.wait()
        overlay = tmp_path / "root" / "overlay"  # Podman mounts it on itself
        subprocess.run(["umount", "--lazy", overlay], capture_output=True, check=False)
        shutil.rmtree(tmp_path)


@pytest.mark.docker
@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("podman"),
    reason="NOT RUN (docker): Podman is not installed, or this user may not start a second one",
)
def test_the_real_podman_is_refused_in_one_line(
    podman: str, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", podman)
    with refused(EngineUnsuited, "the engine is Podman ", "BuildKit", "DOCKER_HOST"):
        engine.connect_engine()
    done = _look_for_an_engine()
    assert (done.returncode, "the engine is Podman" in done.stderr) == (3, True), done.stderr


OTHER_SERVICES = [
    *("{}", "[]", "null", "5", "<html>", "[" * 100_000, '{"major": "1", "minor": "30"}'),
    *('{"ApiVersion": "x.y"}', '{"ApiVersion": null}', '{"ApiVersion": "1.٣"}'),
    *('{"ApiVersion": "1.41", "Components": 5}', '{"ApiVersion": "1.41", "Components": [1]}'),
    '{"ApiVersion": "1.41", "MinAPIVersion": []}',
]


@pytest.mark.parametrize("answer", OTHER_SERVICES, ids=range(len(OTHER_SERVICES)))
def test_another_service_at_the_address_is_one_line(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes, for instance, has a `/version` too."""

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer.encode())))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with refused(ConfigError, "DOCKER_HOST is not the address of a Docker engine"):
            engine.connect_engine()
        server.shutdown()
