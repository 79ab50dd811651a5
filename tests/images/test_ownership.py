"""Two packages that install one path: refused before anything is built, whatever their sizes."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from images import debian, lock_layers, ownership, wheelhouse, workers
from images.build import _LayerMaker, _Stage
from images.catalog import load_catalog
from images.layers import OS, LayerSpec, specs_of_stack
from images.line_locks import locks_of
from images.locks import Wheel
from images.plan import prefix_of
from images.version import parse_version
from images.wheels import Prefix
from oci.registry import Registry
from publish.evidence.os_layer_signer import OsLayerSigner
from runner import engine
from runner.errors import ConfigError
from tests.fakes.own_catalog import load_own_catalog
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry
from tests.fakes.wheels import Member, make_wheel
from tests.publish.signed import P256, trust

PREFIX = Prefix("opt/venv", "3.11")


def pair(one: str, two: str, *, size: int = 0, same: bool = False) -> list[Wheel]:
    """Two wheels with a file each, whose contents differ, padded to more than `size` bytes."""
    padding = [
        {f"{name}_pad.bin": Member(os.urandom(size), method=zipfile.ZIP_STORED)}
        for name in ("headless", "full")
    ]
    files = [{one: b"made by one"}, {two: b"made by one" if same else b"made by two"}]
    return [
        make_wheel(name, {**given, **pad})
        for name, given, pad in zip(("headless", "full"), files, padding, strict=True)
    ]


BIG = pytest.param(wheelhouse.BIG_BYTES, id="big")
SMALL = pytest.param(0, id="small")


@pytest.mark.parametrize("size", [SMALL, BIG])
def test_big_and_small_wheels_are_refused_alike(home: Path, size: int) -> None:
    with refused(ConfigError, "headless and full", "site-packages/cv2/cv2.so", "other contents"):
        ownership.check_owners(pair("cv2/cv2.so", "cv2/cv2.so", size=size), PREFIX)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("cv2/data.py", "cv2/Data.py"),
        ("caf\u00e9.py", "cafe\u0301.py"),
        ("cv2", "cv2/cv2.so"),
        ("cv2/deep/er/x.py", "cv2/deep"),
        ("headless-1.0.data/scripts/tool", "full-1.0.data/scripts/tool"),
        ("headless-1.0.data/scripts/tool", "full-1.0.data/data/bin/tool"),
        ("headless-1.0.data/data/share/x", "full-1.0.data/data/share/x"),
        ("headless-1.0.data/platlib/x.py", "x.py"),
        ("x.py", "full-1.0.data/data/lib/python3.11/site-packages/x.py"),
        (
            "headless-1.0.data/data/include/site/python3.11/full/x.h",
            "full-1.0.data/headers/x.h",
        ),
    ],
)
def test_paths_that_are_one(home: Path, one: str, two: str) -> None:
    wheels = pair(one, two)
    for each in (wheels, wheels[::-1]):
        with refused(ConfigError, "headless", "full", "both install", "requirements.in"):
            ownership.check_owners(each, PREFIX)


def test_console_scripts_of_one_name(home: Path) -> None:
    wheels = [
        make_wheel(
            name,
            {f"{name}-1.0.dist-info/entry_points.txt": f"[console_scripts]\nx = {name}:m".encode()},
        )
        for name in ("one", "two")
    ]
    with refused(ConfigError, "one and two both install /opt/venv/bin/x"):
        ownership.check_owners(wheels, PREFIX)


def test_a_file_that_is_the_same_in_both_is_shared(home: Path) -> None:
    ownership.check_owners(pair("ns/__init__.py", "ns/__init__.py", same=True), PREFIX)


def test_another_mode_is_another_file(home: Path) -> None:
    wheels = [
        make_wheel("one", {"x": Member(b"")}),
        make_wheel("two", {"x": Member(b"", 0o100755)}),
    ]
    with refused(ConfigError, "another mode"):
        ownership.check_owners(wheels, PREFIX)


def test_one_package_may_have_names_that_differ_in_case(home: Path) -> None:
    """As its authors made it, and as pip installs it on Linux."""
    ownership.check_owners([make_wheel("one", {"x/A.py": b"1", "x/a.py": b"2"})], PREFIX)


@pytest.mark.parametrize("path", ["image_start.py", "image_start.pth", "Image_Start/x.py"])
def test_a_module_that_would_replace_the_one_of_the_start_is_refused(home: Path, path: str) -> None:
    """The OS layer has it: the layer of a stack above would hide it, and one below be hidden."""
    with refused(ConfigError, "belongs to the environment"):
        ownership.check_owners([make_wheel("one", {path: b"x"})], PREFIX)
    ownership.check_owners([make_wheel("one", {"image_starter.py": b"x"})], PREFIX)


@pytest.mark.parametrize(
    "member",
    ["data/pyvenv.cfg", "scripts/python3", "data/lib64/x.so", "data/bin", "data/lib/python3.11"],
)
def test_what_belongs_to_the_environment_is_refused_too(home: Path, member: str) -> None:
    with refused(ConfigError, "belongs to the environment"):
        ownership.check_owners([make_wheel("one", {f"one-1.0.data/{member}": b"x"})], PREFIX)


@pytest.mark.parametrize("size", [SMALL, BIG])
def test_a_lock_of_two_stacks_is_not_made(
    home: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    for module, name in ((workers, "make_python"), (debian, "make_os_layer")):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("something was built"))
    one, two = pair("cv2/cv2.so", "cv2/cv2.so", size=size)
    with refused(ConfigError, "headless and full"):
        lock_layers.make_locked_layers(load_own_catalog(), "2.6", {"cv": [one], "nlp": [two]})


@pytest.mark.parametrize("size", [SMALL, BIG])
def test_a_build_stops_before_its_first_layer(
    home: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Also before the OS layer: neither the engine nor a worker is asked."""
    monkeypatch.setattr(engine, "connect_engine", lambda: pytest.fail("the engine was asked"))
    monkeypatch.setattr(workers, "make_python", lambda *_: pytest.fail("a layer was made"))
    monkeypatch.setattr(debian, "make_os_layer", lambda *_: pytest.fail("an OS layer was made"))
    one, two = pair("cv2/cv2.so", "cv2/cv2.so", size=size)
    specs = [
        spec
        for stack, wheel in (("cv", one), ("nlp", two))
        for spec in specs_of_stack(stack, [wheel], PREFIX, 1738108800)
    ]
    version = parse_version("v2.6.0")
    assert version is not None
    with FakeRegistry() as fake:
        stage = _Stage(
            load_own_catalog(),
            version,
            Registry(fake.host),
            home / "out",
            OsLayerSigner(P256, trust(P256)),
            home / "images",
        )
        maker = _LayerMaker(stage, home, [LayerSpec("Debian", OS, "base", (), "k")], {})
        with refused(ConfigError, "headless and full"):
            maker.make_layers(specs, specs)
        # of one that the registry has, and that another run has downloaded
        with refused(ConfigError, "headless and full"):
            maker.make_layers(specs[:1], specs)


@pytest.mark.slow
@pytest.mark.parametrize("line", load_catalog().lines)
def test_the_real_locks_have_one_owner_for_each_path(line: str) -> None:
    catalog = load_catalog()
    locks = locks_of(catalog, line, tuple(catalog.stacks))
    wheels = [wheel for lock in locks.values() for wheel in lock.wheels]
    if not all(map(wheelhouse.has_wheel, wheels)):
        pytest.skip(f"NOT RUN (wheels): those of line {line} are not here; `build` downloads them")
    ownership.check_owners(wheels, prefix_of(catalog.lines[line]))
