"""The list of referrers that clients keep if a registry has no referrers API.

It is an image index under the tag `sha256-HEX` of the subject. `oci/referrers.py` explains how
several clients write it, and why it is only a hint.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oci.manifest import (
    MAX_MANIFEST_BYTES,
    OCI_INDEX,
    Descriptor,
    Manifest,
    canonical_json,
    parse_descriptor,
)
from oci.registry import Registry, Unreadable
from runner import progress
from runner.untrusted import Malformed

MAX_LOOKUPS = 1_000
"""Manifests that are read for one subject, a request each. An image has about 15 artifacts."""
_MARK_DIGITS = 40  # a tag has at most 128 characters, and two whole digests have more


@dataclass(frozen=True)
class Referrer:
    """An artifact that refers to a digest, as the registry's list describes it."""

    descriptor: Descriptor
    artifact_type: str
    annotations: Mapping[str, str]


def extend_list(
    content: dict[str, Any],
    own: Sequence[dict[str, Any]],
    missing: Sequence[dict[str, Any]],
    gone: Collection[str],
) -> Manifest:
    """Return the list with more entries, one for each digest, without those in `gone`.

    If there is room, the entries of others stay as they are. The order is: `own`, then what was
    listed, then what is missing. The list is sorted only if it is far from full, because the next
    list that is cut must not lose what was attached last.
    """
    every: dict[str, dict[str, Any]] = {}
    for entry in (*own, *content["manifests"], *missing):
        if (name := find_digest(entry)) not in ("", *gone):
            every.setdefault(name, entry)
    ordered = sorted(every.values(), key=find_digest)
    frame = content | {"schemaVersion": 2, "mediaType": OCI_INDEX}
    made = Manifest(canonical_json(frame | {"manifests": ordered}), OCI_INDEX)
    if len(made.body) <= MAX_MANIFEST_BYTES // 2:
        return made
    made = Manifest(canonical_json(frame | {"manifests": list(every.values())}), OCI_INDEX)
    return made if len(made.body) <= MAX_MANIFEST_BYTES else _cut_list(list(every.values()))


def _cut_list(entries: Sequence[dict[str, Any]]) -> Manifest:
    """Return a list with as many of the first entries as fit, and nothing else."""
    left, fitting = MAX_MANIFEST_BYTES - len(canonical_json(_EMPTY)), []
    for entry in entries:
        size = len(canonical_json(entry)) + 1
        if size <= left:
            fitting.append(entry)
            left -= size
    return Manifest(canonical_json(_EMPTY | {"manifests": fitting}), OCI_INDEX)


_EMPTY: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}


def read_list(
    registry: Registry, repository: str, subject: str, *, is_reduced: bool = False
) -> dict[str, Any]:
    """Return the index under the subject's tag, or an empty one if there is no valid index.

    A reduced one has the first entries only, each with what a registry must accept.
    """
    problem = ""
    try:
        found = registry.read_manifest(repository, list_tag(subject))
    except Unreadable as error:
        found, problem = None, error.message
    if (
        found is not None and found.digest == subject
    ):  # an image may be kept under the tag of its own digest
        found = None
    if found is not None and not found.is_index:
        problem = f"{registry.host}/{repository}:{list_tag(subject)} is an image"
    if problem:
        progress.say_line(
            f"  {problem}, not a list of referrers: it is ignored, and artifacts are "
            "found by their tags"
        )
    content = found.content if found is not None and found.is_index else dict(_EMPTY)
    if not is_reduced:
        return content
    first = [entries[0] for entries in group_by_digest(content["manifests"]).values()][:MAX_LOOKUPS]
    return _EMPTY | {"manifests": [_describe_referrer(each) for each in first]}


def group_by_digest(entries: Iterable[Any]) -> dict[str, list[Referrer]]:
    """Return the different entries for each artifact."""
    found: dict[str, dict[bytes, Referrer]] = {}
    for entry in entries:
        if each := _parse_entry(entry):
            content = canonical_json(
                [each.descriptor.as_dict(), each.artifact_type, each.annotations]
            )
            found.setdefault(each.descriptor.digest, {}).setdefault(content, each)
    return {digest: list(content.values()) for digest, content in found.items()}


def select_marks(subject: str, tags: Iterable[str]) -> dict[str, None]:
    """Return the tags that mark artifacts about `subject`, in their order."""
    length = len(mark_tag(subject, subject))
    return dict.fromkeys(
        tag for tag in tags if tag.startswith(f"{list_tag(subject)}.") and len(tag) == length
    )


def list_tag(digest: str) -> str:
    """Return the tag of the list of artifacts about a digest."""
    return digest.replace(":", "-")


def mark_tag(subject: str, digest: str) -> str:
    """Return the tag that an artifact about `subject` gets as its mark."""
    return f"{list_tag(subject)}.{digest.partition(':')[2][:_MARK_DIGITS]}"


def make_entry(manifest: Manifest) -> dict[str, Any]:
    """Return the list entry of an artifact.

    It has the type of the artifact, or that of its configuration, and all annotations.
    """
    return _describe_referrer(
        Referrer(manifest.descriptor, manifest.artifact_type, manifest.annotations)
    )


def _describe_referrer(referrer: Referrer) -> dict[str, Any]:
    extra = {"artifactType": referrer.artifact_type, "annotations": dict(referrer.annotations)}
    return {
        **referrer.descriptor.as_dict(),
        **{name: value for name, value in extra.items() if value},
    }


def find_digest(entry: object) -> str:
    """Return the digest, of any algorithm, in an entry of a list; empty if there is none."""
    digest = entry.get("digest") if isinstance(entry, dict) else None
    return digest if isinstance(digest, str) else ""


def _parse_entry(entry: object) -> Referrer | None:
    """Return the artifact that an entry of a list names, or None if the entry is no descriptor.

    Annotations that are not text are left out.
    """
    try:
        descriptor = parse_descriptor(entry)
    except Malformed:
        return None
    fields = entry if isinstance(entry, dict) else {}
    kind, notes = fields.get("artifactType"), fields.get("annotations")
    texts = (
        {name: text for name, text in notes.items() if isinstance(text, str)}
        if isinstance(notes, dict)
        else {}
    )
    return Referrer(descriptor, kind if isinstance(kind, str) else "", texts)
