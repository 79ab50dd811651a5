"""Promotion of a release: all tags of all its images move together, or none of them.

A run can be killed at any moment. This order makes that safe:

1. All problems are found and reported together, before anything is put.
2. Blobs, evidence and manifests are copied to production by digest. No tag points to them yet, so
   no tag ever points to a digest without its evidence.
3. Under the lock, the journal says which tags will move.
4. The tags move: own tags first, then aliases, `latest` last.

If a run is killed after step 3, the next run of any kind completes the moves. If it is killed
before, nothing is visible. Here an alias only moves forwards; publish/tags/rollback.py moves it
back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache

from images.catalog import Repositories
from images.names import candidate_stem, leading_version, plain_version
from oci import referrers
from oci.copying import copy_contents
from oci.document import Seal
from oci.manifest import Manifest
from oci.registry import Registry, RegistryError
from publish.evidence.store import SERVED
from publish.tags import lock
from publish.tags.confirm import OWNER as CONFIRMED_OWNER
from publish.tags.confirm import confirm_stored, make_version_lookup, may_have_releases
from publish.tags.decisions import (
    WHOLE_LOOKUPS,
    WHOLE_S,
    WHOLE_VERSIONS,
    LookupBudget,
    ReadDecisions,
    VersionLookup,
)
from publish.tags.journal import TAG as JOURNAL_TAG
from publish.tags.journal import (
    Journal,
    JournalEntry,
    StoredJournal,
    Transaction,
    list_tags_of,
    read_journal,
    version_order,
    write_journal,
)
from publish.tags.lock import LockClaim
from publish.tags.yank_marker import YankMarks
from runner import progress
from runner.errors import EnvironmentFailed, GateRefused, ReleaseError

CheckDecision = Callable[[Transaction, JournalEntry], str]
"""Return why the decision behind one entry of a transaction does not count; empty if it does."""

LATEST = "latest"
ATTEMPTS = 3
"""How often a tag is tried: a set of tags that moved only in part is worse than a wait."""
MAX_OWN_TAGS = 100
"""How many own tags are looked up to find out whether the journal was lost."""


@dataclass(frozen=True)
class Production:
    """The repositories where tags move, and the `owner` in whose name (`lock.make_owner_name`).

    `marks` reads and writes the marks of yanks. `seal` signs the journal, and `lock_seal` the claim
    of the lock. `check_decision` is asked about every tag before it moves, also for a transaction
    that another run began. `read_decisions` returns the trusted decisions on a digest; only they
    show that a tag is a release if the journal does not know the tag. `images` are the images of
    the catalogue. `confirm` returns what counts of a journal, for a plan: what is signed is looked
    up again under the lock.
    """

    registry: Registry
    repositories: Repositories
    owner: str
    marks: YankMarks
    seal: Seal
    check_decision: CheckDecision = lambda _, __: ""
    read_decisions: ReadDecisions = lambda _, __: ()
    lock_seal: Seal | None = None
    images: tuple[str, ...] = ()
    confirm: Callable[[StoredJournal], StoredJournal] | None = None

    def resolve_tag(self, tag: str) -> str:
        """Return the digest that a tag of production points to; empty if there is no such tag."""
        return self.registry.resolve_digest(self.repositories.production, tag) or ""

    def read_journal(self) -> StoredJournal:
        """Return the journal as it is in the registry now."""
        return read_journal(self.registry, self.repositories.journal, self.seal)

    def write_journal(
        self, journal: Journal, before: StoredJournal, claim: LockClaim
    ) -> StoredJournal:
        """Sign the journal and put it in place of `before`."""
        return write_journal(
            self.registry, self.repositories.journal, journal, before.digest, claim, self.seal
        )

    def hold_lock(self) -> AbstractContextManager[LockClaim]:
        """Hold the lock in the name of the owner."""
        return lock.hold_lock(self.registry, self.repositories.journal, self.owner, self.lock_seal)

    def look_up_versions(self, budget: LookupBudget | None = None) -> VersionLookup:
        """Return the lookup of versions in production, whose tags are listed now."""
        return make_version_lookup(
            self.registry, self.repositories.production, self.read_decisions, self.images, budget
        )

    def is_tag_allowed(self, tag: str, digest: str) -> bool:
        """Return whether a trusted decision lets a digest carry a tag."""
        return any(tag in each.tags for each in self.read_decisions(digest, ()))


@dataclass(frozen=True)
class TagSet:
    """The tags of a release: its own tags for all of `images`, and `aliases` (`v2.6`, `latest`).

    `aliases` are without the names of images. The own tags of a candidate are `v2.6.0-candidate*`;
    they may move. The own tags of a release never move.
    """

    version: str
    images: tuple[str, ...]
    aliases: tuple[str, ...]
    candidate: bool = False

    @property
    def own_stem(self) -> str:
        """The own tag of the base image."""
        return candidate_stem(self.version) if self.candidate else self.version


@dataclass(frozen=True)
class ApprovedImage:
    """An image that may be promoted, the repository where it is staged, and its decision.

    `decision` is the digest of the decision's manifest. `evidence` are the digests of all artifacts
    that must be copied with the image, with the decision among them. Those of `superseded` are
    copied if that is possible. Nothing else is copied.
    """

    image: str
    digest: str
    repository: str
    decision: str
    evidence: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlannedMove:
    """A tag, and the digest that it shall point to. `alias` is empty for a release's own tag."""

    tag: str
    image: str
    alias: str
    digest: str
    decision: str


@dataclass(frozen=True)
class TransactionOutcome:
    """The tags with their digests before and after.

    `left` are sentences about the tags that were left as they are, each with the reason.
    `unreached` are sentences about what a yank did not find. The outcome of a preview says what
    would happen.
    """

    entries: tuple[JournalEntry, ...] = ()
    left: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()


def plan_moves(tags: TagSet, approved: Sequence[ApprovedImage]) -> tuple[PlannedMove, ...]:
    """Return a move for every tag of a release, in the order in which the tags are put.

    Raises GateRefused if the approved images are not exactly those of the release.
    """
    images = [each.image for each in approved]
    if sorted(images) != sorted(tags.images):
        wanted, given = ", ".join(sorted(tags.images)), ", ".join(sorted(images)) or "none"
        raise GateRefused(
            f"{tags.version} consists of {wanted}, but these images are approved: {given}",
            "promote all images of a release together",
        )
    return tuple(
        PlannedMove(
            tag, each.image, "" if stem == tags.own_stem else stem, each.digest, each.decision
        )
        for stem in (tags.own_stem, *sorted(tags.aliases, key=lambda alias: alias == LATEST))
        for each in approved
        for tag in list_tags_of(stem, each.image)
    )


def preview_promotion(
    production: Production, tags: TagSet, approved: Sequence[ApprovedImage]
) -> TransactionOutcome:
    """Return what `promote_tags` would do now, without putting anything.

    Raises GateRefused with all problems.
    """
    stored = _read_confirmed(production)
    return _plan_outcome(production, stored, tags, plan_moves(tags, approved))


def promote_tags(
    production: Production, tags: TagSet, approved: Sequence[ApprovedImage]
) -> TransactionOutcome:
    """Put the tags of a release.

    Raises GateRefused or EnvironmentFailed. If it is run again, it continues where it stopped.
    """
    stored = resume_interrupted(production)
    moves = plan_moves(tags, approved)
    planned = _plan_outcome(production, stored, tags, moves)
    _copy_images_to_production(production, approved)
    if not _has_changes(stored, planned):  # then the lock is not needed
        lock.release_own_claim(
            production.registry, production.repositories.journal, production.owner
        )
        return planned
    with production.hold_lock() as claim:
        stored = complete_journal(production, claim)
        planned = _plan_outcome(production, stored, tags, moves)
        if _has_changes(stored, planned):
            transaction = Transaction(
                "promotion", tags.own_stem, production.owner, current_time(), planned.entries
            )
            carry_out(production, claim, stored, transaction)
    return planned


def _has_changes(stored: StoredJournal, planned: TransactionOutcome) -> bool:
    """Return whether a tag must move, or the journal does not say yet that it has moved."""
    return any(
        entry.old != entry.new or stored.journal.expected_digests(entry.tag) != {entry.new}
        for entry in planned.entries
    )


def resume_interrupted(production: Production) -> StoredJournal:
    """Complete what a killed run left half done; if the journal is unsigned, sign what counts.

    Returns the journal as it is then. Raises EnvironmentFailed if it cannot be completed.
    """
    stored = production.read_journal()
    is_lost = stored.digest is None and may_have_releases(production.look_up_versions())
    if is_lost or stored.problem or stored.journal.open_transaction:
        with production.hold_lock() as claim:
            return complete_journal(production, claim)
    return stored


def carry_out(
    production: Production, claim: LockClaim, stored: StoredJournal, transaction: Transaction
) -> StoredJournal:
    """Write a transaction into the journal and do it.

    The images that it names must be in production, with their evidence.
    """
    _require_decisions(production, stored.journal, transaction)
    opened = production.write_journal(stored.journal.with_transaction(transaction), stored, claim)
    return _finish_transaction(production, claim, opened, transaction)


def complete_journal(production: Production, claim: LockClaim) -> StoredJournal:
    """Return the journal, signed and without an open transaction.

    The open transaction of a signed journal is carried out. Of an unsigned journal, what counts is
    written again and signed. Its open transaction is not carried out: whoever wrote it could
    otherwise make us do anything in our name. Raises EnvironmentFailed if something could not be
    looked up: signed without it, the journal would hide it.
    """
    whole = LookupBudget(WHOLE_LOOKUPS, time.monotonic() + WHOLE_S, WHOLE_VERSIONS)
    stored = confirm_stored(
        production.read_journal(),
        lambda: production.look_up_versions(whole),
        production.marks.read_marks,
    )
    if stored.rest:
        repository = f"{production.registry.host}/{production.repositories.production}"
        raise EnvironmentFailed(
            f"the journal is not signed, and it cannot be made again: {stored.rest} in "
            f"{repository} could not be looked up",
            "remove the tags there that no release made, then run the same command again",
        )
    if stored.problem:
        progress.say_line(
            f"  the journal is written again and signed; the old one is {stored.digest or 'gone'}"
        )
        return production.write_journal(stored.journal, stored, claim)
    transaction = stored.journal.open_transaction
    if transaction is None:
        return stored
    _require_decisions(production, stored.journal, transaction)
    return _finish_transaction(production, claim, stored, transaction)


def _read_confirmed(production: Production) -> StoredJournal:
    """Return the journal with only the transactions that count, for a plan: nothing is signed."""
    stored = production.read_journal()
    if production.confirm is not None:
        return production.confirm(stored)
    return confirm_stored(stored, production.look_up_versions, production.marks.read_marks)


def _require_decisions(production: Production, journal: Journal, transaction: Transaction) -> None:
    """Raise GateRefused if a decision does not allow its tag, or if a digest was yanked.

    A yank moves no tag, so it needs no decision.
    """
    if transaction.kind == "yank":
        return
    problems = [production.check_decision(transaction, entry) for entry in transaction.entries]
    problems += [
        _find_yank(production, journal, digest)
        for digest in dict.fromkeys(entry.new for entry in transaction.entries)
    ]
    where = f"{production.registry.host}/{production.repositories.journal}:{JOURNAL_TAG}"
    refuse_with_all(
        [f"{transaction}: {problem}" for problem in problems if problem],
        f"trust the key of whoever decided this; if nobody did, restore {where}",
    )


def _finish_transaction(
    production: Production, claim: LockClaim, stored: StoredJournal, transaction: Transaction
) -> StoredJournal:
    """Do a transaction that is in the journal, and mark it there as done."""
    progress.say_line(
        f"  carrying out the {transaction}, started at {transaction.started_at} by "
        f"{transaction.owner}"
    )
    if transaction.kind == "yank":
        production.marks.put_marks(transaction)
    else:
        _move_all(production, claim, transaction.entries)
    return production.write_journal(stored.journal.with_last_done(), stored, claim)


def current_time() -> str:
    """Return the time, UTC, in seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def refuse_with_all(problems: Sequence[str], hint: str) -> None:
    """Raise GateRefused with all of `problems`, if there are any."""
    if problems:
        raise GateRefused("; ".join(dict.fromkeys(problems)), hint)


# Problems that are found before anything is put.


def _plan_outcome(
    production: Production, stored: StoredJournal, tags: TagSet, moves: Sequence[PlannedMove]
) -> TransactionOutcome:
    """Return which tags of a release move and which aliases stay.

    Raises GateRefused with all problems.
    """
    journal = stored.journal
    current = {move.tag: production.resolve_tag(move.tag) for move in moves}
    # The journal may be lost. Decisions then say to which releases its unknown aliases point.
    unrecorded = {
        move.tag: (move.alias, _find_release(production, move.image, current[move.tag]))
        for move in moves
        if move.alias
        and not journal.expected_digests(move.tag)
        and current[move.tag] not in ("", move.digest)
    }
    newer = _find_newer(journal, tags, [*unrecorded.values()])
    moves = [move for move in moves if move.alias not in newer]
    digests = dict.fromkeys((move.image, move.digest) for move in moves)
    yanks = (
        (image, journal.yank_reason(tags.version) or _find_yank(production, journal, digest))
        for image, digest in digests
    )
    problems = [
        *(f"{image}: {reason}" for image, reason in yanks if reason),
        *_find_used_own_tags(production, journal, tags, moves, current),
        *_find_unexpected_aliases(production, journal, moves, current, unrecorded),
    ]
    hint = "release the next version; if somebody moved a tag by hand, move it back first"
    refuse_with_all(
        problems, f"{hint}; {stored.signature_warning}" if stored.signature_warning else hint
    )
    entries = (
        JournalEntry(
            each.tag, each.image, each.alias, current[each.tag], each.digest, each.decision
        )
        for each in moves
    )
    stays = (f"{alias} stays on {version}, which is newer" for alias, version in newer.items())
    return TransactionOutcome(tuple(entries), tuple(stays))


def _find_newer(
    journal: Journal, tags: TagSet, unrecorded: Sequence[tuple[str, str]]
) -> dict[str, str]:
    """Return the aliases that already point to a newer release, each with that release.

    An alias moves for all images or for none. `unrecorded` are aliases that the journal does not
    know, each with the release that it points to, or an empty text.
    """
    recorded = {each.tag: (each.alias, each.version) for each in journal.alias_moves}
    found: dict[str, str] = {}
    for alias, version in (*recorded.values(), *unrecorded):
        newest = max(found.get(alias, tags.version), version or tags.version, key=version_order)
        if alias in tags.aliases and newest != tags.version:
            found[alias] = newest
    return found


def _find_release(production: Production, image: str, digest: str) -> str:
    """Return the newest release that a digest is by a trusted decision; empty if it is none.

    Only a release whose own tag points to the digest counts.
    """
    versions = [
        plain_version(each.version)
        for each in production.read_decisions(digest, ())
        if each.image == image and production.resolve_tag(each.own_tags[0]) == digest
    ]
    return max(versions, key=version_order, default="")


def _find_yank(production: Production, journal: Journal, digest: str) -> str:
    """Return why a digest was yanked, by the journal or by its mark; empty if it was not."""
    return journal.yank_reason(digest=digest) or production.marks.read_reason(digest)


def _find_used_own_tags(
    production: Production,
    journal: Journal,
    tags: TagSet,
    moves: Sequence[PlannedMove],
    current: Mapping[str, str],
) -> Iterator[str]:
    """Yield a problem for each own tag that points, or once pointed, to another released digest.

    A tag that somebody deleted is not free again. A digest is released if the journal or a trusted
    decision says so. A tag that points to any other digest is replaced.
    """
    for move in moves:
        if move.alias or tags.candidate:
            continue
        digest = current[move.tag]
        expected = journal.expected_digests(move.tag)
        is_released = digest in expected or production.is_tag_allowed(move.tag, digest)
        released = {*expected, *([digest] if is_released else [])} - {"", move.digest}
        if released:
            yield f"{move.tag} is released as {', '.join(sorted(released))} and never moves"
        elif digest not in {"", move.digest}:
            _report_replaced(move, digest)


def _find_unexpected_aliases(
    production: Production,
    journal: Journal,
    moves: Sequence[PlannedMove],
    current: Mapping[str, str],
    unrecorded: Mapping[str, tuple[str, str]],
) -> Iterator[str]:
    """Yield a problem for each alias that does not point to what the journal says.

    Nobody can tell whether such an alias may be replaced. Two cases are clear. If somebody deleted
    it, nobody is on it, and it is put again. If the journal never moved the alias, and no trusted
    decision is about the digest that it points to, a stranger put it, and it is replaced. But if
    the journal may be lost, the second case is a problem too.
    """

    @cache
    def is_journal_lost() -> bool:
        if any(each.owner != CONFIRMED_OWNER for each in journal.transactions):
            return False
        tags = production.registry.list_tags(production.repositories.production)
        own = [tag for tag in tags if leading_version(tag)]
        digests = (production.resolve_tag(tag) for tag in sorted(own, key=len)[:MAX_OWN_TAGS])
        return any(production.read_decisions(each, ()) for each in dict.fromkeys(digests) if each)

    for move in moves:
        expected, digest = journal.expected_digests(move.tag), current[move.tag]
        is_known = digest in (expected or {""}) or bool(unrecorded.get(move.tag, ("", ""))[1])
        if not move.alias or is_known or digest == move.digest:
            continue
        # asked twice: one lost answer must not make the journal say that the alias is gone
        if not digest and not production.resolve_tag(move.tag):
            progress.say_line(
                f"  {move.tag} was deleted; by the journal it was {' or '.join(sorted(expected))}: "
                "it is put again, and find out who deleted it"
            )
            continue
        if not (expected or production.read_decisions(digest, ()) or is_journal_lost()):
            _report_replaced(move, digest)
            continue
        wanted = " or ".join(sorted(expected)) or "a release"
        yield f"{move.tag} points to {digest or 'nothing'}; by the journal it should be {wanted}"


def _report_replaced(move: PlannedMove, digest: str) -> None:
    progress.say_line(
        f"  {move.tag} points to {digest}, which no trusted decision is about: it is replaced"
    )


# Copies to production by digest: no tag points to them yet.


def _copy_images_to_production(production: Production, approved: Sequence[ApprovedImage]) -> None:
    """Copy every image and its evidence from staging to production.

    Raises one error for all images that could not be copied.
    """
    failed: list[tuple[str, ReleaseError]] = []
    for each in approved:
        try:
            _copy_image(production, each)
        except ReleaseError as error:
            failed.append((each.image, error))
    if failed:
        kind = (
            GateRefused
            if any(isinstance(error, GateRefused) for _, error in failed)
            else EnvironmentFailed
        )
        raise kind(
            "; ".join(f"{image}: {error.message}" for image, error in failed), failed[0][1].hint
        )


def _copy_image(production: Production, approved: ApprovedImage) -> None:
    registry, target = production.registry, production.repositories.production
    manifest = copy_contents(registry, approved.repository, target, approved.digest)
    if approved.decision not in approved.evidence:
        where = f"{registry.host}/{approved.repository}@{approved.digest}"
        raise GateRefused(
            f"the decision {approved.decision} is not attached to {where}",
            "run `promote` again: it decides again",
        )
    referrers.copy_artifacts(
        registry, approved.repository, target, approved.digest, approved.evidence
    )
    _copy_superseded(production, approved)
    registry.put_manifest(target, approved.digest, manifest)


def _copy_superseded(production: Production, approved: ApprovedImage) -> None:
    """Copy the artifacts that the decision does not need, and report those that cannot be copied.

    An account that may delete in staging can damage them, and no stage makes them again. So they
    must not stop a promotion.
    """

    def copy(artifacts: Sequence[str]) -> str:
        try:
            referrers.copy_artifacts(
                production.registry,
                approved.repository,
                production.repositories.production,
                approved.digest,
                artifacts,
            )
        except RegistryError as error:
            if error.status not in SERVED:
                raise
            return error.message
        return ""

    if not approved.superseded or not copy(approved.superseded):
        return
    problems = [problem for each in approved.superseded if (problem := copy([each]))]
    for problem in problems[:1]:
        progress.say_line(
            f"  {approved.image}: {len(problems)} superseded artifacts are not copied, because the "
            f"registry does not have all of them: {problem}"
        )


def _read_manifest(registry: Registry, repository: str, digest: str) -> Manifest:
    found = registry.read_manifest(repository, digest)
    if found is None:
        where = f"{registry.host}/{repository}@{digest}"
        raise EnvironmentFailed(
            f"the registry does not have {where}",
            "build the image again, or restore it in the registry",
        )
    return found


# Moves of tags.


def _move_all(production: Production, claim: LockClaim, entries: Sequence[JournalEntry]) -> None:
    """Move all tags in their order, and check afterwards that they are still there.

    Raises EnvironmentFailed if another client moved one of them.
    """
    manifest = cache(
        lambda digest: _read_manifest(
            production.registry, production.repositories.production, digest
        )
    )
    for entry in entries:
        _move_tag(production, claim, entry, manifest(entry.new))
    for entry in entries:
        if (current := production.resolve_tag(entry.tag)) != entry.new:
            raise _make_conflict(production, entry, current)


def _move_tag(
    production: Production, claim: LockClaim, entry: JournalEntry, manifest: Manifest
) -> None:
    """Put a tag unless it is there already.

    If the answer to a put was lost, the next attempt finds the tag in its new place.
    """
    for attempt in range(1, ATTEMPTS + 1):
        current = production.resolve_tag(entry.tag)
        if current == entry.new:
            return
        if current != entry.old:
            raise _make_conflict(production, entry, current)
        claim.require_held()
        try:
            production.registry.put_manifest(
                production.repositories.production, entry.tag, manifest
            )
        except RegistryError as error:
            if attempt == ATTEMPTS or (400 <= error.status < 500 and error.status != 429):
                raise
            time.sleep(2.0**attempt)
        else:
            progress.say_line(f"  {production.repositories.production}:{entry.tag} -> {entry.new}")
            return


def _make_conflict(production: Production, entry: JournalEntry, current: str) -> EnvironmentFailed:
    """Return the error for a tag that another client moved.

    A person has to say which digest is right. Some of the tags may have moved already.
    """
    where = f"{production.registry.host}/{production.repositories.production}:{entry.tag}"
    problem = (
        f"another client moved {where}: it points to {current or 'nothing'}, not to "
        f"{entry.old or 'nothing'} or {entry.new}"
    )
    target = entry.old or entry.new
    return EnvironmentFailed(
        problem, f"let it point to {target} again with any client, then run the same command again"
    )
