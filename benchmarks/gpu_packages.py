#!/usr/bin/env python3
"""Make the folder of what the harness needs on a GPU machine without a network.

    .venv/bin/python benchmarks/gpu_packages.py FOLDER --python-version 3.12

`FOLDER/site` are the packages that the harness imports, `FOLDER/home` is the harness' home folder
with what is laid beside the suites. benchmarks/gpu_session.py says how to use them.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from runner.home import REPOSITORY
from validation import harness

NEEDED = (
    "annotated-types",
    "certifi",
    "charset-normalizer",
    "docker",
    "idna",
    "markdown-it-py",
    "mdurl",
    "nvidia-ml-py",
    "packaging",
    "prometheus-client",
    "pydantic",
    "pydantic-core",
    "pygments",
    "pyyaml",
    "requests",
    "rich",
    "typing-extensions",
    "typing-inspection",
    "urllib3",
)
"""What validation imports, of requirements.lock. NumPy is large, and the GPU machine has one."""


def prepare_packages(folder: Path, python_version: str) -> None:
    """Install what the harness needs into `folder`, for another Python than this one.

    `site` are the harness' own packages by the hashes of requirements.lock; `home` holds what is
    mounted into suites.
    """
    entries = re.split(r"(?m)^(?=[a-z0-9])", (REPOSITORY / "requirements.lock").read_text())
    locked = [each for each in entries if re.split(r"[=\[]", each)[0] in NEEDED]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as subset:
        subset.write("".join(locked))
        subset.flush()
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
        platforms = [f"manylinux_2_{number}_x86_64" for number in (17, 24, 26, 27, 28)]
        options = [option for name in platforms for option in ("--platform", name)]
        wanted = ["--only-binary=:all:", "--python-version", python_version, *options]
        subprocess.run(
            [*command, *wanted, "--require-hashes", "--target", folder / "site", "-r", subset.name],
            check=True,
        )
    installed = harness.install_harness()
    shutil.copytree(installed, folder / "home" / "harness" / installed.name, dirs_exist_ok=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python-version", required=True, help="of the GPU machine: 3.12")
    arguments = parser.parse_args()
    prepare_packages(arguments.folder, arguments.python_version)


if __name__ == "__main__":
    main()
