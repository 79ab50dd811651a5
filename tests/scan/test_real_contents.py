"""The real images of a release are as they were assembled: no alarm, in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from images import catalog, plan
from oci.registry import Registry
from runner import embedded
from scan.expected_image import ExpectedImage, compare_image
from tests.real_images import record_of

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.mark.parametrize("image", ["base", "cv", "nlp", "rl", "cli", "jupyter"])
def test_a_real_image_is_as_it_was_assembled(image: str, tmp_path: Path) -> None:
    record, shipped = record_of(image), catalog.load_catalog()
    version = shipped.require_version(record.version)
    planned = plan.make_plan(shipped, version, [image], tmp_path).images[0]
    expected = ExpectedImage(shipped, planned, record)
    counted, found = compare_image(Registry(embedded.require_registry()), expected)
    assert found == ()
    assert counted.foreign_layers == 0
    assert counted.read_layers == 1
    assert counted.paths > 5000
