"""Trusted decisions that let a digest carry tags, as transactions see them.

publish/released/decision_check.py reads them. What a version is follows from them and from the tags
of production alone: never from what somebody wrote into a journal that no trusted key signed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from images.names import candidate_stem, is_candidate
from publish.tags.journal import JournalEntry, list_tags_of
from runner import progress


@dataclass(frozen=True)
class AllowedTags:
    """A trusted decision with the verdict `pass`.

    `version` is `v2.6.0-candidate` of a candidate, `decision` the digest of the decision's
    manifest, and `decided_on` a moment (ISO 8601) as the decision states it.
    """

    version: str
    image: str
    tags: tuple[str, ...]
    decision: str
    decided_on: str

    @property
    def own_tags(self) -> tuple[str, ...]:
        """The tags of the image under the version itself."""
        return list_tags_of(self.version, self.image)


ReadAllowed = Callable[[str, Sequence[str]], tuple[AllowedTags, ...]]
"""Return the trusted decisions on a digest, also unlisted ones whose manifests are named."""

MOST_TAGS = 100
"""How many tags of a version that nothing signed names are looked at."""


@dataclass(frozen=True)
class VersionLookup:
    """The lookup of versions in production; `tags` are all tags of the repository."""

    tags: Sequence[str]
    held: Callable[[str], str]
    allowed: ReadAllowed

    def find_decisions(
        self, version: str, hints: Mapping[str, Sequence[str]] | None = None
    ) -> dict[str, list[AllowedTags]]:
        """Return the decisions on each digest that may be this version.

        Looked at are the digests of `hints`, each with manifests of decisions, and those that
        production has under tags of the version.
        """
        told = {digest: tuple(named) for digest, named in (hints or {}).items()}
        for tag in self._list_tags(version):
            if digest := self.held(tag):
                told.setdefault(digest, ())
        found = {
            digest: [
                each
                for each in self.allowed(digest, named)
                if each.version == version and set(each.own_tags) <= set(each.tags)
            ]
            for digest, named in told.items()
        }
        return {digest: decided for digest, decided in found.items() if decided}

    def _list_tags(self, version: str) -> list[str]:
        """Return the tags that read as an own tag of a version, short ones first."""
        of_candidate = "" if is_candidate(version) else candidate_stem(version)
        named = [
            tag
            for tag in self.tags
            if (tag == version or tag.startswith(f"{version}-"))
            and not (of_candidate and tag.startswith(of_candidate))
        ]
        if len(named) > MOST_TAGS:
            progress.say_line(
                f"  {len(named) - MOST_TAGS} tags of {version} are not looked at: remove those "
                "that nobody needs"
            )
        return sorted(named, key=lambda tag: (len(tag), tag))[:MOST_TAGS]


def list_own_entries(decided: Mapping[str, Iterable[AllowedTags]]) -> list[JournalEntry]:
    """Return the own tags of every image of a version, on each digest that was decided for it."""
    newest = {
        (each.image, digest): each
        for digest, decisions in decided.items()
        for each in sorted(decisions, key=lambda each: (each.decided_on, each.decision))
    }
    return [
        entry
        for (_, digest), each in sorted(newest.items(), key=lambda item: item[0])
        for entry in list_entries(each, digest)
        if not entry.alias
    ]


def list_entries(allowed: AllowedTags, digest: str) -> Iterator[JournalEntry]:
    """Yield every tag that a decision allows, as one that was put; own tags first."""
    own = allowed.own_tags
    for tag in own:
        yield JournalEntry(tag, allowed.image, "", "", digest, allowed.decision, "done")
    for tag in (tag for tag in allowed.tags if tag not in own):
        stems = (tag.removesuffix(f"-{allowed.image}"), tag)
        alias = next((stem for stem in stems if tag in list_tags_of(stem, allowed.image)), None)
        if alias is not None:  # else it is no tag of the image
            yield JournalEntry(tag, allowed.image, alias, "", digest, allowed.decision, "done")
