"""The journal of production's tags: promotions, rollbacks and yanks, in the order they happened.

The journal is a document in the registry. A transaction is written into it before its first tag
moves, and marked as done after its last tag has moved. In between, each of its tags points to `old`
or to `new`. So a later run can complete a transaction that a killed run left open. Only the run
that holds the lock writes the journal (publish/tags/lock.py), and signs it with a key that may
decide.

If no trusted key signed the journal, it is read only as hints of which versions and digests to look
up. Then every reader (publish/released/trusted_journal.py) uses only the trusted decisions and
signed marks that are found there (publish/tags/confirm.py). The next run that holds the lock writes
the journal again from these, and signs it. In every case, a tag moves only with a trusted decision
of its own (publish/released/decision_check.py).
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic_core import to_json

from images.names import image_tags, parse_stem
from images.version import Version
from oci import document
from oci.document import Seal, StoredDocument
from oci.manifest import canonical_json
from oci.registry import Registry
from publish.tags.lock import LockClaim
from runner import progress, records
from runner.errors import ConfigError, EnvironmentFailed
from runner.moments import parse_moment
from runner.nouns import count_noun
from runner.redaction import hide_in_values
from runner.untrusted import SCHEMA_VALUES, Malformed, clean_line, count_values, parse_json

KIND = "application/vnd.pytorch-cuda-images.journal.v1+json"
TAG = "journal"


@dataclass(frozen=True)
class JournalEntry:
    """A tag that moves from the digest `old` to `new`; `old` is empty if there was no such tag.

    `alias` is the tag without its image (`v2.6` of `v2.6-cv`), empty for a release's own tags.
    `decision` is the digest of the manifest of the decision that allows the move.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    tag: str
    image: str
    alias: str
    old: str
    new: str
    decision: str
    state: Literal["planned", "done"] = "planned"


@dataclass(frozen=True)
class Transaction:
    """Tags that move together.

    `version` is the version that is promoted or yanked, or that a rollback goes back to. For a
    candidate it is `v2.6.0-candidate`: a release and its candidates are promoted and yanked
    separately. `undone` are the versions that a rollback undoes.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    kind: Literal["promotion", "rollback", "yank"]
    version: str
    owner: str
    started_at: str
    entries: tuple[JournalEntry, ...]
    undone: tuple[str, ...] = ()
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether some of its tags may not have moved yet."""
        return any(entry.state == "planned" for entry in self.entries)

    def __str__(self) -> str:
        return f"{self.kind} of {', '.join(self.undone) or self.version}"


@dataclass(frozen=True)
class AliasMove:
    """A move of an alias of one image to a release that no rollback has undone."""

    tag: str
    image: str
    alias: str
    version: str
    digest: str
    decision: str


@dataclass(frozen=True)
class Journal:
    """All transactions, oldest first. Only the last one can be open."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    transactions: tuple[Transaction, ...] = ()

    @property
    def open_transaction(self) -> Transaction | None:
        """The open transaction, or None."""
        last = self.transactions[-1:]
        return last[0] if last and last[0].is_open else None

    def with_transaction(self, transaction: Transaction) -> Journal:
        """Return the journal with one more transaction."""
        return Journal((*self.transactions, transaction))

    def with_last_done(self) -> Journal:
        """Return the journal with its last transaction marked as done."""
        *before, last = self.transactions
        done = replace(last, entries=tuple(replace(entry, state="done") for entry in last.entries))
        return Journal((*before, done))

    def expected_digests(self, tag: str) -> frozenset[str]:
        """Return the digests that a tag may point to now; "" means that there may be no such tag.

        Returns an empty set if the journal does not know the tag.
        """
        return self._expected_by_tag.get(tag, frozenset())

    @cached_property
    def _expected_by_tag(self) -> dict[str, frozenset[str]]:
        """The digests of each tag by its last transaction: a release needs many of them."""
        return {
            entry.tag: frozenset({entry.new} if entry.state == "done" else {entry.old, entry.new})
            for transaction in self.transactions
            for entry in reversed(transaction.entries)
        }

    @cached_property
    def own_digests(self) -> dict[str, str]:
        """The own tags of every promotion, each with the digest that was promoted last."""
        promoted = (each for each in self.transactions if each.kind == "promotion")
        return {
            entry.tag: entry.new for each in promoted for entry in each.entries if not entry.alias
        }

    @cached_property
    def moved_digests(self) -> dict[str, str]:
        """The same without the tags of the open transaction, which may not have moved."""
        if self.open_transaction is None:
            return self.own_digests
        return Journal(self.transactions[:-1]).own_digests

    def own_entries(self, version: str) -> tuple[JournalEntry, ...]:
        """Return the own tags of a release as it was promoted last; none if it never was."""
        promoted = [
            each
            for each in self.transactions
            if each.kind == "promotion" and each.version == version
        ]
        entries = {
            entry.tag: entry for each in promoted for entry in each.entries if not entry.alias
        }
        return tuple(
            entry for entry in entries.values() if entry.tag in list_tags_of(version, entry.image)
        )

    @property
    def yank_transactions(self) -> tuple[Transaction, ...]:
        """The transactions that yank a version."""
        return tuple(each for each in self.transactions if each.kind == "yank")

    def yank_reason(self, version: str = "", digest: str = "") -> str:
        """Return why a version, or any version with this digest, was yanked; empty if not."""
        for transaction in self.yank_transactions:
            digests = {entry.new for entry in transaction.entries}
            if transaction.version == version or digest in digests:
                return f"{transaction.version} was yanked: {transaction.reason}"
        return ""

    def withdrawn_versions(self) -> frozenset[str]:
        """Return the versions that nobody should use.

        These were yanked, or were rolled back and not promoted again since.
        """
        gone: set[str] = set()
        for transaction in self.transactions:
            if transaction.kind == "promotion":
                gone.discard(transaction.version)
            gone |= set(transaction.undone)
        return frozenset(gone | {each.version for each in self.yank_transactions})

    @cached_property
    def alias_moves(self) -> tuple[AliasMove, ...]:
        """The moves of aliases that no rollback has undone, oldest first.

        Each tag points to the release of its last move.
        """
        moves: dict[tuple[str, str], AliasMove] = {}
        by_tag: dict[str, dict[str, AliasMove]] = {}  # the same: looking for a tag costs one step
        for transaction in self.transactions:
            if transaction.undone:
                for tag, version in [key for key in moves if key[1] in transaction.undone]:
                    del moves[tag, version], by_tag[tag][version]
            for entry in transaction.entries:
                if not entry.alias:
                    continue
                of_tag = by_tag.setdefault(entry.tag, {})
                last = next(reversed(of_tag.values()), None)
                if transaction.kind == "rollback" and last and last.digest == entry.new:
                    continue  # the promotion of that release is a move to it already
                moves.pop((entry.tag, transaction.version), None)
                of_tag.pop(transaction.version, None)
                moves[entry.tag, transaction.version] = of_tag[transaction.version] = AliasMove(
                    entry.tag,
                    entry.image,
                    entry.alias,
                    transaction.version,
                    entry.new,
                    entry.decision,
                )
        return tuple(moves.values())


_JOURNAL_ADAPTER, _TRANSACTION_ADAPTER = TypeAdapter(Journal), TypeAdapter(Transaction)
MAX_BYTES, MAX_UNSIGNED_BYTES = 64 << 20, 16 << 20
"""The largest journal that is read: signed by a trusted key, or not.

A release of 10 images adds about 30 KB.
"""
MAX_UNSIGNED_TRANSACTIONS = 20_000
"""How many transactions a journal may have that no trusted key signed.

Reading one takes a few microseconds.
"""
MAX_VALUES, MAX_UNSIGNED_VALUES, MAX_TRANSACTION_VALUES = 10_000_000, 1_000_000, 20_000
"""How many values and keys a signed journal, an unsigned one, and one transaction of it may have.

A release of 10 images adds about 2,000.
"""
_MAX_CLOCK_LEAD = datetime.timedelta(days=1)
"""How far the clock of the machine that began a transaction may be ahead of this one."""
_NOT_VERIFIED = "its signature was not verified"
_RESTORE = (
    "move this tag back to the digest that it had before, or use the version of this program that "
    "wrote the journal"
)


@dataclass(frozen=True)
class StoredJournal:
    """The journal as it was read, and the digest of its manifest; None if there is no journal yet.

    `problem` says why the signature of the journal that was read does not count. It is empty if the
    signature counts, and if there is no journal. Once it was confirmed (publish/tags/confirm.py),
    it also says if there is no journal although production has releases. `rest` says which part of
    an unsigned journal could not be looked up then.
    """

    journal: Journal
    digest: str | None
    problem: str = ""
    rest: str = ""

    @property
    def signature_warning(self) -> str:
        """The warning for readers of the journal; empty if a trusted key signed it."""
        return f"no trusted key signed the journal ({self.problem})" if self.problem else ""


def read_journal(registry: Registry, repository: str, seal: Seal | None = None) -> StoredJournal:
    """Return the journal.

    Without a seal, its signature is not verified. With a seal, a journal that no trusted key signed
    stops nothing: only its transactions that can be read are returned.

    Raises EnvironmentFailed if the journal cannot be read, and either a trusted key signed it or
    its signature was not verified. Then no tag may move.
    """
    found = document.read_signed(registry, repository, TAG, seal, MAX_BYTES, MAX_UNSIGNED_BYTES)
    if found is None:
        return StoredJournal(Journal(), None)
    where = f"{registry.host}/{repository}:{TAG}"
    # A signed journal must not be replaced only because the registry lost a part of it.
    if found.is_lost:
        raise EnvironmentFailed(found.problem, _RESTORE)
    if seal and found.problem:
        return _read_unsigned(found, where)
    try:
        # pydantic has no limit on depth, and accepts a key that is given twice
        parse_json(found.body, MAX_BYTES, MAX_VALUES if seal else SCHEMA_VALUES)
        journal = _JOURNAL_ADAPTER.validate_json(found.body)
    except (Malformed, ValueError) as error:
        reason = clean_line(str(error), 200)
        problem = f"{where} is not a journal that this version can read ({reason})"
        raise EnvironmentFailed(problem, _RESTORE) from None
    for problem in map(_find_problem, journal.transactions):
        if problem:
            raise EnvironmentFailed(f"{where}: {problem}", _RESTORE)
    return StoredJournal(journal, found.digest, "" if seal else _NOT_VERIFIED)


def _read_unsigned(found: StoredDocument, where: str) -> StoredJournal:
    """Return the transactions that can be read of a journal whose signature does not count."""
    try:
        content = parse_json(found.body, MAX_UNSIGNED_BYTES, MAX_UNSIGNED_VALUES)["transactions"]
        if not isinstance(content, list) or len(content) > MAX_UNSIGNED_TRANSACTIONS:
            raise Malformed(f"not a list of at most {MAX_UNSIGNED_TRANSACTIONS:,} transactions")
        read = [_parse_transaction(each) for each in content]
    except (Malformed, KeyError, TypeError) as error:
        reason = clean_line(str(error), 200)
        problem = f"{found.problem}, and it is not a journal that this version can read ({reason})"
        return StoredJournal(Journal(), found.digest or None, problem)
    if left_out := [each for each in read if isinstance(each, str)]:
        others = count_noun(len(left_out) - 1, "more entry", "more entries")
        more = f", and {others}" if len(left_out) > 1 else ""
        progress.say_line(
            f"  {where}: no trusted key signed it, so this is left out: {left_out[0]}{more}"
        )
    known = tuple(each for each in read if isinstance(each, Transaction))
    return StoredJournal(Journal(known), found.digest, found.problem)


def _parse_transaction(entry: object) -> Transaction | str:
    """Return a transaction of an unsigned journal, or a text that says why it is left out."""
    if count_values(entry) > MAX_TRANSACTION_VALUES:
        return "an entry that is too long for a transaction"
    try:
        transaction = _TRANSACTION_ADAPTER.validate_json(canonical_json(entry))
    except ValueError:
        return "an entry that is not a transaction"
    return _find_problem(transaction) or transaction


def _find_problem(transaction: Transaction) -> str:
    """Return what is wrong with a transaction that was read; empty if nothing is."""
    for version in (transaction.version, *transaction.undone):
        if parse_stem(version) is None:
            return f"{clean_line(version, 60)!r} in a {transaction.kind} is not a version"
    try:
        started = parse_moment(transaction.started_at)
        is_in_future = started > datetime.datetime.now(datetime.UTC) + _MAX_CLOCK_LEAD
    except ValueError:
        return (
            f"{clean_line(transaction.started_at, 60)!r} in the {transaction} is not a date "
            "and time"
        )
    return (
        f"the {transaction} began {started}, which is in the future: a clock was wrong"
        if is_in_future
        else ""
    )


def write_journal(  # noqa: PLR0913, PLR0917 - the old and the new journal, the place, the lock
    registry: Registry,
    repository: str,
    journal: Journal,
    before: str | None,
    claim: LockClaim,
    seal: Seal | None = None,
) -> StoredJournal:
    """Sign the journal and put it in place of the one with the manifest digest `before`.

    `before` is None if there is no journal yet. Raises EnvironmentFailed if another run wrote the
    journal meanwhile, or if the lock is lost.
    """
    plain = hide_in_values(_JOURNAL_ADAPTER.dump_python(journal, mode="json"))
    manifest = document.push_document(registry, repository, KIND, to_json(plain), seal)
    if registry.resolve_digest(repository, TAG) != before:
        where = f"{registry.host}/{repository}:{TAG}"
        raise EnvironmentFailed(
            f"{where} was written by another run meanwhile", "run the same command again"
        )
    claim.require_held()
    registry.put_manifest(repository, TAG, manifest)
    return StoredJournal(journal, manifest.digest, "" if seal else _NOT_VERIFIED)


def list_tags_of(stem: str, image: str) -> tuple[str, ...]:
    """Return the tags of an image under a version or alias.

    `v2.6-cv` is the tag of cv. The base image has both `v2.6` and `v2.6-base`.
    """
    return image_tags(stem, image)


def version_order(version: str) -> tuple[int, ...]:
    """Return the key that sorts versions and candidates. Raises ConfigError for another text."""
    return _require_version(version).sort_key


def line_alias_of(version: str) -> str:
    """Return the alias of the line of a version or candidate: `v2.6` of `v2.6.3`.

    Raises ConfigError if the text is neither.
    """
    return _require_version(version).line_alias


def _require_version(stem: str) -> Version:
    version = parse_stem(stem)
    if version is None:
        raise ConfigError(f"`{clean_line(stem, 80)}` is not a version", "write it as v2.6.0")
    return version
