"""What was ever promoted, when, and through which channel: read from the journal and the decisions it names."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from images.catalog import Catalog, Version
from oci.registry import Registry
from publish.evidence import store as evidence
from publish.evidence.predicates import DECISION, decision
from publish.evidence.trust import Trusted
from publish.record import Promotion
from publish.rules.cadence import Out
from publish.tags import journal
from publish.tags.journal import Journal, Transaction
from runner.errors import ConfigError


@dataclass(frozen=True)
class Put:
    """A version as it was last promoted through `channel`, at a moment (ISO 8601), with every tag that was put."""

    channel: str
    at: str
    promotions: tuple[Promotion, ...]


def last_put(registry: Registry, catalog: Catalog, version: Version, trusted: Callable[[], Trusted]) -> Put | None:
    """The last promotion of a version, as a release, else as a candidate by a trusted decision; None where it has none.

    One that is half done is none yet. `trusted` is called where there is one to be believed. Raises ConfigError as
    `released`.
    """
    kept = journal.read(registry, catalog.repositories.journal).journal
    done = {each.version: each for each in kept.transactions if each.kind == "promotion" and not each.is_open}
    if release := done.get(str(version)):
        return _put(catalog, release, _channel(registry, catalog, release, trusted()))
    candidate = done.get(f"{version}{journal.CANDIDATE}")
    channel = next(_channels(registry, catalog, candidate, trusted()), "") if candidate else ""
    return _put(catalog, candidate, channel) if candidate and channel else None


def _put(catalog: Catalog, promotion: Transaction, channel: str) -> Put:
    repository = catalog.repositories.production
    tags = (Promotion(each.image, repository, each.tag, each.new) for each in promotion.entries)
    return Put(channel, promotion.started_at, tuple(tags))


def released(registry: Registry, catalog: Catalog, trusted: Trusted) -> tuple[Out, ...]:
    """Every promotion of a line of the catalogue, candidates aside.

    Raises ConfigError for one whose decision nobody trusted signed: to leave it out would be to say it is not out.
    """
    kept = journal.read(registry, catalog.repositories.journal).journal
    withdrawn, promotions = kept.withdrawn(), _promotions(kept)
    found = (_out(registry, catalog, each, trusted) for each in promotions)
    return tuple(replace(out, withdrawn=str(out.version) in withdrawn) for out in found if out)


def _promotions(kept: Journal) -> list[Transaction]:
    """Of releases that are out; a candidate is none, and what is half done is not out yet."""
    promotions = (each for each in kept.transactions if each.kind == "promotion" and not each.is_open)
    return [each for each in promotions if not each.version.endswith(journal.CANDIDATE)]


def _out(registry: Registry, catalog: Catalog, promotion: Transaction, trusted: Trusted) -> Out | None:
    try:
        version = catalog.version(promotion.version)
    except ConfigError:  # of a line that the catalogue no longer has
        return None
    channel = _channel(registry, catalog, promotion, trusted)
    return Out(version, channel, datetime.datetime.fromisoformat(promotion.started_at).date())


def _channel(registry: Registry, catalog: Catalog, promotion: Transaction, trusted: Trusted) -> str:
    """That of a release."""
    channel = next(_channels(registry, catalog, promotion, trusted), "")
    if not channel:
        problem = f"{promotion.version} is out by a decision that nobody trusted signed"
        raise ConfigError(problem, "trust the public key it was signed with as well, also where another signs now")
    return channel


def _channels(registry: Registry, catalog: Catalog, promotion: Transaction, trusted: Trusted) -> Iterator[str]:
    """The channel that the decision behind a promotion names."""
    entry = promotion.entries[0]
    found = evidence.find(registry, catalog.repositories.production, entry.new, entry.decision, trusted)
    if found and found.statement and found.predicate_type == DECISION:
        yield decision.read(found.statement).channel
