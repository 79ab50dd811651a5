"""The part of an unsigned journal that trusted decisions and signed marks confirm.

Everybody who may write the journal's repository can write an unsigned journal, or delete the
journal. So the versions that are looked up are those of production's own tags, and an unsigned
journal is used only as hints of further versions and digests. Every transaction that is returned is
made from what is signed:

- A promotion is what trusted decisions allow: all images of the version that production has, under
  all their tags, on the day of the decision. Promotions are put in the order of their versions,
  because aliases move forwards in that order.
- A yank is what a signed mark on one of these digests says. It counts for all images of the
  version.
- A rollback does not count, and neither does a transaction that is half done, because no decision
  says anything about them. The same command can be run again.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from images.names import candidate_stem, image_tag, parse_own_tag
from oci.registry import Registry, RegistryError
from publish.evidence.bundle_files import SERVED
from publish.tags.decisions import (
    LookupBudget,
    ReadDecisions,
    TrustedDecision,
    VersionLookup,
    list_entries,
    list_own_entries,
)
from publish.tags.journal import Journal, JournalEntry, StoredJournal, Transaction, version_order
from publish.tags.yank_marker import ReadMarks
from runner import progress
from runner.moments import parse_moment
from runner.nouns import count_noun
from runner.untrusted import clean_line

MAX_DIGESTS, MAX_DECISIONS = 50, 5
"""How many digests of a version, and decisions on a digest, are taken from an unsigned journal."""
MAX_SHOWN = 5
"""How many transactions that are not confirmed are shown; the others are counted."""
OWNER = "trusted decisions"
"""The owner of a confirmed transaction: no signed statement says which run made it."""


@dataclass
class _VersionHint:
    """A version that the journal names, with its digests and the decisions on each of them.

    `text` is the transaction that names it, for messages.
    """

    text: str
    digests: dict[str, list[str]] = field(default_factory=dict)

    def add_entries(self, entries: Iterable[JournalEntry]) -> None:
        """Add the digests and decisions that a transaction names, up to the limits."""
        for entry in entries:
            if entry.new in self.digests or len(self.digests) < MAX_DIGESTS:
                decisions = self.digests.setdefault(entry.new, [])
                if len(decisions) < MAX_DECISIONS and entry.decision not in decisions:
                    decisions.append(entry.decision)


@dataclass(frozen=True)
class ConfirmedJournal:
    """The part of a journal that counts. `rest` says what was not looked up; empty if all was."""

    journal: Journal
    rest: str


def confirm_journal(
    journal: Journal, lookup: VersionLookup, read_marks: ReadMarks
) -> ConfirmedJournal:
    """Return what trusted decisions and signed marks say about the versions of production.

    These are the versions of its own tags, and those that a journal names. The parts of the journal
    that are not confirmed are left out, and a line says so. Raises RegistryError if the registry
    fails.
    """
    dropped: list[str] = []
    found: list[Transaction] = []
    hints = _collect_hints(journal, dropped)
    waiting = _order_versions(lookup, hints)
    for version in waiting:
        hints.setdefault(version, _VersionHint(f"the tags of {version}"))
    known = set(waiting)
    while (
        waiting
        and len(known) - len(waiting) < lookup.budget.versions
        and not lookup.budget.is_spent
    ):
        version = waiting.pop(0)
        decisions = _find_decisions(lookup, version, hints[version])
        promotions = list(_make_promotions(version, decisions, lookup))
        found += [*promotions, *_make_yank(version, decisions, read_marks)]
        if not decisions and hints[version].digests:
            digest = clean_line(next(iter(hints[version].digests), "nothing"), 80)
            text = hints[version].text
            dropped.append(f"{text}: no trusted decision says that {digest} is {version}")
        for other, digest in _find_under_aliases(promotions, lookup):
            if other not in known:  # the journal leaves out a version that production has
                hints[other] = _VersionHint(f"the promotion of {other}", {digest: []})
                known.add(other)
                waiting.insert(0, other)  # users have it: before versions that may be invented
    rest = _report_rest(dropped, waiting, lookup)
    found.sort(
        key=lambda each: (
            version_order(each.version),
            each.version,
            each.kind == "yank",
            each.started_at,
        )
    )
    return ConfirmedJournal(Journal(tuple(found)), rest)


def _report_rest(dropped: Sequence[str], waiting: Sequence[str], lookup: VersionLookup) -> str:
    """Say which transactions do not count, and return what was not looked up; empty if all was.

    Of a long list only the first transactions are named.
    """
    for text in dropped[:MAX_SHOWN]:
        progress.say_line(f"  ignored, because it is not confirmed: {text}")
    if more := len(dropped) - len(dropped[:MAX_SHOWN]):
        progress.say_line(
            f"  ignored {count_noun(more, 'more transaction')} without a confirmation"
        )
    if not waiting and not lookup.budget.is_spent:
        return ""
    rest = f"{count_noun(len(waiting), 'more version')}" if waiting else "parts of the last version"
    progress.say_line(f"  not looked up in this journal: {rest}")
    return rest


def _order_versions(lookup: VersionLookup, hints: Iterable[str]) -> list[str]:
    """Return the versions that are looked up, each once.

    Those that production has tags of come first, and among them those that the journal names and
    those of the catalogue's images. So invented versions cannot crowd them out.
    """
    named, images = dict.fromkeys(hints), frozenset(lookup.images)
    tagged: dict[str, bool] = {}
    for own in filter(None, map(parse_own_tag, lookup.tags)):
        stem = candidate_stem(str(own.version)) if own.is_candidate else str(own.version)
        tagged[stem] = tagged.get(stem, False) or own.image in images
    if lookup.is_cut:  # `latest` is read also then, and the aliases of its release lead further
        digests = {lookup.resolve_tag(image_tag("latest", image)) for image in lookup.images}
        for digest in sorted(digests - {""}):
            tagged |= {each.version: True for each in lookup.read_decisions(digest, ())}
    return sorted(
        {**named, **tagged},
        key=lambda each: (each not in tagged, each not in named, not tagged.get(each)),
    )


def confirm_stored(
    stored: StoredJournal, look_up_versions: Callable[[], VersionLookup], read_marks: ReadMarks
) -> StoredJournal:
    """Return the journal with only the transactions that count.

    `problem` says why its signature does not count. If there is no journal but production has
    releases, somebody deleted the journal; `problem` says this too.
    """
    if stored.digest is not None and not stored.problem:
        return stored
    lookup = look_up_versions()
    if not (stored.problem or may_have_releases(lookup)):
        return stored
    found = confirm_journal(stored.journal, lookup, read_marks)
    problem = stored.problem or (MISSING if found.journal.transactions or found.rest else "")
    confirmed = replace(stored, journal=found.journal, problem=problem, rest=found.rest)
    if problem:
        progress.say_line(
            f"  {confirmed.signature_warning}; only the parts that trusted decisions and signed "
            "marks confirm are used"
        )
    return confirmed


def may_have_releases(lookup: VersionLookup) -> bool:
    """Return whether production has a tag that may be the own tag of a release or candidate."""
    return lookup.is_cut or any(map(parse_own_tag, lookup.tags))


MISSING = "there is no journal, but production has releases"


def find_yank(version: str, lookup: VersionLookup, read_marks: ReadMarks) -> str:
    """Return why a version was yanked, by a mark on any of its images; empty if it was not."""
    decisions = _find_decisions(lookup, version, _VersionHint(version))
    yanks = _make_yank(version, decisions, read_marks)
    return next((f"{version} was yanked: {each.reason}" for each in yanks), "")


def _find_under_aliases(
    promotions: Iterable[Transaction], lookup: VersionLookup
) -> Iterator[tuple[str, str]]:
    """Yield the versions that the aliases of promotions now point to by trusted decisions.

    Each comes with its digest.
    """
    tags = {entry.tag for each in promotions for entry in each.entries if entry.alias}
    for tag in sorted(tags):
        digest = lookup.resolve_tag(tag)
        for each in lookup.read_decisions(digest, ()) if digest else ():
            if tag in each.tags and lookup.resolve_tag(each.own_tags[0]) == digest:
                yield each.version, digest


def make_version_lookup(
    registry: Registry,
    repository: str,
    read_decisions: ReadDecisions,
    images: Sequence[str] = (),
    budget: LookupBudget | None = None,
) -> VersionLookup:
    """Return the lookup of versions in a repository, whose tags are listed now, once.

    `images` are those of the catalogue. `budget` is by default that of a command that only reads.
    """
    resolve_tag = cache(lambda tag: registry.resolve_digest(repository, tag) or "")
    tags = registry.list_tags(repository)
    is_cut = registry.has_cut_list(repository)
    return VersionLookup(
        tags, resolve_tag, read_decisions, images, budget or LookupBudget(), is_cut=is_cut
    )


def _collect_hints(journal: Journal, dropped: list[str]) -> dict[str, _VersionHint]:
    """Return the versions that a journal names, each once.

    Transactions that are no hints are added to `dropped`.
    """
    hints: dict[str, _VersionHint] = {}
    for each in dict.fromkeys(journal.transactions):
        problem = ""
        if each.is_open or not each.entries:
            problem = "it is half done" if each.is_open else "it names no tags"
        elif each.kind == "rollback" or each.undone:
            problem = "decisions do not record rollbacks"
        if problem:
            dropped.append(f"the {clean_line(str(each), 80)}: {problem}")
        else:
            hints.setdefault(each.version, _VersionHint(f"the {each}")).add_entries(each.entries)
    return hints


def _find_decisions(
    lookup: VersionLookup, version: str, hint: _VersionHint
) -> Mapping[str, list[TrustedDecision]]:
    """Return the decisions on each digest of a version; none if the registry has lost them."""
    try:
        return lookup.find_decisions(version, hint.digests)
    except RegistryError as error:
        if error.status not in SERVED:
            raise
        return {}


def _make_promotions(
    version: str, decisions: Mapping[str, list[TrustedDecision]], lookup: VersionLookup
) -> Iterator[Transaction]:
    """Yield the promotions of a version, one transaction for each day and set of aliases.

    If the own tag of an image points to a digest with a decision, only this digest counts.
    """
    pairs = [(digest, each) for digest, every in decisions.items() for each in every]
    digests: dict[str, set[str]] = {}
    for digest, each in pairs:
        digests.setdefault(each.image, set()).add(digest)
    groups: dict[tuple[str, tuple[str, ...]], dict[str, JournalEntry]] = {}
    moments: dict[tuple[str, tuple[str, ...]], str] = {}
    for digest, each in sorted(pairs, key=lambda pair: (pair[1].image, pair[0])):
        current = lookup.resolve_tag(each.own_tags[0])
        if current == digest or current not in digests[each.image]:
            entries = tuple(list_entries(each, digest))
            aliases = tuple(dict.fromkeys(entry.alias for entry in entries))
            moment = clamp_moment(each.decided_on)
            key = moment[: len("2026-11-27")], aliases
            group = groups.setdefault(key, {})
            group.update((entry.tag, entry) for entry in entries)
            moments[key] = max(moment, moments.get(key, ""))
    for key, by_tag in groups.items():
        yield Transaction("promotion", version, OWNER, moments[key], tuple(by_tag.values()))


def _make_yank(
    version: str, decisions: Mapping[str, list[TrustedDecision]], read_marks: ReadMarks
) -> Iterator[Transaction]:
    """Yield the yank of a version if one of its digests has a signed mark that names it."""
    found = {mark for digest in decisions for mark in read_marks(digest) if mark.version == version}
    for mark in sorted(found, key=lambda mark: (mark.yanked_at, mark.reason))[:1]:
        entries = tuple(replace(entry, old=entry.new) for entry in list_own_entries(decisions))
        yield Transaction(
            "yank", version, OWNER, clamp_moment(mark.yanked_at), entries, reason=mark.reason
        )


def clamp_moment(stated: str) -> str:
    """Return the moment that a signed statement gives, in UTC.

    Returns the present moment if the text is not a date and time, or is in the future.
    """
    now = datetime.datetime.now(datetime.UTC)
    try:
        moment = min(now, parse_moment(stated))
    except ValueError:
        moment = now
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
