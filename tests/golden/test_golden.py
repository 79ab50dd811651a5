"""What others read stays as it is, however the code that writes it is named: records, tags, media
types, statements.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden import content

WAY_OUT = "if this change of the format is wanted, run: .venv/bin/python -m tests.golden.content"


def golden(path: Path) -> object:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", content.WRITTEN)
def test_a_record_has_its_shape(name: str) -> None:
    found, kept = content.describe_records(), golden(content.RECORDS)
    assert isinstance(kept, dict)
    assert set(found) == set(kept)
    assert found[name] == kept[name], WAY_OUT


def test_a_registry_holds_the_same_after_a_release(home: Path) -> None:
    assert content.describe_registry() == golden(content.REGISTRY), WAY_OUT
