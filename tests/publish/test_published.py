"""Tags of images, and which release came before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from images import catalog
from images.catalog import Version
from oci.registry import Registry
from publish.published import CANDIDATE, PRODUCTION, previous, tag_of
from tests.fakes.registry import FakeRegistry
from tests.publish.released import STAGING, staged


@pytest.mark.parametrize(
    ("image", "channel", "tag"),
    [
        ("base", PRODUCTION, "v2.6.0"),
        ("cv", PRODUCTION, "v2.6.0-cv"),
        ("base", CANDIDATE, "v2.6.0-candidate"),
        ("cv-nlp", CANDIDATE, "v2.6.0-candidate-cv-nlp"),
    ],
)
def test_tags(image: str, channel: str, tag: str) -> None:
    assert tag_of(image, "v2.6.0", channel) == tag


def test_the_previous_release_is_the_newest_before_this_one_in_production() -> None:
    """A patch that was never released is passed over, a candidate does not count, nor does another image."""
    with FakeRegistry() as fake:
        registry = Registry(fake.host)
        (build, manifest), (_, other) = staged(registry, "cv"), staged(registry, "base")
        for tag, put in (
            ("v2.6.1-cv", manifest),
            ("v2.6.0-cv", other),
            ("v2.6.2-candidate-cv", other),
            ("v2.6.2", other),
        ):
            for blob in put.blobs():
                registry.ensure_blob("previous", blob, STAGING)
            registry.put_manifest("previous", tag, put)
        repositories = replace(catalog.load().repositories, production="previous")
        third, first, none = (previous(registry, repositories, Version("2.6", patch), "cv") for patch in (3, 1, 0))
    assert third is not None
    assert (third.version, third.digest) == (Version("2.6", 1), build.digest)
    assert first is not None
    assert first.digest == other.digest
    assert none is None
