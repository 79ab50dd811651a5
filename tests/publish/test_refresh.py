"""Locks as far forward as a kind allows, by the real uv, pip and Trivy; what a kind may not carry
changes no lock.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from images import catalog, layer_lock, layers, lock_layers, resolve
from images.catalog import Catalog
from images.layer_lock import LockedLayer
from images.layers import LayerSpec
from images.locks import Wheel
from images.plan import python_specs
from images.resolve import LayerLocks
from oci.tarball import Blob
from publish.policy.release_kinds import FEATURE, MAJOR, PATCH
from publish.refresh import refresh_layers, refresh_locks
from runner.errors import EnvironmentFailed, GateRefused
from scan import trivy
from scan.assess import AssessmentContext
from scan.difference import SECURITY, Difference
from scan.history import History
from scan.policy import load_policy
from tests.fakes.index import make_index, write_wheel
from tests.fakes.refusal import refused
from tests.fakes.trivy_db import PipAdvisory, write
from tests.scan.samples import CANARIES

LINE = "2.6"
FIRST = ("torch-2.6.0", "torchvision-0.21.0", "torchaudio-2.6.0", "below-1.2.3", "seeing-1.0")
WANTED = {
    "base": "torch=={torch}\ntorchvision=={torchvision}\ntorchaudio=={torchaudio}\nbelow\n",
    "cv": "seeing\n",
}


@pytest.fixture
def context() -> AssessmentContext:
    today = datetime.datetime.now(datetime.UTC).date()
    return AssessmentContext(load_policy(), (), "no database here", History({}), today, CANARIES)


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Layers are made without an engine, each of its key; the lines whose layers were made."""
    lines: list[str] = []

    def make(catalog: Catalog, name: str, wheels: Mapping[str, Sequence[Wheel]]) -> LayerLocks:
        lines.append(name)
        line = catalog.lines[name]
        return {
            stack: tuple(map(_locked, python_specs(line, stack, held)))
            for stack, held in wheels.items()
        }

    monkeypatch.setattr(lock_layers, "make_locked_layers", make)
    return lines


def _locked(spec: LayerSpec) -> LockedLayer:
    return LockedLayer(
        spec.name, spec.kind, spec.key, Blob(f"sha256:{spec.key}", f"sha256:{spec.key}", 7, 7)
    )


@pytest.fixture
def index(
    home: Path, tmp_path: Path, context: AssessmentContext, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The wheels of a first release, which is locked."""
    root = tmp_path / "images"
    for stack in catalog.load_catalog().stacks:
        (root / stack).mkdir(parents=True)
        (root / stack / "requirements.in").write_text(WANTED.get(stack, ""))
    monkeypatch.setattr(resolve, "IMAGES", root)
    made = make_index(tmp_path, {name: [] for name in FIRST}, monkeypatch)
    assert refresh_locks(catalog.load_catalog(), LINE, PATCH, context) is None
    return made


def came(index: Path, *wheels: str, needs: Sequence[str] = ()) -> None:
    for wheel in wheels:
        write_wheel(index, wheel, needs)


def refreshed(kind: str, context: AssessmentContext) -> list[str]:
    """What moved."""
    changed = refresh_locks(catalog.load_catalog(), LINE, kind, context)
    assert changed is not None
    return moves(changed)


def moves(changed: Difference) -> list[str]:
    return [f"{each.name} {each.before} {each.after}" for each in changed.changed]


def locks(root: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in root.rglob("*.lock")}


@pytest.mark.parametrize(
    ("kind", "moved"),
    [
        (PATCH, ["below 1.2.3 1.2.9", "seeing 1.0 1.0.1"]),
        (FEATURE, ["below 1.2.3 1.5.0", "seeing 1.0 1.0.1"]),
        (MAJOR, ["below 1.2.3 2.0.0", "seeing 1.0 3.0"]),
    ],
)
def test_a_package_moves_as_far_as_the_kind_allows(
    kind: str, moved: list[str], index: Path, context: AssessmentContext
) -> None:
    came(index, "below-1.2.9", "below-1.5.0", "below-2.0.0", "seeing-1.0.1", "seeing-3.0")
    assert refreshed(kind, context) == moved
    assert refreshed(kind, context) == []


def test_an_advisory_takes_its_package_further(
    index: Path, context: AssessmentContext, tmp_path: Path
) -> None:
    write(tmp_path / "db", [PipAdvisory("CVE-2026-1", "below", ("< 1.4.1",), ("1.4.1",))])
    knowing = replace(context, database=trivy.obtain_database(str(tmp_path / "db"), None))
    came(index, "below-1.2.9", "below-1.4.2", "below-1.5.0")
    changed = refresh_locks(catalog.load_catalog(), LINE, PATCH, knowing)
    assert changed is not None
    assert moves(changed) == ["below 1.2.3 1.4.2"]
    assert (changed.changed[0].how, changed.changed[0].security) == (SECURITY, ("CVE-2026-1",))


def test_a_patch_that_needs_another_package_is_refused_and_no_lock_changes(
    index: Path, context: AssessmentContext, tmp_path: Path
) -> None:
    came(index, "below-1.2.9", needs=["unheard-of"])
    came(index, "unheard_of-1.0")
    before = locks(tmp_path / "images")
    with refused(
        GateRefused,
        "unheard-of 1.0: it was added; a patch release neither adds nor removes",
        "--kind",
    ):
        refreshed(PATCH, context)
    assert locks(tmp_path / "images") == before
    assert refreshed(FEATURE, context) == ["below 1.2.3 1.2.9"]


def test_what_was_added_to_the_requirements_is_a_feature(
    index: Path, context: AssessmentContext, tmp_path: Path
) -> None:
    stack = tmp_path / "images" / "rl"
    (stack / "requirements.in").write_text("playing\n")
    came(index, "playing-7.1", "below-1.2.9")
    with refused(GateRefused, "playing 7.1: it was added"):
        refreshed(PATCH, context)
    assert refreshed(FEATURE, context) == ["below 1.2.3 1.2.9"]
    assert "playing==7.1" in (stack / f"{LINE}.lock").read_text()


def test_the_layers_are_locked_with_their_wheels(
    index: Path, context: AssessmentContext, tmp_path: Path
) -> None:
    shipped = catalog.load_catalog()
    came(index, "below-1.2.9")
    assert refreshed(PATCH, context) == ["below 1.2.3 1.2.9"]
    for stack, wheels in resolve.read_locks(shipped, LINE).items():
        path = layer_lock.layer_lock_path(tmp_path / "images", stack, LINE)
        specs = python_specs(shipped.lines[LINE], stack, wheels)
        assert all(
            spec.locked
            for spec in layers.with_locks(specs, layer_lock.read_layer_lock(path, LINE), path, LINE)
        )


def test_without_an_engine_no_lock_changes(
    index: Path, context: AssessmentContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> LayerLocks:
        raise EnvironmentFailed("no Docker engine answers", "start one")

    monkeypatch.setattr(lock_layers, "make_locked_layers", broken)
    came(index, "below-1.2.9")
    before = locks(tmp_path / "images")
    with refused(EnvironmentFailed, "no Docker engine"):
        refreshed(PATCH, context)
    assert locks(tmp_path / "images") == before


def test_the_layers_alone_are_locked_anew_and_no_wheel_moves(index: Path, tmp_path: Path) -> None:
    came(index, "below-1.2.9")
    path = layer_lock.layer_lock_path(tmp_path / "images", "cv", LINE)
    before = locks(tmp_path / "images")
    path.write_text(path.read_text().replace(" 7 ", " 8 ", 1))
    assert refresh_layers(catalog.load_catalog(), LINE) == ["packages of cv"]
    assert locks(tmp_path / "images") == before
    assert refresh_layers(catalog.load_catalog(), LINE) == []
    path.write_text("rubbish\n")
    assert len(refresh_layers(catalog.load_catalog(), LINE)) == 2, (
        "and a damaged lock is written again"
    )
    assert locks(tmp_path / "images") == before
