"""Rollback to an earlier release, and the yank of a release that nobody should use.

A rollback undoes whole releases. By the journal, it moves every alias to where it would be if these
releases had never been promoted. An alias stays where it is if a release that is not undone has
moved it since. If an undone release was the first to set an alias, the alias moves to the release
that the rollback goes back to; but only if that release has the image and is of the same line.
Otherwise the alias stays, and a message names it. Nothing is deleted: not every registry can delete
a tag without the manifest under it.

If a rollback without a version is run twice, the second run changes nothing: it goes back from the
last promotion only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from images.names import image_tag, plain_version
from publish.tags.confirm import OWNER
from publish.tags.decisions import list_own_entries
from publish.tags.journal import Journal, JournalEntry, Transaction, line_alias_of
from publish.tags.production import Production
from publish.tags.promotion_plan import TransactionOutcome, refuse_with_all
from publish.tags.transaction import carry_out, complete_journal, current_time
from runner.errors import ConfigError, GateRefused


@dataclass(frozen=True)
class RollbackTarget:
    """The digest that an alias goes back to, and its version.

    `candidate` says that it is a candidate, not a release.
    """

    version: str
    image: str
    digest: str
    candidate: bool


CheckTarget = Callable[[RollbackTarget], Sequence[str]]
"""Return the reasons of today's policy against going back to a target; none if it may be used."""


def roll_back(
    production: Production, name: str, check_target: CheckTarget, to: str = ""
) -> TransactionOutcome:
    """Move an alias (`v2.6`) or the alias of a line (`2.6`) back to the version `to`.

    If `to` is empty, this is the release before the last one. All aliases of the undone releases
    move with it, for all images. Raises ConfigError if there is no release to go back to,
    GateRefused with all problems (then nothing was changed), or EnvironmentFailed.
    """
    with production.hold_lock() as claim:
        stored = complete_journal(production, claim)
        known = dict.fromkeys(each.alias for each in stored.journal.alias_moves)
        alias = next((each for each in (name, f"v{name}") if each in known), None)
        if alias is None:
            aliases = ", ".join(known) or "none yet"
            raise ConfigError(f"no promotion moved an alias `{name}`", f"aliases: {aliases}")
        if reason := _find_nothing_to_do(stored.journal, alias, to):
            return TransactionOutcome(left=(reason,))
        transaction, left = _plan_rollback(stored.journal, alias, to, production.owner)
        _require_targets(production, stored.journal, transaction, check_target)
        carry_out(production, claim, stored, transaction)
    return TransactionOutcome(transaction.entries, left)


def yank_version(production: Production, version: str, reason: str) -> TransactionOutcome:
    """Mark a release in the journal and on its digests, so that no command moves a tag to it again.

    Its digests are those of the journal, and those of production and staging of which a trusted
    decision says that they are this release. Nothing is deleted. If it is run again, it marks the
    digests that have no mark yet, with the reason that was given first. The outcome names the
    aliases that still point to the release, the images of the catalogue that were not found, and
    the digests that have no mark now. Raises ConfigError if the version was never promoted.
    """
    production.marks.require_trusted_signer()
    with production.hold_lock() as claim:
        stored = complete_journal(production, claim)
        entries = _list_own_entries(production, stored.journal, version)
        if not entries:
            raise ConfigError(
                f"{version} was never promoted",
                "`./release.py rescan --json` lists the published versions",
            )
        earlier = next(
            (each for each in stored.journal.yank_transactions if each.version == version), None
        )
        due = entries
        if earlier is not None:
            unmarked = _list_unmarked(production, version, entries)
            due = tuple(each for each in unmarked if production.marks.is_within_reach(each.new))
        if due:
            transaction = Transaction(
                "yank",
                version,
                production.owner,
                current_time(),
                due,
                reason=earlier.reason if earlier else reason,
            )
            carry_out(production, claim, stored, transaction)
    return _make_outcome(production, stored.journal, version, entries)


def _make_outcome(
    production: Production, journal: Journal, version: str, entries: tuple[JournalEntry, ...]
) -> TransactionOutcome:
    """Return what a yank marked, which aliases still point to the release, and what has no mark."""
    current = {each.tag: each for each in journal.alias_moves}.values()
    aliases = dict.fromkeys(each.alias for each in current if each.version == version)
    left = (
        f"{alias} still points to {version}: run `./release.py rollback {alias}`"
        for alias in aliases
    )
    unmarked = dict.fromkeys(
        (each.image, each.new) for each in _list_unmarked(production, version, entries)
    )
    unreached = (
        *_find_missing_images(production, journal, version, entries),
        *(
            f"{image} of {version} is not marked: put the manifest {digest} into the registry "
            "again and run the same yank again"
            for image, digest in unmarked
        ),
    )
    return TransactionOutcome(entries, tuple(left), unreached)


def _list_unmarked(
    production: Production, version: str, entries: Sequence[JournalEntry]
) -> list[JournalEntry]:
    """Return the entries whose digests have no mark of this version in the registry now."""
    read = cache(production.marks.read_marks)
    return [each for each in entries if all(mark.version != version for mark in read(each.new))]


def _find_missing_images(
    production: Production, journal: Journal, version: str, entries: Sequence[JournalEntry]
) -> Iterator[str]:
    """Yield the images of the catalogue of which no digest was found, each with what to do.

    If the run that promoted wrote the journal's entry, the entry names all images. If only
    decisions confirm a promotion, an account that may write tags may have hidden an image.
    """
    promoted = [
        each
        for each in journal.transactions
        if each.kind == "promotion" and each.version == version
    ]
    if any(each.owner != OWNER for each in promoted):
        return
    for image in production.images:
        if image not in {entry.image for entry in entries}:
            tag = image_tag(version, image)
            yield (
                f"{image} of {version} was not found, so it is not marked: if {version} had this "
                f"image, move the tag {tag} back to its digest and run the same yank again"
            )


def _list_own_entries(
    production: Production, journal: Journal, version: str
) -> tuple[JournalEntry, ...]:
    """Return the own tags of a release on every digest that it has, as entries of a yank."""
    own = journal.own_entries(version)
    known = {entry.new for entry in own}
    staged = (
        production.registry.resolve_digest(
            production.repositories.staging, image_tag(plain_version(version), image)
        )
        for image in production.images
    )
    hints: dict[str, tuple[str, ...]] = {digest: () for digest in staged if digest}
    decided = list_own_entries(production.look_up_versions().find_decisions(version, hints))
    every = (*own, *(entry for entry in decided if entry.new not in known))
    return tuple(replace(entry, old=entry.new, state="planned") for entry in every)


def _list_releases(journal: Journal, alias: str) -> list[str]:
    """Return the releases that an alias pointed to, in order; the last one is the current one."""
    moves = (each for each in journal.alias_moves if each.alias == alias)
    return list(dict.fromkeys(each.version for each in moves))


def _find_nothing_to_do(journal: Journal, alias: str, to: str) -> str:
    """Return why there is nothing to do; empty if there is something."""
    current = _list_releases(journal, alias)[-1]
    transactions = [
        each for each in journal.transactions if any(entry.alias == alias for entry in each.entries)
    ]
    if to == current:
        return f"{alias} points to {current} already"
    if not to and transactions[-1].kind == "rollback":
        undone = ", ".join(transactions[-1].undone)
        return (
            f"{alias} was moved back from {undone} to {current} already; to go back further, run "
            f"`./release.py rollback {alias} --to VERSION`"
        )
    return ""


def _plan_rollback(
    journal: Journal, alias: str, to: str, owner: str
) -> tuple[Transaction, tuple[str, ...]]:
    """Return the rollback as a transaction, and the aliases that stay, each with the reason."""
    releases = _list_releases(journal, alias)
    to = to or (releases[-2] if len(releases) > 1 else "")
    if to not in releases:
        earlier = ", ".join(releases[:-1]) or "none"
        target = to or "an earlier release"
        raise ConfigError(
            f"{alias} never pointed to {target}; it points to {releases[-1]}",
            f"earlier releases of {alias}: {earlier}",
        )
    undone = tuple(releases[releases.index(to) + 1 :])
    current = {each.tag: each.version for each in journal.alias_moves}
    tags = [tag for tag, version in current.items() if version in undone]
    found = [(tag, _plan_entry(journal, tag, undone, to)) for tag in tags]
    entries = tuple(entry for _, entry in found if entry)
    left = tuple(
        f"{tag} stays on {undone[-1]}: {to} has no image for it"
        for tag, entry in found
        if entry is None
    )
    return Transaction("rollback", to, owner, current_time(), entries, undone), left


def _plan_entry(journal: Journal, tag: str, undone: Sequence[str], to: str) -> JournalEntry | None:
    """Return the entry that moves a tag back, or None if there is nothing to go back to."""
    moves = [each for each in journal.alias_moves if each.tag == tag]
    last, remaining = moves[-1], [each for each in moves if each.version not in undone]
    if not remaining:  # an undone release set this alias first: take the image's digest in `to`
        own = [
            each
            for each in journal.own_entries(to)
            if each.image == last.image and line_alias_of(to) == line_alias_of(last.version)
        ]
        remaining = [
            replace(last, version=to, digest=each.new, decision=each.decision) for each in own[:1]
        ]
    if not remaining:
        return None
    target = remaining[-1]
    return JournalEntry(tag, last.image, last.alias, last.digest, target.digest, target.decision)


def _require_targets(
    production: Production,
    journal: Journal,
    transaction: Transaction,
    check_target: CheckTarget,
) -> None:
    """Raise GateRefused with all problems of a rollback.

    These are tags that somebody else moved, targets that were yanked, and targets that today's
    policy refuses.
    """
    moved = [
        f"{entry.tag} points to {current or 'nothing'}; the journal says that it should point to "
        f"{entry.old}"
        for entry in transaction.entries
        if (current := production.resolve_tag(entry.tag)) != entry.old
    ]
    if moved:
        raise GateRefused(
            "; ".join(moved),
            "move these tags back with any client, then run the same command again; "
            "nothing was changed",
        )
    problems: list[str] = []
    for each in dict.fromkeys(_list_targets(journal, transaction)):
        yanked = journal.yank_reason(each.version, each.digest)
        reasons = [yanked] if yanked else check_target(each)
        problems += [f"{each.image}: {reason}" for reason in reasons]
    refuse_with_all(
        problems,
        "go back further with `--to VERSION`, or release a patch; nothing was changed",
    )


def _list_targets(journal: Journal, transaction: Transaction) -> Iterator[RollbackTarget]:
    """Yield the target of every entry of a rollback."""
    versions = {
        (each.tag, each.digest): each.version
        for each in journal.alias_moves
        if each.version not in transaction.undone
    }
    for entry in transaction.entries:
        stem = versions.get((entry.tag, entry.new), transaction.version)
        version = plain_version(stem)
        yield RollbackTarget(version, entry.image, entry.new, candidate=stem != version)
