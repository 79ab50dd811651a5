"""Trusted decisions that let a digest carry tags, as transactions see them.

publish/released/decision_check.py reads them. Only these decisions and the tags of production say
which digests a version has. What an unsigned journal says never counts for this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from images.names import candidate_stem, is_candidate
from publish.tags.journal import JournalEntry, line_alias_of, list_tags_of
from runner import progress
from runner.nouns import count_noun


@dataclass(frozen=True)
class TrustedDecision:
    """A decision with the verdict `pass`, signed by a key that may decide.

    It lets the image carry `tags`. `version` is `v2.6.0-candidate` for a candidate. `decision` is
    the digest of the decision's manifest. `decided_on` is the moment (ISO 8601) that it states.
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


ReadDecisions = Callable[[str, Sequence[str]], tuple[TrustedDecision, ...]]
"""Return the trusted decisions on a digest (first argument).

The second argument names manifests of decisions that are read even if the registry does not list
them for the digest.
"""

MAX_OTHER_TAGS = 100
"""How many tags of a version are looked up for images that the catalogue does not name."""
MAX_VERSIONS, MAX_LOOKUPS, MAX_LOOKUP_S = 300, 3_000, 60.0
"""The limits of one command for an unsigned journal: versions, lookups of tags and decisions, and
seconds.
"""
WHOLE_VERSIONS, WHOLE_LOOKUPS, WHOLE_S = 5_000, 50_000, 1500.0
"""The same before a journal is signed again: what is not looked up then would be lost."""


@dataclass
class LookupBudget:
    """The number of lookups and the time that are left for all versions together.

    At most `versions` versions are looked up. Without these limits, a journal that a stranger wrote
    could keep a command busy.
    """

    lookups: int = MAX_LOOKUPS
    ends: float = field(default_factory=lambda: time.monotonic() + MAX_LOOKUP_S)
    versions: int = MAX_VERSIONS
    _known: set[str] = field(default_factory=set)

    @property
    def is_spent(self) -> bool:
        """Whether nothing more may be looked up."""
        return self.lookups <= 0 or time.monotonic() > self.ends

    def spend(self, name: str, more: int = 0) -> None:
        """Take a tag or digest from the budget; only once, because readers cache what they read.

        `more` is the number of further requests, which are not cached.
        """
        self.lookups -= more + (name not in self._known)
        self._known.add(name)


@dataclass(frozen=True)
class VersionLookup:
    """The lookup of versions in production.

    `tags` are all tags of the repository. `resolve_tag` returns the digest that a tag points to,
    empty if there is no such tag. `images` are the images of the catalogue: their tags are looked
    up first, however many other tags there are. If the list of tags `is_cut`, their tags are looked
    up whether they are in it or not.
    """

    tags: Sequence[str]
    resolve_tag: Callable[[str], str]
    read_decisions: ReadDecisions
    images: Sequence[str] = ()
    budget: LookupBudget = field(default_factory=LookupBudget)
    is_cut: bool = False

    @cached_property
    def _existing(self) -> frozenset[str]:
        """The tags as a set, so that it is quick to see whether one exists."""
        return frozenset(self.tags)

    def find_decisions(
        self, version: str, hints: Mapping[str, Sequence[str]] | None = None
    ) -> dict[str, list[TrustedDecision]]:
        """Return the decisions on each digest that may be this version.

        These digests are looked up: those under the tags of the version, those of `hints`, and
        those under aliases that may point to the version. `hints` also names manifests of decisions
        for each of its digests.
        """
        hinted = {digest: tuple(named) for digest, named in (hints or {}).items()}
        found: dict[str, list[TrustedDecision]] = {}
        for tag in self._list_tags(version):
            self._look_up(version, self._resolve_within_budget(tag), hinted, found)
        for digest in hinted:
            self._look_up(version, digest, hinted, found)
        for tag in self._list_aliases(version, found):
            self._look_up(version, self._resolve_within_budget(tag), hinted, found)
        return {digest: decisions for digest, decisions in found.items() if decisions}

    def _resolve_within_budget(self, tag: str) -> str:
        """Return the digest under a tag; empty if there is none, or if the budget is spent."""
        self.budget.spend(tag)
        return "" if self.budget.is_spent else self.resolve_tag(tag)

    def _look_up(
        self,
        version: str,
        digest: str,
        hinted: Mapping[str, Sequence[str]],
        found: dict[str, list[TrustedDecision]],
    ) -> None:
        """Add the decisions on a digest to `found`, unless it is there already."""
        if not digest or digest in found or self.budget.is_spent:
            return
        named = hinted.get(digest, ())
        self.budget.spend(digest, len(named))
        found[digest] = [
            each
            for each in self.read_decisions(digest, named)
            if each.version == version and set(each.own_tags) <= set(each.tags)
        ]

    def _list_tags(self, version: str) -> list[str]:
        """Return the tags that look like own tags of a version.

        Those of the catalogue's images come first, then the others, short ones first.
        """
        of_candidate = "" if is_candidate(version) else candidate_stem(version)
        first = self._list_tags_of([version], self.images)
        others = [
            tag
            for tag in self.tags
            if (tag == version or tag.startswith(f"{version}-"))
            and not (of_candidate and tag.startswith(of_candidate))
            and tag not in first
        ]
        if len(others) > MAX_OTHER_TAGS:
            progress.say_line(
                f"  {version} has too many tags: "
                f"{count_noun(len(others) - MAX_OTHER_TAGS, 'tag')} cannot be looked up; remove "
                "those that nobody needs"
            )
        return [*first, *sorted(others, key=lambda tag: (len(tag), tag))[:MAX_OTHER_TAGS]]

    def _list_aliases(self, version: str, found: Mapping[str, list[TrustedDecision]]) -> list[str]:
        """Return the tags of aliases that may point to a version.

        These are the aliases that its decisions allow, for every image, and those of its line.
        """
        decisions = [(digest, each) for digest, every in found.items() for each in every]
        entries = [entry for digest, each in decisions for entry in list_entries(each, digest)]
        line = line_alias_of(version)
        stems = [
            *(entry.alias for entry in entries if entry.alias),
            *([candidate_stem(line)] if is_candidate(version) else [line, "latest"]),
        ]
        return self._list_tags_of(stems, [*self.images, *(entry.image for entry in entries)])

    def _list_tags_of(self, stems: Iterable[str], images: Iterable[str]) -> list[str]:
        """Return the tags of production that are those of `images` under `stems`, each once."""
        unique_images = list(dict.fromkeys(images))
        tags = (
            tag
            for stem in dict.fromkeys(stems)
            for image in unique_images
            for tag in list_tags_of(stem, image)
        )
        return [tag for tag in dict.fromkeys(tags) if self.is_cut or tag in self._existing]


def list_own_entries(
    decisions: Mapping[str, Iterable[TrustedDecision]],
) -> list[JournalEntry]:
    """Return the own tags of every image of a version, as entries that are done.

    `decisions` are those on each digest. If an image has several digests, each gives its entries.
    """
    newest = {
        (each.image, digest): each
        for digest, every in decisions.items()
        for each in sorted(every, key=lambda each: (each.decided_on, each.decision))
    }
    return [
        entry
        for (_, digest), each in sorted(newest.items(), key=lambda item: item[0])
        for entry in list_entries(each, digest)
        if not entry.alias
    ]


def list_entries(decision: TrustedDecision, digest: str) -> Iterator[JournalEntry]:
    """Yield every tag that a decision allows, as an entry that is done; own tags come first."""
    image, own = decision.image, decision.own_tags
    for tag in own:
        yield JournalEntry(tag, image, "", "", digest, decision.decision, "done")
    for tag in (tag for tag in decision.tags if tag not in own):
        stems = (tag.removesuffix(f"-{image}"), tag)
        alias = next((stem for stem in stems if tag in list_tags_of(stem, image)), None)
        if alias is not None:  # otherwise it is not a tag of this image
            yield JournalEntry(tag, image, alias, "", digest, decision.decision, "done")
