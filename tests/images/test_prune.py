"""`prune`: what nothing needs is freed, and nothing else; by a real registry and a real engine."""

from __future__ import annotations

import contextlib
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
import requests
from docker.errors import ImageNotFound

from commands import prepare
from commands.parser import parse
from images import prune
from images.catalog import Catalog
from images.layer_lock import LockedLayer, write_layer_lock
from images.locks import write_lock
from oci.manifest import LAYER_GZIP, OCI_CONFIG, image_manifest, sha256
from oci.registry import Registry
from oci.registry_error import RegistryError
from oci.tarball import Blob
from runner import embedded, embedded_storage, engine
from runner import home as homes
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.refusal import refused
from tests.fakes.wheels import make_wheel


@pytest.fixture
def root(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose locks name one wheel and one layer; no engine answers."""
    monkeypatch.setattr(engine, "is_answering", lambda: False)
    monkeypatch.delenv("PYTORCH_CUDA_IMAGES_REGISTRY", raising=False)
    (tmp_path / "images" / "cv").mkdir(parents=True)
    write_lock(tmp_path / "images" / "cv" / "2.6.lock", "cv", [make_wheel("locked")])
    layer = LockedLayer(
        "packages", "pool", "a" * 64, Blob(sha256(b"locked"), "sha256:" + "0" * 64, 6, 9)
    )
    write_layer_lock(tmp_path / "images" / "cv" / "2.6.layers.lock", "cv", [layer])
    return tmp_path / "images"


def test_only_wheels_that_no_lock_names(root: Path, tmp_path: Path, shipped: Catalog) -> None:
    old = make_wheel("old")
    folder = homes.make_home_folder("wheels")
    (folder / "somebody.txt").write_text("x")
    (folder / "no wheel.whl").write_text("x")
    (folder / "link-1.0-py3-none-any.whl").symlink_to(tmp_path / "elsewhere")
    found = prune.find_unused(shipped, tmp_path / "out", root)
    assert [(each.kind, each.name, each.bytes) for each in found] == [("wheel", old.file, old.size)]
    assert prune.free_unused(found) == (found, old.size)
    assert {path.name for path in folder.iterdir()} == {
        "locked-1.0-py3-none-any.whl",
        "somebody.txt",
        "no wheel.whl",
        "link-1.0-py3-none-any.whl",
    }


def test_a_folder_that_was_somebody_s_before_keeps_all(
    root: Path,
    tmp_path: Path,
    shipped: Catalog,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As a home folder is, if PYTORCH_CUDA_IMAGES_HOME names it."""
    own = tmp_path / "person"
    blob = own / "registry/data/docker/registry/v2/blobs/sha256/aa" / ("a" * 64)
    blob.mkdir(parents=True)
    (blob / "data").write_text("theirs")
    (own / "wheels").mkdir()
    (own / "wheels" / "thesis-1.0-py3-none-any.whl").write_text("theirs")
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_HOME", str(own))
    assert prune.find_unused(shipped, tmp_path / "out", root) == ()
    assert "may be somebody's own" in capsys.readouterr().err
    (own / homes.OWN_MARK).touch()
    assert len(prune.find_unused(shipped, tmp_path / "out", root)) == 2


@pytest.mark.parametrize("name", ["wheels", "registry"])
def test_what_lies_behind_a_link_stays(
    root: Path, tmp_path: Path, shipped: Catalog, name: str
) -> None:
    theirs = tmp_path / "theirs"
    blob = theirs / "data/docker/registry/v2/blobs/sha256/aa" / ("a" * 64)
    blob.mkdir(parents=True)
    (blob / "data").write_text("theirs")
    (theirs / "thesis-1.0-py3-none-any.whl").write_text("theirs")
    folder = homes.make_home_folder(name)
    shutil.rmtree(folder)
    folder.symlink_to(theirs)
    found = prune.find_unused(shipped, tmp_path / "out", root)
    assert not [each for each in found if "thesis" in each.name or "aaa" in each.name]


def test_a_lock_that_cannot_be_read_frees_nothing(
    root: Path, tmp_path: Path, shipped: Catalog
) -> None:
    (root / "cv" / "2.9.lock").write_text("<<<<<<< HEAD\n")
    with refused(ConfigError, "2.9.lock:1"):
        prune.find_unused(shipped, tmp_path / "out", root)


@pytest.mark.skipif(shutil.which("docker-registry") is None, reason="NOT RUN: no docker-registry")
def test_layers_that_no_image_and_no_lock_names(
    root: Path, tmp_path: Path, shipped: Catalog, free_port: Callable[[], int]
) -> None:
    host, folder = f"127.0.0.1:{free_port()}", homes.make_home_folder("registry")
    embedded.start_registry(host, folder)
    try:
        registry = Registry(host)
        cache, staging = shipped.repositories.cache, shipped.repositories.staging
        for data in (b"locked", b"unused"):
            registry.push_bytes(cache, data, LAYER_GZIP)
        config = registry.push_bytes(staging, b"{}", OCI_CONFIG)
        shared = registry.push_bytes(staging, b"shared", LAYER_GZIP)
        registry.mount_blob(cache, shared.digest, staging)
        manifest = image_manifest(config, [shared])
        registry.put_manifest(staging, "v2.6.0", manifest)
        found = prune.find_unused(shipped, tmp_path / "out", root)
        assert [(each.kind, each.name, each.bytes) for each in found] == [
            ("layer", sha256(b"unused"), 6)
        ]
        assert prune.free_unused(found) == (found, 6)
        assert not registry.has_blob(cache, sha256(b"unused"))
        assert registry.read_blob(cache, sha256(b"locked")) == b"locked"
        assert registry.read_blob(cache, shared.digest) == b"shared"
        registry.push_bytes(cache, b"unused", LAYER_GZIP)  # it can be made again
        assert registry.read_blob(cache, sha256(b"unused")) == b"unused"
    finally:
        embedded.stop_registry(folder)


@pytest.mark.parametrize("link", ["data", "data/docker", "data/docker/registry/v2/blobs/sha256/aa"])
def test_a_blob_behind_a_link_inside_the_folder_stays(tmp_path: Path, link: str) -> None:
    folder = tmp_path / "registry"
    blob = folder / "data/docker/registry/v2/blobs/sha256/aa" / ("a" * 64)
    blob.mkdir(parents=True)
    (blob / "data").write_text("theirs")
    assert [*embedded_storage.find_unused_blobs(folder, ())] == [f"sha256:{'a' * 64}"]
    (folder / link).rename(tmp_path / "theirs")
    (folder / link).symlink_to(tmp_path / "theirs")
    assert embedded_storage.find_unused_blobs(folder, ()) == {}


def test_a_manifest_that_cannot_be_read_keeps_all(tmp_path: Path) -> None:
    storage = tmp_path / "data" / "docker" / "registry" / "v2"
    names = {name: sha256(name.encode()).removeprefix("sha256:") for name in ("blob", "manifest")}
    for name in names.values():
        (storage / "blobs" / "sha256" / name[:2] / name).mkdir(parents=True)
        (storage / "blobs" / "sha256" / name[:2] / name / "data").write_text("x")
    revisions = storage / "repositories" / "a" / "b" / "_manifests" / "revisions" / "sha256"
    (revisions / names["manifest"]).mkdir(parents=True)
    assert [*embedded_storage.find_unused_blobs(tmp_path, ())] == [f"sha256:{names['blob']}"]
    data = storage / "blobs" / "sha256" / names["manifest"][:2] / names["manifest"] / "data"
    data.write_bytes(bytes((8 << 20) + 1))
    assert embedded_storage.find_unused_blobs(tmp_path, ()) == {}


def test_nothing_is_freed_in_a_registry_of_others(
    root: Path, tmp_path: Path, shipped: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", "registry.example")
    monkeypatch.setattr(
        embedded_storage, "find_unused_blobs", lambda *_: pytest.fail("it was read")
    )
    assert prune.find_unused(shipped, tmp_path / "out", root) == ()


def test_a_command_that_runs_is_respected(root: Path, tmp_path: Path) -> None:
    with homes.only_run(), refused(EnvironmentFailed, "another command is using", "wait for it"):
        prepare.run_prune(parse(["prune"]))


def test_a_dry_run_is_not_refused_beside_another_command(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = make_wheel("old")
    with homes.only_run():
        assert prepare.run_prune(parse(["prune", "--dry-run"])) == 0
    assert old.file in capsys.readouterr().err


def test_a_dry_run_frees_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = make_wheel("old")
    assert prepare.run_prune(parse(["prune", "--dry-run", "--json"])) == 0
    said = capsys.readouterr()
    freed = {each["name"]: each["bytes"] for each in json.loads(said.out)}
    assert freed[old.file] == old.size
    assert "would be freed" in said.err
    assert (homes.make_home_folder("wheels") / old.file).exists()


def test_what_is_ours_in_the_engine(shipped: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", "registry.example:5000")
    ours = (
        "pytorch-cuda-os:bookworm",
        f"registry.example:5000/{shipped.repositories.staging}@sha256:{'a' * 64}",
        f"registry.example:5000/{shipped.repositories.production}:v2.6.0",
    )
    others = (
        f"other.example/{shipped.repositories.staging}:v1",
        f"{shipped.repositories.production}:v1",
        "registry.example:5000/debian:12",
        f"registry.example:5000/team/{shipped.repositories.staging}:v1",
        "pytorch-cuda-images-tests/python:bookworm",
        "<none>:<none>",
    )
    assert all(prune._is_ours(each, shipped) for each in ours)
    assert not any(prune._is_ours(each, shipped) for each in others)


@pytest.mark.docker
@pytest.mark.parametrize("is_built", [True, False])
def test_an_image_that_nothing_needs_is_freed(
    shipped: Catalog, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_built: bool
) -> None:
    """By the real engine; an image with another name keeps its layers.

    One that was only made here, and that no build makes again, stays.
    """
    host = "prune-test.invalid:5000"
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", host)
    name, foreign = f"{host}/{shipped.repositories.staging}", "pytorch-cuda-images-tests/kept"
    monkeypatch.setattr(prune, "_LOCAL_IMAGES", (name,) if is_built else ())
    client = engine.connect_engine()
    file = tmp_path / "x.tar"
    with tarfile.open(file, "w") as tar:
        tar.addfile(tarfile.TarInfo("empty"))
    with file.open("rb") as data:
        client.api.import_image_from_data(data, name, "v2.6.0")
    client.images.get(f"{name}:v2.6.0").tag(foreign, "x")
    try:
        found = [
            each for each in prune.find_unused(shipped, tmp_path / "out") if each.kind == "image"
        ]
        assert [each.name for each in found] == ([f"{name}:v2.6.0"] if is_built else [])
        assert prune.free_unused(found)[0] == tuple(found)
        assert bool(client.images.list(name=name)) is not is_built
        assert client.images.get(f"{foreign}:x")
    finally:
        with contextlib.suppress(ImageNotFound):
            client.images.remove(f"{name}:v2.6.0")
        client.images.remove(f"{foreign}:x")


@pytest.fixture
def pulled(
    shipped: Catalog,
    home: Path,
    tmp_path: Path,
    free_port: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[str, str]]:
    """An image of staging that is in the engine too: HOST/REPOSITORY, and its digest."""
    host, folder = f"127.0.0.1:{free_port()}", homes.make_home_folder("registry")
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", host)
    name, client = f"{host}/{shipped.repositories.staging}", engine.connect_engine()
    file = tmp_path / "x.tar"
    with tarfile.open(file, "w") as tar:
        tar.addfile(tarfile.TarInfo(f"of-{host}"))
    embedded.start_registry(host, folder)
    try:
        with file.open("rb") as data:
            client.api.import_image_from_data(data, name, "v2.6.0")
        client.images.push(name, "v2.6.0")
        digest = str(Registry(host).resolve_digest(shipped.repositories.staging, "v2.6.0"))
        yield name, digest
    finally:
        embedded.stop_registry(folder)
        for reference in (f"{name}:v2.6.0", f"{name}@{digest}"):
            with contextlib.suppress(ImageNotFound):
                client.images.remove(reference)


def find_images(shipped: Catalog, tmp_path: Path, name: str) -> tuple[prune.UnusedThing, ...]:
    found = prune.find_unused(shipped, tmp_path / "out")
    return tuple(each for each in found if each.name.startswith(name))


@pytest.mark.docker
@pytest.mark.skipif(shutil.which("docker-registry") is None, reason="NOT RUN: no docker-registry")
def test_a_pulled_image_goes_only_if_the_registry_has_it(
    pulled: tuple[str, str], shipped: Catalog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, digest = pulled
    both = {f"{name}:v2.6.0", f"{name}@{digest}"}
    failed = RegistryError(0, "no answer from the registry")
    with patch.object(Registry, "resolve_digest", side_effect=failed):
        assert find_images(shipped, tmp_path, name) == ()
    assert "stay: it is not known whether the registry still has them" in capsys.readouterr().err
    found = find_images(shipped, tmp_path, name)
    assert {each.name for each in found} == both
    host, _, repository = name.partition("/")
    address = f"http://{host}/v2/{repository}/manifests/{digest}"
    assert requests.delete(address, timeout=10).status_code == 202
    assert find_images(shipped, tmp_path, name) == ()
    assert f"{name}@{digest} stays: the registry does not have it" in capsys.readouterr().err
    prune.free_unused(found)  # what was found a moment ago
    assert not engine.connect_engine().images.list(name=name)
