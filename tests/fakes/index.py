"""A package index of tiny wheels: a folder, and nothing else that uv and pip know of."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest


def make_index(
    folder: Path, wheels: Mapping[str, Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """`wheels` are `NAME-VERSION`, and what each requires."""
    index = folder / "index"
    index.mkdir()
    for name, needs in wheels.items():
        write_wheel(index, name, needs)
    uv = {"UV_NO_CONFIG": "1", "UV_OFFLINE": "1", "UV_CACHE_DIR": str(folder / "cache")}
    pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"}
    for name, value in {
        **uv,
        **pip,
        "UV_FIND_LINKS": str(index),
        "PIP_FIND_LINKS": str(index),
    }.items():
        monkeypatch.setenv(name, value)
    return index


def write_wheel(folder: Path, name: str, needs: Sequence[str]) -> None:
    """A wheel without a module; the extra `fast` is there for whoever wants it."""
    project, _, version = name.partition("-")
    head = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\nProvides-Extra: fast\n"
    metadata = head + "".join(f"Requires-Dist: {need}\n" for need in needs)
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.dist-info/METADATA", metadata)
        file.writestr(
            f"{name}.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        file.writestr(f"{name}.dist-info/RECORD", "")
