"""The part of an unsigned journal that trusted decisions and signed marks confirm.

Whoever may write the journal's repository can write one. So it is read as hints, of which versions
and digests to look up. All that is returned is made from what is signed:

- A promotion is what trusted decisions allow: all images of the version that production has, under
  all their tags, on the day of the decision. Releases are put in the order of their versions, in
  which aliases move forwards.
- A yank is what a signed mark on one of these digests says, for all images of the version.
- A rollback, and a transaction that is half done, do not count: no decision tells of them. The same
  command, run again, does them again.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from images.names import leading_version, plain_version
from oci.registry import Registry, RegistryError
from publish.evidence.store import SERVED
from publish.tags.allowed import (
    AllowedTags,
    ReadAllowed,
    VersionLookup,
    list_entries,
    list_own_entries,
)
from publish.tags.journal import Journal, JournalEntry, Transaction, version_order
from publish.tags.yank_marker import ReadMarks
from runner import progress
from runner.moments import parse_moment
from runner.untrusted import clean_line

MOST = 300
"""How many versions of such a journal are looked up. Each costs a few requests."""
MOST_DIGESTS, MOST_DECISIONS = 50, 5
"""How many digests of a version, and decisions on a digest, that the journal names."""
MOST_TOLD = 5
OWNER = "trusted decisions"
"""Who a confirmed transaction is said to be by: nobody signed who began it."""


@dataclass
class _VersionHint:
    """A version that the journal names, and the digests with the decisions it names for them."""

    text: str
    digests: dict[str, list[str]] = field(default_factory=dict)

    def add_entries(self, entries: Iterable[JournalEntry]) -> None:
        """Take what a transaction names, within bounds."""
        for entry in entries:
            if entry.new in self.digests or len(self.digests) < MOST_DIGESTS:
                named = self.digests.setdefault(entry.new, [])
                if len(named) < MOST_DECISIONS and entry.decision not in named:
                    named.append(entry.decision)


def confirm_journal(kept: Journal, release: VersionLookup, marks: ReadMarks) -> Journal:
    """Return what trusted decisions and signed marks say of the versions that a journal names.

    What they do not confirm is dropped, and said. Raises RegistryError if the registry fails.
    """
    dropped: list[str] = []
    found: list[Transaction] = []
    hints = _collect_hints(kept, dropped)
    # what production has tags of comes first: else invented versions would hide it
    used = {plain_version(leading_version(tag)) for tag in release.tags}
    due, known = sorted(hints, key=lambda each: plain_version(each) not in used), set(hints)
    while due and len(known) - len(due) < MOST and not release.budget.is_spent:
        version = due.pop(0)
        decided = _find_decisions(release, version, hints[version])
        promoted = list(_make_promotions(version, decided, release))
        found += [*promoted, *_make_yank(version, decided, marks)]
        if not decided:
            digest = clean_line(next(iter(hints[version].digests), "nothing"), 80)
            text = hints[version].text
            dropped.append(f"{text}: no trusted decision lets {digest} be {version}")
        for other, digest in _find_under_aliases(promoted, release):
            if other not in known:  # the journal leaves it out, and production is on it
                hints[other] = _VersionHint(f"the promotion of {other}", {digest: []})
                known.add(other)
                due.append(other)
    for text in dropped[:MOST_TOLD]:
        progress.say_line(f"  not confirmed, and does not count: {text}")
    if more := len(dropped) - len(dropped[:MOST_TOLD]):
        progress.say_line(f"  {more} more transactions are not confirmed, and do not count")
    if due or release.budget.is_spent:
        rest = f"{len(due)} more versions" if due else "parts of the last version"
        progress.say_line(f"  {rest} of that journal are not looked at")
    found.sort(
        key=lambda each: (
            version_order(each.version),
            each.version,
            each.kind == "yank",
            each.started_at,
        )
    )
    return Journal(tuple(found))


def _find_under_aliases(
    promoted: Iterable[Transaction], release: VersionLookup
) -> Iterator[tuple[str, str]]:
    """Yield the versions, with a digest, that aliases of promotions are on by trusted decisions."""
    tags = {entry.tag for each in promoted for entry in each.entries if entry.alias}
    for tag in sorted(tags):
        digest = release.held(tag)
        for each in release.allowed(digest, ()) if digest else ():
            if tag in each.tags and release.held(each.own_tags[0]) == digest:
                yield each.version, digest


def make_version_lookup(
    registry: Registry, repository: str, allowed: ReadAllowed, images: Sequence[str] = ()
) -> VersionLookup:
    """Return how versions are looked up in a repository; its tags are listed once.

    `images` are those of the catalogue.
    """
    held = cache(lambda tag: registry.resolve_digest(repository, tag) or "")
    return VersionLookup(registry.list_tags(repository), held, allowed, images)


def _collect_hints(kept: Journal, dropped: list[str]) -> dict[str, _VersionHint]:
    """Return the versions that a journal names, each once, and add what is no hint to `dropped`."""
    hints: dict[str, _VersionHint] = {}
    for each in dict.fromkeys(kept.transactions):
        problem = ""
        if each.is_open or not each.entries:
            problem = "it is half done" if each.is_open else "it names no tags"
        elif each.kind == "rollback" or each.undone:
            problem = "no trusted decision tells of a rollback"
        if problem:
            dropped.append(f"the {clean_line(str(each), 80)}: {problem}")
        else:
            hints.setdefault(each.version, _VersionHint(f"the {each}")).add_entries(each.entries)
    return hints


def _find_decisions(
    release: VersionLookup, version: str, hint: _VersionHint
) -> Mapping[str, list[AllowedTags]]:
    try:
        return release.find_decisions(version, hint.digests)
    except RegistryError as error:
        if error.status not in SERVED:
            raise
        return {}


def _make_promotions(
    version: str, decided: Mapping[str, list[AllowedTags]], release: VersionLookup
) -> Iterator[Transaction]:
    """Yield what was decided of a version, one transaction for each day and set of tags."""
    every = [(digest, each) for digest, decisions in decided.items() for each in decisions]
    digests: dict[str, set[str]] = {}
    for digest, each in every:
        digests.setdefault(each.image, set()).add(digest)
    groups: dict[tuple[str, tuple[str, ...]], dict[str, JournalEntry]] = {}
    for digest, each in sorted(every, key=lambda pair: (pair[1].image, pair[0])):
        held = release.held(each.own_tags[0])
        if held == digest or held not in digests[each.image]:
            entries = tuple(list_entries(each, digest))
            aliases = tuple(dict.fromkeys(entry.alias for entry in entries))
            group = groups.setdefault((clamp_moment(each.decided_on), aliases), {})
            group.update((entry.tag, entry) for entry in entries)
    for (moment, _), put in groups.items():
        yield Transaction("promotion", version, OWNER, moment, tuple(put.values()))


def _make_yank(
    version: str, decided: Mapping[str, list[AllowedTags]], marks: ReadMarks
) -> Iterator[Transaction]:
    """Yield the yank of a version if any of its digests has a signed mark that names it."""
    found = {mark for digest in decided for mark in marks(digest) if mark.version == version}
    for mark in sorted(found, key=lambda mark: (mark.yanked_at, mark.reason))[:1]:
        entries = tuple(replace(entry, old=entry.new) for entry in list_own_entries(decided))
        yield Transaction(
            "yank", version, OWNER, clamp_moment(mark.yanked_at), entries, reason=mark.reason
        )


def clamp_moment(stated: str) -> str:
    """Return a moment that a signed statement states, in UTC; now if it is none or to come."""
    now = datetime.datetime.now(datetime.UTC)
    try:
        moment = min(now, parse_moment(stated))
    except ValueError:
        moment = now
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
