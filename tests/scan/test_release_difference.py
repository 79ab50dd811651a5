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


NUMPY = {**RELEASE, **package("numpy", "2.0")}
INFO = f"{SITE}/numpy-2.0.dist-info"
MODULE = f"{SITE}/numpy/m0.py"


def with_rows(files: Mapping[str, TarFile], *rows: str) -> dict[str, TarFile]:
    """Files of NumPy, whose RECORD has more rows."""
    record = files[f"{INFO}/RECORD"].data + "".join(f"{row},,\n" for row in rows).encode()
    return {**files, f"{INFO}/RECORD": TarFile(record)}


def test_other_rights_hide_no_changed_file() -> None:
    """`chown -R` of the environment is usual, and changes the owner of each WHEEL, too."""
    owned = {path: TarFile(file.data, owner=(1000, 1000)) for path, file in NUMPY.items()}
    owned = {path: file for path, file in owned.items() if NUMPY[path] != FOLDER}
    _, faults = difference(owned, release=NUMPY)
    assert not faults
    _, faults = difference({**owned, MODULE: TarFile(b"x")}, release=NUMPY)
    assert faults == [f"/{MODULE}"]


def test_a_folder_that_is_a_module_now_is_a_fault() -> None:
    inside = f"{SITE}/numpy/linalg/__init__.py"
    folder = inside.rpartition("/")[0]
    files = with_rows(
        {**NUMPY, folder: FOLDER, inside: TarFile(b"good")}, "numpy/linalg/__init__.py"
    )
    _, faults = difference({f"{folder}.py": TarFile(b"x")}, folder, inside, release=files)
    assert faults == [f"/{inside}"]


def test_a_new_wheel_that_lists_the_files_of_ours_hides_nothing() -> None:
    info = f"{SITE}/zeta-1.0.dist-info"
    rows = b"numpy/m0.py,,\nzeta-1.0.dist-info/RECORD,,\n"
    new = {info: FOLDER, f"{info}/RECORD": TarFile(rows)}
    assert not difference(new, release=NUMPY)[1]
    assert difference({**new, MODULE: TarFile(b"x")}, release=NUMPY)[1] == [f"/{MODULE}"]


def test_what_each_installer_writes_by_itself_is_no_fault() -> None:
    """`pip install --force-reinstall` is the way out that a fault names."""
    script, points = "opt/venv/bin/f2py", f"{INFO}/entry_points.txt"
    notes = {
        f"{INFO}/{name}": TarFile(b"pytorch-cuda-images\n") for name in ("INSTALLER", "REQUESTED")
    }
    made = {points: TarFile(b"[console_scripts]\nf2py = numpy:main\n"), script: TarFile(b"#!a")}
    rows = ("../../../bin/f2py", "../../../bin/tool", "numpy-2.0.dist-info/INSTALLER")
    tool = {"opt/venv/bin": FOLDER, "opt/venv/bin/tool": TarFile(b"ELF")}
    files = with_rows({**NUMPY, **notes, **made, **tool}, *rows, "numpy-2.0.dist-info/REQUESTED")
    again = {path: TarFile(b"pip\n") for path in (*notes, script)}
    again |= with_rows(files, "numpy/__pycache__/more.pyc")
    again |= {path: TarFile(b"pip\n") for path in (*notes, script)}
    assert not difference(again, release=files)[1]
    other = {"opt/venv/bin/tool": TarFile(b"x")}
    assert difference(other, release=files)[1] == ["/opt/venv/bin/tool"], "no entry point makes it"


def test_a_file_that_wheels_share_goes_with_one_of_them() -> None:
    shared, info = f"{SITE}/nvidia/__init__.py", f"{SITE}/nvidia_a-1.0.dist-info"
    rows = b"nvidia/__init__.py,,\nnvidia_a-1.0.dist-info/RECORD,,\n"
    ours = {
        f"{SITE}/nvidia": FOLDER,
        shared: TarFile(b""),
        info: FOLDER,
        f"{info}/RECORD": TarFile(rows),
    }
    files = with_rows({**NUMPY, **ours}, "nvidia/__init__.py")
    assert not difference({}, shared, info, f"{info}/RECORD", release=files)[1]
    assert difference({}, shared, release=files)[1] == [f"/{shared}"]


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
