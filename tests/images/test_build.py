"""The build stage where every layer is in the cache already: assembled, recorded, and left alone the second time."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from images import build, catalog, debian, layer_cache, plan
from images.catalog import Catalog, Line
from images.debian import OsLayer
from images.layer_cache import MadeLayer
from images.layers import OS
from images.plan import Plan
from images.record import BuildRecord, DebianPackage
from oci.manifest import LAYER_GZIP, canonical, image_manifest, sha256
from oci.registry import Registry
from oci.tarball import Blob
from runner import engine, records
from runner.errors import EnvironmentFailed
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry, Fault

VERSION = "v2.6.0"
TAKEN = "2026-10-01T05:00:00+00:00"


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return catalog.load()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(engine, "client", lambda: pytest.fail("the engine was asked"))
    with FakeRegistry() as started:
        yield started


def planned(shipped: Catalog, home: Path) -> Plan:
    return plan.make(shipped, shipped.version(VERSION), shipped.images, home / "out")


@pytest.fixture
def cached(fake: FakeRegistry, shipped: Catalog, home: Path) -> FakeRegistry:
    """A registry whose cache repository has a layer for every key of the plan."""
    registry, cache = Registry(fake.host), shipped.repositories.cache
    for spec in {spec.key: spec for image in planned(shipped, home).images for spec in image.layers}.values():
        blob = registry.push_bytes(cache, f"layer {spec.key}".encode(), LAYER_GZIP)
        packages = (DebianPackage("tini", "0.19"),) if spec.kind == OS else ()
        taken_at = TAKEN if spec.kind == OS else ""
        made = MadeLayer(blob.digest, f"sha256:diff of {spec.key}", blob.size, "source", packages, taken_at)
        layer_cache.keep(registry, cache, spec.key, made)
    fake.requests.clear()
    return fake


def run(fake: FakeRegistry, shipped: Catalog, home: Path) -> tuple[BuildRecord, ...]:
    made = planned(shipped, home)
    return build.build(shipped, shipped.version(VERSION), made, Registry(fake.host), home / "out")


def in_staging(fake: FakeRegistry, shipped: Catalog) -> list[str]:
    return list(fake.manifests.get(shipped.repositories.staging, {}))


def test_images_are_assembled_from_cached_layers(cached: FakeRegistry, shipped: Catalog, home: Path) -> None:
    for record in run(cached, shipped, home):
        manifest = Registry(cached.host).manifest(record.repository, record.digest)
        assert manifest is not None
        config, *held = manifest.blobs()
        assert [layer.digest for layer in held] == [layer.digest for layer in record.layers]
        facts = json.loads(cached.blobs[record.repository][config.digest])
        assert facts["rootfs"]["diff_ids"] == [layer.diff_id for layer in record.layers]
        assert len(facts["history"]) == len(held)
        assert facts["config"]["User"] == "1000:1000"
        assert record.debian_packages == (DebianPackage("tini", "0.19"),)
        assert {layer.made for layer in record.layers} == {"reused"}


def test_an_image_is_as_old_as_its_debian_packages(cached: FakeRegistry, shipped: Catalog, home: Path) -> None:
    for record in run(cached, shipped, home):
        assert record.debian_taken_at == TAKEN
        assert record.created_at[:10] == datetime.datetime.now(datetime.UTC).date().isoformat()


def test_a_layer_that_was_kept_without_its_day_is_found_and_its_packages_have_none(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    registry, cache = Registry(cached.host), shipped.repositories.cache
    key, made = key_of(shipped, home), layer_of(cached, shipped, home)
    facts = {name: value for name, value in records.plain(made).items() if name != "taken_at"}
    config = registry.push_bytes(cache, canonical(facts), layer_cache.FACTS_TYPE)
    registry.put_manifest(cache, f"layer-{key[:40]}", image_manifest(config, [made.descriptor()]))
    assert layer_cache.find(registry, cache, key) == replace(made, taken_at="")
    assert {record.debian_taken_at for record in run(cached, shipped, home)} == {""}
    assert build.is_undated(shipped, planned(shipped, home), registry)


def test_what_is_recorded_is_what_is_returned(cached: FakeRegistry, shipped: Catalog, home: Path) -> None:
    for record in run(cached, shipped, home):
        assert records.read(BuildRecord, plan.record_path(home / "out", VERSION, record.image, "build")) == record


def test_layers_are_mounted_and_never_sent(cached: FakeRegistry, shipped: Catalog, home: Path) -> None:
    made = run(cached, shipped, home)
    assert cached.count("PUT", "blobs/uploads") == len(made), "only the configurations are sent"


def test_the_same_plan_is_the_same_digest_elsewhere(cached: FakeRegistry, shipped: Catalog, home: Path) -> None:
    first = [record.digest for record in run(cached, shipped, home)]
    for path in (home / "out").rglob("*.json"):
        path.unlink()
    assert [record.digest for record in run(cached, shipped, home)] == first


def test_a_second_run_puts_nothing(cached: FakeRegistry, shipped: Catalog, home: Path) -> None:
    first = run(cached, shipped, home)
    cached.requests.clear()
    assert run(cached, shipped, home) == first
    assert not [request for request in cached.requests if not request.startswith(("GET", "HEAD"))]
    assert {image.why for image in planned(shipped, home).images} == {"unchanged"}


def test_an_image_that_is_gone_from_staging_is_assembled_again(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    first = run(cached, shipped, home)
    cached.manifests[shipped.repositories.staging].clear()
    assert [record.digest for record in run(cached, shipped, home)] == [record.digest for record in first]
    assert first[0].digest in in_staging(cached, shipped)


# Renewed: the OS layer of today in place of the one in the cache


@dataclass
class Debian:
    """Its mirror, as it is today: what it has decides the bytes of the layer."""

    packages: tuple[DebianPackage, ...] = (DebianPackage("tini", "0.19"),)
    broken: bool = False

    def make(self, _line: Line, _work: Path, target: Path) -> OsLayer:
        if self.broken:
            raise EnvironmentFailed("the mirror does not answer", "try again")
        data = repr(self.packages).encode()
        target.write_bytes(data)
        return OsLayer(Blob(sha256(data), f"sha256:{sha256(data)[7:]}", len(data), len(data)), "source", self.packages)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Debian:
    mirror = Debian()
    monkeypatch.setattr(debian, "make", mirror.make)
    return mirror


def renewed(fake: FakeRegistry, shipped: Catalog, home: Path, images: Sequence[str]) -> tuple[BuildRecord, ...]:
    """`build --renew` of some images, its records in an `out/` of its own: another machine."""
    out = home / "elsewhere"
    made = plan.make(shipped, shipped.version(VERSION), images, out)
    return build.build(shipped, shipped.version(VERSION), made, Registry(fake.host), out, renew=True)


def os_of(record: BuildRecord) -> str:
    return next(layer.digest for layer in record.layers if layer.kind == OS)


def test_renewed_it_holds_what_debian_has_today(
    cached: FakeRegistry, mirror: Debian, shipped: Catalog, home: Path
) -> None:
    before = run(cached, shipped, home)
    mirror.packages = (DebianPackage("tini", "0.19-1"),)
    (base,) = renewed(cached, shipped, home, ["base"])
    assert base.debian_packages == mirror.packages
    assert [layer.kind for layer in base.layers if layer.made == "built"] == [OS]
    assert base.debian_taken_at[:10] == base.created_at[:10] > TAKEN
    assert (base.content_key, base.version) == (before[0].content_key, before[0].version)
    assert base.digest != before[0].digest


def test_later_builds_on_any_machine_find_what_was_renewed(
    cached: FakeRegistry, mirror: Debian, shipped: Catalog, home: Path
) -> None:
    """Also one that has records of the images as they were."""
    before = run(cached, shipped, home)
    mirror.packages = (DebianPackage("tini", "0.19-1"),)
    (base,) = renewed(cached, shipped, home, ["base"])
    mirror.broken = True
    after = run(cached, shipped, home)
    assert [record.digest for record in after if record.image == "base"] == [base.digest]
    assert {os_of(record) for record in after} == {os_of(base)}
    assert {record.debian_taken_at for record in after} == {base.debian_taken_at}
    assert not {record.digest for record in before} & {record.digest for record in after}
    assert run(cached, shipped, home) == after, "and it stands"


def test_renewed_from_the_same_packages_it_is_the_same_bytes_and_young_again(
    cached: FakeRegistry, mirror: Debian, shipped: Catalog, home: Path
) -> None:
    (first,) = renewed(cached, shipped, home, ["base"])
    here = run(cached, shipped, home)
    old = replace(layer_of(cached, shipped, home), taken_at=TAKEN)
    layer_cache.keep(Registry(cached.host), shipped.repositories.cache, key_of(shipped, home), old)
    assert {record.debian_taken_at for record in run(cached, shipped, home)} == {TAKEN}
    (again,) = renewed(cached, shipped, home, ["base"])
    assert again.digest == first.digest
    young = run(cached, shipped, home)
    assert [record.digest for record in young] == [record.digest for record in here]
    assert {record.debian_taken_at for record in young} == {again.debian_taken_at}


def test_what_cannot_be_renewed_stays_as_it_was(
    cached: FakeRegistry, mirror: Debian, shipped: Catalog, home: Path
) -> None:
    before = run(cached, shipped, home)
    mirror.broken = True
    with refused(EnvironmentFailed, "mirror"):
        renewed(cached, shipped, home, ["base"])
    assert layer_of(cached, shipped, home).taken_at == TAKEN
    assert run(cached, shipped, home) == before


def test_a_record_from_before_the_day_was_kept_is_read(cached: FakeRegistry, shipped: Catalog, home: Path) -> None:
    record = run(cached, shipped, home)[0]
    plain = {name: value for name, value in records.plain(record).items() if name != "debian_taken_at"}
    path = plan.record_path(home / "out", VERSION, record.image, "build")
    path.write_text(json.dumps(plain))
    assert records.read(BuildRecord, path) == replace(record, debian_taken_at="")
    assert run(cached, shipped, home)[0].debian_taken_at == TAKEN


@pytest.mark.parametrize("taken_at", [TAKEN, ""])
def test_old_packages_are_told_with_the_way_to_newer_ones(
    taken_at: str, cached: FakeRegistry, shipped: Catalog, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = replace(layer_of(cached, shipped, home), taken_at=taken_at)
    layer_cache.keep(Registry(cached.host), shipped.repositories.cache, key_of(shipped, home), old)
    run(cached, shipped, home)
    said = f"of {taken_at[:10] or 'no known day'}; `build v2.6.0 --renew` takes today's"
    assert said in capsys.readouterr().err


def key_of(shipped: Catalog, home: Path) -> str:
    """The OS layer's."""
    return planned(shipped, home).images[0].system.key


def layer_of(fake: FakeRegistry, shipped: Catalog, home: Path) -> MadeLayer:
    """The OS layer that is in the cache."""
    found = layer_cache.find(Registry(fake.host), shipped.repositories.cache, key_of(shipped, home))
    assert found is not None
    return found


FAULTS = [
    pytest.param(Fault("PUT", "staging/blobs/uploads", status=401), "401", id="401 on a configuration"),
    pytest.param(Fault("PUT", "staging/blobs/uploads", status=500), "500", id="500 on a configuration"),
    pytest.param(Fault("POST", "staging.*mount=", status=500), "500", id="500 on a mount"),
    pytest.param(Fault("PUT", "staging/manifests", status=500), "500", id="500 on a manifest"),
    pytest.param(Fault("GET", "^/v2/$", status=401), "docker login", id="not logged in"),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS)
def test_a_registry_that_fails_leaves_nothing_half_done(
    cached: FakeRegistry, shipped: Catalog, home: Path, fault: Fault, words: str
) -> None:
    cached.fail(fault)
    with refused(EnvironmentFailed, words, cached.host):
        run(cached, shipped, home)
    assert not in_staging(cached, shipped)
    assert not list((home / "out").rglob("build.json"))
    cached.heal()
    assert len(run(cached, shipped, home)) == len(shipped.images)


def test_an_image_whose_manifest_was_put_but_not_answered_is_not_recorded(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    cached.fail(Fault("PUT", "staging/manifests", 1, mute=True))
    with refused(EnvironmentFailed, "manifests"):
        run(cached, shipped, home)
    assert not list((home / "out").rglob("build.json"))
    assert len(run(cached, shipped, home)) == len(shipped.images)


def test_images_of_a_release_stand_on_one_os_layer(
    cached: FakeRegistry, shipped: Catalog, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the cache lost it, and one image was not built yet, none keeps the old one."""
    run(cached, shipped, home)
    key = key_of(shipped, home)
    del cached.manifests[shipped.repositories.cache][f"layer-{key[:40]}"]
    plan.record_path(home / "out", VERSION, "cv", "build").unlink()
    asked: list[Sequence[str]] = []

    def made(_: object, missing: Sequence[plan.PlannedImage], system: object) -> dict[str, object]:
        asked.append([each.image for each in missing])
        raise EnvironmentFailed("no further", "this is a test")

    monkeypatch.setattr(build._Stage, "make_layers", made)
    with refused(EnvironmentFailed, "no further"):
        run(cached, shipped, home)
    assert asked == [list(shipped.images)]
