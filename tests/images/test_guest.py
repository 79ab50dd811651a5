"""The files that make an image a good guest, by themselves, and what an image says of itself."""

from __future__ import annotations

import _imp
import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from images import assembly, catalog, debian, plan
from images.base.guest import image_start, notes
from images.catalog import Catalog
from oci.registry import Registry

GUEST = debian.dockerfile_path().parent / debian.GUEST
BUILT = 1_800_000_000


@pytest.fixture(autouse=True)
def no_home_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine has no mluser, and its Python keeps its own rule for bytecode."""
    monkeypatch.setattr(image_start, "HOME_OF_THE_IMAGE", "/nowhere/mluser")
    monkeypatch.setattr(_imp, "check_hash_based_pycs", _imp.check_hash_based_pycs)


def home_by_python(variables: dict[str, str]) -> str:
    found = dict(variables)
    image_start.prepare_start(found)
    return found.get("HOME", "")


def home_by_shell(variables: dict[str, str]) -> str:
    command = f". {GUEST}/home.sh; printenv HOME || :"
    given = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(["sh", "-c", command], env=given, check=True, capture_output=True)
    return done.stdout.decode().strip()


HOMES = pytest.mark.parametrize("home_of", [home_by_python, home_by_shell])


@HOMES
def test_a_home_that_can_be_written_stays(home_of: type[str], tmp_path: Path) -> None:
    assert home_of({"HOME": str(tmp_path)}) == str(tmp_path)


@HOMES
def test_a_home_that_is_not_there_is_replaced(home_of: type[str], tmp_path: Path) -> None:
    own = tmp_path / f"home-{os.getuid()}"
    for _ in range(2):  # the second program finds what the first one made
        assert home_of({"HOME": "/nowhere", "TMPDIR": str(tmp_path)}) == str(own)
    assert own.stat().st_mode & 0o777 == 0o700


@HOMES
@pytest.mark.parametrize("kind", ["open", "link", "file"])
def test_a_home_that_others_prepared_is_not_used(
    home_of: type[str], kind: str, tmp_path: Path
) -> None:
    own = tmp_path / f"home-{os.getuid()}"
    if kind == "open":
        own.mkdir()
        own.chmod(0o777)
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        own.symlink_to(tmp_path / "elsewhere")
    else:
        own.write_text("")
    assert home_of({"HOME": "/nowhere", "TMPDIR": str(tmp_path)}) == "/nowhere"


def test_a_user_without_an_account_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", pwd.getpwuid)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_001)
    image_start.prepare_start({"HOME": "/"})
    found = pwd.getpwuid(4_000_000_001)
    assert (found.pw_name, found.pw_dir, found.pw_uid) == ("uid-4000000001", "/", 4_000_000_001)
    assert pwd.getpwuid(0).pw_name == "root"
    with pytest.raises(KeyError):
        pwd.getpwuid(4_000_000_002)


def test_python_compares_every_file_with_its_bytecode() -> None:
    found = {"HOME": "/"}
    image_start.prepare_start(found)
    assert _imp.check_hash_based_pycs == "always"
    assert found["NO_ALBUMENTATIONS_UPDATE"] == "1"


# What a person is told at the start


def container(tmp_path: Path, devices: tuple[str, ...], driver: str = "") -> Path:
    for name in ("null", *devices):
        (tmp_path / "dev").mkdir(exist_ok=True)
        (tmp_path / "dev" / name).touch()
    if driver:
        version = tmp_path / "proc/driver/nvidia/version"
        version.parent.mkdir(parents=True)
        version.write_text(
            f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {driver}  Thu May 1 2025\n"
        )
    return tmp_path


@pytest.mark.parametrize(
    ("devices", "driver", "shared", "variables", "says"),
    [
        (("nvidia0", "nvidiactl"), "550.54.15", 8 << 30, {}, []),
        (("nvidia0",), "515.43.04", 8 << 30, {}, ["the driver is 515, and this CUDA needs 525"]),
        (("nvidia0",), "unknown", 8 << 30, {}, []),
        (("dxg",), "", 8 << 30, {}, []),
        (("nvidiactl",), "", 8 << 30, {}, ["no GPU is in this container"]),
        ((), "", 64 << 20, {}, ["has 64 MB", "no GPU is in this container"]),
        ((), "", 64 << 20, {"NVIDIA_VISIBLE_DEVICES": "void"}, ["--shm-size=8g"]),
    ],
)
def test_notes_say_what_is_not_as_it_should_be(  # noqa: PLR0917 - one argument for each column of the table
    devices: tuple[str, ...],
    driver: str,
    shared: int,
    variables: dict[str, str],
    says: list[str],
    tmp_path: Path,
) -> None:
    environ = {"NVIDIA_REQUIRE_CUDA": "driver>=525", **variables}
    found = [*notes.find_faults(container(tmp_path, devices, driver), shared, environ)]
    assert len(found) == len(says)
    assert all(words in line for words, line in zip(says, found, strict=True))


# The day of the newest package


def test_the_newest_file_of_a_package_counts(tmp_path: Path) -> None:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    for name, made in (("old", 1_600_000_000), ("new file", 1_700_000_000), ("own", BUILT)):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (made, made))
    (info / "a.md5sums").write_text(f"{'0' * 32}  old\n{'0' * 32}  new file\n")
    (info / "b.md5sums").write_text(f"{'0' * 32}  is/removed\n")
    kept = tmp_path / "var/lib/dpkg/newest"
    for before, expected in ((None, 1_700_000_000), (1_750_000_000, 1_750_000_000)):
        if before:
            kept.write_text(f"{before}\n")
        subprocess.run(["sh", GUEST / "newest.sh", tmp_path], check=True, capture_output=True)
        assert int(kept.read_text()) == expected


# What the image says of itself


@pytest.fixture(scope="module")
def whole_catalog() -> Catalog:
    return catalog.load_catalog()


def configuration(whole_catalog: Catalog, tmp_path: Path, base: str) -> dict[str, object]:
    version = whole_catalog.require_version("v2.15.0")
    planned = plan.make_plan(whole_catalog, version, ["base"], tmp_path).images[0]
    origin = assembly.ImageOrigin(whole_catalog.project, base, BUILT, "c" * 40)
    line = whole_catalog.lines["2.15"]
    return assembly.image_configuration(planned, "A title", "v2.15.0", line, [], origin=origin)


def labels_of(config: dict[str, object]) -> dict[str, str]:
    run = config["config"]
    assert isinstance(run, dict)
    return {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in run["Labels"].items()
        if name.startswith("org.opencontainers.image.")
    }


def test_labels_are_those_that_the_image_specification_names(
    whole_catalog: Catalog, tmp_path: Path
) -> None:
    line = whole_catalog.lines["2.15"]
    config = configuration(whole_catalog, tmp_path, line.base_image)
    name, _, digest = line.base_image.partition("@")
    assert labels_of(config) == {
        "title": "A title",
        "version": "2.15.0",
        "ref.name": "v2.15.0",
        "description": "A title: PyTorch 2.15.0, CUDA 13.2 and Python 3.11 on Debian bookworm",
        "source": whole_catalog.project.source,
        "url": whole_catalog.project.url,
        "documentation": whole_catalog.project.documentation,
        "licenses": whole_catalog.project.licenses,
        "revision": "c" * 40,
        "created": "2027-01-15T08:00:00Z",
        "base.name": name,
        "base.digest": digest,
    }
    assert config["created"] == "2027-01-15T08:00:00Z"
    assert all(labels_of(config).values())


def test_a_base_that_is_no_image_is_not_named(whole_catalog: Catalog, tmp_path: Path) -> None:
    found = labels_of(configuration(whole_catalog, tmp_path, "mmdebstrap bookworm"))
    assert not {"base.name", "base.digest"} & set(found)


def test_a_manifest_has_the_labels_as_annotations(
    whole_catalog: Catalog, tmp_path: Path, registry_host: str
) -> None:

    config = configuration(whole_catalog, tmp_path, "")
    manifest = assembly.assemble_image(Registry(registry_host), "guest", config, [])
    again = assembly.assemble_image(Registry(registry_host), "guest", config, [])
    assert manifest.digest == again.digest
    found = manifest.content["annotations"]
    labels = labels_of(config)
    del labels["ref.name"]
    assert found == {f"org.opencontainers.image.{name}": value for name, value in labels.items()}


def test_every_file_of_a_guest_is_in_the_key_of_the_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_catalog: Catalog
) -> None:
    version = whole_catalog.require_version("v2.6.0")
    copy = tmp_path / "base"
    shutil.copytree(debian.dockerfile_path().parent, copy)
    monkeypatch.setattr(debian, "dockerfile_path", lambda: copy / "Dockerfile")

    def key() -> str:
        return plan.make_plan(whole_catalog, version, ["base"], tmp_path).images[0].system_spec.key

    before = key()
    for path in (copy / debian.GUEST).iterdir():
        if path.is_file():
            path.write_text(f"{path.read_text()}\n")
            before, changed = key(), before
            assert before != changed, path.name
