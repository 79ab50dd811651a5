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

The race that remains is with clients that leave no marks (oras, cosign): what they list between our look at the list
and our put of it is lost. What they take from the list, the next to attach or copy something puts back, and readers
here never miss. A registry that lists a tag only some time after it was put would open the race for marks as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from types import MappingProxyType
from typing import Any

from oci.copying import bring, held, readable
from oci.manifest import EMPTY_CONFIG, OCI_EMPTY, OCI_INDEX, Descriptor, Manifest, canonical, image_manifest
from oci.registry import WORKERS, Registry, RegistryError

ATTEMPTS = 8
WAIT_S = 0.1
LARGEST_BYTES = 256 << 20
"""Artifacts are read into memory. A bill of materials has megabytes."""

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
    """The artifacts that refer to `digest`, by their own digest: all, or those of `artifact_type`.

    Raises RegistryError, also for a list that cannot be read: evidence must not vanish with it.
    """
    return _found(registry, repository, digest, artifact_type, cache(lambda: registry.tags(repository)))


def _found(
    registry: Registry, repository: str, digest: str, artifact_type: str, tags: Callable[[], Sequence[str]]
) -> tuple[Referrer, ...]:
    """`tags` are asked for where the registry has no list of its own: a look at them may serve many digests."""
    entries = registry.referrers(repository, digest)
    if entries is None:
        listed = _list(registry, repository, digest)["manifests"] if _tag(digest) in tags() else []
        entries = [*listed, *_unlisted(registry, repository, digest, listed, tags())]
    with readable(registry, repository, digest):
        found = {referrer.descriptor.digest: referrer for referrer in map(_referrer, entries)}
    return tuple(found[each] for each in sorted(found) if artifact_type in ("", found[each].artifact_type))


def fetch(registry: Registry, repository: str, referrer: Referrer, limit: int = LARGEST_BYTES) -> tuple[bytes, ...]:
    """The blobs of an artifact, in order, their digests checked.

    Raises RegistryError, also where they have more than `limit` bytes together.
    """
    digest = referrer.descriptor.digest
    manifest = held(registry, repository, digest)
    with readable(registry, repository, digest):
        blobs = manifest.blobs()[1:]
        size = sum(blob.size for blob in blobs)
    if size > limit:
        raise RegistryError(200, f"{registry.host}/{repository}@{digest} has {size} bytes, more than {limit}")
    return tuple(registry.blob(repository, blob.digest, blob.size) for blob in blobs)


def copy(registry: Registry, source: str, target: str, digest: str) -> tuple[Referrer, ...]:
    """Make everything that refers to `digest` in `source` refer to it in `target`; returns the direct referrers.

    The manifests keep their bytes. What refers to a referrer (a signature of a bill of materials) is there before it.
    The manifest of `digest` itself need not be in `target` yet. Raises RegistryError; then call again.
    """
    return _copied(registry, source, target, digest, cache(lambda: registry.tags(source)))


def _copied(
    registry: Registry, source: str, target: str, digest: str, tags: Callable[[], Sequence[str]]
) -> tuple[Referrer, ...]:
    found = _found(registry, source, digest, "", tags)
    with ThreadPoolExecutor(WORKERS) as pool:
        named = [referrer.descriptor.digest for referrer in found]
        manifests = list(pool.map(partial(bring, registry, source, target), named))
    for referrer in found:
        if _may_be_referred_to(registry, source, referrer.descriptor.digest, tags):
            _copied(registry, source, target, referrer.descriptor.digest, tags)
    _put(registry, target, digest, manifests)
    return found


def _may_be_referred_to(registry: Registry, repository: str, digest: str, tags: Callable[[], Sequence[str]]) -> bool:
    """False where a registry that lists no referrers has neither list nor mark for a digest, as of most artifacts."""
    return registry.lists_referrers(repository) or any(tag.startswith(_tag(digest)) for tag in tags())


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
    problem = RegistryError(409, f"{where}: others replaced the list of referrers {ATTEMPTS} times")
    for attempt in range(ATTEMPTS):
        time.sleep(WAIT_S * max(0, attempt - 1))  # the look after the first put is the one that usually ends this
        content = _list(registry, repository, subject)
        missing = _unlisted(registry, repository, subject, content["manifests"], registry.tags(repository), own)
        if not missing:
            return
        try:
            registry.put_manifest(repository, _tag(subject), _extended(content, missing))
        except RegistryError as error:  # overtaken, or its answer lost, or failed: the next look tells
            if 400 <= error.status < 500:
                raise
            problem = error
    raise problem


def _extended(content: dict[str, Any], entries: Sequence[dict[str, Any]]) -> Manifest:
    """The list with more entries, by digest; what others wrote into it stays as they wrote it."""
    together = sorted([*content["manifests"], *entries], key=lambda entry: str(entry["digest"]))
    return Manifest(canonical(content | {"manifests": together}), OCI_INDEX)


def _list(registry: Registry, repository: str, subject: str) -> dict[str, Any]:
    """The index under the subject's tag, an empty one where there is none."""
    found = registry.manifest(repository, _tag(subject))
    if found is None or found.digest == subject:  # an image may be kept under the tag of its own digest
        return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    with readable(registry, repository, _tag(subject)):
        for entry in found.content["manifests"]:
            _referrer(entry)
        return found.content


def _unlisted(  # noqa: PLR0913, PLR0917 - a subject, and what is known of it already
    registry: Registry,
    repository: str,
    subject: str,
    listed: Sequence[Any],
    tags: Sequence[str],
    own: Mapping[str, Manifest] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """Entries for the artifacts that are marked among `tags` and not in the list; those of `own` are not asked for."""
    with readable(registry, repository, _tag(subject)):
        known = {_mark(subject, entry["digest"]) for entry in listed}
    length = len(_mark(subject, subject))
    marks = [tag for tag in tags if tag.startswith(f"{_tag(subject)}.") and len(tag) == length]
    found = [own.get(mark) or registry.manifest(repository, mark) for mark in marks if mark not in known]
    with readable(registry, repository, _tag(subject)):
        return [_entry(each) for each in found if each and each.content.get("subject", {}).get("digest") == subject]


def _tag(digest: str) -> str:
    return digest.replace(":", "-")


def _mark(subject: str, digest: str) -> str:
    return f"{_tag(subject)}.{digest.partition(':')[2][:_MARK_DIGITS]}"


def _entry(manifest: Manifest) -> dict[str, Any]:
    """How a list describes an artifact: its type, else that of its configuration, and all its annotations."""
    content = manifest.content
    kind = content.get("artifactType") or content.get("config", {}).get("mediaType")
    extra = {"artifactType": kind, "annotations": content.get("annotations")}
    return {**manifest.descriptor.plain(), **{name: value for name, value in extra.items() if value}}


def _referrer(entry: dict[str, Any]) -> Referrer:
    descriptor = Descriptor(entry["mediaType"], entry["digest"], entry["size"])
    return Referrer(descriptor, entry.get("artifactType") or "", dict(entry.get("annotations") or {}))
