"""The layer of Debian packages on top of the OS layer: only what differs, and for all stacks."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from images import catalog, debian, layers, package_layer, plan, root_difference
from images.catalog import CATALOG, Catalog, OsPart
from images.record import DebianPackage
from oci.layer_reader import parse_layer
from runner import engine, leftovers
from runner.errors import ConfigError, EnvironmentFailed
from runner.owner import current_owner
from scan import layer_changes, system_files
from scan.owners import load_owners
from tests.fakes.exported_root import Entry, write_root
from tests.fakes.refusal import refused

EPOCH = 1_738_108_800
SSH = "Package: openssh-server\nStatus: install ok installed\nVersion: 1:9.2\n"
INDEX = f"Package: openssh-server\nVersion: 1:9.2\nSHA256: {'a' * 64}\n".encode()
TINI = "Package: tini\nStatus: install ok installed\nVersion: 0.19\n"


BELOW = [
    Entry("etc/passwd", b"root\n"),
    Entry("etc/shadow", b"x", mode=0o640),
    Entry("home", kind=tarfile.DIRTYPE, mode=0o755),
    Entry("home/mluser", kind=tarfile.DIRTYPE, mode=0o1777),
    Entry("home/mluser/.profile", b"old"),
    Entry("usr/bin/perl", b"perl"),
    Entry("usr/bin/perl5", kind=tarfile.LNKTYPE, link="usr/bin/perl"),
    Entry("usr/bin/other", kind=tarfile.SYMTYPE, link="perl"),
    Entry("usr/share/gone", kind=tarfile.DIRTYPE, mode=0o755),
    Entry("usr/share/gone/a", b"a"),
    Entry("usr/share/stays", b"a" * 700),
    Entry("var/lib/dpkg/status", TINI.encode()),
]


def changed(*changes: Entry, without: Sequence[str] = ()) -> list[Entry]:
    """BELOW after changes, in place or at the end, and without some names."""
    new = {entry.name: entry for entry in changes}
    kept = [new.pop(entry.name, entry) for entry in BELOW if entry.name not in without]
    return [*kept, *new.values()]


@pytest.fixture
def below(tmp_path: Path) -> Path:
    """The OS layer of BELOW."""
    layer = tmp_path / "below.tar.gz"
    with layer.open("wb") as file:
        debian.normalise_export(write_root(tmp_path / "below.tar", BELOW), file, EPOCH)
    return layer


def difference(
    below: Path, entries: Sequence[Entry], mtime: int = 99
) -> dict[str, tarfile.TarInfo]:
    """The layer that a root file system of these entries makes, by name."""
    exported, target = below.with_name("new.tar"), below.with_name("new.tar.gz")
    write_root(exported, [replace(entry, mtime=mtime) for entry in entries])
    with target.open("wb") as file:
        root_difference.write_difference(exported, below, file, EPOCH)
    with tarfile.open(target) as opened:
        found = {entry.name: entry for entry in opened}
        assert [entry.mtime for entry in found.values()] == [EPOCH] * len(found)
        return found


def test_the_same_files_make_nothing(below: Path) -> None:
    assert not difference(below, BELOW)


@pytest.mark.parametrize(
    ("entry", "written"),
    [
        (Entry("usr/bin/sshd", b"new"), {"usr/bin/sshd"}),
        (Entry("etc/passwd", b"root\nsshd\n"), {"etc/passwd"}),
        (Entry("etc/passwd", b"ROOT\n"), {"etc/passwd"}),
        (Entry("etc/shadow", b"x"), {"etc/shadow"}),
        (Entry("etc/shadow", b"x", mode=0o640, uid=7), {"etc/shadow"}),
        (Entry("usr/bin/other", kind=tarfile.SYMTYPE, link="sh"), {"usr/bin/other"}),
        (Entry("etc/passwd", b"root\n", pax={"SCHILY.xattr.user.a": "b"}), {"etc/passwd"}),
        (Entry("home/mluser", kind=tarfile.DIRTYPE, mode=0o700), {"home", "home/mluser"}),
        (Entry("home/mluser/.profile", b"new"), {"home", "home/mluser", "home/mluser/.profile"}),
        # a layer cannot link to a file of another one
        (Entry("usr/bin/perl", b"PERL"), {"usr/bin/perl", "usr/bin/perl5"}),
        (Entry("etc/ssh/ssh_host_key-", b"x"), {"etc/ssh/ssh_host_key-"}),
        (Entry("var/log/today", b"x"), set()),
        (Entry("var/lib/apt/lists/all", b"x"), set()),
        (Entry("etc/shadow-", b"x"), set()),
        (Entry("var/lib/dpkg/newest", b"5"), set()),
        (Entry("var/lib/dpkg/index", INDEX), set()),
    ],
)
def test_what_is_new_or_differs_is_written(below: Path, entry: Entry, written: set[str]) -> None:
    assert set(difference(below, changed(entry))) == written


def test_folders_keep_their_modes(below: Path) -> None:
    """An engine that unpacks a layer alone would make the folders anew, closed to others."""
    found = difference(below, changed(Entry("home/mluser/x", b"x")))
    assert found["home/mluser"].mode == 0o1777


def test_a_link_to_a_file_below_is_a_copy(below: Path) -> None:
    link = Entry("usr/bin/perl6", kind=tarfile.LNKTYPE, link="usr/bin/perl")
    found = difference(below, changed(link))
    assert found["usr/bin/perl6"].isreg()
    assert found["usr/bin/perl6"].size == 4
    both = difference(below, changed(Entry("usr/bin/perl", b"PERL"), link))
    assert both["usr/bin/perl6"].islnk()


@pytest.mark.parametrize("target", ["dev/null", "no/such", "etc/.pwd.lock"])
def test_a_link_to_a_file_that_no_layer_keeps_is_refused(below: Path, target: str) -> None:
    link = Entry("usr/bin/perl6", kind=tarfile.LNKTYPE, link=target)
    with refused(EnvironmentFailed, "usr/bin/perl6 is a hard link"), debian.explain_failures():
        difference(below, changed(link))


def test_what_is_gone_is_hidden(below: Path) -> None:
    """By a whiteout; that of a folder is enough for all in it."""
    gone = ("usr/share/gone", "usr/share/gone/a", "etc/passwd")
    assert set(difference(below, changed(without=gone))) == {
        "usr/share/.wh.gone",
        "etc/.wh.passwd",
    }


def test_a_folder_that_is_a_file_now_hides_what_was_in_it(below: Path) -> None:
    entries = changed(Entry("usr/share/gone", b"file"), without=["usr/share/gone/a"])
    assert set(difference(below, entries)) == {"usr/share/gone"}


def test_times_of_the_build_change_no_byte(below: Path) -> None:
    entries = changed(Entry("usr/bin/sshd", b"new"))
    made = []
    for mtime in (1, 2):
        difference(below, entries, mtime)
        made.append(below.with_name("new.tar.gz").read_bytes())
    assert made[0] == made[1]


def test_packages_are_those_of_both_layers(below: Path, tmp_path: Path) -> None:
    exported = write_root(
        tmp_path / "new.tar",
        changed(
            Entry("var/lib/dpkg/status", f"{TINI}\n{SSH}".encode()),
            Entry("var/lib/dpkg/newest", b"1793624159"),
            Entry("var/lib/dpkg/index", INDEX),
        ),
    )
    made = root_difference.write_difference(exported, below, io.BytesIO(), EPOCH)
    assert made.packages == (
        DebianPackage("tini", "0.19"),
        DebianPackage("openssh-server", "1:9.2"),
    )
    assert [each.sha256 for each in made.packages] == ["", "a" * 64]
    assert made.newest == 1793624159


def test_an_export_that_ends_early_is_refused(below: Path, tmp_path: Path) -> None:
    exported = write_root(tmp_path / "new.tar", BELOW)
    exported.write_bytes(exported.read_bytes()[:3000])
    with refused(EnvironmentFailed, "not complete"), debian.explain_failures():
        root_difference.write_difference(exported, below, io.BytesIO(), EPOCH)


# The plan


def planned(names: Sequence[str], of: Catalog | None = None) -> list[plan.PlannedImage]:
    """Images of line 2.6 of the shipped catalogue."""
    shipped = of or catalog.load_catalog()
    version = shipped.require_version("v2.6.0")
    return list(plan.make_plan(shipped, version, names, Path("nowhere")).images)


def test_it_is_right_above_the_os_layer() -> None:
    for image in planned(["ssh", "cv-ssh", "cv-jupyter-ssh"]):
        kinds = [spec.kind for spec in image.layers]
        assert kinds.count(layers.DEBIAN) == 1
        assert kinds.index(layers.DEBIAN) == kinds.index(layers.OS) + 1
    assert all(image.package_spec is None for image in planned(["base", "cv", "cv-jupyter"]))


def test_images_with_the_same_packages_share_it() -> None:
    first, second = planned(["ssh", "cv-ssh"])
    assert first.package_spec == second.package_spec
    assert first.package_spec is not None
    assert first.package_spec.packages == ("openssh-server",)


def with_packages(**stacks: dict[str, str]) -> Catalog:
    """The shipped catalogue; these stacks add these Debian packages."""
    shipped = catalog.load_catalog()
    other = {name: debian_of(shipped, name, packages) for name, packages in stacks.items()}
    return catalog.Catalog(**{**vars(shipped), "stacks": {**shipped.stacks, **other}})


def debian_of(shipped: Catalog, name: str, packages: dict[str, str]) -> catalog.Stack:
    """A stack as it is, with other packages."""
    stack = shipped.stacks[name]
    return catalog.Stack(**{**vars(stack), "os": OsPart(packages=packages)})


def test_stacks_that_both_add_packages_have_one_layer_together() -> None:
    """Each list of packages would hide the other one's, as dpkg keeps it in one file."""
    of = with_packages(cv={"python{python}-dev": "headers", "g++": "why"}, cli={"g++": "other"})
    image = planned(["cv-cli-ssh"], of)[0]
    assert image.package_spec is not None
    assert image.package_spec.packages == ("g++", "openssh-server", "python3.11-dev")
    assert image.package_spec.stack == "cv-cli-ssh"


def test_a_reason_changes_no_key_and_a_package_does() -> None:
    keys = [
        planned(["cv"], with_packages(cv=packages))[0].content_key
        for packages in ({"g++": "a"}, {"g++": "b"}, {"gcc": "a"}, {})
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_base_adds_no_packages(tmp_path: Path) -> None:
    """Its own are in the Dockerfile of the OS layer."""
    own = "layers: 18}\n    os: {packages: {vim: an editor}}\n"
    (tmp_path / "catalog.yaml").write_text(CATALOG.read_text().replace("layers: 18}\n", own, 1))
    with refused(ConfigError, "`base` adds packages", "images/base/Dockerfile"):
        catalog.load_catalog(tmp_path / "catalog.yaml")


@pytest.mark.parametrize("name", ["", "A", "g++;true", "-y", "x y", "{cuda}"])
def test_a_name_that_is_no_package_is_refused(tmp_path: Path, name: str) -> None:
    text = CATALOG.read_text().replace("        openssh-server:", f"        {name!r}:", 1)
    (tmp_path / "catalog.yaml").write_text(text)
    with refused(ConfigError, "is not the name of a Debian package"):
        catalog.load_catalog(tmp_path / "catalog.yaml")


def test_each_package_has_a_reason(tmp_path: Path) -> None:
    text = re.sub(r"(openssh-server:) .*", r"\1 ''", CATALOG.read_text())
    (tmp_path / "catalog.yaml").write_text(text)
    with refused(ConfigError, "openssh-server"):
        catalog.load_catalog(tmp_path / "catalog.yaml")


# On the real engine, with Debian's servers


LINE = "2.15"
"""Its CUDA has a compiler in NVIDIA's wheels, to which the layer of `devel` has links."""


@pytest.fixture(scope="module")
def real_system(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, debian.OsLayer]:
    """The OS layer of LINE, and what was made."""
    folder = tmp_path_factory.mktemp("system")
    line = catalog.load_catalog().lines[LINE]
    return folder / "os.tar.gz", debian.make_os_layer(line, folder, folder / "os.tar.gz")


def make_real(stacks: Sequence[str], below: Path, target: Path) -> debian.NormalisedRoot:
    """Make the layer of the packages that the catalogue says of these stacks."""
    shipped = catalog.load_catalog()
    line = shipped.lines[LINE]
    named = {name for stack in stacks for name in shipped.stacks[stack].os.packages}
    packages = sorted(name.replace("{python}", line.python) for name in named)
    return package_layer.make_package_layer(line, stacks, packages, below, target.parent, target)


def paths_without_owner(
    stacks: Sequence[str], packages: Sequence[DebianPackage], *files: Path
) -> list[system_files.PathFault]:
    """What the scan says of the real layers in `files`, the OS layer first."""
    read = [parse_layer([path.read_bytes()], layer_changes.wants_text) for path in files]
    python = catalog.load_catalog().lines[LINE].python
    stacks = ["base", *stacks]
    return list(system_files.check_system_layers(read, packages, load_owners(), python, stacks))


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.thorough
def test_the_real_layer_is_the_same_each_time(
    real_system: tuple[Path, debian.OsLayer], tmp_path: Path
) -> None:
    below, system = real_system
    made = [make_real(["ssh"], below, tmp_path / name) for name in ("first", "second")]
    assert not [
        image
        for image in engine.connect_engine().images.list(name=leftovers.OS_LAYER)
        if current_owner() in str(image.tags)
    ]
    assert made[0] == made[1]
    assert set(made[0].packages) > set(system.packages)
    assert not [each for each in (*system.packages, *made[0].packages) if not each.sha256]
    with tarfile.open(tmp_path / "first") as opened:
        found = {entry.name: entry for entry in opened}
    assert "usr/sbin/sshd" in found
    assert not [name for name in found if re.match(r"etc/ssh/ssh_host|var/lib/apt/lists/.", name)]
    assert not [name for name, entry in found.items() if entry.mode & 0o6000 and entry.isreg()]
    assert not [name for name in found if name.startswith("usr/lib/python3")]
    assert not paths_without_owner(["ssh"], made[0].packages, below, tmp_path / "first")
    alone = paths_without_owner([], made[0].packages, below, tmp_path / "first")
    assert "usr/local/lib/image/sshd_config" in {fault.path for fault in alone}


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("stacks", [["devel"], ["devel", "ssh"]], ids="-".join)
def test_each_path_of_the_real_layers_has_an_owner(
    real_system: tuple[Path, debian.OsLayer], tmp_path: Path, stacks: list[str]
) -> None:
    below, system = real_system
    made = make_real(stacks, below, tmp_path / "layer.tar.gz")
    assert not paths_without_owner([], system.packages, below)
    assert not paths_without_owner(stacks, made.packages, below, tmp_path / "layer.tar.gz")
    assert paths_without_owner(stacks[1:], made.packages, below, tmp_path / "layer.tar.gz")
