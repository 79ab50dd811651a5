"""Small real images to plant things in: Debian 12 with its own Python, and Dockerfile instructions
on top.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

from runner import engine, home, shell
from runner.child_variables import BOOTSTRAP, ENGINES

PYTHON = "pytorch-cuda-images-tests/python:bookworm"
PLANTED = "pytorch-cuda-images-tests/planted"
HINT = "`make setup` installs mmdebstrap; it needs root and a Debian mirror"


def python_image() -> str:
    """Debian 12 with Python 3.11 and nothing else, run as uid 1000; made where the engine has it
    not.
    """
    tar = home.make_home_folder("tests") / "python-bookworm.tar"
    if not engine.connect_engine().images.list(PYTHON):
        if not tar.exists():
            half = tar.with_name(f"half-{os.getpid()}-{tar.name}")
            packages = "--include=python3,python-is-python3"
            shell.run(
                ["mmdebstrap", "--variant=minbase", packages, "bookworm", half],
                hint=HINT,
                allowed=BOOTSTRAP,
            )
            half.replace(tar)
        name, _, tag = PYTHON.partition(":")
        engine.connect_engine().api.import_image_from_file(
            str(tar), repository=name, tag=tag, changes=["USER 1000"]
        )
    return PYTHON


@contextlib.contextmanager
def loaded(name: str, changes: Mapping[str, Any]) -> Iterator[str]:
    """`python_image` with other entries in its configuration; removed afterwards.

    The engine takes them as they are: a Dockerfile could not say all of them.
    """
    saved = io.BytesIO(b"".join(engine.connect_engine().images.get(python_image()).save()))
    tag, written = f"{PLANTED}:{name}-{os.getpid()}", io.BytesIO()
    with tarfile.open(fileobj=saved) as before, tarfile.open(fileobj=written, mode="w") as after:
        manifest = json.loads(_member(before, "manifest.json"))[0]
        config = json.loads(_member(before, manifest["Config"]))
        config["config"] = {**config["config"], **changes}
        manifest = {"Config": "c.json", "RepoTags": [tag], "Layers": manifest["Layers"]}
        files = {"c.json": config, "manifest.json": [manifest]}
        for path, content in files.items():
            data = json.dumps(content).encode()
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            after.addfile(entry, io.BytesIO(data))
        for layer in manifest["Layers"]:
            after.addfile(before.getmember(layer), before.extractfile(layer))
    engine.connect_engine().images.load(written.getvalue())
    try:
        yield tag
    finally:
        engine.connect_engine().images.remove(tag, force=True)


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    found = archive.extractfile(name)
    assert found is not None
    return found.read()


@contextlib.contextmanager
def planted(
    name: str, *instructions: str, user: str = "1000:1000", base: str = ""
) -> Iterator[str]:
    """An image of these instructions on `base`, run as root, then `USER user`; removed
    afterwards.
    """
    tag = f"{PLANTED}:{name}-{os.getpid()}"
    dockerfile = "\n".join(
        [f"FROM {base or python_image()}", "USER root", *instructions, f"USER {user}", ""]
    )
    command = [engine.docker_program(), "build", "--quiet", "--tag", tag, "-"]
    shell.run(
        command,
        stdin=dockerfile.encode(),
        env={"DOCKER_BUILDKIT": "1"},
        hint="see the output",
        allowed=ENGINES,
    )
    try:
        yield tag
    finally:
        engine.connect_engine().images.remove(tag, force=True)


@contextlib.contextmanager
def configured(name: str, config: Mapping[str, Any]) -> Iterator[str]:
    """An image with a configuration that no Dockerfile can say; removed afterwards."""
    client = engine.connect_engine()
    tag = f"{name}-{os.getpid()}"
    container = client.api.create_container(python_image(), ["true"])["Id"]
    try:
        client.api.commit(container, repository=PLANTED, tag=tag, conf=dict(config))
    finally:
        client.api.remove_container(container)
    try:
        yield f"{PLANTED}:{tag}"
    finally:
        client.images.remove(f"{PLANTED}:{tag}", force=True)
