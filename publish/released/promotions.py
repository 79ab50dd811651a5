"""All promotions with their dates and channels, from the journal and the decisions it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from images.catalog import Catalog, Version
from images.names import candidate_stem, is_candidate
from oci.registry import Registry, RegistryError
from publish.evidence import store as evidence
from publish.evidence.predicates import DECISION, decision
from publish.evidence.trust import Trusted
from publish.policy.schedule import PublishedRelease
from publish.released import trusted_journal
from publish.released.record import PromotedTag
from publish.tags.journal import Journal, Transaction
from runner import progress
from runner.errors import ConfigError
from runner.moments import parse_moment


@dataclass(frozen=True)
class LastPromotion:
    """The last promotion of a version: its channel, moment (ISO 8601) and every tag it put."""

    channel: str
    at: str
    promotions: tuple[PromotedTag, ...]


def find_last_promotion(
    registry: Registry, catalog: Catalog, version: Version, trusted: Callable[[], Trusted]
) -> LastPromotion | None:
    """Return the last promotion of a version as a release, else as a candidate, or None.

    A promotion that is half done does not count. `trusted` is called only if the journal or a tag
    of production names the version. Raises ConfigError if no trusted decision names its channel.
    """
    names = str(version), candidate_stem(str(version))
    hints = trusted_journal.read_as_written(registry, catalog.repositories, Trusted()).journal
    if not (
        any(each.version in names for each in _list_done(hints))
        or any(registry.resolve_digest(catalog.repositories.production, each) for each in names)
    ):
        return None
    journal = trusted_journal.read_confirmed(
        registry, catalog.repositories, trusted(), catalog.images
    ).journal
    done = {each.version: each for each in _list_done(journal)}
    if release := done.get(names[0]):
        channel, problem = _read_channel(registry, catalog, release, trusted())
        if problem:
            raise ConfigError(problem, _RESTORE)
        return _describe_promotion(catalog, release, channel)
    candidate = done.get(names[1])
    channel = _read_channel(registry, catalog, candidate, trusted())[0] if candidate else ""
    return _describe_promotion(catalog, candidate, channel) if candidate and channel else None


def _describe_promotion(catalog: Catalog, promotion: Transaction, channel: str) -> LastPromotion:
    repository = catalog.repositories.production
    tags = (PromotedTag(each.image, repository, each.tag, each.new) for each in promotion.entries)
    return LastPromotion(channel, promotion.started_at, tuple(tags))


def list_releases(
    registry: Registry,
    catalog: Catalog,
    trusted: Trusted,
    needs_channel: Callable[[PublishedRelease], bool] = lambda _: True,
) -> tuple[PublishedRelease, ...]:
    """Return every promotion of a line of the catalogue, without candidates.

    Channels are read only of the releases that need one: the decision of an old release may be
    gone. If no trusted decision of such a release can be read, it has no channel, and a line says
    so: if it were left out, a reader would believe that the version is not released. A promotion
    that only an unsigned journal has is not a release, and a line says so.
    """
    journal = trusted_journal.read_confirmed(
        registry, catalog.repositories, trusted, catalog.images
    ).journal
    withdrawn = journal.withdrawn_versions()
    found: list[PublishedRelease] = []
    for each in _list_done(journal):
        if is_candidate(each.version):
            continue
        try:
            version = catalog.require_version(each.version)
        except ConfigError:  # the catalogue no longer has its line
            continue
        day = parse_moment(each.started_at).date()
        release = PublishedRelease(version, "", day, each.version in withdrawn)
        if needs_channel(release):
            release = _add_channel(registry, catalog, each, trusted, release)
        found.append(release)
    return tuple(found)


def _add_channel(
    registry: Registry,
    catalog: Catalog,
    promotion: Transaction,
    trusted: Trusted,
    release: PublishedRelease,
) -> PublishedRelease:
    """Return a release with its channel; without one if it cannot be read, and a line says why."""
    try:
        channel, problem = _read_channel(registry, catalog, promotion, trusted)
    except RegistryError as error:
        about = f"the channel of {promotion.version} cannot be read"
        progress.say_line(f"  line {release.version.line}: {about}: {error}")
        return replace(release, outage=error.message)
    if problem:
        progress.say_line(f"  line {release.version.line}: {problem}: {_RESTORE}")
    return replace(release, channel=channel)


def _list_done(journal: Journal) -> list[Transaction]:
    """Return the promotions that are done and name tags."""
    return [
        each
        for each in journal.transactions
        if each.kind == "promotion" and each.entries and not each.is_open
    ]


_RESTORE = (
    "restore its decisions in the registry; if another key signed them, also trust its public key"
)


def _read_channel(
    registry: Registry, catalog: Catalog, promotion: Transaction, trusted: Trusted
) -> tuple[str, str]:
    """Return the channel of a promotion; if no trusted decision names it, also the problem.

    The images of a release have a decision each, and the first that can be read says it.
    """
    problem = "no decision on it is in the registry"
    for digest, artifact in dict.fromkeys((each.new, each.decision) for each in promotion.entries):
        found = evidence.find_evidence(
            registry, catalog.repositories.production, digest, artifact, trusted
        )
        if found and found.statement and found.predicate_type == DECISION:
            return decision.read_decision(found.statement).channel, ""
        problem = f"{artifact}: {found.problem}" if found else problem
    return "", f"the channel of {promotion.version} is not known: {problem}"
