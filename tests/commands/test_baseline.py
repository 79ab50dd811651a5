"""`baseline` writes the floor of the GPU that a release was validated on, ready to commit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from commands import baseline
from commands.parser import parse
from images.catalog import Version
from publish.state import StageRecords
from runner.errors import ConfigError
from tests.publish.stage_records import built
from tests.validation.test_baseline import DIGEST, measured
from validation import floor


def known(image: str, digest: str = DIGEST) -> StageRecords:
    """An image whose validation is the real run on an H200."""
    record = replace(measured(), image=image)
    return StageRecords(built(image, digest), record, None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(floor, "FOLDER", tmp_path / "expectations")
    return tmp_path / "expectations" / "2.11"


def given(monkeypatch: pytest.MonkeyPatch, *images: StageRecords) -> None:
    store = SimpleNamespace(read_known=lambda: images)
    release = SimpleNamespace(record_store=store, version=Version("2.11", 0))
    monkeypatch.setattr(baseline, "open_release", lambda _: release)


def test_it_writes_the_figures_of_base(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, known("cv"), known("base"))
    asked = parse(["baseline", "v2.11.0"])
    assert asked.run(asked) == 0
    said = capsys.readouterr().err
    assert f"wrote {folder / 'nvidia-h200.yaml'}" in said
    assert '"image": "base"' in (folder / "nvidia-h200.json").read_text()
    assert floor.load_expectations("NVIDIA H200", folder).floors


def test_a_release_that_was_not_measured_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = known("cv", f"sha256:{'2' * 64}")
    unfit = known("base")
    assert unfit.validation is not None
    unfit = replace(unfit, validation=replace(unfit.validation, suites=()))
    both = (unfit, replace(unfit, build=built("cv", DIGEST)))
    for images, said in (((other,), "it was not validated"), (both, "base, cv: the suite `thr")):
        given(monkeypatch, *images)
        asked = parse(["baseline", "v2.11.0"])
        with pytest.raises(ConfigError, match=r"v2\.11\.0 was not measured on a GPU") as refused:
            asked.run(asked)
        assert said in refused.value.message
    assert not folder.exists()
