"""What a tag asserts comes from the catalogue and the lock, and from nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from images import catalog, line_locks
from images.locks import Lock
from runner import records
from runner.errors import ConfigError
from tests.validation.suites_here import EXPECTED
from validation import expectations
from validation.expectations import expect_image
from validation.suites.contract.expected import read_expected

CATALOG = catalog.load_catalog()


def test_what_base_asserts() -> None:
    found = expect_image(CATALOG, "2.6", ("base",))
    assert (found.torch, found.torchvision, found.torchaudio) == ("2.6.0", "0.21.0", "2.6.0")
    assert (found.cuda, found.cudnn, found.nccl, found.python) == (
        "12.4",
        "9.1.0.70",
        "2.21.5",
        "3.11",
    )
    assert (found.device, found.gpu_count, found.compiler) == ("cpu", 0, False)


def test_packages_are_those_of_every_stack_once() -> None:
    base, both = (
        dict(expect_image(CATALOG, "2.6", stacks).packages)
        for stacks in (("base",), ("base", "cv"))
    )
    assert base["torch"] == both["torch"] == "2.6.0"
    assert set(both) - set(base) >= {"albumentations", "opencv-python-headless"}


@pytest.mark.parametrize("library", ["nvidia-cudnn-cu12", "nvidia-nccl-cu12"])
def test_a_library_missing_from_the_lock_is_refused(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks = line_locks.locks_of(CATALOG, "2.6", ("base",))
    left = tuple(wheel for wheel in locks["base"].wheels if wheel.name != library)
    monkeypatch.setattr(expectations, "locks_of", lambda *_: {"base": Lock(Path("2.6.lock"), left)})
    with pytest.raises(ConfigError, match="has no package nvidia-"):
        expect_image(CATALOG, "2.6", ("base",))


def test_the_image_reads_what_the_host_wrote(tmp_path: Path) -> None:
    path = tmp_path / "expected.json"
    path.write_text(records.to_json(EXPECTED), encoding="utf-8")
    assert read_expected(path) == EXPECTED
