"""Rollback to an earlier release, and the yank of a release that nobody should use.

A rollback undoes whole releases: every alias goes where it would be if they had never been
promoted, by the journal. An alias that a release of another line has moved since is not theirs any
more and stays. Nothing is deleted, for no registry can be trusted to delete a tag and not the
manifest under it. An alias that the undone release made goes to the release gone back to, if that
is of the same line and has the image; else it stays and is named.

Run twice, it goes back once: without a version, from the last promotion and no further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from images.names import image_tag, plain_version
from publish.tags import journal
from publish.tags.allowed import list_own_entries
from publish.tags.confirm import OWNER
from publish.tags.journal import Journal, JournalEntry, Transaction, line_of
from publish.tags.transaction import (
    Production,
    TransactionOutcome,
    carry_out,
    current_time,
    refuse_with_all,
    settle_journal,
)
from runner.errors import ConfigError, GateRefused


@dataclass(frozen=True)
class RollbackTarget:
    """The target of an alias that goes back; `candidate` if it was never released."""

    version: str
    image: str
    digest: str
    candidate: bool


Judge = Callable[[RollbackTarget], Sequence[str]]
"""Today's policy: the reasons why a target may not be gone back to, none if it may."""


def roll_back(production: Production, name: str, judge: Judge, to: str = "") -> TransactionOutcome:
    """Take an alias (`v2.6`) or line (`2.6`) back to `to`.

    The default is the release before the last promoted one. All aliases of the undone releases go
    with it, of all images. Raises ConfigError if there is nothing to go back to, GateRefused with
    everything that speaks against it (then nothing was touched), or EnvironmentFailed.
    """
    kept_at = production.repositories.journal
    with production.hold_lock() as claim:
        book = settle_journal(
            production, claim, journal.read_journal(production.registry, kept_at, production.seal)
        )
        known = dict.fromkeys(each.alias for each in book.journal.alias_states)
        alias = next((each for each in (name, f"v{name}") if each in known), None)
        if alias is None:
            aliases = ", ".join(known) or "none yet"
            raise ConfigError(f"no promotion moved an alias `{name}`", f"aliases: {aliases}")
        if said := _find_nothing_to_do(book.journal, alias, to):
            return TransactionOutcome(left=(said,))
        begun, left = _plan_rollback(book.journal, alias, to, production.owner)
        _refuse_rollback(production, book.journal, begun, judge)
        carry_out(production, claim, book, begun)
    return TransactionOutcome(begun.entries, left)


def yank_version(production: Production, version: str, reason: str) -> TransactionOutcome:
    """Mark a release in the journal and on its digests, so that nothing puts it any more.

    Its digests are those of the journal, and those that production or staging has and trusted
    decisions let be it. The outcome names the images of the catalogue that have none. Run again, it
    marks the digests that have no mark, for the reason of the first time. Nothing is deleted. The
    outcome also names the aliases that are still on the release. Raises ConfigError if it was never
    promoted.
    """
    production.marks.require_believed()
    kept_at = production.repositories.journal
    with production.hold_lock() as claim:
        book = settle_journal(
            production, claim, journal.read_journal(production.registry, kept_at, production.seal)
        )
        entries = _list_own_entries(production, book.journal, version)
        if not entries:
            raise ConfigError(
                f"{version} was never promoted",
                "`./release.py rescan --json` lists the published versions",
            )
        before = next(
            (each for each in book.journal.yank_transactions if each.version == version), None
        )
        marks = production.marks
        due = [
            each
            for each in entries
            if before is None
            or (not marks.read_reason(each.new) and production.held_digest(each.new))
        ]
        if due:
            said = before.reason if before else reason
            begun = Transaction(
                "yank", version, production.owner, current_time(), tuple(due), reason=said
            )
            carry_out(production, claim, book, begun)
    current = {each.tag: each for each in book.journal.alias_states}.values()
    aliases = dict.fromkeys(each.alias for each in current if each.version == version)
    left = (f"{alias} still names {version}: `./release.py rollback {alias}`" for alias in aliases)
    unreached = tuple(_find_unreached(production, book.journal, version, entries))
    return TransactionOutcome(entries, tuple(left), unreached)


def _find_unreached(
    production: Production, kept: Journal, version: str, entries: Sequence[JournalEntry]
) -> Iterator[str]:
    """Yield the images of the catalogue of which no digest was found, each with what to do.

    A promotion that was written by who did it names all images. Of one that only decisions confirm,
    whoever may write the tags can have hidden an image.
    """
    promoted = [
        each for each in kept.transactions if each.kind == "promotion" and each.version == version
    ]
    if any(each.owner != OWNER for each in promoted):
        return
    for image in production.images:
        if image not in {entry.image for entry in entries}:
            tag = image_tag(version, image)
            yield (
                f"{image} of {version} was not found, and is not marked: if {version} had it, put "
                f"the tag {tag} on its digest again and run the same yank again"
            )


def _list_own_entries(
    production: Production, kept: Journal, version: str
) -> tuple[JournalEntry, ...]:
    """Return the own tags of a release on every digest that it has, as entries of a yank."""
    own = kept.own_entries(version)
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


def _list_releases(kept: Journal, alias: str) -> list[str]:
    """Return the releases that an alias was on, in order; the last is the one it is on now."""
    return list(dict.fromkeys(each.version for each in kept.alias_states if each.alias == alias))


def _find_nothing_to_do(kept: Journal, alias: str, to: str) -> str:
    """Return why there is nothing to do; empty if there is something."""
    current = _list_releases(kept, alias)[-1]
    touched = [
        each for each in kept.transactions if any(entry.alias == alias for entry in each.entries)
    ]
    if to == current:
        return f"{alias} is on {current}"
    if not to and touched[-1].kind == "rollback":
        undone = ", ".join(touched[-1].undone)
        return (
            f"{alias} went back from {undone} to {current} already; further back goes "
            f"`rollback {alias} --to VERSION`"
        )
    return ""


def _plan_rollback(
    kept: Journal, alias: str, to: str, owner: str
) -> tuple[Transaction, tuple[str, ...]]:
    """Return the rollback as a transaction, and the aliases that stay, each with the reason."""
    releases = _list_releases(kept, alias)
    to = to or (releases[-2] if len(releases) > 1 else "")
    if to not in releases:
        before = ", ".join(releases[:-1]) or "nothing"
        raise ConfigError(
            f"{alias} never was on {to or 'a release'} before {releases[-1]}", f"it was on {before}"
        )
    undone = tuple(releases[releases.index(to) + 1 :])
    current = {each.tag: each.version for each in kept.alias_states}
    tags = [tag for tag, version in current.items() if version in undone]
    found = [(tag, _plan_entry(kept, tag, undone, to)) for tag in tags]
    entries = tuple(entry for _, entry in found if entry)
    left = tuple(
        f"{tag} stays on {undone[-1]}: {to} has nothing for it"
        for tag, entry in found
        if entry is None
    )
    return Transaction("rollback", to, owner, current_time(), entries, undone), left


def _plan_entry(kept: Journal, tag: str, undone: Sequence[str], to: str) -> JournalEntry | None:
    """Return the entry that takes a tag back, or None if there is nothing to go back to."""
    history = [each for each in kept.alias_states if each.tag == tag]
    made, before = history[-1], [each for each in history if each.version not in undone]
    if not before:  # an undone release made the alias: the image's own digest in the one gone to
        own = [
            each
            for each in kept.own_entries(to)
            if each.image == made.image and line_of(to) == line_of(made.version)
        ]
        before = [
            replace(made, version=to, digest=each.new, decision=each.decision) for each in own[:1]
        ]
    if not before:
        return None
    target = before[-1]
    return JournalEntry(tag, made.image, made.alias, made.digest, target.digest, target.decision)


def _refuse_rollback(
    production: Production, kept: Journal, begun: Transaction, judge: Judge
) -> None:
    """Raise GateRefused with everything that speaks against a rollback.

    That is tags that others moved, targets that were yanked, and today's policy.
    """
    differs = [
        f"{entry.tag} holds {held or 'nothing'}, and by the journal should hold {entry.old}"
        for entry in begun.entries
        if (held := production.held_digest(entry.tag)) != entry.old
    ]
    if differs:
        raise GateRefused(
            "; ".join(differs),
            "put these back with any client, then roll back: nothing was touched",
        )
    problems: list[str] = []
    for each in dict.fromkeys(_list_targets(kept, begun)):
        yanked = kept.yank_reason(each.version, each.digest)
        reasons = [yanked] if yanked else judge(each)
        problems += [f"{each.image}: {reason}" for reason in reasons]
    refuse_with_all(
        problems, "go back further with `--to VERSION`, or release a patch: nothing was touched"
    )


def _list_targets(kept: Journal, begun: Transaction) -> Iterator[RollbackTarget]:
    versions = {
        (each.tag, each.digest): each.version
        for each in kept.alias_states
        if each.version not in begun.undone
    }
    for entry in begun.entries:
        version = versions.get((entry.tag, entry.new), begun.version)
        stem = plain_version(version)
        yield RollbackTarget(stem, entry.image, entry.new, stem != version)
