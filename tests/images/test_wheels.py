"""Wheels that are good, held against what pip installs from them; wheels that are bad, refused."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import tarfile
import tracemalloc
import venv
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from images import layers, wheelhouse
from images.locks import Wheel
from images.wheels import OpenWheel, Prefix
from runner import home as homes
from runner.errors import ConfigError
from tests.fakes.refusal import refused
from tests.fakes.wheels import Member, locked, make_wheel

EPOCH = 1_738_108_800
PREFIX = Prefix("opt/venv", "3.11")
SITE = PREFIX.site_packages
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

ALL_KINDS: dict[str, bytes | Member] = {
    "demo_pkg/__init__.py": b"def main():\n    print('hello')\n\n\nclass Tool:\n    run = staticmethod(main)\n",  # noqa: E501 - one line of what another program reads
    "demo_pkg/empty.py": b"",
    "demo_pkg/data/big.bin": random.Random(1).randbytes(3_000_000),  # noqa: S311 - the same every time
    "demo_pkg/stored.txt": Member(b"not compressed\n", method=zipfile.ZIP_STORED),
    "demo_pkg/tool.sh": Member(b"#!/bin/sh\n", mode=0o100755),
    "demo_pkg/unreadable.txt": Member(b"mode is pip's\n", mode=0o100600),
    "demo_pkg/naïve ☃.txt": b"snow\n",
    "demo-1.0.dist-info/entry_points.txt": b"[console_scripts]\ndemo = demo_pkg:main\ndotted = demo_pkg:Tool.run\n"  # noqa: E501 - one line of what another program reads
    b"[gui_scripts]\ndemo-gui = demo_pkg:main\n[other]\nx = y\n",
    "demo-1.0.data/scripts/rewritten": Member(b"#!python -I\nprint('script')\n", mode=0o100755),
    "demo-1.0.data/scripts/kept.sh": Member(b"#!/bin/sh\necho kept\n", mode=0o100755),
    "demo-1.0.data/data/share/demo/notes.txt": b"data\n",
    "demo-1.0.data/headers/demo.h": b"#define DEMO\n",
    "demo-1.0.data/purelib/pure.py": b"x = 1\n",
    "demo-1.0.data/platlib/plat.py": b"x = 2\n",
}

REST = b"".join(b"demo-1.0.dist-info/%s,,\n" % name for name in (b"METADATA", b"WHEEL", b"RECORD"))


@dataclass(frozen=True)
class File:
    """A file as found in a layer, or on disk after pip."""

    mode: int
    data: bytes


def compiled(wheels: Sequence[Wheel], prefix: Prefix = PREFIX) -> bytes:
    target = io.BytesIO()
    layers.compile_wheels(wheels, prefix, EPOCH, target)
    return target.getvalue()


def files_of(layer: bytes) -> dict[str, File]:
    """Every file of a layer; a path twice, or outside its folder, fails here."""
    found: dict[str, File] = {}
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as tar:
        seen: set[str] = set()
        for entry in tar:
            assert str(Path(entry.name).parent) in {"."} | seen, f"{entry.name} before its folder"
            assert entry.name not in seen
            seen.add(entry.name)
            content = tar.extractfile(entry)
            if content is not None:
                found[entry.name] = File(entry.mode, content.read())
            assert content is not None or (entry.isdir() and entry.mode == 0o755)
    return found


# Held against pip


def pip_installs(wheel: Wheel, prefix: Prefix) -> dict[str, File]:
    """What real pip adds to a fresh virtual environment at /ROOT."""
    root = Path("/", prefix.root)
    venv.create(root, symlinks=True)
    before = {path for path in root.rglob("*") if path.is_file()}
    options = ["--no-index", "--no-deps", "--no-compile", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "--python", f"{root}/bin/python", "install", *options]
    subprocess.run([*command, str(wheelhouse.wheel_path(wheel))], check=True, umask=0o022)
    added = (path for path in root.rglob("*") if path.is_file() and path not in before)
    return {str(path)[1:]: File(path.stat().st_mode & 0o7777, path.read_bytes()) for path in added}


def differences(wheel: Wheel, prefix: Prefix) -> dict[str, str]:
    """What differs between our layer and pip, and how; paths below site-packages or the prefix."""
    ours, pips = files_of(compiled([wheel], prefix)), pip_installs(wheel, prefix)
    found: dict[str, str] = {}
    for path in sorted({*ours, *pips}):
        name = path.removeprefix(f"{prefix.site_packages}/").removeprefix(f"{prefix.root}/")
        if path not in ours or path not in pips:
            found[name] = "only ours" if path in ours else "only pip's"
        elif ours[path].mode != pips[path].mode:
            found[name] = f"mode {ours[path].mode:o}, pip's {pips[path].mode:o}"
        elif ours[path].data != pips[path].data:
            found[name] = "contents"
    return found


@pytest.fixture
def own_prefix(tmp_path: Path) -> Prefix:
    """Where both pip and our layers put things, so that shebangs are equal too."""
    return Prefix(str(tmp_path / "v")[1:], PYTHON)


def expected_differences(info: str, scripts: Sequence[str] = ()) -> dict[str, str]:
    """Which program installed it, from where, on whose wish, and the text of the console scripts it
    generates.
    """
    return {
        f"{info}/INSTALLER": "contents",
        f"{info}/RECORD": "contents",
        f"{info}/REQUESTED": "only pip's",
        f"{info}/direct_url.json": "only pip's",
        **{f"bin/{script}": "contents" for script in scripts},
    }


def test_a_layer_is_what_pip_installs(home: Path, own_prefix: Prefix) -> None:
    wheel = make_wheel(files=ALL_KINDS)
    scripts = ["demo", "demo-gui", "dotted"]
    assert differences(wheel, own_prefix) == expected_differences("demo-1.0.dist-info", scripts)


def test_a_file_that_is_left_out_is_neither_installed_nor_in_record(home: Path) -> None:
    wheel = make_wheel(
        files={"demo/lib/a.a": b"!<arch>", "demo/lib/b.so": b"b", "demo/c.a.py": b""}
    )
    prefix = Prefix("opt/venv", PYTHON, (("demo", "demo/lib/*.a"), ("other", "*")))
    files = files_of(compiled([wheel], prefix))
    site = prefix.site_packages
    assert {f"{site}/demo/lib/b.so", f"{site}/demo/c.a.py"} <= files.keys()
    assert f"{site}/demo/lib/a.a" not in files
    record = files[f"{site}/demo-1.0.dist-info/RECORD"].data.decode()
    assert "demo/lib/b.so" in record and "a.a," not in record


@pytest.mark.parametrize("pattern", ["demo/*.a", "demo-1.0.dist-info/*", "*"])
def test_a_pattern_that_leaves_out_nothing_or_metadata_is_refused(home: Path, pattern: str) -> None:
    wheel = make_wheel(files={"demo/lib.so": b"b"})
    with pytest.raises(ConfigError, match="left_out"):
        compiled([wheel], Prefix("opt/venv", PYTHON, (("demo", pattern),)))


def test_headers_of_a_name_in_two_words(home: Path, own_prefix: Prefix) -> None:
    wheel = make_wheel("demo_pkg", {"demo_pkg-1.0.data/headers/demo.h": b"#define DEMO\n"})
    assert differences(wheel, own_prefix) == expected_differences("demo_pkg-1.0.dist-info")


def test_a_planted_difference_is_seen(
    home: Path, own_prefix: Prefix, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison's own control: contents, a mode, a file less and a file more."""
    wheel = make_wheel(files=ALL_KINDS)
    found = pip_installs(wheel, own_prefix)
    site = own_prefix.site_packages
    found[f"{site}/pure.py"] = File(0o644, b"x = 3\n")
    found[f"{site}/plat.py"] = File(0o755, b"x = 2\n")
    found[f"{site}/more.py"] = found.pop(f"{site}/demo_pkg/empty.py")
    monkeypatch.setitem(globals(), "pip_installs", lambda wheel, prefix: found)
    expected = {
        "pure.py": "contents",
        "plat.py": "mode 644, pip's 755",
        "more.py": "only pip's",
        "demo_pkg/empty.py": "only ours",
    }
    assert expected.items() <= differences(wheel, own_prefix).items()


@pytest.mark.parametrize("script", ["demo", "dotted", "demo-gui", "rewritten", "kept.sh"])
def test_scripts_run(home: Path, own_prefix: Prefix, script: str) -> None:
    wheel = make_wheel(files=ALL_KINDS)
    venv.create(Path("/", own_prefix.root), symlinks=True)
    with tarfile.open(fileobj=io.BytesIO(compiled([wheel], own_prefix)), mode="r:gz") as tar:
        # Below the prefix alone: the folders above it are in the layer too, and are this machine's
        # own.
        inside = [entry for entry in tar if entry.name.startswith(f"{own_prefix.root}/")]
        tar.extractall("/", inside, filter="fully_trusted")  # noqa: S202 - into a folder of this test
    path = Path("/", own_prefix.root, "bin", script)
    said = subprocess.run(
        [path], capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}
    ).stdout
    assert said.strip() == {"rewritten": "script", "kept.sh": "kept"}.get(script, "hello")


REAL = (
    "jinja2",
    "markupsafe",
    "numpy",
    "tqdm",
    "stable_baselines3",
    "fonttools",
    "torchvision",
    "pip",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_a_layer_of_a_real_wheel_is_what_pip_installs(name: str, own_prefix: Prefix) -> None:
    held = sorted(homes.make_home_folder("wheels").glob(f"{name}-[0-9]*.whl"))
    if not held:
        pytest.skip(
            f"NOT RUN (wheel): no wheel of {name} in {homes.make_home_folder('wheels')}; the "
            "build stage "
            "downloads it"
        )
    found = differences(locked(held[-1]), own_prefix)
    info = "-".join(held[-1].name.split("-")[:2]) + ".dist-info"
    scripts = {path.removeprefix("bin/") for path in found if path.startswith("bin/")}
    expected = expected_differences(info, sorted(scripts))
    if name == "pip":
        expected[f"bin/pip{PYTHON}"] = "only pip's"  # pip names one more script, for itself only
    assert found == expected


# Files of the environment


@pytest.mark.parametrize(
    "member",
    [
        "data/pyvenv.cfg",
        "data/bin/python",
        "data/lib64/libx.so",
        "data/lib64",
        "scripts/python",
        "scripts/python3",
        "scripts/python3.11",
        "scripts/activate",
        "scripts/activate.fish",
        "scripts/Activate.ps1",
    ],
)
def test_a_wheel_does_not_replace_the_environment_s_own_files(home: Path, member: str) -> None:
    with refused(ConfigError, "belongs to the environment"):
        compiled(
            [make_wheel(files={"demo.py": b"x = 1\n", f"demo-1.0.data/{member}": b"#!/bin/sh\n"})]
        )


@pytest.mark.parametrize("name", ["python3", "activate"])
def test_a_console_script_does_not_replace_them_either(home: Path, name: str) -> None:
    points = {
        "demo-1.0.dist-info/entry_points.txt": f"[console_scripts]\n{name} = demo:main\n".encode()
    }
    with refused(ConfigError, f"/opt/venv/bin/{name}, which belongs to the environment"):
        compiled([make_wheel(files={"demo.py": b"x = 1\n", **points})])


@pytest.mark.parametrize("name", ["python-argcomplete-check", "pythonic", "pip3.11", "reactivate"])
def test_names_that_only_look_like_them_are_fine(home: Path, name: str) -> None:
    made = files_of(
        compiled(
            [
                make_wheel(
                    files={"demo.py": b"x = 1\n", f"demo-1.0.data/scripts/{name}": b"#!/bin/sh\n"}
                )
            ]
        )
    )
    assert f"opt/venv/bin/{name}" in made


@pytest.mark.parametrize("separator", ["\u2028", "\u2029"])
def test_what_only_unicode_takes_for_the_end_of_a_line_may_be_in_a_name(
    home: Path, separator: str
) -> None:
    made = files_of(compiled([make_wheel(files={f"demo/a{separator}b.txt": b"1"})]))
    assert f"{SITE}/demo/a{separator}b.txt" in made


# RECORD


def test_record_names_every_file_with_its_hash(home: Path, own_prefix: Prefix) -> None:
    import csv

    from installer.records import RecordEntry

    files = files_of(compiled([make_wheel(files=ALL_KINDS)], own_prefix))
    record = f"{own_prefix.site_packages}/demo-1.0.dist-info/RECORD"
    rows = {row[0]: row for row in csv.reader(files[record].data.decode().splitlines())}
    resolved = {
        os.path.normpath(f"{own_prefix.site_packages}/{path}"): row for path, row in rows.items()
    }
    assert set(resolved) == set(files)
    for path, row in resolved.items():
        if path != record:
            assert RecordEntry.from_elements(*row).validate(files[path].data), path


# Wheels that are refused


BAD_MEMBERS = [
    pytest.param("../evil.py", Member(b"x"), "leaves the prefix", id="parent folder"),
    pytest.param(
        "demo/../../evil.py", Member(b"x"), "leaves the prefix", id="parent folder in the middle"
    ),
    pytest.param("/etc/evil.py", Member(b"x"), "leaves the prefix", id="absolute"),
    pytest.param("demo\\evil.py", Member(b"x"), "leaves the prefix", id="backslash"),
    pytest.param(
        "demo-1.0.data/scripts/../../evil",
        Member(b"x"),
        "leaves the prefix",
        id="parent of scripts",
    ),
    pytest.param("demo/link", Member(b"/etc/passwd", mode=0o120777), "symbolic link", id="symlink"),
    *(
        pytest.param(
            f"demo/a{control}b", Member(b"x"), "control character", id=f"control {ord(control)}"
        )
        for control in "\n\x1b\x7f\x85\x0b\x0c\x1c"
    ),
    pytest.param(
        "demo-1.0.data/nowhere/x", Member(b"x"), "unknown category", id="unknown data category"
    ),
    pytest.param("demo-1.0.data/x", Member(b"x"), "unknown category", id="data without a category"),
    pytest.param("other-1.0.dist-info/METADATA", Member(b"x"), "2 .dist-info", id="two dist-infos"),
]


@pytest.mark.parametrize(("member", "content", "words"), BAD_MEMBERS)
def test_a_member_that_no_good_wheel_has(
    home: Path, member: str, content: Member, words: str
) -> None:
    wheel = make_wheel(files={"demo/__init__.py": b"", member: content})
    with refused(ConfigError, wheel.file, words):
        compiled([wheel])


ENTRY_POINTS = [
    pytest.param("../../../etc/evil", id="parent folder"),
    pytest.param("/etc/evil", id="absolute"),
    pytest.param("a/b", id="folder"),
]


@pytest.mark.parametrize("script", ENTRY_POINTS)
def test_a_console_script_that_leaves_its_folder(home: Path, script: str) -> None:
    wheel = make_wheel(
        files={
            "demo-1.0.dist-info/entry_points.txt": f"[console_scripts]\n{script} = a:b\n".encode()
        }
    )
    with refused(ConfigError, wheel.file):
        compiled([wheel])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("x\x1b[31m = a:b", "control character", id="control character"),
        pytest.param(
            "\n".join(f"x{number} = a:b" for number in range(1001)),
            "more than 1000 scripts",
            id="many",
        ),
        pytest.param("# " + " " * (64 << 20), "more than 64 MB", id="long"),
    ],
)
def test_console_scripts_that_no_good_wheel_has(home: Path, text: str, words: str) -> None:
    entry_points = Member(f"[console_scripts]\n{text}\n".encode())
    wheel = make_wheel(files={"demo-1.0.dist-info/entry_points.txt": entry_points})
    with refused(ConfigError, wheel.file, words):
        compiled([wheel])


def test_a_member_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("x", "1")
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 28 : entry + 30] = b"\0\0"  # the length of the name in the directory, and the name
    del data[entry + 46]
    end = data.rindex(b"PK\x05\x06")
    data[end + 12] -= 1  # the length of the directory
    path.write_bytes(data)
    with refused(ConfigError, str(path), "without a name"):
        OpenWheel(Wheel("demo", "1.0", "0" * 64, path.name, len(data)), path)


def test_a_member_twice(home: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        wheel = make_wheel(files={"demo.py": b"x"}, twice=["demo.py"])
    with refused(ConfigError, wheel.file, "two files of one name"):
        compiled([wheel])


def test_no_record(home: Path) -> None:
    with refused(ConfigError, "no RECORD"):
        compiled([make_wheel(without_record=True)])


def test_two_members_for_one_place(home: Path) -> None:
    with refused(ConfigError, "demo.py"):
        compiled([make_wheel(files={"demo.py": b"one", "demo-1.0.data/purelib/demo.py": b"two"})])


def test_the_metadata_of_another_package(home: Path) -> None:
    wheel = make_wheel("other")
    renamed = replace(wheel, name="demo", file="demo-1.0-py3-none-any.whl")
    wheelhouse.wheel_path(wheel).rename(wheelhouse.wheel_path(renamed))
    with refused(ConfigError, "other-1.0.dist-info"):
        compiled([renamed])


UNREADABLE = [
    pytest.param("RECORD", b"\xff\xfe", id="RECORD is not text"),
    pytest.param("entry_points.txt", b"\xff\xfe", id="entry points are not text"),
    pytest.param("entry_points.txt", b"[x]\nno value\n", id="entry points without a value"),
    pytest.param(
        "entry_points.txt", b"[console_scripts]\nx = !\n", id="entry point without a module"
    ),
]


@pytest.mark.parametrize(("name", "data"), UNREADABLE)
def test_metadata_that_cannot_be_read(home: Path, name: str, data: bytes) -> None:
    wheel = make_wheel(files={"demo.py": b"x", f"demo-1.0.dist-info/{name}": data})
    with refused(ConfigError, wheel.file):
        compiled([wheel])


def test_a_wheel_that_is_not_the_locked_one(home: Path) -> None:
    wheel = make_wheel(files={"demo.py": b"x"})
    path = wheelhouse.wheel_path(wheel)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with refused(ConfigError, wheel.file, wheel.sha256[:12], "delete the file"):
        compiled([wheel])


# Damage


def spoiled(wheel: Wheel, change: Callable[[bytearray], None]) -> Wheel:
    """The wheel with other bytes, and locked like that: what is left to find it out is in the zip
    itself.
    """
    path = wheelhouse.wheel_path(wheel)
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    return locked(path)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.97, 0.999])
def test_a_wheel_cut_short(home: Path, share: float) -> None:
    wheel = make_wheel(files=ALL_KINDS)

    def cut(data: bytearray) -> None:
        del data[int(len(data) * share) :]

    with refused(ConfigError, wheel.file):
        compiled([spoiled(wheel, cut)])


def test_no_flipped_bit_makes_another_layer(home: Path) -> None:
    """Refused with one line, or (in bits that carry nothing) the same contents under the same
    paths.
    """
    files: dict[str, bytes | Member] = {
        "demo.py": b"import this\n" * 60,
        "demo/stored.txt": Member(b"stored\n", method=zipfile.ZIP_STORED),
        "demo-1.0.dist-info/entry_points.txt": b"[console_scripts]\ndemo = demo:main\n",
        "demo-1.0.data/scripts/run": b"#!python\nprint()\n",
    }
    wheel = make_wheel(files=files)
    good = wheelhouse.wheel_path(wheel).read_bytes()
    expected = {path: file.data for path, file in files_of(compiled([wheel])).items()}
    kinds: dict[str, int] = {}
    for bit in range(0, len(good) * 8, 5):  # in every byte, and over all its bits in turn
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        wheelhouse.wheel_path(wheel).write_bytes(data)
        kind = outcome(locked(wheelhouse.wheel_path(wheel)), expected)
        kinds[kind] = kinds.get(kind, 0) + 1
    assert set(kinds) == {"refused", "the same"}, kinds
    assert kinds["refused"] > kinds["the same"]


def outcome(wheel: Wheel, expected: dict[str, bytes]) -> str:
    try:
        layer = compiled([wheel])
    except ConfigError:
        return "refused"
    except Exception as error:
        return type(error).__name__
    try:
        found = {path: file.data for path, file in files_of(layer).items()}
    except (AssertionError, OSError, EOFError, zlib.error):
        return "an unreadable layer"
    return "the same" if found == expected else "another layer"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_memory_is_bounded_whatever_a_member_expands_to(home: Path, method: int) -> None:
    """The real size, and one that a zip's directory makes up."""
    data = bytes(40 << 20)
    wheel = make_wheel(files={"zeros.bin": Member(data, method=method)})
    with OpenWheel(wheel, wheelhouse.wheel_path(wheel)) as opened:
        tracemalloc.start()
        try:
            assert sum(map(len, opened.read_chunks("zeros.bin"))) == len(data)
            opened._members["zeros.bin"].file_size = 9
            with refused(ConfigError, wheel.file, "zeros.bin"):
                opened.read_member("zeros.bin")
            assert tracemalloc.get_traced_memory()[1] < 16 << 20
        finally:
            tracemalloc.stop()
