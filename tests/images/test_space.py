"""The disk space of a build and of a lock: said before it is used; refused if it is not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from images import lock_layers, plan, resolve, space, wheelhouse, workers
from images.layers import specs_of_stack
from images.locks import Wheel
from images.wheels import Prefix
from runner import free_space
from runner.errors import EnvironmentFailed
from tests.fakes.index import make_index
from tests.fakes.own_catalog import load_own_catalog
from tests.fakes.refusal import refused
from tests.fakes.wheels import make_wheel

PREFIX = Prefix("opt/venv", "3.11")
LARGE = Wheel("torch", "2.6.0", "a" * 64, "torch-2.6.0-py3-none-any.whl", 700_000_000)


@pytest.fixture
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a disk with less free than must stay: what is said of it is real."""
    monkeypatch.setattr(free_space, "FREE_BYTES", 10**18)


def test_what_is_needed_is_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space.require_space("the build", 700_000_000)
    assert f"the build will need 700.0 MB of {home}" in capsys.readouterr().err


def test_too_little_names_the_way_to_free_some(home: Path) -> None:
    with refused(EnvironmentFailed, str(home), "release.py prune", "PYTORCH_CUDA_IMAGES_HOME"):
        space.require_space("the build", 10**18)


def test_a_build_needs_its_wheels_and_its_layers(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = make_wheel("small")
    specs = specs_of_stack("cv", [LARGE, small], PREFIX, 1738108800)
    monkeypatch.delenv("PYTORCH_CUDA_IMAGES_REGISTRY", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    here = space.bytes_of_build(specs)
    assert here == LARGE.size * 3 + small.size + space.OS_LAYER_BYTES
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", "registry.example")
    assert space.bytes_of_build(specs) == LARGE.size * 2 + space.OS_LAYER_BYTES


def test_a_release_takes_its_layers_unpacked(tmp_path: Path) -> None:
    """Each layer once, however many images share it."""
    catalog = load_own_catalog()
    version = catalog.require_version("v2.6.0")
    base, both = (
        space.bytes_in_engine(plan.make_plan(catalog, version, images, tmp_path))
        for images in (["base"], ["base", "cv"])
    )
    assert 5e9 < base < both < 2 * base


def test_a_resolution_is_measured_by_the_locks(home: Path) -> None:
    here = make_wheel("small")
    known = [here, LARGE, Wheel("nvidia-x-cu12", "1", "b" * 64, "x.whl", 5_000)]
    pins = {"small": "1.0", "torch": "2.7.0", "nvidia-x-cu13": "2", "new": "1"}
    assert space.bytes_of_resolution(pins, known) == LARGE.size + 5_000
    assert space.bytes_of_resolution({**pins, "small": "2.0"}, known) > LARGE.size + 5_000


@pytest.mark.usefixtures("no_disk")
def test_a_lock_stops_before_a_download(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheelhouse, "fetch_wheels", lambda *_: pytest.fail("it was downloaded"))
    monkeypatch.setattr(workers, "make_python", lambda *_: pytest.fail("a layer was made"))
    with refused(EnvironmentFailed, "MB will be written", "release.py prune"):
        lock_layers.make_locked_layers(load_own_catalog(), "2.6", {"cv": [LARGE]})


@pytest.mark.usefixtures("no_disk")
def test_a_resolution_stops_before_a_download(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = load_own_catalog()
    make_index(tmp_path, {"seeing-1.0": []}, monkeypatch)
    for stack in catalog.stacks:
        (tmp_path / "images" / stack).mkdir(parents=True)
        (tmp_path / "images" / stack / "requirements.in").write_text("seeing\n")
    monkeypatch.setattr(resolve, "IMAGES", tmp_path / "images")
    monkeypatch.setattr(resolve, "_download_wheels", lambda *_: pytest.fail("it was downloaded"))
    with refused(EnvironmentFailed, "must stay free", "release.py prune"):
        resolve.resolve_line(catalog, "2.6")
