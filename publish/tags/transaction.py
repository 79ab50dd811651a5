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
from collections.abc import Sequence

from publish.tags import lock
from publish.tags.confirm import confirm_stored, may_have_releases
from publish.tags.decisions import WHOLE_LOOKUPS, WHOLE_S, WHOLE_VERSIONS, LookupBudget
from publish.tags.image_copies import copy_images
from publish.tags.journal import TAG as JOURNAL_TAG
from publish.tags.journal import Journal, StoredJournal, Transaction
from publish.tags.lock import LockClaim
from publish.tags.moves import move_tags
from publish.tags.production import Production
from publish.tags.promotion_plan import (
    ApprovedImage,
    TagSet,
    TransactionOutcome,
    find_yank,
    plan_moves,
    plan_outcome,
    refuse_with_all,
)
from runner import progress
from runner.errors import EnvironmentFailed


def preview_promotion(
    production: Production, tags: TagSet, approved: Sequence[ApprovedImage]
) -> TransactionOutcome:
    """Return what `promote_tags` would do now, without putting anything.

    Raises GateRefused with all problems.
    """
    stored = production.read_journal()
    # only the transactions that count; nothing is signed for a plan
    if production.confirm is not None:
        stored = production.confirm(stored)
    else:
        lookup = production.look_up_versions
        stored = confirm_stored(stored, lookup, production.marks.read_marks)
    return plan_outcome(production, stored, tags, plan_moves(tags, approved))


def promote_tags(
    production: Production, tags: TagSet, approved: Sequence[ApprovedImage]
) -> TransactionOutcome:
    """Put the tags of a release.

    Raises GateRefused or EnvironmentFailed. If it is run again, it continues where it stopped.
    """
    stored = resume_interrupted(production)
    moves = plan_moves(tags, approved)
    planned = plan_outcome(production, stored, tags, moves)
    copy_images(production, approved)
    if not _has_changes(stored, planned):  # then the lock is not needed
        lock.release_own_claim(
            production.registry, production.repositories.journal, production.owner
        )
        return planned
    with production.hold_lock() as claim:
        stored = complete_journal(production, claim)
        planned = plan_outcome(production, stored, tags, moves)
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

    Returns the journal as it is afterwards. Raises EnvironmentFailed if it cannot be completed.
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

    The open transaction of a signed journal is carried out. The part of an unsigned journal that
    counts is written again and signed. Its open transaction is not carried out: whoever wrote it
    could otherwise make us do anything in our name. Raises EnvironmentFailed if something could not
    be looked up: a signed journal without it would hide it.
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


def _require_decisions(production: Production, journal: Journal, transaction: Transaction) -> None:
    """Raise GateRefused if a decision does not allow its tag, or if a digest was yanked.

    A yank moves no tag, so it needs no decision.
    """
    if transaction.kind == "yank":
        return
    problems = [production.check_decision(transaction, entry) for entry in transaction.entries]
    problems += [
        find_yank(production, journal, digest)
        for digest in dict.fromkeys(entry.new for entry in transaction.entries)
    ]
    where = f"{production.registry.host}/{production.repositories.journal}:{JOURNAL_TAG}"
    refuse_with_all(
        [f"{transaction}: {problem}" for problem in problems if problem],
        f"trust the key of whoever decided this; if nobody did, put an older journal at {where}",
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
        move_tags(production, claim, transaction.entries)
    return production.write_journal(stored.journal.with_last_done(), stored, claim)


def current_time() -> str:
    """Return the time, UTC, in seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
