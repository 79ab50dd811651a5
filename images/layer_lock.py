"""The layer lock: the digest of each Python layer of a stack.

It is beside the wheel lock (`images/STACK/LINE.layers.lock`), with one line for each layer:

    KIND KEY DIGEST SIZE DIFF_ID UNCOMPRESSED  # NAME

KEY is the content key: it names all that the layer is made from. DIGEST and SIZE are those of the
compressed file, DIFF_ID and UNCOMPRESSED those of the tar inside. A layer is taken from a registry
only by its locked digest, so it does not matter who can write to that registry.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oci.tarball import Blob
from runner import records
from runner.errors import ConfigError

_DIGEST, _NUMBER = "sha256:[0-9a-f]{64}", "[1-9][0-9]{0,12}"
_LINE = re.compile(
    rf"(?P<kind>wheel|pool|bytecode|files) (?P<key>[0-9a-f]{{64}}) (?P<digest>{_DIGEST})"
    rf" (?P<size>{_NUMBER})"
    rf" (?P<diff_id>{_DIGEST}) (?P<uncompressed>{_NUMBER})  # (?P<name>[\w.+!-]+(?: [\w.+!-]+)*)",
    re.ASCII,
)


@dataclass(frozen=True)
class LockedLayer:
    """A locked layer. `key` names all that it is made from, `blob` the resulting bytes."""

    name: str
    kind: str
    key: str
    blob: Blob

    def lock_line(self) -> str:
        """Return the layer as a line of its lock."""
        blob = self.blob
        return (
            f"{self.kind} {self.key} {blob.digest} {blob.size} {blob.diff_id} "
            f"{blob.uncompressed}  # {self.name}"
        )


def layer_lock_path(root: Path, stack: str, line: str) -> Path:
    """Return the path of the lock of a stack's layers."""
    return root / stack / f"{line}.layers.lock"


def relock_hint(line: str) -> str:
    """Return the hint how to write the layer lock of a line again."""
    return (
        f"run `./release.py lock --layers {line}` and commit the files it writes; the versions "
        "of the wheels stay the same"
    )


def read_layer_lock(path: Path, line: str) -> tuple[LockedLayer, ...]:
    """Return the locked layers of a stack.

    Raises ConfigError if the lock is missing, if a line of it is not one layer, or if two are of
    one content key.
    """
    if not path.exists():
        raise ConfigError(
            f"{path} is missing: it holds the digests of the Python layers", relock_hint(line)
        )
    found: dict[str, LockedLayer] = {}
    for number, text in enumerate(records.read_text(path).splitlines(), start=1):
        if text and not text.startswith("#"):
            layer = _parse_layer(f"{path}:{number}", text, line)
            if found.setdefault(layer.key, layer) is not layer:
                raise ConfigError(
                    f"{path}:{number}: the layer `{layer.name}` is locked twice", relock_hint(line)
                )
    return tuple(found.values())


def write_layer_lock(path: Path, stack: str, layers: Sequence[LockedLayer]) -> None:
    """Write the lock of a stack's layers, in the order they have in an image."""
    head = (
        f"# The Python layers of {stack}. Written by `./release.py lock` from the wheel lock; "
        "do not edit.\n"
    )
    records.write_text(path, head + "".join(f"{layer.lock_line()}\n" for layer in layers))


def _parse_layer(place: str, text: str, line: str) -> LockedLayer:
    match = _LINE.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"{place}: not `KIND KEY DIGEST SIZE DIFF_ID UNCOMPRESSED  # NAME`", relock_hint(line)
        )
    blob = Blob(match["digest"], match["diff_id"], int(match["size"]), int(match["uncompressed"]))
    return LockedLayer(match["name"], match["kind"], match["key"], blob)
