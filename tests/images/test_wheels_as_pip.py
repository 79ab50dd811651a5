"""Wheels of other tools: what pip installs from them is what our layers hold, or they are refused
with a reason.
"""

from __future__ import annotations

import subprocess
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from images import layers, wheelhouse
from images.locks import Wheel
from images.wheels import Prefix
from runner.errors import ConfigError
from tests.fakes.refusal import refused
from tests.fakes.wheels import Member, locked, make_wheel
from tests.images.test_wheels import PYTHON, compiled, differences, expected_differences, files_of

CODE = b"def main():\n    return 0\n"
INFO = "demo-1.0.dist-info"
ROWS = f"{INFO}/METADATA,,\n{INFO}/WHEEL,,\n{INFO}/RECORD,,\n"


def recorded(text: str) -> Wheel:
    return make_wheel(files={"pkg/__init__.py": CODE, f"{INFO}/RECORD": text.encode()})


def pointed(text: str) -> Wheel:
    return make_wheel(files={"pkg.py": CODE, f"{INFO}/entry_points.txt": text.encode()})


def packed(method: int) -> Wheel:
    return make_wheel(files={"pkg.py": Member(CODE * 99, method=method)})


GOOD: dict[str, tuple[Callable[[], Wheel], list[str]]] = {
    "lzma": (lambda: packed(zipfile.ZIP_LZMA), []),
    "bzip2": (lambda: packed(zipfile.ZIP_BZIP2), []),
    "a dot in a path": (lambda: make_wheel(files={"./pkg/./a.py": CODE}), []),
    "two slashes": (lambda: make_wheel(files={"pkg//a.py": CODE}), []),
    "a script with a dot": (
        lambda: make_wheel(
            files={"demo-1.0.data/scripts/./x": Member(b"#!/bin/sh\n", mode=0o100755)}
        ),
        [],
    ),
    "a file that is not in RECORD": (lambda: recorded(ROWS), []),
    "RECORD names a file that is not there": (
        lambda: recorded(f"gone.py,,\npkg/__init__.py,,\n{ROWS}"),
        [],
    ),
    "RECORD of four fields": (lambda: recorded(f"pkg/__init__.py,,,\n{ROWS}"), []),
    "RECORD of one field": (lambda: recorded(f"pkg/__init__.py\n{ROWS}"), []),
    "RECORD with a bad size": (lambda: recorded(f"pkg/__init__.py,sha256=x,y\n{ROWS}"), []),
    "RECORD with a bad hash": (lambda: recorded(f"pkg/__init__.py,x,1\n{ROWS}"), []),
    "RECORD with a dot": (lambda: recorded(f"./pkg/__init__.py,,\n{ROWS}"), []),
    "RECORD with a byte order mark": (lambda: recorded(f"\ufeffpkg/__init__.py,,\n{ROWS}"), []),
    "an empty RECORD": (lambda: recorded(""), []),
    "a script given twice": (
        lambda: pointed("[console_scripts]\nx = pkg:a\nx = pkg:main\n"),
        ["x"],
    ),
    "a script of both kinds": (
        lambda: pointed("[console_scripts]\nx = pkg:a\n[gui_scripts]\nx = pkg:main\n"),
        ["x"],
    ),
    "a section given twice": (
        lambda: pointed("[console_scripts]\nx = pkg:a\n[console_scripts]\ny = pkg:a\n"),
        ["x", "y"],
    ),
    "entry points without a section": (lambda: pointed("x = pkg:main\n"), []),
    "another section that is not valid": (lambda: pointed("[other]\nx = not valid!\n"), []),
    "extras and percent signs": (
        lambda: pointed("[other]\nrate = x%%y\n[console_scripts]\nx = pkg:main [cli]\n"),
        ["x"],
    ),
    "a script that is made and given": (
        lambda: make_wheel(
            files={
                "pkg.py": CODE,
                f"{INFO}/entry_points.txt": b"[console_scripts]\nx = pkg:main\n",
                "demo-1.0.data/scripts/x": b"#!python\nold\n",
            }
        ),
        ["x"],
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_pip_installs_is_made(home: Path, tmp_path: Path, name: str) -> None:
    make, scripts = GOOD[name]
    prefix = Prefix(str(tmp_path / "v")[1:], PYTHON)
    assert differences(make(), prefix) == expected_differences(INFO, scripts)


def test_the_last_script_of_a_name_is_called(home: Path, tmp_path: Path) -> None:
    """The text around the call is not pip's, so only the target is held against it."""
    wheel = pointed("[console_scripts]\nx = pkg:first\nx = pkg:last\n")
    assert b"last" in files_of(compiled([wheel]))["opt/venv/bin/x"].data


def test_a_file_without_a_row_gets_its_hash(home: Path) -> None:
    record = files_of(compiled([recorded(ROWS)]))[
        f"opt/venv/lib/python3.11/site-packages/{INFO}/RECORD"
    ].data.decode()
    row = next(row for row in record.splitlines() if row.startswith("pkg/"))
    assert row.split(",")[1].startswith("sha256=")
    assert row.endswith(f",{len(CODE)}")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_LZMA])
def test_a_file_that_is_too_large_for_the_memory(
    home: Path, monkeypatch: pytest.MonkeyPatch, method: int
) -> None:
    """Of a kind that is not copied: it is written in pieces, and read back whole."""
    data = bytes(range(256)) * 20_000
    wheel = make_wheel(files={"pkg/data.bin": Member(data, method=method), "pkg/z.py": CODE})
    whole = files_of(compiled([wheel]))
    monkeypatch.setattr(layers, "READ_BYTES", 1000)
    assert files_of(compiled([wheel])) == whole


def test_a_large_file_that_is_damaged(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "READ_BYTES", 1000)
    wheel = make_wheel(files={"x.bin": Member(b"y" * 5000, method=zipfile.ZIP_STORED)})
    path = wheelhouse.wheel_path(wheel)
    path.write_bytes(path.read_bytes().replace(b"y" * 5000, b"y" * 4999 + b"z"))
    with refused(ConfigError, wheel.file, "CRC"):
        compiled([locked(path)])


def test_the_way_out_of_a_package_that_nobody_here_chose(home: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wheel = make_wheel(files={"pkg.py": CODE}, twice=["pkg.py"])
    with refused(ConfigError, "two files of one name", "`demo!=1.0`", "an index of your own"):
        compiled([wheel])


PARTS = st.sampled_from(["a", "b.py", "A", ".", "é", "x y", "a,b", 'q"', "__init__.py", "c.so"])
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
PLACES = st.sampled_from([
    "", "", "pkg/", "demo-1.0.data/purelib/", "demo-1.0.data/data/", "demo-1.0.data/scripts/",
    "demo-1.0.data/headers/",
])  # fmt: skip
MEMBERS = st.builds(
    Member,
    st.sampled_from([b"", CODE, b"#!python -E\nx\n", b"#!/bin/sh\n", b"\0\xff" * 300]),
    st.sampled_from([0o100644, 0o100755, 0o100600, 0]),
    st.sampled_from(
        [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2]
    ),
)
FILES = st.dictionaries(st.tuples(PLACES, PATHS).map("".join), MEMBERS, max_size=5)
POINTS = st.lists(
    st.sampled_from([
        "[console_scripts]", "[gui_scripts]", "[other]", "x = pkg:main", "x=pkg.b:A.c", "y = pkg",
        "# no", "b.py = a:b [c]", "nothing", "", "z = a : b",
    ]),
    max_size=6,
).map("\n".join)  # fmt: skip


@pytest.mark.slow
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(files=FILES, points=POINTS, unrecorded=st.booleans())
def test_any_wheel_is_as_pip_installs_it_or_refused(
    home: Path, files: dict[str, Member], points: str, unrecorded: bool
) -> None:
    """With the real pip: the same files and bytes, or one line that says why not."""
    wheel = make_wheel(
        files={**files, f"{INFO}/entry_points.txt": Member(points.encode())},
        unrecorded=list(files) if unrecorded else [],
    )
    with tempfile.TemporaryDirectory() as folder:
        prefix = Prefix(f"{folder}/v"[1:], PYTHON)
        try:
            compiled([wheel], prefix)
        except ConfigError as error:
            assert error.hint
            assert "\n" not in str(error)
            return
        try:
            found = differences(wheel, prefix)
        except subprocess.CalledProcessError:  # pip is stricter than we are
            return
    scripts = [path.removeprefix("bin/") for path in found if path.startswith("bin/")]
    expected = expected_differences(INFO)
    for script in scripts:  # a script is executable, also if its wheel does not say so
        expected[f"bin/{script}"] = found[f"bin/{script}"]
        assert found[f"bin/{script}"] in {"contents", "mode 755, pip's 644"}
    assert found == expected
