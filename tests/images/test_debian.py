"""The OS layer from an exported root file system: what stays, what goes, and that only contents
count.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker.errors
import pytest
import requests

from images import catalog, debian
from images.record import DebianPackage
from oci.tarball import Blob
from runner import engine, shell
from runner.child_variables import ENGINES
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.exported_root import Entry, write_root
from tests.fakes.refusal import check, refused

EPOCH = 1_738_108_800
STATUS = """Package: tini
Status: install ok installed
Version: 0.19.0-1
Description: a tiny init
 Version: of the description

Package: gone
Status: deinstall ok config-files
Version: 1

Package: held
Status: hold ok installed
Version: 2:3~rc1+b1
"""


FOLDERS = [
    Entry(name, kind=tarfile.DIRTYPE, mode=0o755)
    for name in ("dev", "etc", "tmp", "usr", "var", "var/log")
]
GOOD = [
    Entry("usr/bin/tool", b"tool", mode=0o755),
    Entry("usr/bin/same", kind=tarfile.LNKTYPE, link="usr/bin/tool"),
    Entry("usr/bin/short", kind=tarfile.SYMTYPE, link="tool"),
    Entry("usr/bin/passwd", b"x", mode=0o4755),
    Entry("usr/bin/wall", b"x", mode=0o2755),
    Entry("usr/bin/ping", b"x", mode=0o755, pax={"SCHILY.xattr.security.capability": "\x01\x02"}),
    Entry("home/mluser", kind=tarfile.DIRTYPE, mode=0o700, uid=1000),
    Entry("usr/share/" + "long/" * 40 + "name", b"x"),
    Entry("usr/share/ünicode", b"x"),
    Entry("var/lib/dpkg/status", STATUS.encode()),
]
DROPPED = [
    Entry("dev/null", kind=tarfile.CHRTYPE),
    Entry("dev/sda", kind=tarfile.BLKTYPE),
    Entry("usr/fifo", kind=tarfile.FIFOTYPE),
    Entry("var/log/dpkg.log", b"today"),
    Entry("var/log/apt/term.log", b"today"),
    Entry("var/cache/ldconfig/aux-cache", b"x"),
    Entry("var/lib/apt/lists/a-mirror_dists_bookworm", b"x"),
    Entry("var/lib/dpkg/status-old", b"x"),
    Entry("etc/passwd-", b"x"),
    Entry("etc/hostname", b"x"),
    Entry("etc/resolv.conf", b"x"),
    Entry("etc/machine-id", b"x"),
    Entry(".dockerenv"),
    Entry("tmp/left", b"x"),
    Entry("proc/1", b"x"),
    Entry("run/lock", b"x"),
]


def normalised(
    tmp_path: Path, entries: Iterable[Entry]
) -> tuple[bytes, Blob, tuple[DebianPackage, ...]]:
    target = io.BytesIO()
    made = debian.normalise_export(write_root(tmp_path / "rootfs.tar", entries), target, EPOCH)
    return target.getvalue(), made.blob, made.packages


def members(layer: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as tar:
        return {entry.name: entry for entry in tar}


def test_a_package_has_the_hash_of_its_file(tmp_path: Path) -> None:
    """From what apt's lists say; a version that Debian serves no more has none."""
    index = f"""Package: tini
Version: 0.19.0-1
Description: a tiny init
SHA256: {"a" * 64}

Package: held
Version: 2:4
SHA256: {"b" * 64}

Package: held
Version: 2:3~rc1+b1
Status: hold ok installed
"""
    entries = [*FOLDERS, *GOOD, Entry("var/lib/dpkg/index", index.encode())]
    layer, _, packages = normalised(tmp_path, entries)
    assert {each.name: each.sha256 for each in packages} == {"tini": "a" * 64, "held": ""}
    assert "var/lib/dpkg/index" not in members(layer)


def test_what_is_of_the_packages_stays(tmp_path: Path) -> None:
    layer, _, _ = normalised(tmp_path, [*FOLDERS, *GOOD])
    found = members(layer)
    assert set(found) == {entry.name for entry in [*FOLDERS, *GOOD]}
    for entry in GOOD:
        kept = found[entry.name]
        assert (kept.type, kept.mode, kept.linkname, kept.uid) == (
            entry.kind,
            entry.mode,
            entry.link,
            entry.uid,
        )
        assert entry.pax.items() <= kept.pax_headers.items()
        assert kept.size == len(entry.data)


@pytest.mark.parametrize("dropped", DROPPED, ids=lambda entry: entry.name)
def test_what_is_of_the_machine_goes(tmp_path: Path, dropped: Entry) -> None:
    layer, _, _ = normalised(tmp_path, [*FOLDERS, *GOOD, dropped])
    assert dropped.name not in members(layer)


def test_a_packaged_file_whose_name_ends_in_old_stays(tmp_path: Path) -> None:
    layer, _, _ = normalised(tmp_path, [*GOOD, Entry("usr/bin/tool-old", b"tool")])
    assert "usr/bin/tool-old" in members(layer)


def test_two_exports_that_differ_in_times_and_logs_only(tmp_path: Path) -> None:
    first = normalised(tmp_path, [*FOLDERS, *GOOD])
    later = [replace(entry, mtime=2_000_000_000) for entry in [*FOLDERS, *GOOD]]
    assert normalised(tmp_path, [*later, *DROPPED]) == first


@pytest.mark.parametrize(
    "change", [{"data": b"tooL"}, {"mode": 0o4755}, {"uid": 7}, {"name": "usr/bin/tooL"}]
)
def test_two_exports_that_differ_in_more(tmp_path: Path, change: dict[str, bytes]) -> None:
    first, other = Entry("usr/bin/tool", b"tool"), replace(Entry("usr/bin/tool", b"tool"), **change)  # type: ignore[arg-type] # a table of fields, of any type
    assert normalised(tmp_path, [first, GOOD[-1]])[1] != normalised(tmp_path, [other, GOOD[-1]])[1]


def test_every_time_is_the_epoch_and_owners_are_numbers(tmp_path: Path) -> None:
    found = members(normalised(tmp_path, [*FOLDERS, *GOOD])[0]).values()
    assert {(entry.mtime, entry.uname, entry.gname) for entry in found} == {(EPOCH, "", "")}
    assert not any("mtime" in entry.pax_headers for entry in found)


def test_the_blob_says_what_was_written(tmp_path: Path) -> None:
    import gzip

    from oci.manifest import sha256

    layer, blob, _ = normalised(tmp_path, GOOD)
    plain = gzip.decompress(layer)
    assert blob == Blob(sha256(layer), sha256(plain), len(layer), len(plain))


def test_the_packages_are_read_from_dpkgs_status(tmp_path: Path) -> None:
    _, _, packages = normalised(tmp_path, GOOD)
    assert packages == (DebianPackage("tini", "0.19.0-1"), DebianPackage("held", "2:3~rc1+b1"))


def test_a_root_file_system_without_packages(tmp_path: Path) -> None:
    with refused(EnvironmentFailed, "no packages"):
        normalised(tmp_path, GOOD[:-1])


@pytest.mark.parametrize("size", [0, 100, 700, 2000, 2048, 3000])
def test_an_export_cut_short(tmp_path: Path, size: int) -> None:
    path = write_root(tmp_path / "rootfs.tar", GOOD)
    path.write_bytes(path.read_bytes()[:size])
    with refused(EnvironmentFailed, "not complete"):
        debian.normalise_export(path, io.BytesIO(), EPOCH)


def test_an_export_without_its_end(tmp_path: Path) -> None:
    """Every file is there, packages too: only the two blocks of zeros say that nothing follows."""
    path = write_root(tmp_path / "rootfs.tar", GOOD)
    path.write_bytes(path.read_bytes().rstrip(b"\0") + bytes(tarfile.BLOCKSIZE))
    with refused(EnvironmentFailed, "not complete"):
        debian.normalise_export(path, io.BytesIO(), EPOCH)


class Full(io.BytesIO):
    """A disk with no space left."""

    def write(self, _: object) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk(tmp_path: Path) -> None:
    with refused(EnvironmentFailed, "No space left"):
        debian.normalise_export(write_root(tmp_path / "rootfs.tar", GOOD), Full(), EPOCH)


@pytest.mark.parametrize(
    "error",
    [
        docker.errors.APIError("the daemon has no space left"),
        requests.ConnectionError("the daemon is gone"),
    ],
    ids=["refuses", "goes away"],
)
def test_an_engine_that_fails_on_the_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class Broken:
        @property
        def images(self) -> object:
            raise error

        @property
        def api(self) -> object:
            raise error

    def run(command: list[str], **_: object) -> str:
        Path(command[-1]).write_bytes(b"")
        return ""

    monkeypatch.setattr(engine, "connect_engine", Broken)
    monkeypatch.setattr(shell, "run", run)
    with refused(EnvironmentFailed, "engine"):
        debian.make_os_layer(catalog.load_catalog().lines["2.6"], tmp_path, tmp_path / "os.tar.gz")


@pytest.mark.parametrize(("user", "is_moved"), [(0, True), (1000, False)])
def test_a_bootstrap_that_is_ended_leaves_nothing_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, is_moved: bool
) -> None:
    asked: dict[str, str] = {}

    def bootstrap(*_: object, env: dict[str, str], **__: object) -> str:
        asked.update(env)
        raise KeyboardInterrupt

    monkeypatch.setattr(shell, "run", bootstrap)
    monkeypatch.setattr("os.geteuid", lambda: user)
    with pytest.raises(KeyboardInterrupt):
        debian._bootstrap_base(catalog.load_catalog().lines["2.6"], tmp_path)
    assert (asked.get("TMPDIR") == str(tmp_path)) is is_moved


@pytest.mark.docker
@pytest.mark.parametrize("name", ["a,b", 'a"b', "a'b c", "plain"])
def test_a_root_file_system_is_written_to_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    """Docker's client reads the option as CSV."""
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    folder = tmp_path / name
    folder.mkdir()
    command, env = engine.build_command()
    option = debian._tar_output(folder / "rootfs.tar")
    shell.run(
        [*command, option, tmp_path / "context"], hint="-", env=env, timeout_s=120, allowed=ENGINES
    )
    with tarfile.open(folder / "rootfs.tar") as written:
        assert "Dockerfile" in written.getnames()


PLANTED = "planted-proxy-password-4711"
SEEN = """ARG BASE
FROM ${BASE}
USER root
ARG PYTHON
ARG SOURCE_DATE_EPOCH
ARG MIRROR
RUN for name in HTTP_PROXY http_proxy HTTPS_PROXY https_proxy NO_PROXY no_proxy; do \\
      eval "echo $name=\\$$name" | sha256sum >>/seen; done
"""


@pytest.mark.docker
@pytest.mark.parametrize("letters", [str.upper, str.lower])
def test_a_proxy_reaches_the_build_and_not_the_image(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    letters: Callable[[str], str],
    local_base: str,
) -> None:
    """Neither its files nor the history of the engine, nor the command that builds, tell it."""
    given = {
        "http_proxy": f"http://user:{PLANTED}@127.0.0.1:9",
        "https_proxy": f"http://user:{PLANTED}@127.0.0.1:10",
        "no_proxy": "mirror.example",
    }
    for name, value in given.items():
        for each in (name, name.upper()):
            monkeypatch.delenv(each, raising=False)
        monkeypatch.setenv(letters(name), value)
    (tmp_path / "Dockerfile").write_text(SEEN)
    commands: list[list[str]] = []
    run = shell.run

    def show(words: list[str], **named: Any) -> str:
        commands.append(words)
        return run(words, **named)

    monkeypatch.setattr(shell, "run", show)
    images = {image.id for image in engine.connect_engine().images.list(all=True)}
    arguments = {"BASE": local_base, **debian.line_arguments(catalog.load_catalog().lines["2.6"])}
    debian.build_root(tmp_path, arguments, tmp_path / "root.tar")
    with tarfile.open(tmp_path / "root.tar") as root:
        seen = root.extractfile("seen")
        assert seen is not None
        found = [line.split()[0] for line in seen.read().decode().splitlines()]
    expected = [
        hashlib.sha256(f"{each}={value}\n".encode()).hexdigest()
        for name, value in given.items()
        for each in (name.upper(), name)
    ]
    assert found == expected
    assert PLANTED.encode() not in (tmp_path / "root.tar").read_bytes()
    assert PLANTED not in str(commands)
    new = [
        image for image in engine.connect_engine().images.list(all=True) if image.id not in images
    ]
    assert all(PLANTED not in str((image.attrs, image.history())) for image in new)


@pytest.fixture
def local_base() -> Iterator[str]:
    """A base with a shell, from what this machine has: nothing is downloaded."""
    name = "pytorch-cuda-images-tests/shell:bookworm"
    held = engine.connect_engine().images.list(name="pytorch-cuda-images-tests/python")
    if not held:
        pytest.skip("NOT RUN (image): no image with a shell; the tests of scan make one")
    held[0].tag(name)
    yield name
    engine.connect_engine().images.remove(name)


@pytest.fixture
def import_number(tmp_path: Path) -> Iterator[Callable[[int], str]]:
    """A function that imports a root file system with that number, and returns the image's id."""
    name, client = "pytorch-cuda-images-tests/imported:own", engine.connect_engine()

    def import_number(number: int) -> str:
        root = write_root(tmp_path / f"{number}.tar", [Entry("number", str(number).encode())])
        debian.import_root(root, name)
        return str(client.images.get(name).id)

    yield import_number
    client.images.remove(name)


def has_image(name: str) -> bool:
    try:
        return bool(engine.connect_engine().images.get(name))
    except docker.errors.ImageNotFound:
        return False


@pytest.mark.docker
def test_an_import_leaves_no_older_image_without_a_name(
    import_number: Callable[[int], str],
) -> None:
    client, other = engine.connect_engine(), "pytorch-cuda-images-tests/imported:other"
    first = import_number(1)
    second = import_number(2)
    assert (has_image(first), has_image(second)) == (False, True)
    client.images.get(second).tag(other)
    import_number(3)
    assert has_image(second)
    client.images.remove(other)


@pytest.mark.docker
def test_an_imported_root_is_gone_after_the_block(tmp_path: Path) -> None:
    root = write_root(tmp_path / "root.tar", [Entry("file", b"x")])
    with (
        pytest.raises(EnvironmentFailed, match="no mirror"),
        debian.imported_root(root) as name,
        debian.imported_root(root) as other,
    ):
        image = engine.connect_engine().images.get(name).id
        assert has_image(other)
        raise EnvironmentFailed("no mirror", "")
    assert not any(has_image(each) for each in (name, other, str(image)))


def test_the_mirror_and_the_slim_base_are_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = catalog.load_catalog().lines["2.6"]
    commands: list[list[str]] = []
    monkeypatch.setattr(shell, "run", lambda words, **_: commands.append([str(w) for w in words]))
    monkeypatch.setattr(engine, "build_command", lambda: (("docker", "build"), {}))
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_DEBIAN_MIRROR", "http://mirror.example:8080/debian/")
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_SLIM_BASE", "mirror.example/library/debian")
    debian.build_root(tmp_path, {}, tmp_path / "root.tar")
    assert "--build-arg=MIRROR=http://mirror.example:8080/debian" in commands[0]
    digest = line.base_image.partition("@")[2]
    assert debian._slim_base(line) == f"mirror.example/library/debian@{digest}"
    with contextlib.suppress(FileNotFoundError):  # no root file system was made
        debian._bootstrap_base(line, tmp_path)
    rewrite, restore = commands[1][-4:-2]
    assert "#http://mirror.example:8080/debian\\1 #" in rewrite
    assert restore.endswith('mv "$1/etc/apt/sources.list.own" "$1/etc/apt/sources.list"')


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PYTORCH_CUDA_IMAGES_DEBIAN_MIRROR", "http://user:secret-word@mirror.example/debian"),
        ("PYTORCH_CUDA_IMAGES_DEBIAN_MIRROR", "http://mirror.example/#$(touch x)"),
        ("PYTORCH_CUDA_IMAGES_DEBIAN_MIRROR", "mirror.example/debian"),
        ("PYTORCH_CUDA_IMAGES_SLIM_BASE", "mirror.example/debian:12-slim"),
        ("PYTORCH_CUDA_IMAGES_SLIM_BASE", "mirror.example/debian@sha256:0"),
        ("PYTORCH_CUDA_IMAGES_SLIM_BASE", "user:secret-word@mirror.example/debian"),
    ],
)
def test_a_setting_that_is_no_address(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    line = catalog.load_catalog().lines["2.6"]
    with pytest.raises(ConfigError) as caught:
        _ = debian._mirror_in_use(), debian._slim_base(line)
    check(caught.value, ConfigError, variable, "write")
    assert "secret-word" not in str(caught.value)


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.thorough
def test_a_mirror_changes_no_byte(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the OS layer, made from its own servers and then from the same ones by the setting."""
    line, layer = catalog.load_catalog().lines["2.6"], tmp_path / "os.tar.gz"
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_DEBIAN_MIRROR", "")
    plain = debian.make_os_layer(line, tmp_path, layer).blob
    with tarfile.open(layer) as opened:
        held = opened.extractfile("etc/apt/sources.list")
        assert held is not None
        own = held.read().decode().split()[1]
    assert own.endswith("/debian")
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_DEBIAN_MIRROR", own)
    assert debian.make_os_layer(line, tmp_path, layer).blob == plain
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_DEBIAN_MIRROR", "http://127.0.0.1:9/debian")
    # nothing comes from another server; mmdebstrap says much, so the message is long
    with pytest.raises(EnvironmentFailed, match=r"apt-get update .*DEBIAN_MIRROR names another"):
        debian.make_os_layer(line, tmp_path, layer)
