"""The build stage if every layer is in the registry already: assembled, recorded, and left alone
the second time.

What is in the registry is believed by its locked digest, or by a signature of somebody trusted, and
not otherwise.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import pytest

from images import (
    build,
    debian,
    layer_lock,
    line_locks,
    package_layer,
    plan,
    root_difference,
    system_layer,
    wheelhouse,
)
from images import workers as layer_workers
from images.catalog import IMAGES, Catalog, Line, load_catalog
from images.debian import NormalisedRoot, OsLayer
from images.layer_lock import LockedLayer
from images.layers import OF_DEBIAN, OS, UPDATES, LayerSpec
from images.plan import ReleasePlan
from images.record import BuildRecord, DebianPackage
from images.system_layer import SystemLayer
from oci.manifest import LAYER_GZIP, OCI_CONFIG, image_manifest, sha256
from oci.registry import Registry
from oci.tarball import Blob
from publish.evidence.os_layer_signer import OsLayerSigner
from runner import engine, records
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry, Fault
from tests.publish.signed import P256, STRANGER, trust

VERSION = "v2.6.0"
TINI = (DebianPackage("tini", "0.19", "b" * 64),)
ADDED = (DebianPackage("openssh-server", "1:9.2", "a" * 64), DebianPackage("tini", "0.19"))
TAKEN = "2026-10-01T05:00:00+00:00"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(engine, "connect_engine", lambda: pytest.fail("the engine was asked"))
    with FakeRegistry() as started:
        yield started


OURS, FOREIGN = OsLayerSigner(P256, trust(P256)), OsLayerSigner(STRANGER, trust(STRANGER))


def planned(
    shipped: Catalog, home: Path, images: Sequence[str] = (), out: str = "out"
) -> ReleasePlan:
    """The plan of a line whose layers are small, and locked so."""
    return plan.make_plan(
        shipped,
        shipped.require_version(VERSION),
        images or shipped.images,
        home / out,
        root_of(shipped, home),
    )


def root_of(shipped: Catalog, home: Path) -> Path:
    """The shipped wheel locks, and beside each a layer lock of a few bytes."""
    root = home / "locks"
    for stack, lock in line_locks.locks_of(shipped, "2.6", tuple(shipped.stacks)).items():
        if not (root / stack).exists():
            (root / stack).mkdir(parents=True)
            (root / stack / "2.6.lock").write_bytes((IMAGES / stack / "2.6.lock").read_bytes())
            specs = plan.python_specs(shipped.lines["2.6"], stack, lock.wheels)
            layer_lock.write_layer_lock(
                layer_lock.layer_lock_path(root, stack, "2.6"),
                stack,
                [locked(spec) for spec in specs],
            )
    return root


def locked(spec: LayerSpec) -> LockedLayer:
    data = contents(spec)
    return LockedLayer(
        spec.name, spec.kind, spec.key, Blob(sha256(data), sha256(b"tar of " + data), len(data), 1)
    )


def contents(spec: LayerSpec) -> bytes:
    return f"layer {spec.key}".encode()


def blob_of(spec: LayerSpec) -> Blob:
    assert spec.locked is not None
    return spec.locked


@pytest.fixture
def cached(fake: FakeRegistry, shipped: Catalog, home: Path) -> FakeRegistry:
    """A registry whose cache repository has every layer of the plan, the OS layer signed by a
    trusted key.
    """
    registry, cache = Registry(fake.host), shipped.repositories.cache
    for spec in {
        spec.key: spec for image in planned(shipped, home).images for spec in image.layers
    }.values():
        registry.push_bytes(cache, contents(spec), LAYER_GZIP)
        if spec.kind == OS:
            blob = Blob(
                sha256(contents(spec)), sha256(b"tar of the system"), len(contents(spec)), 1
            )
            layer = SystemLayer(spec.key, blob, "source", TINI, TAKEN)
            system_layer.keep_system_layer(registry, cache, layer, OURS)
    fake.requests.clear()
    return fake


def run(fake: FakeRegistry, shipped: Catalog, home: Path) -> tuple[BuildRecord, ...]:
    made, version = planned(shipped, home), shipped.require_version(VERSION)
    return build.build(
        shipped,
        version,
        made,
        Registry(fake.host),
        home / "out",
        layer_signer=OURS,
        root=root_of(shipped, home),
    )


def in_staging(fake: FakeRegistry, shipped: Catalog) -> list[str]:
    return list(fake.manifests.get(shipped.repositories.staging, {}))


def test_images_are_assembled_from_cached_layers(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    for record in run(cached, shipped, home):
        manifest = Registry(cached.host).read_manifest(record.repository, record.digest)
        assert manifest is not None
        config, *held = manifest.parse_blobs()
        assert [layer.digest for layer in held] == [layer.digest for layer in record.layers]
        facts = json.loads(cached.blobs[record.repository][config.digest])
        assert facts["rootfs"]["diff_ids"] == [layer.diff_id for layer in record.layers]
        assert len(facts["history"]) == len(held)
        assert facts["config"]["User"] == "1000:1000"
        assert record.debian_packages == (DebianPackage("tini", "0.19"),)
        assert {layer.made for layer in record.layers} == {"reused"}
        assert {layer.kind for layer in record.layers if not layer.locked} == {OS}


def test_an_image_is_as_old_as_its_debian_packages(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    for record in run(cached, shipped, home):
        assert record.debian_taken_at == TAKEN
        assert record.created_at[:10] == datetime.datetime.now(datetime.UTC).date().isoformat()


def test_what_is_recorded_is_what_is_returned(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    for record in run(cached, shipped, home):
        assert (
            records.read_record(
                BuildRecord, plan.record_path(home / "out", VERSION, record.image, "build")
            )
            == record
        )


def test_layers_are_mounted_and_never_sent(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    made = run(cached, shipped, home)
    assert cached.count("PUT", "blobs/uploads") == len(made), "only the configurations are sent"


def test_the_same_plan_is_the_same_digest_elsewhere(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
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
    assert [record.digest for record in run(cached, shipped, home)] == [
        record.digest for record in first
    ]
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
        return OsLayer(
            Blob(sha256(data), sha256(b"tar of " + data), len(data), len(data)),
            "source",
            self.packages,
        )


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Debian:
    mirror = Debian()
    monkeypatch.setattr(debian, "make_os_layer", mirror.make)
    return mirror


def renewed(
    fake: FakeRegistry, shipped: Catalog, home: Path, images: Sequence[str]
) -> tuple[BuildRecord, ...]:
    """`build --renew` of some images, its records in an `out/` of its own: another machine."""
    made, version = planned(shipped, home, images, "elsewhere"), shipped.require_version(VERSION)
    registry, root = Registry(fake.host), root_of(shipped, home)
    return build.build(
        shipped,
        version,
        made,
        registry,
        home / "elsewhere",
        layer_signer=OURS,
        renew=True,
        root=root,
    )


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
    kept(cached, shipped, replace(layer_of(cached, shipped, home), taken_at=TAKEN))
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


def test_a_record_from_before_the_day_was_kept_is_read(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    record = run(cached, shipped, home)[0]
    plain = {
        name: value for name, value in records.to_plain(record).items() if name != "debian_taken_at"
    }
    path = plan.record_path(home / "out", VERSION, record.image, "build")
    path.write_text(json.dumps(plain))
    assert records.read_record(BuildRecord, path) == replace(record, debian_taken_at="")
    assert run(cached, shipped, home)[0].debian_taken_at == TAKEN


def test_old_packages_are_told_with_the_way_to_newer_ones(
    cached: FakeRegistry, shipped: Catalog, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(cached, shipped, home)
    assert f"of {TAKEN[:10]}; `build v2.6.0 --renew` takes today's" in capsys.readouterr().err


def key_of(shipped: Catalog, home: Path) -> str:
    """The OS layer's."""
    return planned(shipped, home).images[0].system_spec.key


def layer_of(fake: FakeRegistry, shipped: Catalog, home: Path) -> SystemLayer:
    """The OS layer that is in the cache."""
    found = system_layer.find_system_layer(
        Registry(fake.host), shipped.repositories.cache, key_of(shipped, home), OURS
    )
    assert found is not None
    return found


def kept(
    fake: FakeRegistry, shipped: Catalog, layer: SystemLayer, layer_signer: OsLayerSigner = OURS
) -> None:
    """Put another OS layer in the place of the one in the cache."""
    system_layer.keep_system_layer(
        Registry(fake.host), shipped.repositories.cache, layer, layer_signer
    )


# The OS layer of an earlier release, and updates


@pytest.fixture
def keeping(shipped: Catalog) -> Catalog:
    """The catalogue, whose releases after v2.6.0 keep the OS layer of that."""
    return replace(
        shipped, lines={**shipped.lines, "2.6": replace(shipped.lines["2.6"], os_patch=0)}
    )


@dataclass
class Changed:
    """What writes a difference; `below` are the file systems that it was asked for."""

    mirror: Debian
    below: list[bytes] = field(default_factory=list)

    def write(self, _exported: Path, below: Path, file: BinaryIO, _epoch: int) -> NormalisedRoot:
        self.below.append(below.read_bytes())
        data = b"updates " + repr(self.mirror.packages).encode()
        file.write(data)
        blob = Blob(sha256(data), sha256(b"tar of " + data), len(data), len(data))
        return NormalisedRoot(blob, self.mirror.packages, 1_793_624_159)

    def export(self, _line: Line, work: Path) -> tuple[Path, str]:
        if self.mirror.broken:
            raise EnvironmentFailed("the mirror does not answer", "try again")
        (work / "rootfs.tar").write_bytes(b"root")
        return work / "rootfs.tar", "source"


@pytest.fixture
def changed(mirror: Debian, monkeypatch: pytest.MonkeyPatch) -> Changed:
    made = Changed(mirror)
    monkeypatch.setattr(debian, "export_root", made.export)
    monkeypatch.setattr(root_difference, "write_difference", made.write)
    mirror.packages = (DebianPackage("tini", "0.19-1"),)
    return made


def build_patch(
    fake: FakeRegistry, keeping: Catalog, home: Path, *, renew: bool = False, out: str = "out"
) -> tuple[BuildRecord, ...]:
    """Build two images of v2.6.1."""
    version, root = keeping.require_version("v2.6.1"), root_of(keeping, home)
    made = plan.make_plan(keeping, version, ["base", "cv"], home / out, root)
    registry = Registry(fake.host)
    return build.build(
        keeping, version, made, registry, home / out, layer_signer=OURS, root=root, renew=renew
    )


def test_a_patch_adds_updates_to_the_os_layer_of_an_earlier_release(
    cached: FakeRegistry, changed: Changed, keeping: Catalog, home: Path
) -> None:
    before = run(cached, keeping, home)
    after = build_patch(cached, keeping, home)
    assert debian_layers(after)[0][0] == os_of(before[0])
    assert {len(each) for each in debian_layers(after)} == {2}
    assert [layer.kind for layer in after[0].layers if layer.made == "built"] == [UPDATES]
    assert after[0].debian_packages == changed.mirror.packages
    assert {each.debian_taken_at > TAKEN for each in after} == {True}
    assert len(changed.below) == 1, "all images share it"
    # complete in staging, and on another machine from the cache, also if the mirror is gone
    changed.mirror.broken = True
    assert build_patch(cached, keeping, home) == after
    again = build_patch(cached, keeping, home, out="elsewhere")
    assert [each.digest for each in again] == [each.digest for each in after]


def test_renewed_a_patch_has_other_updates_on_the_same_os_layer(
    cached: FakeRegistry, changed: Changed, keeping: Catalog, home: Path
) -> None:
    first = debian_layers(build_patch(cached, keeping, home))
    changed.mirror.packages = (DebianPackage("tini", "0.20"),)
    second = build_patch(cached, keeping, home, renew=True)
    assert [each[0] for each in debian_layers(second)] == [each[0] for each in first]
    assert not {each[1] for each in debian_layers(second)} & {each[1] for each in first}
    assert second[0].debian_packages == changed.mirror.packages
    assert build_patch(cached, keeping, home) == second


def test_a_patch_in_a_new_registry_makes_both_layers(
    fake: FakeRegistry, cached: FakeRegistry, changed: Changed, keeping: Catalog, home: Path
) -> None:
    """The OS layer of the earlier release is then of today's packages as well."""
    cache = keeping.repositories.cache
    cached.manifests[cache].clear()
    made = build_patch(cached, keeping, home)
    built = [layer.kind for layer in made[0].layers if layer.made == "built"]
    assert sorted(built) == sorted([OS, UPDATES])
    assert run(fake, keeping, home)[0].layers[-1].made == "reused"


def test_updates_on_another_os_layer_are_made_again(
    cached: FakeRegistry, changed: Changed, keeping: Catalog, home: Path
) -> None:
    first = debian_layers(build_patch(cached, keeping, home))
    renewed(cached, keeping, home, ["base"])  # v2.6.0, which nobody should do after a patch of it
    second = debian_layers(build_patch(cached, keeping, home))
    assert len(changed.below) == 2
    assert first[0][0] != second[0][0]


# Debian packages of stacks, on top of the OS layer


@dataclass
class Added:
    """What makes the layer of Debian packages; `made` are the OS layers that it was asked for."""

    made: list[bytes] = field(default_factory=list)

    def make(
        self,
        _line: Line,
        stacks: Sequence[str],
        packages: Sequence[str],
        below: Path,
        _work: Path,
        target: Path,
    ) -> NormalisedRoot:
        assert (list(stacks), list(packages)) == (["ssh"], ["openssh-server"])
        data = b"on " + below.read_bytes()
        self.made.append(below.read_bytes())
        target.write_bytes(data)
        blob = Blob(sha256(data), sha256(b"tar of " + data), len(data), len(data))
        return NormalisedRoot(blob, ADDED, 1_793_624_159)


@pytest.fixture(scope="module")
def shipped_whole() -> Catalog:
    """The catalogue of the repository, with the stacks that are ways of working."""
    return load_catalog()


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Added:
    added = Added()
    monkeypatch.setattr(package_layer, "make_package_layer", added.make)
    return added


def build_ssh(
    fake: FakeRegistry, shipped: Catalog, home: Path, *, renew: bool = False, out: str = "out"
) -> tuple[BuildRecord, ...]:
    """Build images of which two need the layer of Debian packages."""
    made = planned(shipped, home, ["base", "ssh", "cv-ssh"], out)
    version, registry = shipped.require_version(VERSION), Registry(fake.host)
    root = root_of(shipped, home)
    return build.build(
        shipped, version, made, registry, home / out, layer_signer=OURS, root=root, renew=renew
    )


def debian_layers(records_: Sequence[BuildRecord]) -> list[list[str]]:
    """The digests of the OS layer and of the layer above it, of each image."""
    return [
        [layer.digest for layer in record.layers if layer.kind in OF_DEBIAN] for record in records_
    ]


def test_debian_packages_are_made_once_and_found_again(
    cached: FakeRegistry, added: Added, shipped_whole: Catalog, home: Path
) -> None:
    base, ssh, both = first = build_ssh(cached, shipped_whole, home)
    assert len(added.made) == 1
    (system,), upper, same = debian_layers(first)
    assert upper == same
    assert upper[0] == system
    assert len(upper) == 2
    assert base.debian_packages == (DebianPackage("tini", "0.19"),)
    assert ssh.debian_packages == both.debian_packages
    assert {each.name: each.sha256 for each in ssh.debian_packages} == {
        "openssh-server": "a" * 64,
        "tini": "b" * 64,
    }, "what Debian serves no more has the hash of the OS layer"
    assert {record.debian_taken_at for record in first} == {TAKEN}
    # complete in staging, and on another machine from the cache
    assert build_ssh(cached, shipped_whole, home) == first
    again = build_ssh(cached, shipped_whole, home, out="elsewhere")
    assert [record.digest for record in again] == [record.digest for record in first]
    assert len(added.made) == 1


def test_a_renewed_os_layer_has_its_own_debian_packages(
    cached: FakeRegistry, added: Added, mirror: Debian, shipped_whole: Catalog, home: Path
) -> None:
    first = debian_layers(build_ssh(cached, shipped_whole, home))
    mirror.packages = (DebianPackage("tini", "0.19-1"),)
    # Another machine renewed the OS layer, of images without more packages.
    renewed(cached, shipped_whole, home, ["base"])
    second = debian_layers(build_ssh(cached, shipped_whole, home))
    assert len(added.made) == 2
    assert not {*first[1]} & {*second[1]}
    assert second[0] == [second[1][0]]
    third = debian_layers(build_ssh(cached, shipped_whole, home, renew=True))
    assert len(added.made) == 3
    assert third[1] == third[2]


@pytest.mark.parametrize("fault", ["a stranger", "the OS layer's", "another OS layer"])
def test_debian_packages_without_a_signature_for_them_are_made_again(
    cached: FakeRegistry, added: Added, shipped_whole: Catalog, home: Path, fault: str
) -> None:
    build_ssh(cached, shipped_whole, home)
    key = planned(shipped_whole, home, ["ssh"]).images[0].package_spec
    assert key is not None
    system = layer_of(cached, shipped_whole, home)
    planted = replace(system, key=key.key, below=system.blob.digest)
    if fault == "a stranger":
        kept(cached, shipped_whole, planted, FOREIGN)
    elif fault == "the OS layer's":
        tags = cached.manifests[shipped_whole.repositories.cache]
        tags[f"os-{key.key[:40]}"] = tags[f"os-{system.key[:40]}"]
    else:
        kept(cached, shipped_whole, replace(planted, below=f"sha256:{'0' * 64}"))
    build_ssh(cached, shipped_whole, home, out="elsewhere")
    assert len(added.made) == 2


FAULTS = [
    pytest.param(
        Fault("PUT", "staging/blobs/uploads", status=401), "401", id="401 on a configuration"
    ),
    pytest.param(
        Fault("PUT", "staging/blobs/uploads", status=500), "500", id="500 on a configuration"
    ),
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
    del cached.manifests[shipped.repositories.cache][f"os-{key[:40]}"]
    plan.record_path(home / "out", VERSION, "cv", "build").unlink()
    asked: list[Sequence[str]] = []

    def made(_: object, missing: Sequence[plan.PlannedImage], system: object) -> dict[str, object]:
        asked.append([each.image for each in missing])
        raise EnvironmentFailed("no further", "this is a test")

    monkeypatch.setattr(build._Stage, "_make_layers", made)
    with refused(EnvironmentFailed, "no further"):
        run(cached, shipped, home)
    assert asked == [list(shipped.images)]


# What lies in the registry is believed by its digest, or by a trusted signature


def plant(fake: FakeRegistry, repository: str, tag: str, *layers: bytes) -> None:
    """What an account that may write staging puts under a tag: an entry of the cache, as it was
    before layers were locked, or of any other number of layers.
    """
    registry = Registry(fake.host)
    config = registry.push_bytes(
        repository, b'{"digest": "sha256:0", "diff_id": "sha256:1", "size": -1}', OCI_CONFIG
    )
    blobs = [registry.push_bytes(repository, data, LAYER_GZIP) for data in layers]
    registry.put_manifest(repository, tag, image_manifest(config, blobs))


@pytest.mark.parametrize(
    "layers", [(b"poisoned",), (b"poisoned", b"twice"), ()], ids=["one", "two", "none"]
)
def test_what_the_cache_says_of_a_python_layer_is_not_read(
    layers: tuple[bytes, ...], cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    expected = [record.digest for record in run(cached, shipped, home)]
    for path in (home / "out").rglob("*.json"):
        path.unlink()
    for spec in planned(shipped, home).images[0].layers:
        if spec.kind != OS:
            plant(cached, shipped.repositories.cache, f"layer-{spec.key[:40]}", *layers)
    assert [record.digest for record in run(cached, shipped, home)] == expected


def test_layers_are_taken_from_wherever_they_lie(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    """Staging, the cache and production, a part of them in each."""
    expected = [record.digest for record in run(cached, shipped, home)]
    names = shipped.repositories
    cached.manifests[names.staging].clear()
    blobs = dict(cached.blobs[names.cache])
    python = {
        spec.key: blob_of(spec).digest
        for spec in planned(shipped, home).images[1].layers
        if spec.kind != OS
    }
    for number, digest in enumerate(python.values()):
        places = (names.staging, names.cache, names.production)
        for place in places:
            cached.blobs.setdefault(place, {}).pop(digest, None)
        cached.blobs[places[number % 3]][digest] = blobs[digest]
    assert [record.digest for record in run(cached, shipped, home)] == expected


def test_a_layer_that_is_only_in_production_is_found_without_leave_to_read_there_or_not(
    cached: FakeRegistry, shipped: Catalog, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account that builds may not be allowed to read production: then the layer is made
    again.
    """
    cached.fail(Fault("HEAD", f"/{shipped.repositories.production}/blobs", status=403))
    lost = planned(shipped, home).images[0].layers[0]
    del cached.blobs[shipped.repositories.cache][blob_of(lost).digest]
    assert asked_to_make(cached, shipped, home, monkeypatch) == [lost.name]


def asked_to_make(
    fake: FakeRegistry, shipped: Catalog, home: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The names of the layers that a build makes; it pushes what is locked."""
    asked: list[str] = []

    def make(
        recipe: layer_workers.Recipe, specs: Sequence[LayerSpec], _: object
    ) -> dict[str, tuple[Blob, float]]:
        for spec in specs:
            asked.append(spec.name)
            Registry(recipe.host).push_bytes(recipe.repository, contents(spec), LAYER_GZIP)
        return {spec.key: (blob_of(spec), 1.0) for spec in specs}

    monkeypatch.setattr(layer_workers, "make_python", make)
    monkeypatch.setattr(wheelhouse, "fetch_wheels", lambda *_: None)
    run(fake, shipped, home)
    return asked


def test_a_layer_that_is_lost_is_made_again(
    cached: FakeRegistry, shipped: Catalog, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if records and manifests of images that have it stand."""
    first = run(cached, shipped, home)
    lost = planned(shipped, home).images[0].layers[0]
    for held in cached.blobs.values():
        held.pop(blob_of(lost).digest, None)
    assert asked_to_make(cached, shipped, home, monkeypatch) == [lost.name]
    assert blob_of(lost).digest in cached.blobs[shipped.repositories.staging]
    assert [record.digest for record in run(cached, shipped, home)] == [
        record.digest for record in first
    ]


def test_what_only_staging_lost_is_mounted_again(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    run(cached, shipped, home)
    lost = blob_of(planned(shipped, home).images[0].layers[0]).digest
    del cached.blobs[shipped.repositories.staging][lost]
    cached.requests.clear()
    run(cached, shipped, home)
    assert lost in cached.blobs[shipped.repositories.staging]
    assert cached.count("POST", "mount=") == 1


def test_a_configuration_that_staging_lost_is_pushed_again(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    record = run(cached, shipped, home)[0]
    manifest = Registry(cached.host).read_manifest(record.repository, record.digest)
    assert manifest is not None
    config = manifest.parse_blobs()[0].digest
    del cached.blobs[record.repository][config]
    run(cached, shipped, home)
    assert config in cached.blobs[record.repository]


def test_a_blob_of_another_size_is_the_registrys_fault(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    blob = blob_of(planned(shipped, home).images[0].layers[0])
    cached.blobs[shipped.repositories.cache][blob.digest] = b"cut"
    with refused(EnvironmentFailed, blob.digest, "3 bytes", f"not {blob.size}"):
        run(cached, shipped, home)


def test_an_os_layer_that_nobody_trusted_signed_is_made_again(
    cached: FakeRegistry,
    mirror: Debian,
    shipped: Catalog,
    home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    poisoned = Registry(cached.host).push_bytes(shipped.repositories.cache, b"poisoned", LAYER_GZIP)
    layer = layer_of(cached, shipped, home)
    foreign = replace(layer, blob=replace(layer.blob, digest=poisoned.digest, size=poisoned.size))
    kept(cached, shipped, foreign, FOREIGN)
    made = run(cached, shipped, home)
    assert {os_of(record) for record in made} == {sha256(repr(mirror.packages).encode())}
    assert "not used: signed by the key" in capsys.readouterr().err
    assert layer_of(cached, shipped, home).blob.digest == os_of(made[0]), (
        "and it is found from now on"
    )


def test_two_machines_that_do_not_trust_each_other_make_their_own(
    cached: FakeRegistry, mirror: Debian, shipped: Catalog, home: Path
) -> None:
    ours = run(cached, shipped, home)
    mirror.packages = (DebianPackage("tini", "0.20"),)
    made, version = planned(shipped, home, out="elsewhere"), shipped.require_version(VERSION)
    registry, root = Registry(cached.host), root_of(shipped, home)
    theirs = build.build(
        shipped, version, made, registry, home / "elsewhere", layer_signer=FOREIGN, root=root
    )
    assert {os_of(record) for record in ours} != {os_of(record) for record in theirs}
    mirror.broken = True
    assert run(cached, shipped, home) == ours, "what stands needs no OS layer"


def test_a_signed_os_layer_that_is_lost_is_made_again(
    cached: FakeRegistry, mirror: Debian, shipped: Catalog, home: Path
) -> None:
    del cached.blobs[shipped.repositories.cache][layer_of(cached, shipped, home).blob.digest]
    assert {os_of(record) for record in run(cached, shipped, home)} == {
        sha256(repr(mirror.packages).encode())
    }


def test_an_image_on_a_layer_that_is_locked_otherwise_by_now_is_assembled_again(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    first = run(cached, shipped, home)
    path = layer_lock.layer_lock_path(root_of(shipped, home), "base", "2.6")
    held = [*layer_lock.read_layer_lock(path, "2.6")]
    new = Registry(cached.host).push_bytes(
        shipped.repositories.cache, b"other bytecode", LAYER_GZIP
    )
    held[-1] = replace(held[-1], blob=replace(held[-1].blob, digest=new.digest, size=new.size))
    layer_lock.write_layer_lock(path, "base", held)
    second = run(cached, shipped, home)
    assert not {record.digest for record in first} & {record.digest for record in second}
    assert all(new.digest in {layer.digest for layer in record.layers} for record in second)


def test_nothing_is_built_of_a_stale_lock_of_layers(
    cached: FakeRegistry, shipped: Catalog, home: Path
) -> None:
    path = root_of(shipped, home) / "cv" / "2.6.layers.lock"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with refused(ConfigError, "bytecode of cv packages", "lock --layers 2.6"):
        run(cached, shipped, home)
    assert not cached.requests
