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
from oci.copying import bring
from oci.document import Seal
from oci.manifest import Manifest
from oci.registry import Registry, RegistryError
from publish.tags import journal, lock
from publish.tags.allowed import ReadAllowed, Release
from publish.tags.confirm import confirmed, release_of
from publish.tags.journal import Book, Entry, Journal, Transaction, order, tags_of
from publish.tags.lock import Claim
from publish.tags.yank_marker import Marks
from runner import progress
from runner.errors import EnvironmentFailed, GateRefused, ReleaseError

Doubt = Callable[[Transaction, Entry], str]
"""Return why the decision behind a tag of a transaction cannot be believed; empty if it can."""

LATEST = "latest"
ATTEMPTS = 3
"""How often a tag is tried: half a set of tags is worse than a wait."""


@dataclass(frozen=True)
class Production:
    """The place where tags move, and in whose name (`lock.owner`).

    `marks` reads and makes the marks of yanks, `seal` signs the journal, and `lock_seal` the claim
    of the lock. `doubt` returns why the decision behind a tag of a transaction cannot be believed,
    "" if it can. It checks everything in the journal, for another run decided what is done from
    there. `allowed` returns the trusted decisions on a digest: a tag that the journal does not know
    is a release only by these.
    """

    registry: Registry
    repositories: Repositories
    owner: str
    marks: Marks
    seal: Seal
    doubt: Doubt = lambda _, __: ""
    allowed: ReadAllowed = lambda _, __: ()
    lock_seal: Seal | None = None

    def held(self, tag: str) -> str:
        """Return the digest under a tag of the production repository; empty if there is none."""
        return self.registry.digest_of(self.repositories.production, tag) or ""

    def locked(self) -> AbstractContextManager[Claim]:
        """Hold the lock, in the name of the owner."""
        return lock.held(self.registry, self.repositories.journal, self.owner, self.lock_seal)

    def release(self) -> Release:
        """Return the lookup of versions in production, whose tags are listed now."""
        return release_of(self.registry, self.repositories.production, self.allowed)

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
    def stem(self) -> str:
        """The own tag of the base image."""
        return candidate_stem(self.version) if self.candidate else self.version


@dataclass(frozen=True)
class Approved:
    """An image that may be promoted: where it is staged, and the digest of its decision.

    `evidence` are the digests of all artifacts about it that go with it, the decision among them;
    no other does.
    """

    image: str
    digest: str
    repository: str
    decision: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Move:
    """A tag, and the digest it shall name. `alias` is empty for a release's own tag."""

    tag: str
    image: str
    alias: str
    digest: str
    decision: str


@dataclass(frozen=True)
class Outcome:
    """The tags before and after, and those that were left as they are, with the reason.

    The outcome of a preview says what would be.
    """

    entries: tuple[Entry, ...] = ()
    left: tuple[str, ...] = ()


def plan_moves(tags: TagSet, approved: Sequence[Approved]) -> tuple[Move, ...]:
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
        Move(tag, each.image, "" if stem == tags.stem else stem, each.digest, each.decision)
        for stem in (tags.stem, *sorted(tags.aliases, key=lambda alias: alias == LATEST))
        for each in approved
        for tag in tags_of(stem, each.image)
    )


def preview(production: Production, tags: TagSet, approved: Sequence[Approved]) -> Outcome:
    """Return what `promote` would do now, without putting anything.

    Raises GateRefused with everything that speaks against it.
    """
    book = _believed(production, _read(production))
    return _planned(production, book, tags, plan_moves(tags, approved))


def promote(production: Production, tags: TagSet, approved: Sequence[Approved]) -> Outcome:
    """Put the tags of a release.

    Raises GateRefused or EnvironmentFailed. Run again, it goes on where it stopped.
    """
    resume(production)
    moves = plan_moves(tags, approved)
    book = _believed(production, _read(production))
    planned = _planned(production, book, tags, moves)
    _stage(production, approved)
    if not _is_due(book, planned):  # the lock is for who moves tags
        return planned
    with production.locked() as claim:
        book = settle(production, claim, _read(production))
        planned = _planned(production, book, tags, moves)
        if _is_due(book, planned):
            begun = Transaction("promotion", tags.stem, production.owner, now(), planned.entries)
            carry_out(production, claim, book, begun)
    return planned


def _is_due(book: Book, planned: Outcome) -> bool:
    """Return whether a tag is to be put, or the journal does not know that it was."""
    return any(
        entry.old != entry.new or book.journal.expected(entry.tag) != {entry.new}
        for entry in planned.entries
    )


def resume(production: Production) -> None:
    """Finish what a killed run left half done, and take over an unsigned journal.

    Raises EnvironmentFailed if it cannot be finished.
    """
    book = _read(production)
    if book.problem or book.journal.begun:
        with production.locked() as claim:
            settle(production, claim, _read(production))


def carry_out(production: Production, claim: Claim, book: Book, transaction: Transaction) -> Book:
    """Write a transaction into the journal and do it.

    The images it names must be in production with their evidence.
    """
    _believe(production, book.journal, transaction)
    begun = book.journal.with_begun(transaction)
    kept_at = production.repositories.journal
    book = journal.write(production.registry, kept_at, begun, book.digest, claim, production.seal)
    return _finish(production, claim, book, transaction)


def settle(production: Production, claim: Claim, book: Book) -> Book:
    """Finish the open transaction of a signed journal, or sign what counts of an unsigned one.

    Nothing of an unsigned journal is finished: whoever wrote it would have it done in our name.
    """
    if book.problem:
        kept = _believed(production, book).journal
        progress.say(f"  it is written again and signed; what was there is {book.digest}")
        return journal.write(
            production.registry,
            production.repositories.journal,
            kept,
            book.digest,
            claim,
            production.seal,
        )
    begun = book.journal.begun
    if begun is None:
        return book
    _believe(production, book.journal, begun)
    return _finish(production, claim, book, begun)


def _read(production: Production) -> Book:
    return journal.read(production.registry, production.repositories.journal, production.seal)


def _believed(production: Production, book: Book) -> Book:
    """Return what counts of the journal; `problem` stays what it is."""
    if not book.problem:
        return book
    progress.say(f"  {book.warning}: only what trusted decisions and signed marks confirm counts")
    kept = confirmed(book.journal, production.release(), production.marks.found)
    return replace(book, journal=kept)


def _believe(production: Production, kept: Journal, begun: Transaction) -> None:
    """Raise GateRefused with every doubt about what a transaction would put.

    A yank puts nothing, it only marks.
    """
    if begun.kind == "yank":
        return
    doubts = [production.doubt(begun, entry) for entry in begun.entries]
    doubts += [
        _yank_of(production, kept, digest)
        for digest in dict.fromkeys(entry.new for entry in begun.entries)
    ]
    where = f"{production.registry.host}/{production.repositories.journal}:{journal.TAG}"
    refuse(
        [f"{begun}: {doubt}" for doubt in doubts if doubt],
        f"trust who decided it; if nobody did, restore {where}",
    )


def _finish(production: Production, claim: Claim, book: Book, begun: Transaction) -> Book:
    progress.say(f"  {begun}, begun {begun.started_at} by {begun.owner}")
    if begun.kind == "yank":
        production.marks.put(begun)
    else:
        _move_all(production, claim, begun.entries)
    kept_at, done = production.repositories.journal, book.journal.closed()
    return journal.write(production.registry, kept_at, done, book.digest, claim, production.seal)


def now() -> str:
    """Return the time, UTC, in seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def refuse(problems: Sequence[str], hint: str) -> None:
    """Raise GateRefused with all of `problems`, if there are any."""
    if problems:
        raise GateRefused("; ".join(dict.fromkeys(problems)), hint)


# Before anything is put


def _planned(production: Production, book: Book, tags: TagSet, moves: Sequence[Move]) -> Outcome:
    kept = book.journal
    held = {move.tag: production.held(move.tag) for move in moves}
    adopted = _adopted(production, kept, moves, held)
    ahead = _ahead(kept, tags, [*adopted.values()])
    moves = [move for move in moves if move.alias not in ahead]
    digests = dict.fromkeys((move.image, move.digest) for move in moves)
    yanks = (
        (image, kept.yanked(tags.version) or _yank_of(production, kept, digest))
        for image, digest in digests
    )
    problems = [
        *(f"{image}: {reason}" for image, reason in yanks if reason),
        *_frozen(production, kept, tags, moves, held),
        *_foreign(production, book, moves, held, adopted),
    ]
    hint = "release the next version; a tag that somebody moved by hand, put back first"
    refuse(problems, f"{hint}; {book.warning}" if book.warning else hint)
    entries = (
        Entry(each.tag, each.image, each.alias, held[each.tag], each.digest, each.decision)
        for each in moves
    )
    stays = (f"{alias} stays on {version}, which is newer" for alias, version in ahead.items())
    return Outcome(tuple(entries), tuple(stays))


def _ahead(kept: Journal, tags: TagSet, adopted: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the aliases that name a newer release already, each with that release.

    An alias moves for all images or for none.
    """
    standing = {each.tag: (each.alias, each.version) for each in kept.standing}
    found: dict[str, str] = {}
    for alias, version in (*standing.values(), *adopted):
        newest = max(found.get(alias, tags.version), version or tags.version, key=order)
        if alias in tags.aliases and newest != tags.version:
            found[alias] = newest
    return found


def _adopted(
    production: Production, kept: Journal, moves: Sequence[Move], held: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return alias and release, "" for none, of tags that the journal does not know.

    The journal may be lost.
    """
    unknown = [each for each in moves if each.alias and not kept.expected(each.tag)]
    there = [each for each in unknown if held[each.tag] not in ("", each.digest)]
    return {
        each.tag: (each.alias, _release_of(production, each.image, held[each.tag]))
        for each in there
    }


def _release_of(production: Production, image: str, digest: str) -> str:
    """Return the newest release that is on a digest by a trusted decision; empty if none is."""
    named = [
        plain_version(each.version)
        for each in production.allowed(digest, ())
        if each.image == image and production.held(each.own_tags[0]) == digest
    ]
    return max(named, key=order, default="")


def _yank_of(production: Production, kept: Journal, digest: str) -> str:
    """Return why a digest was yanked, by the journal or by its mark; empty if it was not."""
    return kept.yanked(digest=digest) or production.marks.read(digest)


def _frozen(
    production: Production,
    kept: Journal,
    tags: TagSet,
    moves: Sequence[Move],
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
        is_known = there in kept.expected(move.tag) or production.is_decided(move.tag, there)
        known = {*kept.expected(move.tag), *([there] if is_known else [])} - {"", move.digest}
        if known:
            yield f"{move.tag} is released as {', '.join(sorted(known))} and never moves"
        elif there not in {"", move.digest}:
            _say_replaced(move, there)


def _foreign(
    production: Production,
    book: Book,
    moves: Sequence[Move],
    held: Mapping[str, str],
    adopted: Mapping[str, tuple[str, str]],
) -> Iterator[str]:
    """Yield a problem for each alias that is not where the journal says.

    Nobody knows what it holds, or whether it may be replaced. An alias that the journal has never
    put, and that holds what no trusted decision is about, was put by a stranger. It is replaced,
    unless the journal may be lost: then nobody knows its order.
    """
    is_lost = cache(lambda: not book.journal.transactions and _is_used(production))
    for move in moves:
        expected, now_on = book.journal.expected(move.tag), held[move.tag]
        is_known = now_on in (expected or {""}) or bool(adopted.get(move.tag, ("", ""))[1])
        if not move.alias or is_known or now_on == move.digest:
            continue
        if not (expected or production.allowed(now_on, ()) or is_lost()):
            _say_replaced(move, now_on)
            continue
        said = " or ".join(sorted(expected)) or "a release"
        yield f"{move.tag} holds {now_on or 'nothing'}, and by the journal should hold {said}"


def _say_replaced(move: Move, there: str) -> None:
    progress.say(f"  {move.tag} holds {there}, which no trusted decision is about: it is replaced")


MOST_OWN_TAGS = 100


def _is_used(production: Production) -> bool:
    """Return whether production has a release by a trusted decision."""
    tags = production.registry.tags(production.repositories.production)
    named = [tag for tag in tags if leading_version(tag)]
    held = (production.held(tag) for tag in sorted(named, key=len)[:MOST_OWN_TAGS])
    return any(production.allowed(digest, ()) for digest in dict.fromkeys(held) if digest)


# By digest


def _stage(production: Production, approved: Sequence[Approved]) -> None:
    """Bring every image and its evidence to production.

    Raises one error for all images that could not be brought.
    """
    failed: list[tuple[str, ReleaseError]] = []
    for each in approved:
        try:
            _bring(production, each)
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


def _bring(production: Production, approved: Approved) -> None:
    registry, target = production.registry, production.repositories.production
    manifest = bring(registry, approved.repository, target, approved.digest)
    if approved.decision not in approved.evidence:
        where = f"{registry.host}/{approved.repository}@{approved.digest}"
        raise GateRefused(
            f"the decision {approved.decision} is not attached to {where}",
            "decide again, then promote",
        )
    referrers.copy(registry, approved.repository, target, approved.digest, approved.evidence)
    registry.put_manifest(target, approved.digest, manifest)


def _manifest(registry: Registry, repository: str, digest: str) -> Manifest:
    found = registry.manifest(repository, digest)
    if found is None:
        where = f"{registry.host}/{repository}@{digest}"
        raise EnvironmentFailed(
            f"{where} is not there", "build the image again, or restore it in the registry"
        )
    return found


# By tag


def _move_all(production: Production, claim: Claim, entries: Sequence[Entry]) -> None:
    manifest = cache(
        lambda digest: _manifest(production.registry, production.repositories.production, digest)
    )
    for entry in entries:
        _move(production, claim, entry, manifest(entry.new))
    for entry in entries:
        if (held := production.held(entry.tag)) != entry.new:
            raise _conflict(production, entry, held)


def _move(production: Production, claim: Claim, entry: Entry, manifest: Manifest) -> None:
    """Put a tag unless it is there.

    If the answer to a put was lost, the next look finds it done.
    """
    for attempt in range(1, ATTEMPTS + 1):
        held = production.held(entry.tag)
        if held == entry.new:
            return
        if held != entry.old:
            raise _conflict(production, entry, held)
        claim.check()
        try:
            production.registry.put_manifest(
                production.repositories.production, entry.tag, manifest
            )
        except RegistryError as error:
            if attempt == ATTEMPTS or (400 <= error.status < 500 and error.status != 429):
                raise
            time.sleep(2.0**attempt)
        else:
            progress.say(f"  {production.repositories.production}:{entry.tag} -> {entry.new}")
            return


def _conflict(production: Production, entry: Entry, held: str) -> EnvironmentFailed:
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
