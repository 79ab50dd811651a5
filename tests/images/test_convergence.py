"""The build stage on the real engine and registry, with small wheels: the same bytes, whatever
happened before.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import requests

from images import catalog, debian, layer_lock, locks, resolve, system_layer
from images.record import BuildRecord, DebianPackage
from images.system_layer import SystemLayer
from oci.manifest import LAYER_GZIP, OCI_CONFIG, canonical_json, image_manifest
from oci.registry import Registry
from oci.tarball import Blob, LayerWriter
from publish.evidence.os_layer_signer import OsLayerSigner
from publish.refresh import refresh_layers
from runner import embedded, engine
from runner import home as places
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes import small_line
from tests.fakes.refusal import refused
from tests.publish.signed import STRANGER, trust

pytestmark = [pytest.mark.docker, pytest.mark.slow]

KILLED_AFTER_S = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
MARK = "KILLED_RUN_OF"


@pytest.fixture
def seeded(base_image: str, registry_host: str, home: Path, tmp_path: Path) -> tuple[str, Path]:
    """A registry with the real OS layer in its cache, and the locks of a small line."""
    interpreter = small_line.give_system(
        Registry(base_image.partition("/")[0]), Registry(registry_host)
    )
    root = tmp_path / "locks"
    small_line.write_locks(root, interpreter)
    return registry_host, root


@pytest.fixture
def unseen(base_image: str, free_port: Callable[[], int], tmp_path: Path) -> Iterator[str]:
    """A registry of this test alone that knows nothing but the OS layer."""
    host = f"127.0.0.1:{free_port()}"
    folder = tmp_path / "unseen"
    folder.mkdir()
    embedded.start_registry(host, folder)
    small_line.give_system(Registry(base_image.partition("/")[0]), Registry(host))
    yield host
    embedded.stop_registry(folder)


@pytest.fixture
def built(seeded: tuple[str, Path], tmp_path: Path) -> tuple[BuildRecord, ...]:
    """Both images of the small line."""
    return small_line.build_it(*seeded, tmp_path / "out")


def test_nothing_is_made_twice(
    seeded: tuple[str, Path], built: tuple[BuildRecord, ...], tmp_path: Path
) -> None:
    again = small_line.build_it(*seeded, tmp_path / "out")
    assert again == built
    elsewhere = small_line.build_it(*seeded, tmp_path / "another checkout")
    assert [record.digest for record in elsewhere] == [record.digest for record in built]
    assert {layer.made for record in elsewhere for layer in record.layers} == {"reused"}


def test_another_machine_makes_the_same_bytes(
    seeded: tuple[str, Path], built: tuple[BuildRecord, ...], unseen: str, tmp_path: Path
) -> None:
    other = small_line.build_it(unseen, seeded[1], tmp_path / "other out")
    assert {layer.made for layer in other[0].layers if layer.kind != "os"} == {"built"}
    assert [record.digest for record in other] == [record.digest for record in built]


@pytest.mark.thorough
def test_renewed_twice_of_the_same_packages_it_is_the_same_bytes(
    seeded: tuple[str, Path], built: tuple[BuildRecord, ...], tmp_path: Path
) -> None:
    """On the real Debian. The layer of `seeded` counts as the first one if its packages are still
    the newest; if Debian has moved on, the OS layer is made twice here.
    """
    first, second = built, small_line.build_it(*seeded, tmp_path / "first", renew=True)
    if [record.digest for record in second] != [record.digest for record in first]:
        first, second = second, small_line.build_it(*seeded, tmp_path / "second", renew=True)
    assert second[0].debian_packages == first[0].debian_packages
    assert [record.digest for record in second] == [record.digest for record in first]
    assert {layer.kind for layer in second[0].layers if layer.made == "built"} == {"os"}
    assert built[0].debian_taken_at <= first[0].debian_taken_at < second[0].debian_taken_at
    after = small_line.build_it(*seeded, tmp_path / "out")
    assert [record.digest for record in after] == [record.digest for record in second]
    assert {record.debian_taken_at for record in after} == {second[0].debian_taken_at}


def test_the_image_imports_what_was_locked_from_bytecode(
    seeded: tuple[str, Path], built: tuple[BuildRecord, ...]
) -> None:
    program = (
        "import seeing.m1, torch.m2; print(seeing.m1.f(1), torch.m2.__cached__, "
        "seeing.m1.__cached__)"
    )
    value, *cached = _run(built[1].image_reference(seeded[0]), "python", "-c", program)
    assert value == "2"
    assert _run(built[1].image_reference(seeded[0]), "ls", *cached) == sorted(cached)


def test_killed_anywhere_the_same_command_ends_the_same(
    seeded: tuple[str, Path], built: tuple[BuildRecord, ...], unseen: str, tmp_path: Path
) -> None:
    """Killed with SIGKILL after ever longer times, then let run: the same digests as a run that was
    left alone.
    """
    out, (_, root) = tmp_path / "killed out", seeded
    codes = [_run_and_kill(unseen, root, out, seconds) for seconds in KILLED_AFTER_S]
    assert -signal.SIGKILL in codes
    assert _left_of(unseen) == []
    assert _is_whole(unseen)
    ended = small_line.build_it(unseen, root, out)
    assert [record.digest for record in ended] == [record.digest for record in built]
    with places.scratch_folder("next"):
        assert len(list(places.make_home_folder("work").iterdir())) == 1


# What somebody else put into the registry


def test_a_poisoned_cache_changes_nothing(
    seeded: tuple[str, Path], built: tuple[BuildRecord, ...], tmp_path: Path
) -> None:
    """An account that may write staging puts a layer with a module of its own under the tag of each
    cached layer.
    """
    host, root = seeded
    registry, cache = Registry(host), catalog.load_catalog().repositories.cache
    poisoned = _poisoned_layer(registry, cache)
    facts = canonical_json({**asdict(poisoned), "source": "", "packages": [], "taken_at": ""})
    config = registry.push_bytes(cache, facts, "application/vnd.pytorch-cuda-images.layer.v1+json")
    for layer in built[1].layers:
        if layer.kind != "os":
            registry.put_manifest(
                cache, f"layer-{layer.key[:40]}", image_manifest(config, [poisoned.to_descriptor()])
            )
    again = small_line.build_it(host, root, tmp_path / "another out")
    assert [record.digest for record in again] == [record.digest for record in built]
    assert _run(again[1].image_reference(host), "python", "-c", FIND_POISON) == ["None"]


def test_a_poisoned_os_layer_is_not_used(
    seeded: tuple[str, Path],
    built: tuple[BuildRecord, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Signed, but by nobody who is trusted here; and not signed at all."""
    host, root = seeded
    registry, cache = Registry(host), catalog.load_catalog().repositories.cache
    poisoned = _poisoned_layer(registry, cache)
    foreign = OsLayerSigner(STRANGER, trust(STRANGER))
    key = small_line.system_spec().key
    layer = SystemLayer(key, poisoned, "", (DebianPackage("tini", "1"),), built[0].debian_taken_at)
    monkeypatch.setattr(debian, "make_os_layer", _made_again)
    system_layer.keep_system_layer(registry, cache, layer, foreign)
    with refused(EnvironmentFailed, "it is made again"):
        small_line.build_it(host, root, tmp_path / "another out")
    assert "not used: signed by the key" in capsys.readouterr().err
    config = registry.push_bytes(cache, b"{}", OCI_CONFIG)
    registry.put_manifest(
        cache, f"os-{key[:40]}", image_manifest(config, [poisoned.to_descriptor()])
    )
    with refused(EnvironmentFailed, "it is made again"):
        small_line.build_it(host, root, tmp_path / "another out")
    assert [record.digest for record in small_line.build_it(host, root, tmp_path / "out")] == [
        record.digest for record in built
    ], "what stands needs no OS layer"


@pytest.mark.parametrize("everywhere", [True, False], ids=["in every repository", "in staging"])
def test_a_lost_blob_comes_back(
    everywhere: bool, seeded: tuple[str, Path], built: tuple[BuildRecord, ...], tmp_path: Path
) -> None:
    """Deleted by the registry's own API, while records and manifests stand."""
    host, root = seeded
    names = catalog.load_catalog().repositories
    for layer in built[1].layers:
        if layer.kind != "os":
            _delete(host, names.staging, layer.digest)
            if everywhere:
                _delete(host, names.cache, layer.digest)
    assert not _is_whole(host)
    again = small_line.build_it(host, root, tmp_path / "out")
    assert [record.digest for record in again] == [record.digest for record in built]
    made = {layer.made for layer in again[1].layers if layer.kind != "os"}
    assert made == ({"built"} if everywhere else {"reused"})
    assert _is_whole(host)
    assert _run(
        again[1].image_reference(host), "python", "-c", "import seeing.m1; print(seeing.m1.f(1))"
    ) == ["2"]


def test_bytecode_that_is_not_what_is_locked_is_refused(
    seeded: tuple[str, Path], unseen: str, tmp_path: Path
) -> None:
    """As after a change of Debian's Python: the error names the layer, both digests and the way
    out.
    """
    path = layer_lock.layer_lock_path(seeded[1], "cv", small_line.LINE)
    held = [*layer_lock.read_layer_lock(path, small_line.LINE)]
    true, other = held[-1].blob.digest, "sha256:" + "0" * 64
    held[-1] = replace(held[-1], blob=replace(held[-1].blob, digest=other))
    layer_lock.write_layer_lock(path, "cv", held)
    with refused(
        ConfigError, "bytecode of cv packages", true, other, "./release.py lock --layers 2.6"
    ):
        small_line.build_it(unseen, seeded[1], tmp_path / "out")
    assert not Registry(unseen).list_tags(catalog.load_catalog().repositories.staging)
    assert not Registry(unseen).has_blob(catalog.load_catalog().repositories.cache, true)


@pytest.mark.thorough
def test_layers_are_locked_with_the_python_of_todays_debian(
    seeded: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`lock --layers` as it is typed, without a registry: the lock it writes is the one that was
    there.
    """
    root = seeded[1]
    for stack in set(catalog.load_catalog().stacks) - {"base", "cv"}:
        (root / stack).mkdir()
        locks.write_lock(root / stack / f"{small_line.LINE}.lock", stack, [])
    before = {path: path.read_bytes() for path in root.rglob("*.layers.lock")}
    for path in before:
        path.unlink()
    monkeypatch.setattr(resolve, "IMAGES", root)
    assert refresh_layers(catalog.load_catalog(), small_line.LINE)
    assert {path: path.read_bytes() for path in before} == before


FIND_POISON = "import importlib.util; print(importlib.util.find_spec('poison'))"


def _poisoned_layer(registry: Registry, repository: str) -> Blob:
    data = io.BytesIO()
    writer = LayerWriter(data, 1)
    writer.add_data(
        "opt/venv/lib/python3.11/site-packages/poison.py", 0o644, b"print('poisoned')\n"
    )
    blob = writer.close()
    registry.push_bytes(repository, data.getvalue(), LAYER_GZIP)
    return blob


def _made_again(*_: object) -> None:
    raise EnvironmentFailed("it is made again", "this is a test")


def _delete(host: str, repository: str, digest: str) -> None:
    answer = requests.delete(f"http://{host}/v2/{repository}/blobs/{digest}", timeout=10)
    assert answer.status_code in (202, 404)


def _run(image: str, *command: str) -> list[str]:
    said = engine.connect_engine().containers.run(
        image, list(command), remove=True, network_mode="none"
    )
    return str(said.decode()).split()


def _run_and_kill(host: str, root: Path, out: Path, seconds: float) -> int:
    command = [sys.executable, "-m", "tests.fakes.small_line", host, str(root), str(out)]
    marked = {**os.environ, MARK: host}
    run = subprocess.Popen(command, cwd=places.REPOSITORY, stderr=subprocess.DEVNULL, env=marked)
    time.sleep(seconds)
    if run.poll() is None:
        run.kill()  # the run alone: its workers must end by themselves
    return run.wait()


def _left_of(host: str) -> list[str]:
    """Processes of killed runs that are still there a moment later."""
    deadline = time.monotonic() + 5
    while (found := _marked(host)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _marked(host: str) -> list[str]:
    mark = f"{MARK}={host}".encode()
    return [folder.name for folder in Path("/proc").glob("[0-9]*") if mark in _environment(folder)]


def _environment(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def _is_whole(host: str) -> bool:
    """Every manifest that staging shows has all its blobs."""
    registry, staging = Registry(host), catalog.load_catalog().repositories.staging
    tags = (
        requests.get(f"http://{host}/v2/{staging}/tags/list", timeout=10).json().get("tags") or ()
    )
    manifests = (registry.read_manifest(staging, tag) for tag in tags)
    blobs = [blob for manifest in manifests if manifest for blob in manifest.parse_blobs()]
    return all(registry.has_blob(staging, blob.digest) for blob in blobs)
