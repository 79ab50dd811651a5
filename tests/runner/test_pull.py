"""Images that a real engine cannot take from a real registry, and disks that they would fill."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from docker.errors import ImageNotFound

from oci.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Manifest
from oci.registry import Registry
from oci.served import is_served_whole
from runner import engine, free_space, pull
from runner.errors import EnvironmentFailed
from runner.pull import ImageCannotBeUnpacked
from tests.fakes.refusal import refused

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
ARM = {"architecture": "arm64", "os": "linux"}


def _tar(name: str, data: bytes) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return written.getvalue()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


PLAIN = _tar(f"x{os.getpid()}-{time.time()}", b"x")


@dataclass(frozen=True)
class Planted:
    """An image to push: layers as they are served, the digests of what they should unpack to."""

    layers: Sequence[bytes] = (gzip.compress(PLAIN),)
    diff_ids: Sequence[str] = (_digest(PLAIN),)
    config: dict[str, Any] = field(default_factory=dict)

    def push(self, host: str, repository: str) -> Manifest:
        registry = Registry(host)
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": list(self.diff_ids)},
            **self.config,
        }
        config_blob = registry.push_bytes(repository, json.dumps(config).encode(), OCI_CONFIG)
        layers = [registry.push_bytes(repository, data, LAYER).as_dict() for data in self.layers]
        content = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config_blob.as_dict(),
            "layers": layers,
        }
        manifest = Manifest(json.dumps(content).encode(), OCI_MANIFEST)
        registry.put_manifest(repository, "t", manifest)
        return manifest


MANY = [_tar(f"f{number}", b"x") for number in range(140)]
BROKEN = {
    "a wrong diff_id": Planted(diff_ids=[_digest(b"")]),
    "a layer that is no archive": Planted(layers=[b"rubbish"]),
    "a layer that was cut": Planted(layers=[gzip.compress(PLAIN * 99)[:-20]]),
    "too many layers": Planted([gzip.compress(each) for each in MANY], [*map(_digest, MANY)]),
    "of another system": Planted(config={"os": "windows"}),
}


@pytest.mark.docker
@pytest.mark.parametrize("case", BROKEN)
def test_an_image_that_cannot_be_unpacked_is_at_fault(case: str, registry_host: str) -> None:
    name = f"broken/{list(BROKEN).index(case)}"
    BROKEN[case].push(registry_host, name)
    with refused(ImageCannotBeUnpacked, "the engine cannot unpack", "serves every part"):
        pull.obtain_image(f"{registry_host}/{name}:t", is_served_whole)


@pytest.mark.docker
@pytest.mark.parametrize("entries", [[], [ARM]])
def test_an_index_without_an_image_for_this_machine_is_at_fault(
    entries: list[dict[str, str]], registry_host: str
) -> None:
    name = f"broken/index{len(entries)}"
    image = Planted(config=ARM).push(registry_host, name)
    content = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [{**image.descriptor.as_dict(), "platform": each} for each in entries],
    }
    index = Manifest(json.dumps(content).encode(), OCI_INDEX)
    Registry(registry_host).put_manifest(name, "index", index)
    with refused(ImageCannotBeUnpacked, "the engine cannot unpack"):
        pull.obtain_image(f"{registry_host}/{name}:index", is_served_whole)


@pytest.mark.docker
def test_a_registry_without_a_layer_is_not_the_image_s_fault(
    registry_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And neither is a full disk, whatever the image is."""
    name = "broken/lacking"
    BROKEN["a wrong diff_id"].push(registry_host, name)
    with refused(EnvironmentFailed, "reading the image"):
        pull.obtain_image(f"{registry_host}/{name}:t", lambda _: False)
    monkeypatch.setattr(free_space, "FREE_BYTES", 1 << 60)
    with refused(EnvironmentFailed, "left, less than the"):
        pull.obtain_image(f"{registry_host}/{name}:t", is_served_whole)


def _bomb(size: int) -> Planted:
    """A layer with one file of zeros, of which a thousandth is downloaded."""
    entry = tarfile.TarInfo("zeros")
    entry.size = size
    packer, digest = zlib.compressobj(9, zlib.DEFLATED, 31), hashlib.sha256()
    packed, zeros = bytearray(), bytes(1 << 20)
    for part in (entry.tobuf(), *[zeros] * (size >> 20), bytes(1024)):
        digest.update(part)
        packed += packer.compress(part)
    return Planted([bytes(packed + packer.flush())], [f"sha256:{digest.hexdigest()}"])


@pytest.mark.docker
def test_a_pull_stops_before_the_disk_is_full(
    registry_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disks = [each for each in free_space.disks_of(engine.connect_engine()) if each.is_dir()]
    if not disks:
        pytest.skip("the engine's disk is not of this machine")
    _bomb(3 << 30).push(registry_host, "broken/bomb")
    found = os.statvfs(disks[0])
    monkeypatch.setattr(free_space, "FREE_BYTES", found.f_bavail * found.f_frsize - (300 << 20))
    with refused(EnvironmentFailed, "was stopped: the disk of", "docker image rm"):
        pull.obtain_image(f"{registry_host}/broken/bomb:t", is_served_whole)
    with pytest.raises(ImageNotFound):
        engine.connect_engine().images.get(f"{registry_host}/broken/bomb:t")


@pytest.mark.docker
def test_the_digest_is_that_of_the_reference(
    registry_host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One image in two repositories, with another manifest in each; and what was pulled is told."""
    repositories: dict[str, str] = {}
    for name in ("digest/a", "digest/b"):
        manifest = Planted().push(registry_host, name)
        other = Manifest(manifest.body + b" " * len(repositories), OCI_MANIFEST)
        Registry(registry_host).put_manifest(name, "t", other)
        repositories[name] = other.digest
    try:
        for _ in range(2):
            for name, digest in repositories.items():
                reference = f"{registry_host}/{name}"
                assert pull.obtain_image(f"{reference}:t").digest == digest
                assert pull.obtain_image(f"{reference}@{digest}").digest == digest
    finally:
        for name in repositories:
            engine.connect_engine().images.remove(f"{registry_host}/{name}:t", force=True)
    assert "pulled a:t: 1 layer; " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("reference", "digest"),
    [
        ("ubuntu:22.04", "sha256:3"),
        ("docker.io/library/ubuntu", "sha256:3"),
        ("r:5000/x/y:t", "sha256:2"),
        ("r:5000/x/y@sha256:1", "sha256:1"),
        ("sha256:77", "sha256:1"),
        ("built-here", "sha256:1"),
    ],
)
def test_of_several_digests_that_of_the_repository_counts(reference: str, digest: str) -> None:
    names = ["r:5000/x/y@sha256:2", "r:5000/z@sha256:1", "ubuntu@sha256:3"]
    assert pull.choose_digest(names, reference) == digest
    assert pull.choose_digest([], reference) == ""


def test_only_a_whole_image_is_served_whole(
    registry_host: str, free_port: Callable[[], int]
) -> None:
    registry = Registry(registry_host)
    manifest = Planted().push(registry_host, "served/x")
    assert is_served_whole(f"{registry_host}/served/x:t")
    assert is_served_whole(f"{registry_host}/served/x@{manifest.digest}")
    content = {**manifest.content}
    content["layers"] = [{**content["layers"][0], "size": 7}]
    other = Manifest(json.dumps(content).encode(), OCI_MANIFEST)
    registry.put_manifest("served/x", "other", other)
    for reference in ("x:other", "x:none", "nothing:t"):
        assert not is_served_whole(f"{registry_host}/served/{reference}")
    for size, whole in ((1, False), (manifest.content["config"]["size"], True)):
        config = {**manifest.content["config"], "size": size}
        content = {**manifest.content, "config": config, "layers": [config]}
        other = Manifest(json.dumps(content).encode(), OCI_MANIFEST)
        registry.put_manifest("served/x", "same", other)
        assert is_served_whole(f"{registry_host}/served/x:same") is whole
    assert not is_served_whole(f"127.0.0.1:{free_port()}/served/x:t")
    assert not is_served_whole("no reference")


class CountingRegistry:
    """A registry that holds one manifest by every name, and every blob."""

    def __init__(self, *manifests: Manifest) -> None:
        self.manifests, self.asked, self.read = list(manifests), list[tuple[str, int]](), 0

    def read_manifest(self, *_: str) -> Manifest:
        self.read += 1
        return self.manifests[min(self.read, len(self.manifests)) - 1]

    def has_blob(self, _: str, digest: str, size: int) -> bool:
        self.asked.append((digest, size))
        return True


def _blob(number: int) -> dict[str, Any]:
    return {"mediaType": LAYER, "digest": f"sha256:{number:064x}", "size": 1}


def _manifest(media_type: str, **content: Any) -> Manifest:
    return Manifest(json.dumps({"mediaType": media_type, **content}).encode(), media_type)


@pytest.mark.parametrize(
    ("layers", "asked"),
    [([_blob(2)] * 20_000, 2), ([_blob(each) for each in range(2, 5000)], 0)],
    ids=["one layer many times", "too many layers"],
)
def test_no_registry_is_asked_without_end(
    layers: list[Any], asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an index, only the image that the engine takes is looked at."""
    image = _manifest(OCI_MANIFEST, config=_blob(1), layers=layers)
    entry = {**image.descriptor.as_dict(), "platform": {"os": "linux", "architecture": "amd64"}}
    registry = CountingRegistry(_manifest(OCI_INDEX, manifests=[entry] * 5000), image)
    monkeypatch.setattr("oci.served.Registry", lambda _: registry)
    assert is_served_whole("127.0.0.1:1/x:t")
    assert (registry.read, len(registry.asked)) == (2, asked)


def test_a_registry_that_answers_slowly_does_not_serve_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layers = [_blob(each) for each in range(2, 900)]
    registry = CountingRegistry(_manifest(OCI_MANIFEST, config=_blob(1), layers=layers))
    monkeypatch.setattr("oci.served.Registry", lambda _: registry)
    monkeypatch.setattr("oci.served.MAX_WAIT_S", 0.0)
    assert not is_served_whole("127.0.0.1:1/x:t")
    assert registry.asked == []
