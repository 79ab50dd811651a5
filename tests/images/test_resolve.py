"""Refreshing the locks, by the real uv and pip, from a folder of wheels that is all they know
of.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from images import resolve, wheelhouse
from images.catalog import Catalog
from images.locks import read_lock
from runner import home as homes
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.index import make_index, write_wheel
from tests.fakes.refusal import refused

LINE = "2.6"
REQUIREMENTS = {
    "base": (
        "# `{name}` is filled "
        "in\ntorch=={torch}\ntorchvision=={torchvision}\ntorchaudio=={torchaudio}\n"
    ),
    "cv": "seeing\n",
    "nlp": "Reading[fast]>=1\n",
    "rl": "playing\n",
}
WHEELS = {
    "torch-2.6.0": ["below; python_version > '3'", "never; sys_platform == 'win32'"],
    "torch-2.7.0": [],
    "torchvision-0.21.0": ["torch"],
    "torchaudio-2.6.0": ["torch"],
    "below-1.0": [],
    "seeing-1.0": ["torch", "below", "Shared.Thing"],
    "reading-1.0": ["shared_thing<2", "quick; extra == 'fast'"],
    "quick-3.0.post1": [],
    "playing-1.0": ["seeing"],
    "Shared_Thing-1.0": [],
    "Shared_Thing-2.0": [],
}


@pytest.fixture
def index(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is all uv and pip know of."""
    return make_index(tmp_path, WHEELS, monkeypatch)


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the stacks, with their requirements."""
    root = tmp_path / "images"
    for stack, text in REQUIREMENTS.items():
        (root / stack).mkdir(parents=True)
        (root / stack / "requirements.in").write_text(text)
    monkeypatch.setattr(resolve, "IMAGES", root)
    return root


@pytest.fixture
def refresh(index: Path, images: Path) -> Callable[[Catalog], dict[str, list[str]]]:
    """Refresh the locks; what they hold afterwards, by stack."""

    def refreshed(of: Catalog) -> dict[str, list[str]]:
        resolve.write_locks(LINE, resolve.resolve_line(of, LINE))
        locks = {stack: read_lock(images / stack / f"{LINE}.lock") for stack in of.stacks}
        return {
            stack: [f"{wheel.name} {wheel.version}" for wheel in lock.wheels]
            for stack, lock in locks.items()
        }

    return refreshed


Refresh = Callable[[Catalog], dict[str, list[str]]]


def test_one_resolution_sliced_into_locks(refresh: Refresh, shipped: Catalog) -> None:
    """Nlp wants an old `shared-thing`, so cv has that too; what base holds is in no lock above
    it.
    """
    assert refresh(shipped) == {
        "base": ["below 1.0", "torch 2.6.0", "torchaudio 2.6.0", "torchvision 0.21.0"],
        "cv": ["seeing 1.0", "shared-thing 1.0"],
        "nlp": ["quick 3.0.post1", "reading 1.0", "shared-thing 1.0"],
        "rl": ["playing 1.0", "seeing 1.0", "shared-thing 1.0"],
    }


def test_constraints_hold_back(refresh: Refresh, shipped: Catalog, images: Path) -> None:
    (images / "nlp" / "requirements.in").write_text("reading\n")
    (images / "cv" / "requirements.in").write_text("Shared.Thing\n")
    wheels = resolve.resolve_line(shipped, LINE, ["shared-thing>=1,<2"])["cv"]
    assert [f"{wheel.name} {wheel.version}" for wheel in wheels] == ["shared-thing 1.0"]


def test_what_a_needed_stack_holds_is_left_out(refresh: Refresh, shipped: Catalog) -> None:
    rl = dataclasses.replace(shipped.stacks["rl"], needs=("cv",))
    locks = refresh(dataclasses.replace(shipped, stacks={**shipped.stacks, "rl": rl}))
    assert locks["rl"] == ["playing 1.0"]


def test_the_locks_fetch_what_was_resolved(
    refresh: Refresh, shipped: Catalog, images: Path, index: Path
) -> None:
    refresh(shipped)
    wheels = read_lock(images / "nlp" / f"{LINE}.lock").wheels
    for wheel in wheels:
        wheelhouse.wheel_path(wheel).unlink()
    wheelhouse.fetch_wheels(wheels, shipped.lines[LINE].python)
    assert all(
        wheelhouse.wheel_path(wheel).read_bytes() == (index / wheel.file).read_bytes()
        for wheel in wheels
    )


def test_a_wheel_of_the_same_name_with_other_bytes_is_not_taken(
    refresh: Refresh, shipped: Catalog, images: Path, index: Path
) -> None:
    """Left in the wheelhouse by an earlier resolution, as an index that serves other bytes now
    would leave it.
    """
    write_wheel(homes.make_home_folder("wheels"), "below-1.0", ["torch"])
    refresh(shipped)
    below = read_lock(images / "base" / f"{LINE}.lock").find_wheel("below")
    assert below is not None
    wheelhouse.verify_wheel(below, index / below.file)


def test_a_lock_names_no_place_and_is_written_the_same_again(
    refresh: Refresh, shipped: Catalog, images: Path, index: Path
) -> None:
    refresh(shipped)
    before = {path: path.read_text() for path in images.rglob("*.lock")}
    assert not [text for text in before.values() if str(index) in text]
    refresh(shipped)
    assert {path: path.read_text() for path in images.rglob("*.lock")} == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            "seeing\nshared-thing>=2\n", "shared-thing", id="stacks that cannot be combined"
        ),
        pytest.param("nowhere\n", "nowhere", id="a package that does not exist"),
    ],
)
def test_what_cannot_be_resolved_keeps_the_locks(
    refresh: Refresh, shipped: Catalog, images: Path, text: str, words: str
) -> None:
    for stack in shipped.stacks:
        (images / stack / f"{LINE}.lock").write_text("as it was")
    (images / "cv" / "requirements.in").write_text(text)
    with refused(EnvironmentFailed, words, "requirements.in"):
        refresh(shipped)
    assert {path.read_text() for path in images.rglob("*.lock")} == {"as it was"}


@pytest.mark.parametrize(
    "row",
    [
        "seeing ==",
        "--index-url https://example.com/simple",
        "-r /etc/passwd",
        "-e .",
        "seeing @ https://example.com/seeing.tar.gz",
        "git+https://example.com/seeing",
        "seeing; {0.__class__}",
        "seeing=={nowhere}",
        "seeing=={torch:>1000000000}",
        pytest.param("seeing; " + "(" * 5000 + "'a'=='a'" + ")" * 5000, id="deep brackets"),
    ],
)
def test_what_is_no_requirement_is_refused_with_its_line(
    refresh: Refresh, shipped: Catalog, images: Path, row: str
) -> None:
    (images / "cv" / "requirements.in").write_text(f"# seen\nseeing\n{row}\n")
    with refused(ConfigError, f"{images / 'cv' / 'requirements.in'}:3: "):
        refresh(shipped)


def test_requirements_are_filled_from_the_line(images: Path, shipped: Catalog) -> None:
    line = dataclasses.replace(shipped.lines[LINE], torch="1", torchvision="2", torchaudio="3")
    assert resolve.read_requirements(line, "base") == "torch==1\ntorchvision==2\ntorchaudio==3\n"


def test_another_build_of_torch_is_asked_for_by_its_local_version(
    refresh: Refresh, shipped: Catalog, index: Path
) -> None:
    """Of an index that has the plain build, and others too."""
    for build in ("cu118", "cu126", "cu128"):
        for name in ("torch-2.6.0", "torchvision-0.21.0", "torchaudio-2.6.0"):
            write_wheel(index, f"{name}+{build}", [])
    lines = {LINE: dataclasses.replace(shipped.lines[LINE], cuda="12.6")}
    base = refresh(dataclasses.replace(shipped, lines=lines))["base"]
    assert [each for each in base if each.startswith("torch")] == [
        "torch 2.6.0+cu126",
        "torchaudio 2.6.0+cu126",
        "torchvision 0.21.0+cu126",
    ]


def test_names_of_a_resolution() -> None:
    text = (
        "# head\nOne.Two==1.0 \\\n    --hash=sha256:aa \\\n    "
        "--hash=sha256:bb\n\nthree[x]==2.0 ; os_name == 'posix'\n"
    )
    assert resolve._parse_pins(text.splitlines()) == {"one-two": "1.0", "three": "2.0"}


def test_settings_of_the_working_folder_do_not_count(
    refresh: Refresh, shipped: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A uv.toml there, or in a folder above it, would name another index."""
    monkeypatch.delenv("UV_NO_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "above" / "here").mkdir(parents=True)
    for folder in (tmp_path / "above", tmp_path / "above" / "here"):
        (folder / "uv.toml").write_text("not TOML")
    monkeypatch.chdir(tmp_path / "above" / "here")
    assert refresh(shipped)["rl"][0] == "playing 1.0"
