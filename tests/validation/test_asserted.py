"""What a tag asserts comes from the catalogue and the lock, and from nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from images import catalog
from images.locks import Lock, Wheel
from runner import records
from runner.errors import ConfigError
from tests.validation.suites_here import EXPECTED
from validation.asserted import expected_of
from validation.suites.expected import read_expected


def _wheel(name: str, version: str) -> Wheel:
    return Wheel(name, version, "0" * 64, f"{name.replace('-', '_')}-{version}-py3-none-any.whl", 1)


LINE = catalog.load().lines["2.6"]
CUDNN, NCCL = _wheel("nvidia-cudnn-cu12", "9.1.0.70"), _wheel("nvidia-nccl-cu12", "2.21.5")


def test_from_line_and_lock() -> None:
    assert expected_of(LINE, Lock(Path("2.6.lock"), (CUDNN, NCCL)), ("base",)) == EXPECTED


@pytest.mark.parametrize("wheels", [(CUDNN,), (NCCL,), (CUDNN, _wheel("nvidia-nccl-cu11", "2.21.5"))])
def test_a_library_missing_from_the_lock_is_refused(wheels: tuple[Wheel, ...]) -> None:
    with pytest.raises(ConfigError, match="holds no nvidia-"):
        expected_of(LINE, Lock(Path("2.6.lock"), wheels), ("base",))


def test_the_image_reads_what_the_host_wrote(tmp_path: Path) -> None:
    path = tmp_path / "expected.json"
    path.write_text(records.to_json(EXPECTED), encoding="utf-8")
    assert read_expected(path) == EXPECTED
