"""Layers of several wheels: shared files, fixed order, keys."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from images import layers, wheelhouse
from images.locks import Wheel
from images.wheels import Prefix
from oci.tarball import Blob
from runner.errors import ConfigError
from tests.fakes.refusal import refused
from tests.fakes.wheels import Member, make_wheel

EPOCH = 1_738_108_800
PREFIX = Prefix("opt/venv", "3.11")
SITE = PREFIX.site_packages


def compiled(wheels: Sequence[Wheel], epoch: int = EPOCH) -> tuple[bytes, Blob]:
    target = io.BytesIO()
    blob = layers.compile_wheels(wheels, PREFIX, epoch, target)
    return target.getvalue(), blob


def entries(layer: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as tar:
        return tar.getmembers()


def test_a_file_that_two_wheels_share_is_there_once(home: Path) -> None:
    wheels = [
        make_wheel(name, {"nvidia/__init__.py": b"", f"{name}.py": b"x"}) for name in ("one", "two")
    ]
    names = [entry.name for entry in entries(compiled(wheels)[0])]
    assert names.count(f"{SITE}/nvidia/__init__.py") == 1
    assert f"{SITE}/two.py" in names


def test_a_file_with_two_contents_is_refused(home: Path) -> None:
    wheels = [make_wheel(name, {"nvidia/__init__.py": name.encode()}) for name in ("one", "two")]
    with refused(ConfigError, "two-1.0", "nvidia/__init__.py", "also in one"):
        compiled(wheels)


def test_a_console_script_of_two_wheels_is_refused(home: Path) -> None:
    wheels = [
        make_wheel(
            name,
            {
                f"{name}-1.0.dist-info/entry_points.txt": (
                    f"[console_scripts]\nrun = {name}:main\n"
                ).encode()
            },
        )
        for name in ("one", "two")
    ]
    with refused(ConfigError, "bin/run", "also in one"):
        compiled(wheels)


def test_a_file_with_two_modes_is_refused(home: Path) -> None:
    wheels = [
        make_wheel(name, {"run": Member(b"", mode=mode)})
        for name, mode in (("one", 0o100644), ("two", 0o100755))
    ]
    with refused(ConfigError, "run"):
        compiled(wheels)


def test_a_file_where_another_wheel_has_a_folder_is_refused(home: Path) -> None:
    wheels = [make_wheel("one", {"shared": b"x"}), make_wheel("two", {"shared/file.py": b"x"})]
    with refused(ConfigError, "shared"):
        compiled(wheels)


def test_the_same_wheels_are_the_same_bytes(home: Path) -> None:
    wheels = [make_wheel(name, {f"{name}.py": b"x" * 1000}) for name in ("one", "two")]
    assert compiled(wheels) == compiled(wheels)


def test_the_order_of_members_in_the_zip_does_not_matter(home: Path, tmp_path: Path) -> None:
    """The files of the layer are sorted: only RECORD, which the wheel brings, may differ."""
    first = entries(compiled([make_wheel(files={"a.py": b"a", "b.py": b"b"})])[0])
    second = entries(compiled([make_wheel(files={"b.py": b"b", "a.py": b"a"})])[0])
    assert [entry.name for entry in first] == [entry.name for entry in second]


def test_every_time_and_owner_is_fixed(home: Path) -> None:
    found = entries(compiled([make_wheel(files={"a.py": b"a"})], epoch=7)[0])
    assert {(entry.mtime, entry.uid, entry.gid) for entry in found} == {(7, 0, 0)}


# Specs and keys

SMALL = Wheel("small", "1", "0" * 64, "small-1-py3-none-any.whl", 10)
BIG = Wheel("big", "1", "1" * 64, "big-1-py3-none-any.whl", wheelhouse.BIG_BYTES)


def specs(
    wheels: Sequence[Wheel], prefix: Prefix = PREFIX, epoch: int = EPOCH
) -> tuple[layers.LayerSpec, ...]:
    return layers.specs_of_stack("cv", wheels, prefix, epoch)


def test_big_wheels_have_layers_of_their_own_and_small_ones_share() -> None:
    found = specs([SMALL, BIG, replace(SMALL, name="more", file="more-1-py3-none-any.whl")])
    assert {spec.kind: len(spec.wheels) for spec in found if spec.kind != layers.BYTECODE} == {
        "wheel": 1,
        "pool": 2,
    }
    assert sum(spec.kind == layers.BYTECODE for spec in found) == 2


@pytest.mark.parametrize("wheels", [[], [SMALL], [BIG]], ids=["none", "small", "big"])
def test_a_stack_of_one_kind_has_no_empty_layers(wheels: list[Wheel]) -> None:
    assert all(spec.wheels for spec in specs(wheels))
    assert len(specs(wheels)) == 2 * len(wheels)


@pytest.mark.parametrize(
    ("wheel", "prefix", "epoch"),
    [
        pytest.param(replace(SMALL, sha256="2" * 64), PREFIX, EPOCH, id="another wheel"),
        pytest.param(SMALL, Prefix("opt/other", "3.11"), EPOCH, id="another prefix"),
        pytest.param(SMALL, Prefix("opt/venv", "3.12"), EPOCH, id="another Python"),
        pytest.param(
            SMALL,
            Prefix("opt/venv", "3.11", ((SMALL.name, "*.a"),)),
            EPOCH,
            id="a file that is left out",
        ),
        pytest.param(SMALL, PREFIX, EPOCH + 1, id="another time"),
    ],
)
def test_what_changes_the_bytes_changes_the_key(wheel: Wheel, prefix: Prefix, epoch: int) -> None:
    assert {spec.key for spec in specs([SMALL])}.isdisjoint(
        spec.key for spec in specs([wheel], prefix, epoch)
    )


def test_another_format_changes_every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {spec.key for spec in specs([SMALL, BIG])}
    monkeypatch.setattr(layers, "FORMAT", "other")
    assert before.isdisjoint(spec.key for spec in specs([SMALL, BIG]))


def test_where_a_wheel_stands_in_its_lock_does_not_matter() -> None:
    assert [spec.key for spec in specs([SMALL])] == [
        spec.key for spec in specs([replace(SMALL, line=9)])
    ]
