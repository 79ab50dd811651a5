"""What of a journal counts that no trusted key signed: what trusted decisions and signed marks say
by themselves.

Whoever may write the repository of the journal may write such a one. So nothing counts that would
have to be believed:

- A promotion counts if a trusted decision allows each of its tags. Releases are put in the order of
  their versions, in
  which aliases move forwards, whatever order the journal has.
- A yank counts if a signed mark on each of its digests says the same.
- A rollback, and what is half done, do not count: no decision tells of them. Run again, they are
  done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

from oci.registry import RegistryError
from publish.evidence.store import SERVED
from publish.tags.journal import Entry, Journal, Transaction, order, tags_of
from publish.tags.yank_marker import ReadMark, said_of
from runner import progress
from runner.untrusted import clean_line

Doubt = Callable[[Transaction, Entry], str]
"""Return why the decision behind a tag of a transaction cannot be believed; empty if it can."""

MOST = 300
"""How many transactions of such a journal are looked at.

Each costs a few requests, and copies cost none.
"""
MOST_TOLD = 5


def confirmed(kept: Journal, doubt: Doubt, mark: ReadMark) -> Journal:
    """Return what counts of a journal that no trusted key signed, and say what does not."""
    different, asked = tuple(dict.fromkeys(kept.transactions)), _asked_once(doubt)
    marks = cache(mark)
    problems = {each: _problem(each, asked, marks) for each in different[:MOST]}
    _say([f"the {clean_line(str(each), 80)}: {why}" for each, why in problems.items() if why])
    if len(different) > MOST:
        progress.say(
            f"  {len(different) - MOST} more transactions of that journal are not looked at"
        )
    counted = [each for each, problem in problems.items() if not problem]
    return Journal(tuple(sorted(counted, key=lambda each: order(each.version))))


def _problem(transaction: Transaction, doubt: Doubt, mark: ReadMark) -> str:
    """Return why a transaction does not count; empty if it does.

    Raises RegistryError if the registry is down.
    """
    try:
        return _told_problem(transaction, doubt, mark)
    except RegistryError as error:
        if error.status not in SERVED:
            raise
        return clean_line(
            error.message, 300
        )  # what it names is no digest, or nothing that can be read


def _told_problem(transaction: Transaction, doubt: Doubt, mark: ReadMark) -> str:
    if transaction.is_open or not transaction.entries:
        return "it is half done" if transaction.is_open else "it names no tags"
    if transaction.kind == "rollback" or transaction.undone:
        return "no trusted decision tells of a rollback"
    problems = (
        _of_yank(transaction, mark)
        if transaction.kind == "yank"
        else _of_promotion(transaction, doubt)
    )
    return next(problems, "")


def _of_yank(yank: Transaction, mark: ReadMark) -> Iterator[str]:
    for digest in dict.fromkeys(entry.new for entry in yank.entries):
        if said_of(yank.version, yank.reason) not in mark(digest):
            yield f"no signed mark on {clean_line(digest, 80)} says the same"


def _of_promotion(promotion: Transaction, doubt: Doubt) -> Iterator[str]:
    for entry in promotion.entries:
        if entry.tag not in tags_of(entry.alias or promotion.version, entry.image):
            yield f"{clean_line(entry.tag, 80)} is no tag of it"
        elif said := doubt(promotion, entry):
            yield clean_line(said, 300)


def _asked_once(doubt: Doubt) -> Doubt:
    """Return what asks once about a tag of a version, however many transactions put it."""
    known: dict[tuple[str, str, Entry], str] = {}

    def ask(transaction: Transaction, entry: Entry) -> str:
        key = transaction.kind, transaction.version, replace(entry, old="", state="done")
        if key not in known:
            known[key] = doubt(transaction, entry)
        return known[key]

    return ask


def _say(dropped: list[str]) -> None:
    for each in dropped[:MOST_TOLD]:
        progress.say(f"  not confirmed, and does not count: {each}")
    if len(dropped) > MOST_TOLD:
        progress.say(
            f"  {len(dropped) - MOST_TOLD} more transactions are not confirmed, and do not count"
        )
