"""Artifacts about an image: manifests with its digest as `subject`.

Distribution Specification 1.1. A registry with the referrers API lists them itself. If it has none
(Distribution 2.8), its clients keep the list: an image index under the tag `sha256-HEX` of the
subject, the specification's referrers tag schema. No registry can replace a tag on the condition
that it has not changed meanwhile, so one client can undo what another just put.

Therefore each artifact gets a tag of its own first, its mark `sha256-HEX.START` (START: of its own
digest), which nobody else writes. A client that put the list looks for marks that are not in it,
and puts it again while there are any. So the last of several writers put everything that was marked
when it looked, and one that marked later finds its artifact missing and becomes the last. Readers
add the marks to the list: a writer that is killed in between loses nothing. The marks stay, because
without one a slow writer could still drop the entry. They also keep the artifacts through a garbage
collection of untagged manifests, which does not follow indexes (distribution/distribution, issue
3004).

Everybody who may write to a repository may attach anything, without a key, and may edit the list.
So a list is a hint:

- What it says of an artifact that has a mark is not believed. The artifact's own manifest is read,
  which nobody can change under its digest. An entry that a signature vouches for (`vouched`) needs
  no request.
- An entry that is not a descriptor is ignored. Several entries for one digest are one. If the whole
  list cannot be read, it counts as empty, and is made anew.
- Everything is bounded: the size of a list, the number and size of the manifests that are read, the
  bytes of an artifact. The caller names each artifact that is copied.
- A client that attaches an artifact replaces its entry. If the list does not fit, the artifacts
  that were attached last come first, and the rest is dropped. So running the stages again always
  makes their artifacts visible again.

An account that may write there can still hide artifacts until the stages run again: it may also
delete them. An artifact that a trusted statement names is found by its digest (`referrer`),
whatever the list says.

The race that remains is with clients that leave no marks (oras, cosign): what they list between our
read of the list and our put of it is lost. What they take from the list, the next client to attach
or copy something puts back, and readers here never miss it. A registry that lists a tag only some
time after it was put would open the race for marks as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from oci import referrer_list
from oci.copying import require_manifest
from oci.manifest import (
    EMPTY_CONFIG,
    OCI_EMPTY,
    TITLE,
    Descriptor,
    Manifest,
    canonical_json,
    image_manifest,
)
from oci.reference import is_digest
from oci.referrer_list import (
    Referrer,
    extend_list,
    find_digest,
    group_by_digest,
    list_tag,
    make_entry,
    mark_tag,
    read_list,
    select_marks,
)
from oci.registry import WORKERS, Registry, RegistryError, Unreadable, report_malformed
from runner import progress
from runner.nouns import count_noun
from runner.pool import worker_pool

ATTEMPTS = 8
WAIT_S = 0.1
MAX_BYTES = 256 << 20
"""Bytes. Artifacts are read into memory; an SBOM has a few megabytes."""

MAX_LOOKUP_BYTES = 16 << 10
"""Bytes of such a manifest, which is kept. Those of this project have less than 8 KiB."""

SERVED = (200, 404)
"""Statuses of a registry that works, if its content is wrong or missing."""
_REFUSED = (400, 404, 409, 422)
"""Statuses with which registries refuse a list that names missing manifests."""


def attach_artifact(  # noqa: PLR0913, PLR0917 - where, about what, and the three things an artifact is
    registry: Registry,
    repository: str,
    subject: Descriptor,
    artifact_type: str,
    blobs: Sequence[tuple[str, bytes]],
    annotations: Mapping[str, str],
) -> Descriptor:
    """Push an artifact about `subject` and return the descriptor of its manifest.

    `blobs` are pairs of media type and bytes. A title among the annotations is also the name of its
    first blob as a file. The same arguments give the same manifest, which is
    attached once, however often this is called. The subject need not be there yet. Raises
    RegistryError; then call again.
    """
    config = registry.push_bytes(repository, EMPTY_CONFIG, OCI_EMPTY)
    layers = [registry.push_bytes(repository, data, media_type) for media_type, data in blobs]
    layers[:1] = [replace(each, title=annotations.get(TITLE, "")) for each in layers[:1]]
    manifest = image_manifest(config, layers, annotations, artifact_type, subject)
    put_artifacts(registry, repository, subject.digest, [manifest])
    return manifest.descriptor


def list_referrers(
    registry: Registry,
    repository: str,
    digest: str,
    artifact_type: str = "",
    vouched: Callable[[Referrer], bool] = lambda _: False,
) -> tuple[Referrer, ...]:
    """Return the artifacts that refer to `digest`, each once, ordered by their own digest.

    With `artifact_type`, only those. `vouched` returns whether an entry of the list can be believed
    without reading the manifest. Raises RegistryError.
    """
    entries, tags = registry.list_referrers(repository, digest), tuple[str, ...]()
    if entries is None:
        tags = registry.list_tags(repository)
        entries = (
            read_list(registry, repository, digest)["manifests"]
            if list_tag(digest) in tags or registry.has_cut_list(repository)
            else []
        )
    found = _resolve_listed(
        registry, repository, digest, group_by_digest(entries), select_marks(digest, tags), vouched
    )
    return tuple(
        each for _, each in sorted(found.items()) if artifact_type in ("", each.artifact_type)
    )


def _resolve_listed(  # noqa: PLR0913, PLR0917 - about what, what is listed and marked, and who is believed
    registry: Registry,
    repository: str,
    subject: str,
    listed: Mapping[str, Sequence[Referrer]],
    marks: Collection[str],
    vouched: Callable[[Referrer], bool],
) -> dict[str, Referrer]:
    """Return by digest what is listed or marked.

    If the list may be wrong about an artifact, its manifest is read.
    """
    found = {digest: entries[0] for digest, entries in listed.items()}
    doubtful = [
        digest
        for digest, entries in listed.items()
        if len(entries) > 1 or (mark_tag(subject, digest) in marks and not vouched(entries[0]))
    ]
    known = {mark_tag(subject, digest) for digest in listed}
    looked = _read_manifests(
        registry, repository, subject, [*doubtful, *(mark for mark in marks if mark not in known)]
    )
    for name, manifest in looked.items():
        if manifest is not None and manifest.subject_digest == subject:
            found[manifest.digest] = Referrer(
                manifest.descriptor, manifest.artifact_type, manifest.annotations
            )
        elif manifest is not None:
            found.pop(name, None)
    return found


def _read_manifests(
    registry: Registry, repository: str, subject: str, names: Sequence[str]
) -> dict[str, Manifest | None]:
    """Return the manifests under digests and marks; None for a missing or bad one.

    At most MAX_LOOKUPS are read.
    """
    looked_up = names[: referrer_list.MAX_LOOKUPS]
    if left := len(names) - len(looked_up):
        where = f"{registry.host}/{repository}:{list_tag(subject)}"
        progress.say_line(
            f"  {where}: too many artifacts, so {count_noun(left, 'artifact')} cannot be read; "
            "remove those that nobody needs"
        )
    with worker_pool(WORKERS) as pool:
        return dict(
            zip(
                looked_up,
                pool.map(partial(_read_own_manifest, registry, repository, subject), looked_up),
                strict=True,
            )
        )


def _read_own_manifest(
    registry: Registry, repository: str, subject: str, name: str
) -> Manifest | None:
    """Return the manifest under a digest or mark; None if it is another one, or a bad one.

    It is read once in a command: anybody can put thousands of marks.
    """
    key = repository, name
    if key not in registry.looked:
        try:
            found = registry.read_manifest(repository, name, MAX_LOOKUP_BYTES)
        except Unreadable:
            found = None
        is_own = found is not None and name in (found.digest, mark_tag(subject, found.digest))
        registry.looked[key] = found if is_own else None
    return registry.looked[key]


def find_referrer(
    registry: Registry, repository: str, subject: str, digest: str
) -> Referrer | None:
    """Return the artifact with this digest, listed or not.

    Returns None if there is none, or if it refers to another subject.
    """
    try:
        found = registry.read_manifest(repository, digest) if is_digest(digest) else None
    except RegistryError as error:
        if error.status not in SERVED:
            raise
        return None
    if found is None or found.subject_digest != subject:
        return None
    return Referrer(found.descriptor, found.artifact_type, found.annotations)


def fetch_blobs(
    registry: Registry, repository: str, referrer: Referrer, limit: int = MAX_BYTES
) -> tuple[bytes, ...]:
    """Return the blobs of an artifact, in order. Their digests are verified.

    Raises RegistryError, also if they have more than `limit` bytes together.
    """
    manifest = require_manifest(registry, repository, referrer.descriptor.digest)
    blobs = _bounded_blobs(registry, repository, manifest, limit)[1:]
    return tuple(registry.read_blob(repository, blob.digest, blob.size) for blob in blobs)


def _bounded_blobs(
    registry: Registry, repository: str, manifest: Manifest, limit: int
) -> tuple[Descriptor, ...]:
    """Return the blobs of an artifact.

    Raises RegistryError if its configuration, or all others together, have more than `limit` bytes.
    """
    with report_malformed(registry, repository, manifest.digest):
        blobs = manifest.parse_blobs()
    config, size = sum(blob.size for blob in blobs[:1]), sum(blob.size for blob in blobs[1:])
    if max(config, size) > limit:
        what = "a configuration of " if config > limit else ""
        found = f"has {what}{max(config, size)} bytes, more than {limit}"
        raise RegistryError(200, f"{registry.host}/{repository}@{manifest.digest} {found}")
    return blobs


def put_artifacts(
    registry: Registry, repository: str, subject: str, manifests: Sequence[Manifest]
) -> None:
    """Put artifacts whose blobs are there, and make sure that they are listed."""
    marks: dict[str, Manifest] = {}
    for manifest in manifests:
        if marks or registry.put_manifest(repository, manifest.digest, manifest) != subject:
            marks[mark_tag(subject, manifest.digest)] = (
                manifest  # one was not listed, so none is: the mark puts it too
            )
    for mark, manifest in marks.items():
        registry.put_manifest(repository, mark, manifest, contested=False)
        registry.looked.pop((repository, mark), None)
    if marks:
        _complete_list(registry, repository, subject, marks)


def _complete_list(
    registry: Registry, repository: str, subject: str, own: Mapping[str, Manifest]
) -> None:
    """Put the list again until every marked artifact is in it.

    `own` are the marks that were just put.
    """
    where = f"{registry.host}/{repository}:{list_tag(subject)}"
    problem = RegistryError(
        409, f"{where}: others replaced the list of referrers {ATTEMPTS} times", _AGAIN
    )
    entries = [make_entry(manifest) for _, manifest in sorted(own.items())]
    gone, is_refused = frozenset[str](), False
    for attempt in range(ATTEMPTS):
        time.sleep(WAIT_S * max(0, attempt - 1))  # usually the read after the first put ends this
        content = read_list(registry, repository, subject, is_reduced=is_refused)
        listed = content["manifests"]
        missing = _missing_entries(registry, repository, subject, listed, own)
        if not missing and all(  # each is there, and no other entry names its artifact
            [each for each in listed if find_digest(each) == entry["digest"]] == [entry]
            for entry in entries
        ):
            return
        extended = extend_list(content, entries, missing, gone)
        if extended.body == canonical_json(content):  # full: the rest is found by its marks
            return
        try:
            registry.put_manifest(repository, list_tag(subject), extended)
        except RegistryError as error:  # the next read shows whether the list is there
            more = (
                _find_deleted(registry, repository, extended) - gone
                if error.status in _REFUSED
                else frozenset()
            )
            if (
                400 <= error.status < 500
                and not more
                and (is_refused or error.status not in _REFUSED)
            ):
                raise
            gone, is_refused = gone | more, error.status in _REFUSED and not more
            problem = error
    raise problem


_AGAIN = "run the same command again when no other run attaches something to this image"


def _missing_entries(
    registry: Registry,
    repository: str,
    subject: str,
    listed: Sequence[Any],
    own: Mapping[str, Manifest],
) -> list[dict[str, Any]]:
    """Return entries for artifacts that others marked and that are not in the list."""
    known = {mark_tag(subject, digest) for digest in group_by_digest(listed)}
    marks = [
        mark
        for mark in select_marks(subject, registry.list_tags(repository))
        if mark not in known and mark not in own
    ]
    found = _read_manifests(registry, repository, subject, marks)
    return [make_entry(each) for each in found.values() if each and each.subject_digest == subject]


def _find_deleted(registry: Registry, repository: str, listed: Manifest) -> frozenset[str]:
    """Return the digests of listed artifacts that are no longer in the repository.

    Nothing is looked for if the list is too long.
    """
    names = sorted({find_digest(entry) for entry in listed.index_entries()})
    if len(names) > referrer_list.MAX_LOOKUPS * 2:
        return frozenset()
    with worker_pool(WORKERS) as pool:
        there = pool.map(
            lambda name: is_digest(name) and registry.resolve_digest(repository, name), names
        )
        return frozenset(name for name, digest in zip(names, there, strict=True) if not digest)
