"""The trust and the signers of one run: whose statements count, and who signs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

from images.catalog import Catalog
from oci.registry import Registry
from publish.evidence import attest, documents
from publish.evidence.attest import EvidenceSigner
from publish.evidence.documents import DocumentSeal
from publish.evidence.trust import Trusted
from publish.released import decision_check, trusted_journal
from publish.released.yank_statements import SignedYankMarks
from publish.tags import lock
from publish.tags.production import Production


@dataclass(frozen=True)
class SigningContext:
    """Trust and signers on one registry.

    They are made when they are first needed: a release that cannot be promoted makes no key.
    """

    registry: Registry
    catalog: Catalog

    @cached_property
    def trusted(self) -> Trusted:
        """The keys and identities whose statements count here.

        If none are configured, that is the machine's own key, which is made on its first use.
        """
        if not attest.is_trust_configured():
            _ = self.evidence_signer
        return attest.load_trusted()

    @cached_property
    def evidence_signer(self) -> EvidenceSigner:
        """The signer of evidence on this machine."""
        return EvidenceSigner(
            self.registry, attest.load_signer(), self.catalog.repositories.production
        )

    def open_production(self, purpose: str) -> Production:
        """Return production as transactions change it; `purpose` names this run in its lock."""
        return open_production(self.registry, self.catalog, self.trusted, purpose)

    def seal_of_findings(self) -> DocumentSeal:
        """Return the seal of the history of findings."""
        return documents.make_findings_seal(attest.load_signer, self.trusted)


def open_production(
    registry: Registry, catalog: Catalog, trusted: Trusted, purpose: str
) -> Production:
    """Return production with its lock, yank statements, signed journal and decision check."""
    places = catalog.repositories
    return Production(
        registry,
        places,
        lock.make_owner_name(purpose),
        SignedYankMarks(registry, places.production, trusted, attest.load_signer, places.staging),
        documents.make_journal_seal(attest.load_signer, trusted),
        decision_check.make_decision_check(registry, places, trusted),
        decision_check.make_decision_reader(registry, places, trusted),
        documents.make_lock_seal(attest.load_signer, trusted),
        catalog.images,
        partial(trusted_journal.confirm_once, registry, places, trusted, catalog.images),
    )
