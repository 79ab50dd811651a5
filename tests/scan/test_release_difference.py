"""What somebody's image has more, less and other than our release, in lines, and what of it is a
fault.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from oci.layer_reader import LayerContents, parse_layer
from scan.layer_changes import wants_text
from scan.release_difference import compare_contents, compare_settings
from tests.fakes.assembled_image import (
    FOLDER,
    SITE,
    TORCH,
    TarFile,
    system_files,
    wheel_files,
    write_layer,
)

RELEASE = {**wheel_files(), **system_files()}
STATUS = "var/lib/dpkg/status"
PYC = f"{SITE}/torch/__pycache__/nn.cpython-311.pyc"


def read(files: Mapping[str, TarFile]) -> LayerContents:
    return parse_layer([write_layer(files)], wants_text)


def difference(
    added: Mapping[str, TarFile], *removed: str, release: Mapping[str, TarFile] = RELEASE
) -> tuple[tuple[str, ...], list[str]]:
    """The lines, and the paths that are faults."""
    files = {path: file for path, file in {**release, **added}.items() if path not in removed}
    lines, faults = compare_contents(read(release), read(files))
    return lines, [each.where for each in faults]


def package(name: str, version: str, modules: int = 3) -> dict[str, TarFile]:
    """An installed wheel, as pip leaves it: its RECORD names the bytecode too."""
    info = f"{SITE}/{name}-{version}.dist-info"
    paths = [f"{name}/m{number}.py" for number in range(modules)]
    paths += [f"{name}/__pycache__/m{number}.cpython-311.pyc" for number in range(modules)]
    noted = [*paths, *(f"{name}-{version}.dist-info/{each}" for each in ("WHEEL", "RECORD"))]
    rows = "".join(f"{path},,\n" for path in noted)
    return {
        f"{SITE}/{name}": FOLDER,
        f"{SITE}/{name}/__pycache__": FOLDER,
        info: FOLDER,
        f"{info}/RECORD": TarFile(rows.encode()),
        f"{info}/WHEEL": TarFile(b"Generator: bdist_wheel (0.34.2)\nTag: py3-none-any\n"),
        **{f"{SITE}/{path}": TarFile(version.encode()) for path in paths},
    }


def test_the_release_itself_does_not_differ() -> None:
    assert difference({}) == ((), [])


def test_packages_that_were_added_are_counted_and_are_no_fault() -> None:
    added: dict[str, TarFile] = {}
    for number in range(35):
        added |= package(f"p{number:02}", "1.0")
    lines, faults = difference(added)
    assert lines == (
        "+35 Python packages: p00 1.0, p01 1.0, p02 1.0, p03 1.0, p04 1.0 and 30 more",
    )
    assert not faults


def test_another_version_of_a_package_is_one_line() -> None:
    release = {**RELEASE, **package("numpy", "2.0")}
    gone = [path for path in package("numpy", "2.0") if "2.0.dist-info" in path]
    lines, faults = difference(package("numpy", "2.1"), *gone, release=release)
    assert lines == ("changed: 1 Python package: numpy 2.0 -> 2.1",)
    assert not faults


def test_files_of_torch_that_changed_are_a_fault() -> None:
    init = f"{SITE}/torch/__init__.py"
    lines, faults = difference({TORCH: TarFile(b"x"), init: TarFile(b"y")})
    assert lines == (f"2 paths of torch 2.6.0 changed: /{init}, /{TORCH}",)
    assert set(faults) == {f"/{TORCH}", f"/{init}"}


def test_a_removed_file_of_torch_is_a_fault() -> None:
    lines, faults = difference({}, TORCH)
    assert lines == (f"1 path of torch 2.6.0 removed: /{TORCH}",)
    assert faults == [f"/{TORCH}"]


def test_a_package_that_was_built_again_is_no_fault() -> None:
    info = f"{SITE}/torch-2.6.0.dist-info"
    record, wheel = f"{info}/RECORD", f"{info}/WHEEL"
    release = {**RELEASE, wheel: TarFile(b"Generator: bdist_wheel\n")}
    other = TarFile(RELEASE[record].data + b"torch/new.py,,\n")
    built = {TORCH: TarFile(b"x"), record: other, wheel: TarFile(b"Generator: setuptools\n")}
    lines, faults = difference(built, release=release)
    assert "2 paths of torch 2.6.0 changed" in lines[0]
    assert not faults


def test_a_file_that_its_record_agrees_with_is_a_fault() -> None:
    """Who changes a file can change the list of hashes beside it, too."""
    record = f"{SITE}/torch-2.6.0.dist-info/RECORD"
    other = TarFile(RELEASE[record].data + b"torch/new.py,sha256=x,1\n")
    lines, faults = difference({TORCH: TarFile(b"x"), record: other})
    assert "2 paths of torch 2.6.0 changed" in lines[0]
    assert faults == [f"/{TORCH}"]


@pytest.mark.parametrize(
    "added",
    [
        pytest.param({TORCH: TarFile(RELEASE[TORCH].data, owner=(1000, 1000))}, id="an owner"),
        pytest.param({PYC: TarFile(b"pyc")}, id="bytecode"),
        pytest.param({"opt/app": FOLDER, "opt/app/main.py": TarFile(b"x")}, id="an application"),
    ],
)
def test_what_is_told_and_no_fault(added: dict[str, TarFile]) -> None:
    lines, faults = difference(added)
    assert len(lines) == 1
    assert not faults


def test_added_paths_are_named_by_their_folder() -> None:
    added = {f"opt/app/{number}": TarFile() for number in range(20)}
    lines, _ = difference({"opt/app": FOLDER, **added})
    assert lines == ("21 paths of no package added: /opt/app",)


def test_a_debian_package_that_was_added_is_told_without_dpkgs_notes() -> None:
    status = RELEASE[STATUS].data + b"\nPackage: jq\nStatus: install ok installed\nVersion: 1.6\n"
    added = {
        STATUS: TarFile(status),
        "var/lib/dpkg/info/jq.list": TarFile(b"/usr/bin/jq\n"),
        "usr/bin/jq": TarFile(mode=0o755),
    }
    assert difference(added) == (("+1 Debian package: jq 1.6",), [])


def test_what_the_engine_makes_is_no_difference() -> None:
    made = {".dockerenv": TarFile(), "etc/hosts": TarFile(), "dev/console": TarFile()}
    assert difference(made) == ((), [])


def test_settings_are_named_without_their_values() -> None:
    release = {"Env": ["PATH=/bin"], "User": "1000:1000", "Image": ""}
    image = {"Env": ["PATH=/x", "TOKEN=hunter2"], "User": "1000:1000", "Image": "sha256:1"}
    lines = compare_settings(release, image)
    assert lines == ("configuration: Env PATH, Env TOKEN",)
    assert compare_settings(release, release) == ()
