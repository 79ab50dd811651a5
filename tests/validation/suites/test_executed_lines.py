"""Which lines of a package a call executes."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from validation.suites.recorded import executed_lines
from validation.suites.recorded.executed_lines import Executed

SOURCE = """
LIMIT = 2

def clip(value, strict=False):
    if strict and value > LIMIT:
        raise ValueError
    return min(value, LIMIT)

class Kept:
    def get(self):
        return [each for each in (1, 2)]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "clipped" / "__init__.py"
    path.parent.mkdir()
    path.write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "clipped", raising=False)
    return path


def test_a_call_tells_lines_that_nothing_executed_before(package: Path) -> None:
    executed = Executed(executed_lines.find_root("clipped"))
    clip = importlib.import_module("clipped").clip
    with executed.trace() as first:
        clip(1)
    assert first == {str(package): {5, 7}}
    executed.add({str(package): [5, 7]})
    with executed.trace() as again:
        clip(3)
    assert not any(again.values())
    with executed.trace() as other, pytest.raises(ValueError):
        clip(3, strict=True)
    assert other == {str(package): {6}}
    assert executed.count() == (2, 4)


def test_other_packages_are_not_followed(package: Path) -> None:
    executed = Executed(f"{package.parent}-other/")
    with executed.trace() as lines:
        importlib.import_module("clipped").clip(1)
    assert not lines
