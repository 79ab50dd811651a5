"""Clients of images other than Docker give the same file tree: paths, modes, owners, contents."""

from __future__ import annotations

import hashlib
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from oci.registry import Registry
from runner import engine
from tests.fakes import small_line

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.thorough]

Tree = dict[str, tuple[int, int, int, str]]
"""By path: the mode with the type, user, group, and the hash of a file or the target of a link."""

SOCKET = "/var/run/docker/containerd/containerd.sock"
NAMESPACE = "pytorch-cuda-images-tests"


def run(*words: str | Path) -> str:
    """Run a client, or skip the test if it is not installed."""
    if shutil.which(str(words[0])) is None:
        pytest.skip(f"NOT RUN: {words[0]} is not here: apt-get install {words[0]}")
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words[0]}: {done.stderr}"
    return done.stdout.strip()


def read_tree(root: Path) -> Tree:
    """Return every file, folder and link below a folder."""
    found: Tree = {}
    for path in sorted(root.rglob("*")):
        about, content = path.lstat(), ""
        if path.is_symlink():
            content = str(path.readlink())
        elif stat.S_ISREG(about.st_mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(root))] = (about.st_mode, about.st_uid, about.st_gid, content)
    return found


def by_umoci(image: str, folder: Path) -> Tree:
    run("skopeo", "copy", "--src-tls-verify=false", f"docker://{image}", f"oci:{folder}/oci:a")
    run("umoci", "unpack", "--image", f"{folder}/oci:a", folder / "bundle")
    return read_tree(folder / "bundle" / "rootfs")


def by_buildah(image: str, folder: Path) -> Tree:
    store: list[str | Path] = ["--root", folder / "store", "--runroot", folder / "run"]
    name = run("buildah", *store, "from", "--tls-verify=false", image).splitlines()[-1]
    try:
        return read_tree(Path(run("buildah", *store, "mount", name)))
    finally:
        run("buildah", *store, "umount", name)
        run("buildah", *store, "rm", name)


def by_podman(image: str, folder: Path) -> Tree:
    with tempfile.TemporaryDirectory() as short:  # Podman refuses a longer runroot
        store: list[str | Path] = ["--root", folder / "store", "--runroot", short]
        run("podman", *store, "pull", "--tls-verify=false", image)
        try:
            return read_tree(Path(run("podman", *store, "image", "mount", image)))
        finally:
            run("podman", *store, "image", "umount", image)


def by_containerd(image: str, folder: Path) -> Tree:
    ctr = ["ctr", "--address", SOCKET, "--namespace", NAMESPACE]
    if not Path(SOCKET).exists():
        pytest.skip("NOT RUN: the engine has no containerd of its own")
    (folder / "mounted").mkdir()
    run(*ctr, "images", "pull", "--plain-http", image)
    try:
        run(*ctr, "images", "mount", image, folder / "mounted")
        return read_tree(folder / "mounted")
    finally:
        run("umount", folder / "mounted")
        run(*ctr, "snapshots", "rm", folder / "mounted")
        run(*ctr, "images", "rm", "--sync", image)


def by_buildkit(image: str, folder: Path) -> Tree:
    (folder / "Dockerfile").write_text(f"FROM {image}\n")
    command = [engine.docker_program(), "build", "--output", f"type=tar,dest={folder}/a.tar"]
    run("env", "DOCKER_BUILDKIT=1", *command, folder)
    (folder / "root").mkdir()
    run("tar", "-xpf", folder / "a.tar", "--numeric-owner", "-C", folder / "root")
    return read_tree(folder / "root")


CLIENTS = [by_buildah, by_podman, by_containerd, by_buildkit]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: str(client.__name__))
def test_client_gives_the_same_tree(
    client: Callable[[str, Path], Tree],
    base_image: str,
    registry_host: str,
    home: Path,
    tmp_path: Path,
) -> None:
    """Umoci unpacks the layers one after the other as the specification says: the others agree."""
    assert home
    interpreter = small_line.give_system(
        Registry(base_image.partition("/")[0]), Registry(registry_host)
    )
    small_line.write_locks(tmp_path / "locks", interpreter)
    (_, record) = small_line.build_it(registry_host, tmp_path / "locks", tmp_path / "out")
    image = record.image_reference(registry_host)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    expected = by_umoci(image, tmp_path / "first")
    found = client(image, tmp_path / "second")
    assert len(expected) > 1000
    assert {path: each for path, each in found.items() if expected.get(path) != each} == {}
    assert not set(expected) - set(found)
