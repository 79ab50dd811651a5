"""What others read of this project: the shape of its records, and what a release leaves in a
registry.

`python -m tests.golden.content` writes the golden files again. Do so only if a change of the format
is wanted.
"""

from __future__ import annotations

import base64
import json
import re
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pydantic import TypeAdapter

from images.record import BuildRecord
from oci.registry import Registry
from publish.released.record import ReleaseRecord
from publish.tags import lock
from publish.tags.rollback import yank_version
from runner import records
from scan.difference import Difference
from scan.record import ScanRecord
from tests.fakes.registry import FakeRegistry
from tests.publish.line import FIRST, Line, line_of_one
from validation.record import ValidationRecord

FOLDER = Path(__file__).parent
RECORDS, REGISTRY = FOLDER / "records.json", FOLDER / "registry.json"
WRITTEN = {
    "build.json": BuildRecord,
    "validation.json": ValidationRecord,
    "scan.json": ScanRecord,
    "release.json": ReleaseRecord,
    "difference.json": Difference,
}

_VARIABLE = (
    (re.compile(r"\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+00:00)"), "TIME"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "COMMIT"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
)
_OFTEN_OTHERS = ("sig", "size", "pytorch-cuda-images.lock.nonce", "pytorch-cuda-images.lock.until")
"""Fields whose value differs from run to run: ECDSA gives another signature each time, of another
length.
"""

_OF_CLASSES = ("title", "description")
"""What pydantic writes into a schema from the names and docstrings of classes.

No reader of the JSON sees it.
"""


def describe_records() -> dict[str, Any]:
    """Return the JSON schema of every record, without the names of classes."""
    return {
        name: _inline(schema := TypeAdapter(kind).json_schema(), schema)
        for name, kind in WRITTEN.items()
    }


def _inline(part: Any, schema: dict[str, Any]) -> Any:
    """Return a part of a schema with its references resolved."""
    if isinstance(part, list):
        return [_inline(each, schema) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _inline(schema["$defs"][part["$ref"].rpartition("/")[2]], schema)
    kept = {
        key: value
        for key, value in part.items()
        if key not in ("$defs", *_OF_CLASSES) or isinstance(value, dict)
    }
    return {key: _inline(value, schema) for key, value in kept.items() if key != "$defs"}


def describe_registry() -> dict[str, Any]:
    """Return what a registry holds after two releases and a yank: tags, manifests, the statements
    that were signed.
    """
    with (
        FakeRegistry() as fake,
        tempfile.TemporaryDirectory() as scratch,
        patch.object(lock, "_wait_until"),
    ):
        (folder := Path(scratch) / "golden").mkdir()
        line = line_of_one(Registry(fake.host), folder)
        _release(line)
        return {name: _describe_repository(fake, name) for name in sorted(fake.manifests)}


def _release(line: Line) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    line.promote(line.prepare("v2.6.1", jinja2="3.1.5"))
    yank_version(line.production, "v2.6.1", "it loses data")


def _describe_repository(fake: FakeRegistry, name: str) -> dict[str, Any]:
    """Return the tags of a repository, and each different manifest that a tag or a list of
    referrers names.
    """
    held = fake.manifests[name]
    tags = [reference for reference in held if not reference.startswith("sha256:")]
    named = [json.loads(held[tag][1]) for tag in tags]
    listed = [
        json.loads(held[entry["digest"]][1])
        for index in named
        for entry in index.get("manifests", ())
    ]
    manifests = {
        _stable(json.dumps(_with_content(fake, name, each), sort_keys=True))
        for each in named + listed
    }
    return {
        "tags": sorted(map(_stable, tags)),
        "manifests": [json.loads(text) for text in sorted(manifests)],
    }


def _with_content(fake: FakeRegistry, name: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest that holds what its JSON blobs hold; a list of referrers is put in
    order.
    """
    found: dict[str, Any] = _opened(manifest)
    for layer in found.get("layers", ()):
        if "json" in layer["mediaType"]:
            layer["content"] = _opened(json.loads(fake.blobs[name][layer["digest"]]))
    found.get("manifests", []).sort(key=lambda entry: _stable(json.dumps(entry, sort_keys=True)))
    return found


def _opened(document: Any) -> Any:
    """Return a document with its signed payload decoded, without what differs from run to run."""
    if isinstance(document, list):
        return [_opened(each) for each in document]
    if isinstance(document, str) and document.startswith("{"):
        return _opened(json.loads(document))
    if not isinstance(document, dict):
        return document
    found = {key: _opened(value) for key, value in document.items() if key not in _OFTEN_OTHERS}
    if isinstance(payload := found.get("payload"), str):
        found["payload"] = _opened(json.loads(base64.b64decode(payload)))
    return found


def _stable(text: str) -> str:
    for pattern, word in _VARIABLE:
        text = pattern.sub(word, text)
    return text


def main() -> None:
    """Write the golden files."""
    records.write_text(RECORDS, json.dumps(describe_records(), indent=1) + "\n")
    records.write_text(REGISTRY, json.dumps(describe_registry(), indent=1) + "\n")


if __name__ == "__main__":
    main()
