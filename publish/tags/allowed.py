"""Trusted decisions that let a digest carry tags, as transactions see them.

publish/released/decision_check.py reads them. What a version is follows from them and from the tags
of production alone: never from what somebody wrote into a journal that no trusted key signed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from images.names import candidate_stem, is_candidate, plain_version
from publish.tags.journal import JournalEntry, line_of, list_tags_of
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
"""How many tags of a version, of images that the catalogue does not name, are looked at."""
LOOKUPS, LOOKUP_S = 3_000, 60.0
"""How many tags and decisions one command looks up for unsigned hints, and for how long."""


@dataclass
class LookupBudget:
    """What may still be looked up, in all: what nobody signed must not keep a command busy."""

    lookups: int = LOOKUPS
    ends: float = field(default_factory=lambda: time.monotonic() + LOOKUP_S)
    _known: set[str] = field(default_factory=set)

    @property
    def is_spent(self) -> bool:
        """Whether nothing more may be looked up."""
        return self.lookups <= 0 or time.monotonic() > self.ends

    def spend(self, name: str, more: int = 0) -> None:
        """Take a tag or digest from the budget the first time, since readers keep what they read.

        `more` are requests that nobody keeps.
        """
        self.lookups -= more + (name not in self._known)
        self._known.add(name)


@dataclass(frozen=True)
class VersionLookup:
    """The lookup of versions in production; `tags` are all tags of the repository.

    `images` are those of the catalogue: theirs is looked up first, however many other tags there
    are.
    """

    tags: Sequence[str]
    held: Callable[[str], str]
    allowed: ReadAllowed
    images: Sequence[str] = ()
    budget: LookupBudget = field(default_factory=LookupBudget)

    def find_decisions(
        self, version: str, hints: Mapping[str, Sequence[str]] | None = None
    ) -> dict[str, list[AllowedTags]]:
        """Return the decisions on each digest that may be this version.

        Looked at are the digests that production has under tags of the version, and under aliases
        that may be on it, and those of `hints`, each with manifests of decisions.
        """
        told = {digest: tuple(named) for digest, named in (hints or {}).items()}
        found: dict[str, list[AllowedTags]] = {}
        for tag in self._list_tags(version):
            self._look_up(version, self._find_held(tag), told, found)
        for digest in told:
            self._look_up(version, digest, told, found)
        for tag in self._list_aliases(version, found):
            self._look_up(version, self._find_held(tag), told, found)
        return {digest: decided for digest, decided in found.items() if decided}

    def _find_held(self, tag: str) -> str:
        """Return the digest under a tag; empty if there is none, or if the budget is spent."""
        self.budget.spend(tag)
        return "" if self.budget.is_spent else self.held(tag)

    def _look_up(
        self,
        version: str,
        digest: str,
        told: Mapping[str, Sequence[str]],
        found: dict[str, list[AllowedTags]],
    ) -> None:
        """Add the decisions on a digest to `found`, once."""
        if not digest or digest in found or self.budget.is_spent:
            return
        named = told.get(digest, ())
        self.budget.spend(digest, len(named))
        found[digest] = [
            each
            for each in self.allowed(digest, named)
            if each.version == version and set(each.own_tags) <= set(each.tags)
        ]

    def _list_tags(self, version: str) -> list[str]:
        """Return the tags that read as an own tag of a version.

        Those of the catalogue's images come first, then short ones.
        """
        of_candidate = "" if is_candidate(version) else candidate_stem(version)
        first = self._list_tags_of([version], self.images)
        named = [
            tag
            for tag in self.tags
            if (tag == version or tag.startswith(f"{version}-"))
            and not (of_candidate and tag.startswith(of_candidate))
            and tag not in first
        ]
        if len(named) > MOST_TAGS:
            progress.say_line(
                f"  {len(named) - MOST_TAGS} tags of {version} are not looked at: remove those "
                "that nobody needs"
            )
        return [*first, *sorted(named, key=lambda tag: (len(tag), tag))[:MOST_TAGS]]

    def _list_aliases(self, version: str, found: Mapping[str, list[AllowedTags]]) -> list[str]:
        """Return the tags of aliases that may be on a version.

        These are the aliases that its decisions allow, for every image, and those of its line.
        """
        decided = [(digest, each) for digest, every in found.items() for each in every]
        entries = [entry for digest, each in decided for entry in list_entries(each, digest)]
        line = line_of(plain_version(version))
        stems = [
            *(entry.alias for entry in entries if entry.alias),
            *([candidate_stem(line)] if is_candidate(version) else [line, "latest"]),
        ]
        return self._list_tags_of(stems, [*self.images, *(entry.image for entry in entries)])

    def _list_tags_of(self, stems: Iterable[str], images: Iterable[str]) -> list[str]:
        """Return the tags that images have under stems, each once."""
        every, there = list(dict.fromkeys(images)), frozenset(self.tags)
        named = (
            tag
            for stem in dict.fromkeys(stems)
            for image in every
            for tag in list_tags_of(stem, image)
        )
        return [tag for tag in dict.fromkeys(named) if tag in there]


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
