"""Promotion puts the same bytes, moves no layer, and shows nothing half-done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from images.catalog import Repositories, Version
from oci.registry import Registry, RegistryError
from publish.promote import CANDIDATE, PRODUCTION, previous, promote
from runner.errors import EnvironmentFailed, GateRefused
from tests.fakes.registry import FakeRegistry, Fault
from tests.publish.released import STAGING, built, staged

REPOSITORIES = Repositories(production="pytorch-cuda", staging=STAGING, cache="cache", records="records")
TARGET = REPOSITORIES.production


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with FakeRegistry() as started:
        yield started


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.docker)])
def registry(request: pytest.FixtureRequest) -> Registry:
    """The fake one, and a real distribution registry."""
    if request.param == "fake":
        return Registry(request.getfixturevalue("fake").host)
    return Registry(request.getfixturevalue("registry_host"))


def test_the_same_bytes_under_the_tags_of_the_channel(registry: Registry) -> None:
    staged_images = [staged(registry, image) for image in ("base", "cv")]
    promoted = promote([build for build, _ in staged_images], CANDIDATE, registry, REPOSITORIES)
    assert [promotion.tag for promotion in promoted] == ["v2.6.0-candidate", "v2.6.0-candidate-cv"]
    for promotion, (_, manifest) in zip(promoted, staged_images, strict=True):
        read = registry.manifest(TARGET, promotion.tag)
        assert read is not None
        assert read.body == manifest.body


def test_promoting_twice_changes_nothing(registry: Registry) -> None:
    build, _ = staged(registry, "base")
    assert promote([build], PRODUCTION, registry, REPOSITORIES) == promote([build], PRODUCTION, registry, REPOSITORIES)


def test_layers_are_mounted_not_moved(fake: FakeRegistry) -> None:
    registry = Registry(fake.host)
    build, _ = staged(registry, "base")
    fake.requests.clear()
    promote([build], CANDIDATE, registry, REPOSITORIES)
    assert [request for request in fake.requests if request.startswith("POST")]
    assert not [request for request in fake.requests if "GET" in request and "/blobs/" in request]


def test_a_registry_that_will_not_mount_gets_the_blobs_copied(fake: FakeRegistry) -> None:
    registry = Registry(fake.host)
    build, manifest = staged(registry, "base")
    fake.faults.append(Fault("POST", f"{TARGET}/blobs/uploads/", unmounted=True))
    promote([build], CANDIDATE, registry, REPOSITORIES)
    assert registry.digest_of(TARGET, "v2.6.0-candidate") == manifest.digest


def test_an_immutable_tag_on_other_bytes_refuses_before_anything_is_put(registry: Registry) -> None:
    base, _ = staged(registry, "base")
    cv, _ = staged(registry, "cv")
    repositories = Repositories("immutable", STAGING, "cache", "records")
    promote([cv], PRODUCTION, registry, repositories)
    other, _ = staged(registry, "other")
    moved = built("cv", other.digest)
    with pytest.raises(GateRefused, match=r"immutable:v2\.6\.0-cv is released as .* never moves"):
        promote([base, moved], PRODUCTION, registry, repositories)
    assert registry.digest_of("immutable", "v2.6.0") is None
    assert registry.digest_of("immutable", "v2.6.0-cv") == cv.digest


def test_an_image_that_is_gone_from_staging_promotes_nothing(fake: FakeRegistry) -> None:
    registry = Registry(fake.host)
    base, _ = staged(registry, "base")
    with pytest.raises(EnvironmentFailed, match="is not there"):
        promote([base, built("cv")], CANDIDATE, registry, REPOSITORIES)
    assert TARGET not in fake.manifests


@pytest.mark.parametrize("status", [401, 500])
def test_a_registry_that_refuses_in_the_middle_leaves_no_tag_and_the_next_run_works(
    fake: FakeRegistry, status: int
) -> None:
    registry = Registry(fake.host)
    builds = [staged(registry, image)[0] for image in ("base", "cv")]
    fault = Fault("PUT", f"{TARGET}/manifests/{builds[1].digest}", status=status)
    fake.faults.append(fault)
    with pytest.raises(RegistryError, match=str(status)):
        promote(builds, CANDIDATE, registry, REPOSITORIES)
    assert registry.digest_of(TARGET, "v2.6.0-candidate") is None
    fake.faults.remove(fault)
    promote(builds, CANDIDATE, registry, REPOSITORIES)
    assert registry.digest_of(TARGET, "v2.6.0-candidate-cv") == builds[1].digest


def test_a_registry_that_serves_other_bytes_than_were_put_is_not_believed(fake: FakeRegistry) -> None:
    registry = Registry(fake.host)
    build, _ = staged(registry, "base")
    fake.faults.append(Fault("GET", f"{TARGET}/manifests/v2.6.0-candidate", body=b"{}"))
    with pytest.raises(EnvironmentFailed, match="other bytes"):
        promote([build], CANDIDATE, registry, REPOSITORIES)


def test_the_previous_release_is_the_newest_before_this_one_in_production(registry: Registry) -> None:
    """A patch that was never released is passed over, a candidate does not count, nor does another image."""
    repository = "previous"
    (build, manifest), (_, other) = staged(registry, "cv"), staged(registry, "base")
    for tag, put in (("v2.6.1-cv", manifest), ("v2.6.0-cv", other), ("v2.6.2-candidate-cv", other), ("v2.6.2", other)):
        for blob in put.blobs():
            registry.ensure_blob(repository, blob, STAGING)
        registry.put_manifest(repository, tag, put)
    found = [previous(registry, repository, Version("2.6", patch), "cv") for patch in (3, 1, 0)]
    assert found[0] == f"{registry.host}/{repository}@{build.digest}"
    assert found[1].endswith(other.digest)
    assert found[2] == ""
