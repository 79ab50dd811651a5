"""The layer lock: strict text, of exactly the layers that the locked wheels are, and true."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images import (
    catalog,
    layer_lock,
    layers,
    line_locks,
    lock_layers,
    plan,
    torch_wheel,
    wheelhouse,
)
from images.catalog import IMAGES
from images.layer_lock import LockedLayer
from images.locks import Wheel
from oci.registry import Registry
from oci.tarball import Blob
from runner import home
from runner.errors import ConfigError, ReleaseError
from tests.fakes import small_line
from tests.fakes.refusal import refused
from tests.real_images import real_vouch

SHIPPED = catalog.load_catalog()
LINES, STACKS = tuple(SHIPPED.lines), tuple(SHIPPED.stacks)
BLOB = Blob("sha256:" + "a" * 64, "sha256:" + "b" * 64, 7, 9)
LAYER = LockedLayer("torch 2.6.0", "wheel", "1" * 64, BLOB)
GOOD = LAYER.lock_line()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "2.6.layers.lock"


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("stack", STACKS)
def test_the_shipped_lock_is_of_the_wheels_that_are_locked(stack: str, line: str) -> None:
    wheels = line_locks.locks_of(SHIPPED, line, STACKS)[stack].wheels
    specs = plan.python_specs(SHIPPED.lines[line], stack, wheels)
    held = layer_lock.read_layer_lock(layer_lock.layer_lock_path(IMAGES, stack, line), line)
    assert [(layer.name, layer.kind, layer.key) for layer in held] == [
        (s.name, s.kind, s.key) for s in specs
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_a_lock_is_written_as_it_was_read(stack: str, path: Path) -> None:
    original = layer_lock.layer_lock_path(IMAGES, stack, "2.6")
    layer_lock.write_layer_lock(path, stack, layer_lock.read_layer_lock(original, "2.6"))
    assert path.read_bytes() == original.read_bytes()


def test_layers_that_two_stacks_share_are_locked_as_the_same(path: Path) -> None:
    held = [
        layer
        for stack in STACKS
        for layer in layer_lock.read_layer_lock(
            layer_lock.layer_lock_path(IMAGES, stack, "2.6"), "2.6"
        )
    ]
    by_key = {layer.key: layer for layer in held}
    assert all(by_key[layer.key].blob == layer.blob for layer in held)


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.thorough
def test_the_shipped_lock_is_of_the_bytes_that_are_made(base_image: str) -> None:
    """Every Python layer of every line is made again, its bytecode by the Python of the real OS
    layer.
    """
    registry = Registry(base_image.partition("/")[0])
    interpreter = small_line.give_system(registry, registry, real_vouch())
    for line in LINES:
        wheels = {
            stack: lock.wheels for stack, lock in line_locks.locks_of(SHIPPED, line, STACKS).items()
        }
        made = lock_layers.make_locked_layers(SHIPPED, line, wheels, lambda *_: interpreter)
        for stack, held in made.items():
            assert held == layer_lock.read_layer_lock(
                layer_lock.layer_lock_path(IMAGES, stack, line), line
            )


@pytest.mark.parametrize("line", LINES)
def test_the_smallest_shipped_layers_are_the_bytes_that_are_made(line: str, tmp_path: Path) -> None:
    """As above, of the wheels that are on this machine already: a fast look at a few of them."""
    prefix, epoch = plan.prefix_of(SHIPPED.lines[line]), SHIPPED.lines[line].epoch
    made = plan.make_plan(SHIPPED, SHIPPED.require_version(f"v{line}.0"), STACKS, tmp_path)
    specs = {
        spec.key: spec
        for image in made.images
        for spec in image.layers
        if spec.kind in ("wheel", "pool")
    }
    here = [
        spec
        for spec in specs.values()
        if all((home.home_folder() / "wheels" / wheel.file).exists() for wheel in spec.wheels)
    ]
    for spec in sorted(here, key=lambda spec: spec.wheel_bytes)[:2]:
        with (tmp_path / "layer").open("wb") as target:
            assert layers.compile_wheels(spec.wheels, prefix, epoch, target) == spec.locked


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        pytest.param("wheel", "os", id="a kind that no lock has"),
        pytest.param("1" * 64, "1" * 63, id="a short key"),
        pytest.param("sha256:a", "sha512:a", id="another algorithm"),
        pytest.param(" 7 ", " -7 ", id="a negative size"),
        pytest.param(" 7 ", " 0 ", id="no size"),
        pytest.param(" 7 ", " 7e9 ", id="a size that is no whole number"),
        pytest.param(" 7 ", f" {'9' * 5000} ", id="a number without end"),
        pytest.param(" 7 ", " \u0667 ", id="digits of another script"),
        pytest.param("sha256:b", "sha256:B", id="upper case"),
        pytest.param("  # torch 2.6.0", "", id="no name"),
        pytest.param("torch", "\x1b[31mtorch", id="a name with an escape"),
        pytest.param("wheel", " wheel", id="a space before it"),
    ],
)
def test_a_line_that_is_not_one_layer(pattern: str, text: str, path: Path) -> None:
    path.write_text(f"# head\n{GOOD}\n{GOOD.replace(pattern, text, 1)}\n")
    with refused(ConfigError, f"{path}:3", "KIND KEY DIGEST", "./release.py lock --layers 2.6"):
        layer_lock.read_layer_lock(path, "2.6")


def test_a_layer_locked_twice(path: Path) -> None:
    layer_lock.write_layer_lock(path, "base", [LAYER, replace(LAYER, blob=replace(BLOB, size=8))])
    with refused(ConfigError, f"{path}:3", "twice"):
        layer_lock.read_layer_lock(path, "2.6")


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\0", b"<html>"])
def test_bytes_that_are_no_lock(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    with refused(ConfigError, str(path)):
        layer_lock.read_layer_lock(path, "2.6")


@given(
    text=st.text()
    | st.from_regex(re.compile(r"[a-z]+ [0-9a-f]* sha256:[0-9a-f]* \d+ .*"), fullmatch=True)
)
def test_no_text_gives_a_traceback(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.layers.lock"
    path.write_text(text, encoding="utf-8", errors="replace", newline="")
    try:
        held = layer_lock.read_layer_lock(path, "2.6")
    except ReleaseError:
        return
    assert all(layer.blob.size > 0 for layer in held)


@pytest.mark.usefixtures("home")
def test_a_wheel_that_is_not_the_locked_one_is_not_locked_as_a_layer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wheels = {"rl": line_locks.locks_of(SHIPPED, "2.6", ("rl",))["rl"].wheels}
    monkeypatch.setattr(wheelhouse, "fetch_wheels", lambda *_: None)
    for wheel in wheels["rl"]:
        wheelhouse.wheel_path(wheel).write_bytes(b"other")
    with refused(ConfigError, "the lock says"):
        lock_layers.make_locked_layers(SHIPPED, "2.6", wheels, lambda *_: "no image")


def test_the_architectures_of_the_facts_are_those_of_the_wheel(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The facts of a new line may be taken over from another one."""
    line = SHIPPED.lines["2.6"]
    wheel = Wheel("torch", line.torch, "0" * 64, "torch-2.6.0-cp311-cp311-linux_x86_64.whl", 1)
    right = b"\0sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90\0"
    for content in (right, right.replace(b"sm_50 ", b""), b"none"):
        with zipfile.ZipFile(wheelhouse.wheel_path(wheel), "w") as file:
            file.writestr(torch_wheel.PYTHON_LIBRARY, content)
        if content is right or content == b"none":
            lock_layers._check_architectures(line, {"base": [wheel]})
        else:
            words = ("compatibility.yaml says sm_50", "write architectures: [sm_60,")
            with refused(ConfigError, *words):
                lock_layers._check_architectures(line, {"base": [wheel]})
    assert "architectures are not compared" in capsys.readouterr().err
