"""Wheels made in a test: good by default, spoiled where asked for."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from images import wheelhouse
from images.locks import Wheel


@dataclass(frozen=True)
class Member:
    """A member of a zip. `mode` with the file type, as stat has it; `method` is zipfile's."""

    data: bytes = b""
    mode: int = 0o100644
    method: int = zipfile.ZIP_DEFLATED


def make_wheel(
    name: str = "demo",
    files: Mapping[str, bytes | Member] | None = None,
    *,
    version: str = "1.0",
    twice: Sequence[str] = (),
    without_record: bool = False,
    unrecorded: Sequence[str] = (),
    folder: Path | None = None,
) -> Wheel:
    """A wheel in the wheelhouse (or `folder`), as its lock names it.

    `twice` are members written a second time, `unrecorded` those that its RECORD does not name.
    """
    info = f"{name}-{version}.dist-info"
    members = {
        path: given if isinstance(given, Member) else Member(given)
        for path, given in (files or {}).items()
    }
    members[f"{info}/METADATA"] = Member(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    )
    members[f"{info}/WHEEL"] = Member(
        b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    if not without_record and f"{info}/RECORD" not in members:
        members[f"{info}/RECORD"] = Member(_record(members, f"{info}/RECORD", unrecorded))
    file = f"{name}-{version}-py3-none-any.whl"
    path = folder / file if folder else wheelhouse.wheel_path(Wheel(name, version, "", file, 0))
    with zipfile.ZipFile(path, "w") as target:
        for member in [*members, *twice]:
            _write(target, member, members[member])
    return locked(path)


def locked(path: Path) -> Wheel:
    """A wheel file as a lock names it."""
    name, version, *_ = path.name.split("-")
    data = path.read_bytes()
    return Wheel(name, version, hashlib.sha256(data).hexdigest(), path.name, len(data))


def _write(target: zipfile.ZipFile, name: str, member: Member) -> None:
    info = zipfile.ZipInfo(name)
    info.external_attr = member.mode << 16
    target.writestr(info, member.data, member.method)


def _record(members: Mapping[str, Member], record: str, unrecorded: Sequence[str]) -> bytes:
    rows = [
        f"{path},{_hash(member.data)}" for path, member in members.items() if path not in unrecorded
    ]
    return "\n".join([*rows, f"{record},,", ""]).encode()


def _hash(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"sha256={digest},{len(data)}"
