"""Bytecode layers: .pyc files made by the image's own interpreter, in a container of its OS layer.

Bytecode is kept apart from the wheels' layers so that those depend on the wheels alone: a new patch release of the
interpreter can never change the digest of a layer of gigabytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from docker.errors import APIError, ContainerError, DockerException

from images import wheelhouse
from images.catalog import IMAGES
from images.layers import LayerSpec
from images.wheels import OpenWheel, Prefix
from runner import engine, home
from runner.errors import EnvironmentFailed

FILES_PER_JOB = 150
COMPILER = IMAGES / "bytecode_compiler.py"

Job = list[tuple[str, str, str]]


def jobs_of(spec: LayerSpec, prefix: Prefix) -> list[Job]:
    """The Python files of a layer's wheels in pieces of `FILES_PER_JOB`, none of them over two wheels."""
    jobs: list[Job] = []
    for wheel in spec.wheels:
        with OpenWheel(wheel, wheelhouse.path_of(wheel)) as opened:
            files = [
                (f"/wheels/{wheel.file}", file.member, f"/{file.path}")
                for file in opened.contents(prefix)
                if file.path.endswith(".py") and file.path.startswith(prefix.site_packages) and file.member
            ]
        jobs += [files[at : at + FILES_PER_JOB] for at in range(0, len(files), FILES_PER_JOB)]
    return jobs


def compile_in_container(
    specs: Sequence[LayerSpec], prefix: Prefix, os_image: str, work: Path
) -> dict[str, tuple[Path, ...]]:
    """Compile the bytecode of `specs` in one container. Returns each layer's zips, by content key."""
    jobs = {spec.key: jobs_of(spec, prefix) for spec in specs}
    (work / "jobs.json").write_text(json.dumps([job for made in jobs.values() for job in made]))
    made = work / "zips"
    made.mkdir()
    engine.pull(os_image)
    _run(prefix, os_image, work)
    zips = iter(sorted(made.glob("*.zip")))
    return {key: tuple(next(zips) for _ in of_layer) for key, of_layer in jobs.items()}


def _run(prefix: Prefix, os_image: str, work: Path) -> None:
    command = [f"/usr/bin/python{prefix.python}", "/compiler.py", "/work/jobs.json", "/work/zips"]
    volumes = {
        str(home.kept("wheels")): {"bind": "/wheels", "mode": "ro"},
        str(COMPILER): {"bind": "/compiler.py", "mode": "ro"},
        str(work): {"bind": "/work", "mode": "rw"},
    }
    environment = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        engine.client().containers.run(
            os_image,
            command,
            volumes=volumes,
            environment=environment,
            user=f"{os.getuid()}:{os.getgid()}",
            network_mode="none",
            remove=True,
        )
    except ContainerError as error:
        said = str(error).strip().splitlines()[-1]
        raise EnvironmentFailed(f"compiling bytecode failed: {said}", "check disk space, run again") from None
    except (APIError, DockerException) as error:
        raise EnvironmentFailed(f"compiling bytecode failed: {error}", "check the engine, then run again") from None
