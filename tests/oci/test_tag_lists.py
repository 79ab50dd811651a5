"""A list of tags that is asked for once for many images, and what may not be missed by that."""

from __future__ import annotations

import pytest

from oci.manifest import EMPTY_CONFIG, OCI_CONFIG, Manifest, image_manifest
from oci.registry import Registry
from tests.fakes.registry import FakeRegistry


def push_image(registry: Registry, tag: str) -> Manifest:
    manifest = image_manifest(registry.push_bytes("r", EMPTY_CONFIG, OCI_CONFIG), [])
    registry.put_manifest("r", tag, manifest)
    return manifest


def test_tags_are_listed_once_in_the_block(fake: FakeRegistry) -> None:
    registry = Registry(fake.host)
    push_image(registry, "one")
    with registry.keep_tag_lists():
        assert [registry.list_tags("r") for _ in range(3)] == [("one",)] * 3
    assert fake.count("GET", "tags/list") == 1


def test_an_own_put_is_seen_in_the_block(fake: FakeRegistry) -> None:
    registry = Registry(fake.host)
    push_image(registry, "one")
    with registry.keep_tag_lists():
        registry.list_tags("r")
        push_image(registry, "two")
        assert registry.list_tags("r") == ("one", "two")


def test_what_others_put_is_seen_after_the_block(fake: FakeRegistry) -> None:
    registry = Registry(fake.host)
    push_image(registry, "one")
    with registry.keep_tag_lists():
        registry.list_tags("r")
        push_image(Registry(fake.host), "two")
    assert registry.list_tags("r") == ("one", "two")


def test_nothing_is_kept_after_an_error(fake: FakeRegistry) -> None:
    registry = Registry(fake.host)
    push_image(registry, "one")
    with pytest.raises(KeyError), registry.keep_tag_lists():
        registry.list_tags("r")
        raise KeyError
    registry.list_tags("r")
    assert fake.count("GET", "tags/list") == 2
