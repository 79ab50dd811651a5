"""The layer of Debian packages on top of the OS layer: only what differs, and for all stacks."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import patch_bytes
from images import catalog, debian, layers, package_layer, plan, root_difference
from images.catalog import CATALOG, Catalog, OsPart
from images.record import DebianPackage
from oci.layer_reader import parse_layer
from runner import engine, leftovers
from runner.errors import ConfigError
from runner.owner import current_owner
from scan import layer_changes, system_files
from scan.owners import load_owners
from tests.fakes.refusal import refused

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
    stacks: Sequence[str], packages: Sequence[DebianPackage], *files: Path, updates: int = 0
) -> list[system_files.PathFault]:
    """What the scan says of the real layers in `files`, the OS layer first."""
    read = [parse_layer([path.read_bytes()], layer_changes.wants_text) for path in files]
    python = catalog.load_catalog().lines[LINE].python
    stacks = ["base", *stacks]
    owners = load_owners()
    found = system_files.check_system_layers(
        read, packages, owners, python, stacks, updates=updates
    )
    return list(found)


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


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.thorough
def test_real_updates_make_the_root_of_today(tmp_path: Path) -> None:
    """On an OS layer without any update since Debian's last point release; with packages on top."""
    line = catalog.load_catalog().lines[LINE]
    below, above, whole = (tmp_path / name for name in ("below.gz", "above.gz", "whole.gz"))
    patch_bytes.make_point_release(line, tmp_path, below)
    exported, _ = debian.export_root(line, tmp_path)
    with above.open("wb") as file:
        made = root_difference.write_difference(exported, below, file, line.epoch)
    with whole.open("wb") as file:
        debian.normalise_export(exported, file, line.epoch)
    root_difference.write_merged(below, above, tmp_path / "merged.tar")
    assert above.stat().st_size * 2 < whole.stat().st_size
    first, second = (list_entries(path) for path in (whole, tmp_path / "merged.tar"))
    assert first == second
    assert not paths_without_owner([], made.packages, below, above, updates=1)
    added = make_real(["ssh"], tmp_path / "merged.tar", tmp_path / "ssh.gz")
    files = (below, above, tmp_path / "ssh.gz")
    assert not paths_without_owner(["ssh"], added.packages, *files, updates=1)


def list_entries(path: Path) -> dict[str, tuple[object, ...]]:
    """What a layer says of each path; a hard link counts as its file."""
    found: dict[str, tuple[object, ...]] = {}
    with tarfile.open(path) as opened:
        for entry in opened:
            file = opened.extractfile(entry) if entry.isreg() or entry.islnk() else None
            kind = "file" if file else entry.type
            target = entry.linkname if entry.issym() else ""
            rights = (entry.mode, entry.uid, entry.gid)
            found[entry.name] = (kind, target, rights, file and file.read())
    return found
