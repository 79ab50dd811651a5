"""The journal of production's tags: promotions, rollbacks and yanks, in the order they happened.

It is a document in the registry. A transaction is written here before it moves its first tag and
closed after its last, so a later run can finish what a killed run left open: until then each of its
tags holds `old` or `new`. Only the holder of the lock writes it (publish/tags/lock.py), signed by
somebody who may decide.

A journal that nobody trusted signed, as all were at first, is read as hints. Only the trusted
decisions and signed marks count that it leads to (publish/tags/confirm.py), for every reader
(publish/released/trusted_journal.py). The next run that holds the lock signs these. Every tag that
is put from a journal needs a trusted decision of its own (publish/released/decision_check.py).
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter

from images.names import image_tags, plain_version
from images.version import parse_version
from oci import document
from oci.document import Seal, StoredDocument
from oci.manifest import canonical_json
from oci.registry import Registry
from publish.tags.lock import LockClaim
from runner import progress, records
from runner.errors import ConfigError, EnvironmentFailed
from runner.moments import parse_moment
from runner.untrusted import Malformed, clean_line, parse_json

KIND = "application/vnd.pytorch-cuda-images.journal.v1+json"
TAG = "journal"


@dataclass(frozen=True)
class JournalEntry:
    """A tag that moves from the digest `old` (empty: it was not there) to `new`.

    `alias` is the tag without its image (`v2.6` of `v2.6-cv`), empty for a release's own tags.
    `decision` is the digest of the manifest of the decision that allowed it.
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

    `version` is what is promoted, gone back to, or yanked; a rollback undoes `undone`. Of a
    candidate it is `v2.6.0-candidate`: a release and its candidates are promoted and yanked apart.
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
        """Whether it may be half done."""
        return any(entry.state == "planned" for entry in self.entries)

    def __str__(self) -> str:
        return f"{self.kind} of {', '.join(self.undone) or self.version}"


@dataclass(frozen=True)
class AliasState:
    """An alias of an image on a release that no rollback has undone."""

    tag: str
    image: str
    alias: str
    version: str
    digest: str
    decision: str


@dataclass(frozen=True)
class Journal:
    """All transactions, oldest first. Only the last can be open."""

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

    def with_all_done(self) -> Journal:
        """Return the journal with everything in it done."""
        *before, last = self.transactions
        done = replace(last, entries=tuple(replace(entry, state="done") for entry in last.entries))
        return Journal((*before, done))

    def expected_digests(self, tag: str) -> frozenset[str]:
        """Return the digests that a tag may hold by now, "" for none.

        Returns nothing if the journal does not know the tag.
        """
        for transaction in reversed(self.transactions):
            for entry in transaction.entries:
                if entry.tag == tag:
                    return frozenset(
                        {entry.new} if entry.state == "done" else {entry.old, entry.new}
                    )
        return frozenset()

    def own_entries(self, version: str) -> tuple[JournalEntry, ...]:
        """Return the own tags of a release as it was promoted; none if it was not."""
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
        """Return the versions that nobody should be on.

        They were yanked, or rolled back and not promoted again since.
        """
        gone: set[str] = set()
        for transaction in self.transactions:
            if transaction.kind == "promotion":
                gone.discard(transaction.version)
            gone |= set(transaction.undone)
        return frozenset(gone | {each.version for each in self.yank_transactions})

    @cached_property
    def alias_states(self) -> tuple[AliasState, ...]:
        """The aliases as they were without what was rolled back; of each tag the last counts."""
        found: dict[tuple[str, str], AliasState] = {}
        for transaction in self.transactions:
            found = {key: each for key, each in found.items() if key[1] not in transaction.undone}
            for entry in transaction.entries:
                if not entry.alias:
                    continue
                top = [each.digest for (tag, _), each in found.items() if tag == entry.tag][-1:]
                if transaction.kind == "rollback" and top == [entry.new]:
                    continue  # it stands there from its own promotion
                found.pop((entry.tag, transaction.version), None)
                found[entry.tag, transaction.version] = AliasState(
                    entry.tag,
                    entry.image,
                    entry.alias,
                    transaction.version,
                    entry.new,
                    entry.decision,
                )
        return tuple(found.values())


_FORM, _TRANSACTION = TypeAdapter(Journal), TypeAdapter(Transaction)
LARGEST_BYTES, LARGEST_UNSIGNED_BYTES = 64 << 20, 16 << 20
"""A release of 10 images adds about 30 KB."""
MOST_UNSIGNED = 20_000
"""Transactions of a journal that nobody trusted signed. Reading each takes a few microseconds."""
_FAST_CLOCK = datetime.timedelta(days=1)
_NOBODY_LOOKED = "nobody looked at its signature"
_RESTORE = "restore that tag to what it was, or use the version that wrote it"


@dataclass(frozen=True)
class StoredJournal:
    """The journal as it was read, and the digest of its manifest; None if there is none yet.

    `problem` says why its signature does not count; empty if it does, or if there is no journal.
    """

    journal: Journal
    digest: str | None
    problem: str = ""

    @property
    def signature_warning(self) -> str:
        """The warning for readers of the journal; empty if a trusted key signed it."""
        return (
            f"the journal is not signed by anybody trusted ({self.problem})" if self.problem else ""
        )


def read_journal(registry: Registry, repository: str, seal: Seal | None = None) -> StoredJournal:
    """Return the journal.

    Without a seal nobody looks at its signature. With one, of a journal that no trusted key signed
    only the transactions that can be read are returned: it can stop nothing.

    Raises EnvironmentFailed if there is one that cannot be read, and its signature counts or nobody
    looked: then nothing may move.
    """
    found = document.read_signed(registry, repository, TAG, seal, LARGEST_BYTES)
    if found is None:
        return StoredJournal(Journal(), None)
    where = f"{registry.host}/{repository}:{TAG}"
    if found.is_lost:  # a signed one must not be replaced because the registry lost a part of it
        raise EnvironmentFailed(found.problem, _RESTORE)
    if seal and found.problem:
        return _read_unsigned(found, where)
    try:
        parse_json(
            found.body, LARGEST_BYTES
        )  # pydantic has no bound on depth, and takes a key that is given twice
        journal = _FORM.validate_json(found.body)
    except (Malformed, ValueError) as error:
        problem = f"{where} is not a journal this version can read ({clean_line(str(error), 200)})"
        raise EnvironmentFailed(problem, _RESTORE) from None
    for problem in map(_find_problem, journal.transactions):
        if problem:
            raise EnvironmentFailed(f"{where}: {problem}", _RESTORE)
    return StoredJournal(journal, found.digest, "" if seal else _NOBODY_LOOKED)


def _read_unsigned(found: StoredDocument, where: str) -> StoredJournal:
    """Return what can be read of a journal whose signature does not count."""
    try:
        content = parse_json(found.body, LARGEST_UNSIGNED_BYTES)["transactions"]
        if not isinstance(content, list) or len(content) > MOST_UNSIGNED:
            raise Malformed(f"not a list of at most {MOST_UNSIGNED:,} transactions")  # noqa: TRY301
        read = [_parse_transaction(each) for each in content]
    except (Malformed, KeyError, TypeError) as error:
        said = clean_line(str(error), 200)
        problem = f"{found.problem}, and it is not a journal this version can read ({said})"
        return StoredJournal(Journal(), found.digest or None, problem)
    if left_out := [each for each in read if isinstance(each, str)]:
        more = f", and {len(left_out) - 1:,} more entries" if len(left_out) > 1 else ""
        progress.say_line(
            f"  {where}: left out, since no trusted key signed it: {left_out[0]}{more}"
        )
    known = tuple(each for each in read if isinstance(each, Transaction))
    return StoredJournal(Journal(known), found.digest, found.problem)


def _parse_transaction(entry: object) -> Transaction | str:
    """Return a transaction of a journal that nobody trusted signed, or why it is none."""
    try:
        transaction = _TRANSACTION.validate_json(canonical_json(entry))
    except ValueError:
        return "an entry that is no transaction"
    return _find_problem(transaction) or transaction


def _find_problem(transaction: Transaction) -> str:
    """Return what is wrong with a transaction that was read; empty if nothing is."""
    for version in (transaction.version, *transaction.undone):
        if parse_version(plain_version(version)) is None:
            return f"{clean_line(version, 60)!r} in a {transaction.kind} is not a version"
    try:
        started = parse_moment(transaction.started_at)
        is_to_come = started > datetime.datetime.now(datetime.UTC) + _FAST_CLOCK
    except ValueError:
        return (
            f"{clean_line(transaction.started_at, 60)!r} in the {transaction} is not a date "
            "and time"
        )
    return (
        f"the {transaction} began {started}, which is to come: a clock was wrong"
        if is_to_come
        else ""
    )


def write_journal(  # noqa: PLR0913, PLR0917 - what in place of what, where, and in whose name
    registry: Registry,
    repository: str,
    journal: Journal,
    before: str | None,
    claim: LockClaim,
    seal: Seal | None = None,
) -> StoredJournal:
    """Put the journal in place of the one with manifest digest `before`, signed.

    Raises EnvironmentFailed.
    """
    manifest = document.push_document(registry, repository, KIND, _FORM.dump_json(journal), seal)
    if registry.resolve_digest(repository, TAG) != before:
        where = f"{registry.host}/{repository}:{TAG}"
        raise EnvironmentFailed(
            f"{where} was written by another run meanwhile", "run the same command again"
        )
    claim.require_held()
    registry.put_manifest(repository, TAG, manifest)
    return StoredJournal(journal, manifest.digest, "" if seal else _NOBODY_LOOKED)


def list_tags_of(stem: str, image: str) -> tuple[str, ...]:
    """Return the tags of an image under a version or alias.

    `v2.6-cv` is the tag of cv; the base image has both `v2.6` and `v2.6-base`.
    """
    return image_tags(stem, image)


def version_order(version: str) -> tuple[int, ...]:
    """Return the place of a version among all, also of a candidate.

    Raises ConfigError if it is not a version.
    """
    found = parse_version(plain_version(version))
    if found is None:
        raise ConfigError(f"`{clean_line(version, 80)}` is not a version", "write it as v2.6.0")
    return found.sort_key


def line_of(version: str) -> str:
    """Return the line of a version: `v2.6` of `v2.6.3`."""
    return version.rpartition(".")[0]
