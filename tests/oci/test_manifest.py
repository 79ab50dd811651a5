from __future__ import annotations

import json

from oci.manifest import LAYER_GZIP, OCI_CONFIG, OCI_MANIFEST, Descriptor, image_manifest, sha256

CONFIG = Descriptor(OCI_CONFIG, sha256(b"{}"), 2)
LAYERS = [Descriptor(LAYER_GZIP, sha256(bytes([n])), 1) for n in range(3)]


def test_a_manifest_names_its_blobs_in_order() -> None:
    manifest = image_manifest(CONFIG, LAYERS)
    assert manifest.parse_blobs() == (CONFIG, *LAYERS)
    assert json.loads(manifest.body)["mediaType"] == manifest.media_type == OCI_MANIFEST


def test_the_same_arguments_are_the_same_bytes() -> None:
    assert image_manifest(CONFIG, LAYERS, {"a": "1", "b": "2"}) == image_manifest(
        CONFIG, LAYERS, {"b": "2", "a": "1"}
    )


def test_another_order_of_layers_is_another_digest() -> None:
    assert image_manifest(CONFIG, LAYERS).digest != image_manifest(CONFIG, LAYERS[::-1]).digest


def test_the_digest_is_of_the_raw_bytes() -> None:
    manifest = image_manifest(CONFIG, LAYERS)
    assert manifest.digest == sha256(manifest.body)
