"""The tags of a release as one transaction: all images under all their tags, or none.

It may be interrupted at any moment. The order makes it safe. Everything that speaks against it is
found, at once, before anything is put. Then blobs, evidence and manifests go to production by
digest, where nobody sees them yet, so no tag ever names a digest without its evidence. Then, under
the lock, the journal says which tags will move, and they move: own tags first, aliases next,
`latest` last. If a run is killed after it wrote the journal, the next run of any kind finishes it;
if it is killed before, nothing is visible. An alias moves forwards only; publish/tags/rollback.py
moves it back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache

from images.catalog import Repositories
from images.names import candidate_stem, leading_version, plain_version
from oci import referrers
from oci.copying import copy_contents
from oci.document import Seal
from oci.manifest import Manifest
from oci.registry import Registry, RegistryError
from publish.evidence.store import SERVED
from publish.tags import journal, lock
from publish.tags.allowed import ReadAllowed, VersionLookup
from publish.tags.confirm import confirm_journal, make_version_lookup
from publish.tags.journal import (
    Journal,
    JournalEntry,
    StoredJournal,
    Transaction,
    list_tags_of,
    version_order,
)
from publish.tags.lock import LockClaim
from publish.tags.yank_marker import YankMarks
from runner import progress
from runner.errors import EnvironmentFailed, GateRefused, ReleaseError

Doubt = Callable[[Transaction, JournalEntry], str]
"""Return why the decision behind a tag of a transaction cannot be believed; empty if it can."""

LATEST = "latest"
ATTEMPTS = 3
"""How often a tag is tried: half a set of tags is worse than a wait."""


@dataclass(frozen=True)
class Production:
    """The place where tags move, and in whose name (`lock.make_owner_name`).

    `marks` reads and makes the marks of yanks, `seal` signs the journal, and `lock_seal` the claim
    of the lock. `doubt` returns why the decision behind a tag of a transaction cannot be believed,
    "" if it can. It checks everything in the journal, for another run decided what is done from
    there. `allowed` returns the trusted decisions on a digest: a tag that the journal does not know
    is a release only by these. `images` are those of the catalogue.
    """

    registry: Registry
    repositories: Repositories
    owner: str
    marks: YankMarks
    seal: Seal
    doubt: Doubt = lambda _, __: ""
    allowed: ReadAllowed = lambda _, __: ()
    lock_seal: Seal | None = None
    images: tuple[str, ...] = ()

    def held_digest(self, tag: str) -> str:
        """Return the digest under a tag of the production repository; empty if there is none."""
        return self.registry.resolve_digest(self.repositories.production, tag) or ""

    def hold_lock(self) -> AbstractContextManager[LockClaim]:
        """Hold the lock, in the name of the owner."""
        return lock.hold_lock(self.registry, self.repositories.journal, self.owner, self.lock_seal)

    def look_up_versions(self) -> VersionLookup:
        """Return the lookup of versions in production, whose tags are listed now."""
        return make_version_lookup(
            self.registry, self.repositories.production, self.allowed, self.images
        )

    def is_decided(self, tag: str, digest: str) -> bool:
        """Return whether a trusted decision lets a digest carry a tag."""
        return any(tag in each.tags for each in self.allowed(digest, ()))


@dataclass(frozen=True)
class TagSet:
    """The tags of a release: its own for all of `images`, and `aliases` (`v2.6`, `latest`).

    Aliases are without the names of images. A candidate's own tags are `v2.6.0-candidate*`, which
    may move; a release's never do.
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
    """An image that may be promoted: where it is staged, and the digest of its decision.

    `evidence` are the digests of all artifacts about it that must go with it, the decision among
    them. Those of `superseded` go with it if they can be copied; no other does.
    """

    image: str
    digest: str
    repository: str
    decision: str
    evidence: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlannedMove:
    """A tag, and the digest it shall name. `alias` is empty for a release's own tag."""

    tag: str
    image: str
    alias: str
    digest: str
    decision: str


@dataclass(frozen=True)
class TransactionOutcome:
    """The tags before and after, and those that were left as they are, with the reason.

    The outcome of a preview says what would be. `unreached` says what a yank could not find.
    """

    entries: tuple[JournalEntry, ...] = ()
    left: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()


def plan_moves(tags: TagSet, approved: Sequence[ApprovedImage]) -> tuple[PlannedMove, ...]:
    """Return every tag of a release, in the order they are put.

    Raises GateRefused if not all its images are approved.
    """
    images = [each.image for each in approved]
    if sorted(images) != sorted(tags.images):
        wanted, given = ", ".join(sorted(tags.images)), ", ".join(sorted(images)) or "none"
        raise GateRefused(
            f"{tags.version} has {wanted}, and approved are {given}",
            "all images of a release go together",
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
    """Return what `promote` would do now, without putting anything.

    Raises GateRefused with everything that speaks against it.
    """
    book = _confirm_journal(production, _read_journal(production))
    return _plan_outcome(production, book, tags, plan_moves(tags, approved))


def promote_tags(
    production: Production, tags: TagSet, approved: Sequence[ApprovedImage]
) -> TransactionOutcome:
    """Put the tags of a release.

    Raises GateRefused or EnvironmentFailed. Run again, it goes on where it stopped.
    """
    resume_interrupted(production)
    moves = plan_moves(tags, approved)
    book = _confirm_journal(production, _read_journal(production))
    planned = _plan_outcome(production, book, tags, moves)
    _stage_images(production, approved)
    if not _is_due(book, planned):  # the lock is for who moves tags
        lock.release_own_claim(
            production.registry, production.repositories.journal, production.owner
        )
        return planned
    with production.hold_lock() as claim:
        book = settle_journal(production, claim, _read_journal(production))
        planned = _plan_outcome(production, book, tags, moves)
        if _is_due(book, planned):
            begun = Transaction(
                "promotion", tags.own_stem, production.owner, current_time(), planned.entries
            )
            carry_out(production, claim, book, begun)
    return planned


def _is_due(book: StoredJournal, planned: TransactionOutcome) -> bool:
    """Return whether a tag is to be put, or the journal does not know that it was."""
    return any(
        entry.old != entry.new or book.journal.expected_digests(entry.tag) != {entry.new}
        for entry in planned.entries
    )


def resume_interrupted(production: Production) -> None:
    """Finish what a killed run left half done, and take over an unsigned journal.

    Raises EnvironmentFailed if it cannot be finished.
    """
    book = _read_journal(production)
    if book.problem or book.journal.open_transaction:
        with production.hold_lock() as claim:
            settle_journal(production, claim, _read_journal(production))


def carry_out(
    production: Production, claim: LockClaim, book: StoredJournal, transaction: Transaction
) -> StoredJournal:
    """Write a transaction into the journal and do it.

    The images it names must be in production with their evidence.
    """
    _require_decided(production, book.journal, transaction)
    begun = book.journal.with_transaction(transaction)
    kept_at = production.repositories.journal
    book = journal.write_journal(
        production.registry, kept_at, begun, book.digest, claim, production.seal
    )
    return _finish_transaction(production, claim, book, transaction)


def settle_journal(production: Production, claim: LockClaim, book: StoredJournal) -> StoredJournal:
    """Finish the open transaction of a signed journal, or sign what counts of an unsigned one.

    Nothing of an unsigned journal is finished: whoever wrote it would have it done in our name.
    """
    if book.problem:
        kept = _confirm_journal(production, book).journal
        progress.say_line(f"  it is written again and signed; what was there is {book.digest}")
        return journal.write_journal(
            production.registry,
            production.repositories.journal,
            kept,
            book.digest,
            claim,
            production.seal,
        )
    begun = book.journal.open_transaction
    if begun is None:
        return book
    _require_decided(production, book.journal, begun)
    return _finish_transaction(production, claim, book, begun)


def _read_journal(production: Production) -> StoredJournal:
    return journal.read_journal(
        production.registry, production.repositories.journal, production.seal
    )


def _confirm_journal(production: Production, book: StoredJournal) -> StoredJournal:
    """Return what counts of the journal; `problem` stays what it is."""
    if not book.problem:
        return book
    progress.say_line(
        f"  {book.signature_warning}: only what trusted decisions and signed marks confirm counts"
    )
    kept = confirm_journal(book.journal, production.look_up_versions(), production.marks.read_marks)
    return replace(book, journal=kept)


def _require_decided(production: Production, kept: Journal, begun: Transaction) -> None:
    """Raise GateRefused with every doubt about what a transaction would put.

    A yank puts nothing, it only marks.
    """
    if begun.kind == "yank":
        return
    doubts = [production.doubt(begun, entry) for entry in begun.entries]
    doubts += [
        _find_yank(production, kept, digest)
        for digest in dict.fromkeys(entry.new for entry in begun.entries)
    ]
    where = f"{production.registry.host}/{production.repositories.journal}:{journal.TAG}"
    refuse_with_all(
        [f"{begun}: {doubt}" for doubt in doubts if doubt],
        f"trust who decided it; if nobody did, restore {where}",
    )


def _finish_transaction(
    production: Production, claim: LockClaim, book: StoredJournal, begun: Transaction
) -> StoredJournal:
    progress.say_line(f"  {begun}, begun {begun.started_at} by {begun.owner}")
    if begun.kind == "yank":
        production.marks.put_marks(begun)
    else:
        _move_all(production, claim, begun.entries)
    kept_at, done = production.repositories.journal, book.journal.with_all_done()
    return journal.write_journal(
        production.registry, kept_at, done, book.digest, claim, production.seal
    )


def current_time() -> str:
    """Return the time, UTC, in seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def refuse_with_all(problems: Sequence[str], hint: str) -> None:
    """Raise GateRefused with all of `problems`, if there are any."""
    if problems:
        raise GateRefused("; ".join(dict.fromkeys(problems)), hint)


# Before anything is put


def _plan_outcome(
    production: Production, book: StoredJournal, tags: TagSet, moves: Sequence[PlannedMove]
) -> TransactionOutcome:
    kept = book.journal
    held = {move.tag: production.held_digest(move.tag) for move in moves}
    # the journal may be lost: decisions tell what the tags are on that it does not know
    unknown = (move for move in moves if move.alias and not kept.expected_digests(move.tag))
    adopted = {
        move.tag: (move.alias, _find_release(production, move.image, held[move.tag]))
        for move in unknown
        if held[move.tag] not in ("", move.digest)
    }
    ahead = _find_newer(kept, tags, [*adopted.values()])
    moves = [move for move in moves if move.alias not in ahead]
    digests = dict.fromkeys((move.image, move.digest) for move in moves)
    yanks = (
        (image, kept.yank_reason(tags.version) or _find_yank(production, kept, digest))
        for image, digest in digests
    )
    problems = [
        *(f"{image}: {reason}" for image, reason in yanks if reason),
        *_find_frozen(production, kept, tags, moves, held),
        *_find_foreign(production, book, moves, held, adopted),
    ]
    hint = "release the next version; a tag that somebody moved by hand, put back first"
    refuse_with_all(
        problems, f"{hint}; {book.signature_warning}" if book.signature_warning else hint
    )
    entries = (
        JournalEntry(each.tag, each.image, each.alias, held[each.tag], each.digest, each.decision)
        for each in moves
    )
    stays = (f"{alias} stays on {version}, which is newer" for alias, version in ahead.items())
    return TransactionOutcome(tuple(entries), tuple(stays))


def _find_newer(kept: Journal, tags: TagSet, adopted: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the aliases that name a newer release already, each with that release.

    An alias moves for all images or for none.
    """
    standing = {each.tag: (each.alias, each.version) for each in kept.alias_states}
    found: dict[str, str] = {}
    for alias, version in (*standing.values(), *adopted):
        newest = max(found.get(alias, tags.version), version or tags.version, key=version_order)
        if alias in tags.aliases and newest != tags.version:
            found[alias] = newest
    return found


def _find_release(production: Production, image: str, digest: str) -> str:
    """Return the newest release that is on a digest by a trusted decision; empty if none is."""
    named = [
        plain_version(each.version)
        for each in production.allowed(digest, ())
        if each.image == image and production.held_digest(each.own_tags[0]) == digest
    ]
    return max(named, key=version_order, default="")


def _find_yank(production: Production, kept: Journal, digest: str) -> str:
    """Return why a digest was yanked, by the journal or by its mark; empty if it was not."""
    return kept.yank_reason(digest=digest) or production.marks.read_reason(digest)


def _find_frozen(
    production: Production,
    kept: Journal,
    tags: TagSet,
    moves: Sequence[PlannedMove],
    held: Mapping[str, str],
) -> Iterator[str]:
    """Yield a problem for each own tag that is, or once was, on other bytes.

    A tag that somebody deleted is not free. Bytes that neither the journal nor a trusted decision
    knows are no release, and are replaced.
    """
    for move in moves:
        if move.alias or tags.candidate:
            continue
        there = held[move.tag]
        is_known = there in kept.expected_digests(move.tag) or production.is_decided(
            move.tag, there
        )
        known = {*kept.expected_digests(move.tag), *([there] if is_known else [])} - {
            "",
            move.digest,
        }
        if known:
            yield f"{move.tag} is released as {', '.join(sorted(known))} and never moves"
        elif there not in {"", move.digest}:
            _say_replaced(move, there)


def _find_foreign(
    production: Production,
    book: StoredJournal,
    moves: Sequence[PlannedMove],
    held: Mapping[str, str],
    adopted: Mapping[str, tuple[str, str]],
) -> Iterator[str]:
    """Yield a problem for each alias that is not where the journal says.

    Nobody knows what it holds, or whether it may be replaced. An alias that the journal has never
    put, and that holds what no trusted decision is about, was put by a stranger. It is replaced,
    unless the journal may be lost: then nobody knows its order.
    """

    @cache
    def is_lost() -> bool:
        if book.journal.transactions:
            return False
        tags = production.registry.list_tags(production.repositories.production)
        named = [tag for tag in tags if leading_version(tag)]
        digests = (production.held_digest(tag) for tag in sorted(named, key=len)[:MOST_OWN_TAGS])
        return any(production.allowed(each, ()) for each in dict.fromkeys(digests) if each)

    for move in moves:
        expected, now_on = book.journal.expected_digests(move.tag), held[move.tag]
        is_known = now_on in (expected or {""}) or bool(adopted.get(move.tag, ("", ""))[1])
        if not move.alias or is_known or now_on == move.digest:
            continue
        if not (expected or production.allowed(now_on, ()) or is_lost()):
            _say_replaced(move, now_on)
            continue
        said = " or ".join(sorted(expected)) or "a release"
        yield f"{move.tag} holds {now_on or 'nothing'}, and by the journal should hold {said}"


def _say_replaced(move: PlannedMove, there: str) -> None:
    progress.say_line(
        f"  {move.tag} holds {there}, which no trusted decision is about: it is replaced"
    )


MOST_OWN_TAGS = 100


# By digest


def _stage_images(production: Production, approved: Sequence[ApprovedImage]) -> None:
    """Bring every image and its evidence to production.

    Raises one error for all images that could not be brought.
    """
    failed: list[tuple[str, ReleaseError]] = []
    for each in approved:
        try:
            _bring_image(production, each)
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


def _bring_image(production: Production, approved: ApprovedImage) -> None:
    registry, target = production.registry, production.repositories.production
    manifest = copy_contents(registry, approved.repository, target, approved.digest)
    if approved.decision not in approved.evidence:
        where = f"{registry.host}/{approved.repository}@{approved.digest}"
        raise GateRefused(
            f"the decision {approved.decision} is not attached to {where}",
            "decide again, then promote",
        )
    referrers.copy_artifacts(
        registry, approved.repository, target, approved.digest, approved.evidence
    )
    _bring_superseded(production, approved)
    registry.put_manifest(target, approved.digest, manifest)


def _bring_superseded(production: Production, approved: ApprovedImage) -> None:
    """Bring the artifacts that the decision does not need, and say which cannot be copied.

    Whoever may delete in staging can spoil them, and no stage makes them again.
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
            f"  {approved.image}: {len(problems)} superseded artifacts are not copied, since the "
            f"registry does not have all of them: {problem}"
        )


def _read_manifest(registry: Registry, repository: str, digest: str) -> Manifest:
    found = registry.read_manifest(repository, digest)
    if found is None:
        where = f"{registry.host}/{repository}@{digest}"
        raise EnvironmentFailed(
            f"{where} is not there", "build the image again, or restore it in the registry"
        )
    return found


# By tag


def _move_all(production: Production, claim: LockClaim, entries: Sequence[JournalEntry]) -> None:
    manifest = cache(
        lambda digest: _read_manifest(
            production.registry, production.repositories.production, digest
        )
    )
    for entry in entries:
        _move_tag(production, claim, entry, manifest(entry.new))
    for entry in entries:
        if (held := production.held_digest(entry.tag)) != entry.new:
            raise _make_conflict(production, entry, held)


def _move_tag(
    production: Production, claim: LockClaim, entry: JournalEntry, manifest: Manifest
) -> None:
    """Put a tag unless it is there.

    If the answer to a put was lost, the next look finds it done.
    """
    for attempt in range(1, ATTEMPTS + 1):
        held = production.held_digest(entry.tag)
        if held == entry.new:
            return
        if held != entry.old:
            raise _make_conflict(production, entry, held)
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


def _make_conflict(production: Production, entry: JournalEntry, held: str) -> EnvironmentFailed:
    """Return the error for a tag that somebody else moved.

    Which digest is right is theirs to say; half of the tags may have moved.
    """
    where = f"{production.registry.host}/{production.repositories.production}:{entry.tag}"
    said = (
        f"{where} holds {held or 'nothing'}, put by somebody else: neither "
        f"{entry.old or 'nothing'} nor {entry.new}"
    )
    return EnvironmentFailed(
        said, f"put it on {entry.old or entry.new} with any client, then run the same again"
    )
