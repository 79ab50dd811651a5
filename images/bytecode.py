"""Bytecode layers: .pyc files made by the image's own interpreter, in a container of its OS layer.

Bytecode is kept apart from the wheels' layers so that those depend on the wheels alone: a new patch
release of the interpreter can never change the digest of a layer of gigabytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from images import wheelhouse
from images.catalog import IMAGES
from images.layers import LayerSpec
from images.wheels import OpenWheel, Prefix
from runner import containers, engine, home, leftovers, owner, pull, shell, start_check
from runner.child_variables import ENGINES

FILES_PER_JOB = 60
TIMEOUT_S = 1800
COMPILER = IMAGES / "bytecode_compiler.py"

CONFINED = (
    *containers.CONFINED,
    "--read-only",
    "--tmpfs=/tmp",
    "--pids-limit=4096",
    "--ipc=none",
    "--init",
)
"""Options of the container. It reads wheels, writes zips, and needs nothing else. `--init` hands on
the signal that ends it.
"""

Job = list[tuple[str, str, str]]


def jobs_of(spec: LayerSpec, prefix: Prefix) -> list[Job]:
    """Return the importable files of a layer's wheels, as jobs with files of one wheel each.

    Raises ConfigError if a wheel is not the locked one.
    """
    jobs: list[Job] = []
    site_packages = f"{prefix.site_packages}/"
    for wheel in spec.wheels:
        wheelhouse.verify_wheel(wheel, wheelhouse.wheel_path(wheel))
        with OpenWheel(wheel, wheelhouse.wheel_path(wheel)) as opened:
            files = [
                (f"/wheels/{wheel.file}", opened.zip_name(file.member), f"/{file.path}")
                for file in opened.installed_files(prefix)
                if file.path.startswith(site_packages)
                and file.path.endswith(".py")
                and file.member
                and "/tests/" not in file.path  # no workload imports the packages' own tests
            ]
        jobs += [files[at : at + FILES_PER_JOB] for at in range(0, len(files), FILES_PER_JOB)]
    return jobs


def compile_in_container(
    specs: Sequence[LayerSpec], prefix: Prefix, os_image: str, work: Path
) -> dict[str, tuple[Path, ...]]:
    """Compile bytecode in one container, and return each layer's zips by content key.

    Raises EnvironmentFailed if the engine fails.
    """
    jobs = {spec.key: jobs_of(spec, prefix) for spec in specs}
    (work / "jobs.json").write_text(json.dumps([job for made in jobs.values() for job in made]))
    made = work / "zips"
    made.mkdir()
    with engine.report_failures("the engine's list of containers"):
        leftovers.remove_leftovers(engine.connect_engine(containers.REMOVAL_S))
    start_check.require_own_machine()
    pull.pull_image(os_image)
    _run_compiler(prefix, os_image, work)
    zips = iter(sorted(made.glob("*.zip")))
    return {key: tuple(next(zips) for _ in of_layer) for key, of_layer in jobs.items()}


def _run_compiler(prefix: Prefix, os_image: str, work: Path) -> None:
    """Run the compiler in a container.

    The engine's client is used, not its API: with `--rm` the engine removes the container even if
    this run is killed. If it has not ended until then, the next run ends it.
    """
    name = containers.new_name("bytecode")
    folders = {
        home.make_home_folder("wheels"): "/wheels:ro",
        COMPILER: "/compiler.py:ro",
        work: "/work:rw",
    }
    options = [f"--volume={host.resolve()}:{inside}" for host, inside in folders.items()]
    options += [
        "--env=PYTHONHASHSEED=0",
        "--env=PYTHONDONTWRITEBYTECODE=1",
        f"--user={os.getuid()}:{os.getgid()}",
        # The image's own .pth file there imports modules, and what a process has imported before
        # changes the bytes of what it compiles.
        f"--tmpfs=/usr/local/lib/python{prefix.python}/dist-packages",
    ]
    command = [f"/usr/bin/python{prefix.python}", "/compiler.py", "/work/jobs.json", "/work/zips"]
    try:
        shell.run(
            [
                engine.docker_program(),
                "run",
                "--rm",
                f"--name={name}",
                f"--label={containers.OWNER}={owner.current_owner()}",
                *(*CONFINED, *options, os_image, *command),
            ],
            hint="check the engine and its disk, then run the same command again",
            timeout_s=TIMEOUT_S,
            env=engine.no_logins(work),
            allowed=ENGINES,
        )
    except BaseException:  # the client has ended (also by Ctrl-C); the container may still run
        engine.remove_container(name)
        raise
