"""Artifacts that say something about an image: manifests with its digest as `subject` (Distribution Specification 1.1).

A registry with the referrers API lists them itself. Where it has none (Distribution 2.8), its clients keep the list:
an image index under the tag `sha256-HEX` of the subject, the specification's referrers tag schema. No registry replaces
a tag only if it has not changed meanwhile, so what one client puts there can undo what another just put.

Therefore each artifact gets a tag of its own first, its mark `sha256-HEX.START` (START: of its own digest), which
nobody else writes. Whoever put the list looks for marks that are not in it, and puts it again while there are any. So
the last of several writers put everything that was marked when it looked, and who marked later finds itself missing and
becomes the last. Readers add the marks to the list: a writer killed in between loses nothing. The marks stay, for
without one a slow writer could still drop the entry. They also keep the artifacts through a garbage collection of
untagged manifests, which does not follow indexes (distribution/distribution, issue 3004).

Whoever may write to a repository may attach what they like, without a key. So everything here is bounded: the size of a
list, the number of marks that are looked at, the bytes of an artifact. An entry of a list that is no descriptor is
passed over, and one whose artifact was deleted is dropped when the list is put again. A list that is full stays as it
is: the mark of an artifact is enough to find it. What is copied is named by who asks, artifact by artifact.

The race that remains is with clients that leave no marks (oras, cosign): what they list between our look at the list
and our put of it is lost. What they take from the list, the next to attach or copy something puts back, and readers
here never miss. A registry that lists a tag only some time after it was put would open the race for marks as well.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from oci.copying import bring, held
from oci.manifest import (
    EMPTY_CONFIG,
    LARGEST_MANIFEST,
    OCI_EMPTY,
    OCI_INDEX,
    Descriptor,
    Manifest,
    canonical,
    image_manifest,
    is_digest,
    parse_descriptor,
)
from oci.registry import WORKERS, Registry, RegistryError, readable
from runner import progress
from runner.untrusted import Malformed

ATTEMPTS = 8
WAIT_S = 0.1
LARGEST_BYTES = 256 << 20
"""Artifacts are read into memory. A bill of materials has megabytes."""

MOST_MARKS = 1_000
"""Marks that are not in the list and are looked at, a request each. Those of a writer that was killed are a few."""

_SERVED = (200, 404)
"""Statuses of a registry that answered: what it holds is wrong, or gone. That is no outage."""
_REFUSED = (400, 404, 409, 422)
"""How registries refuse a list that names what they do not have."""

_MARK_DIGITS = 40  # a tag has at most 128 characters, and two whole digests have more


@dataclass(frozen=True)
class Referrer:
    """An artifact that refers to a digest, as the registry's list describes it."""

    descriptor: Descriptor
    artifact_type: str
    annotations: Mapping[str, str]


def attach(  # noqa: PLR0913, PLR0917 - where, about what, and the three things an artifact is
    registry: Registry,
    repository: str,
    subject: Descriptor,
    artifact_type: str,
    blobs: Sequence[tuple[str, bytes]],
    annotations: Mapping[str, str],
) -> Descriptor:
    """Push an artifact about `subject`, of `blobs` as (media type, bytes); returns the reference to its manifest.

    The same arguments are the same manifest, attached once however often this is called. The subject need not be there
    yet. Raises RegistryError; then call again.
    """
    config = registry.push_bytes(repository, EMPTY_CONFIG, OCI_EMPTY)
    layers = [registry.push_bytes(repository, data, media_type) for media_type, data in blobs]
    manifest = image_manifest(config, layers, annotations, artifact_type, subject)
    _put(registry, repository, subject.digest, [manifest])
    return manifest.descriptor


def referrers(registry: Registry, repository: str, digest: str, artifact_type: str = "") -> tuple[Referrer, ...]:
    """Return the artifacts that refer to `digest`, by their own digest: all, or those of `artifact_type`.

    A list that says two things about an artifact gives it twice. Raises RegistryError, also for a list that cannot be
    read: evidence must not vanish with it.
    """
    entries = registry.referrers(repository, digest)
    if entries is None:
        tags = registry.tags(repository)
        listed = _list(registry, repository, digest)["manifests"] if _tag(digest) in tags else []
        entries = [*listed, *_unlisted(registry, repository, digest, listed, tags)]
    found = {(each.descriptor.digest, canonical(entry)): each for entry in entries if (each := _referrer(entry))}
    return tuple(found[each] for each in sorted(found) if artifact_type in ("", found[each].artifact_type))


def referrer(registry: Registry, repository: str, subject: str, digest: str) -> Referrer | None:
    """Return the artifact with this digest, listed or not; None if there is none, or it refers to something else."""
    try:
        found = registry.manifest(repository, digest) if is_digest(digest) else None
    except RegistryError as error:
        if error.status not in _SERVED:
            raise
        return None
    if found is None or found.subject != subject:
        return None
    return Referrer(found.descriptor, found.artifact_type, found.annotations)


def fetch(registry: Registry, repository: str, referrer: Referrer, limit: int = LARGEST_BYTES) -> tuple[bytes, ...]:
    """Return the blobs of an artifact, in order, their digests checked.

    Raises RegistryError, also if they have more than `limit` bytes together.
    """
    manifest = held(registry, repository, referrer.descriptor.digest)
    blobs = _blobs(registry, repository, manifest, limit)[1:]
    return tuple(registry.blob(repository, blob.digest, blob.size) for blob in blobs)


def copy(registry: Registry, source: str, target: str, subject: str, artifacts: Collection[str]) -> None:
    """Make the `artifacts` (digests of manifests) that refer to `subject` in `source` refer to it in `target`.

    The manifests keep their bytes, and nothing else is copied. The manifest of `subject` itself need not be in `target`
    yet. Raises RegistryError; then call again.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        manifests = list(pool.map(partial(_copied, registry, source, target, subject), sorted(set(artifacts))))
    _put(registry, target, subject, manifests)


def _copied(registry: Registry, source: str, target: str, subject: str, digest: str) -> Manifest:
    manifest = held(registry, source, digest)
    if manifest.subject != subject:
        raise RegistryError(200, f"{registry.host}/{source}@{digest} is not about {subject}")
    _blobs(registry, source, manifest, LARGEST_BYTES)
    return bring(registry, source, target, digest)


def _blobs(registry: Registry, repository: str, manifest: Manifest, limit: int) -> tuple[Descriptor, ...]:
    """Return the blobs of an artifact. Raises RegistryError if they have more than `limit` bytes together."""
    with readable(registry, repository, manifest.digest):
        blobs = manifest.blobs()
    size = sum(blob.size for blob in blobs[1:])
    if size > limit or (blobs and blobs[0].size > limit):
        raise RegistryError(200, f"{registry.host}/{repository}@{manifest.digest} has {size} bytes, more than {limit}")
    return blobs


def _put(registry: Registry, repository: str, subject: str, manifests: Sequence[Manifest]) -> None:
    """Put artifacts whose blobs are there, and see to it that they are listed."""
    marks: dict[str, Manifest] = {}
    for manifest in manifests:
        if marks or registry.put_manifest(repository, manifest.digest, manifest) != subject:
            marks[_mark(subject, manifest.digest)] = manifest  # one was not listed, so none is: the mark puts it too
    for mark, manifest in marks.items():
        registry.put_manifest(repository, mark, manifest, contested=False)
    if marks:
        _complete(registry, repository, subject, marks)


def _complete(registry: Registry, repository: str, subject: str, own: Mapping[str, Manifest]) -> None:
    """Put the list until everything that is marked is in it. `own` are the marks that were just put."""
    where = f"{registry.host}/{repository}:{_tag(subject)}"
    problem = RegistryError(409, f"{where}: others replaced the list of referrers {ATTEMPTS} times", _AGAIN)
    gone: frozenset[str] = frozenset()
    for attempt in range(ATTEMPTS):
        time.sleep(WAIT_S * max(0, attempt - 1))  # the look after the first put is the one that usually ends this
        content = _list(registry, repository, subject)
        missing = _unlisted(registry, repository, subject, content["manifests"], registry.tags(repository), own)
        if not missing:
            return
        extended = _extended(content, missing, gone)
        if len(extended.body) > LARGEST_MANIFEST:
            progress.say(f"  {where}: the list of referrers is full; remove there what nobody needs")
            return
        try:
            registry.put_manifest(repository, _tag(subject), extended)
        except RegistryError as error:  # overtaken, or its answer lost, or failed: the next look tells
            if error.status in _REFUSED and (more := _gone(registry, repository, extended) - gone):
                gone |= more
            elif 400 <= error.status < 500:
                raise
            problem = error
    raise problem


_AGAIN = "run the same command again when no other run attaches something to this image"


def _extended(content: dict[str, Any], entries: Sequence[dict[str, Any]], gone: Collection[str]) -> Manifest:
    """Return the list with more entries, by digest, without those that are `gone` or name nothing.

    What others wrote into it stays as they wrote it.
    """
    every = [entry for entry in (*content["manifests"], *entries) if _named(entry) not in ("", *gone)]
    return Manifest(canonical(content | {"manifests": sorted(every, key=_named)}), OCI_INDEX)


def _gone(registry: Registry, repository: str, listed: Manifest) -> frozenset[str]:
    """Return the digests in a list whose artifacts are not in the repository any more."""
    names = sorted({_named(entry) for entry in listed.entries()})
    with ThreadPoolExecutor(WORKERS) as pool:
        there = pool.map(lambda name: is_digest(name) and registry.digest_of(repository, name), names)
        return frozenset(name for name, digest in zip(names, there, strict=True) if not digest)


def _list(registry: Registry, repository: str, subject: str) -> dict[str, Any]:
    """Return the index under the subject's tag, an empty one if there is none."""
    found = registry.manifest(repository, _tag(subject))
    if found is None or found.digest == subject:  # an image may be kept under the tag of its own digest
        return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    if not found.is_index:
        where = f"{registry.host}/{repository}:{_tag(subject)}"
        raise RegistryError(200, f"{where}: not as the specification has it: no list of referrers", _REMOVE)
    return found.content


_REMOVE = "remove that tag in the registry, then run the same command again: the list is made anew from its marks"


def _unlisted(  # noqa: PLR0913, PLR0917 - a subject, and what is known of it already
    registry: Registry,
    repository: str,
    subject: str,
    listed: Sequence[Any],
    tags: Sequence[str],
    own: Mapping[str, Manifest] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """Return entries for the artifacts that are marked among `tags` and not in the list; `own` are not asked for."""
    known = {_mark(subject, each.descriptor.digest) for entry in listed if (each := _referrer(entry))}
    length = len(_mark(subject, subject))
    marks = [tag for tag in tags if tag.startswith(f"{_tag(subject)}.") and len(tag) == length and tag not in known]
    asked = [mark for mark in marks if mark not in own]
    if len(asked) > MOST_MARKS:
        where = f"{registry.host}/{repository}:{_tag(subject)}"
        progress.say(f"  {len(asked) - MOST_MARKS} tags {where}.* are not looked at: remove those that nobody needs")
    with ThreadPoolExecutor(WORKERS) as pool:
        found = pool.map(partial(_marked, registry, repository), asked[:MOST_MARKS])
        every = [*(own[mark] for mark in marks if mark in own), *found]
    return [_entry(each) for each in every if each and each.subject == subject]


def _marked(registry: Registry, repository: str, mark: str) -> Manifest | None:
    try:
        return registry.manifest(repository, mark)
    except RegistryError as error:
        if error.status not in _SERVED:
            raise
        return None


def _tag(digest: str) -> str:
    return digest.replace(":", "-")


def _mark(subject: str, digest: str) -> str:
    return f"{_tag(subject)}.{digest.partition(':')[2][:_MARK_DIGITS]}"


def _entry(manifest: Manifest) -> dict[str, Any]:
    """Return how a list describes an artifact: its type, else that of its configuration, and all its annotations."""
    extra = {"artifactType": manifest.artifact_type, "annotations": manifest.annotations}
    return {**manifest.descriptor.plain(), **{name: value for name, value in extra.items() if value}}


def _named(entry: object) -> str:
    """Return the digest, of whatever algorithm, that an entry of a list names; empty if it names none."""
    digest = entry.get("digest") if isinstance(entry, dict) else None
    return digest if isinstance(digest, str) else ""


def _referrer(entry: object) -> Referrer | None:
    """Return what an entry of a list names; None if it is no descriptor. Annotations that are no text are left out."""
    try:
        descriptor = parse_descriptor(entry)
    except Malformed:
        return None
    said = entry if isinstance(entry, dict) else {}
    kind, notes = said.get("artifactType"), said.get("annotations")
    texts = {name: text for name, text in notes.items() if isinstance(text, str)} if isinstance(notes, dict) else {}
    return Referrer(descriptor, kind if isinstance(kind, str) else "", texts)
