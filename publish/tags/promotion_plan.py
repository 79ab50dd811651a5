"""The tags that a promotion moves, and the problems that are found before anything is put."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from images.names import candidate_stem, leading_version, plain_version
from publish.tags.confirm import OWNER as CONFIRMED_OWNER
from publish.tags.journal import Journal, JournalEntry, StoredJournal, list_tags_of, version_order
from publish.tags.production import Production
from runner import progress
from runner.errors import GateRefused

LATEST = "latest"
MAX_OWN_TAGS = 100
"""How many own tags are looked up to find out whether the journal was lost."""


@dataclass(frozen=True)
class TagSet:
    """The tags of a release: its own tags for all of `images`, and `aliases` (`v2.6`, `latest`).

    `aliases` do not contain the names of images. The own tags of a candidate are
    `v2.6.0-candidate*`; they may move. The own tags of a release never move.
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
    """A tag, and the digest that it will point to. `alias` is empty for a release's own tag."""

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


def refuse_with_all(problems: Sequence[str], hint: str) -> None:
    """Raise GateRefused with all of `problems`, if there are any."""
    if problems:
        raise GateRefused("; ".join(dict.fromkeys(problems)), hint)


def plan_outcome(
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
        (image, journal.yank_reason(tags.version) or find_yank(production, journal, digest))
        for image, digest in digests
    )
    problems = [
        *(f"{image}: {reason}" for image, reason in yanks if reason),
        *_find_used_own_tags(production, journal, tags, moves, current),
        *_find_unexpected_aliases(production, journal, moves, current, unrecorded),
    ]
    hint = (
        "release the next version; if somebody moved a tag without this program, move it back first"
    )
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


def find_yank(production: Production, journal: Journal, digest: str) -> str:
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

    Nobody can tell in general whether such an alias may be replaced. Two cases are clear. If
    somebody deleted it, nobody uses it, and it is put again. If the journal never moved the alias,
    and no trusted decision is about the digest that it points to, a stranger put it, and it is
    replaced. But if the journal may be lost, the second case is a problem too.
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
                f"  {move.tag} was deleted; the journal says that it pointed to "
                f"{' or '.join(sorted(expected))}. It is put again; find out who deleted it"
            )
            continue
        if not (expected or production.read_decisions(digest, ()) or is_journal_lost()):
            _report_replaced(move, digest)
            continue
        wanted = " or ".join(sorted(expected)) or "a release"
        expectation = f"the journal says that it should point to {wanted}"
        yield f"{move.tag} points to {digest or 'nothing'}; {expectation}"


def _report_replaced(move: PlannedMove, digest: str) -> None:
    progress.say_line(
        f"  {move.tag} points to {digest}, which no trusted decision is about: it is replaced"
    )
