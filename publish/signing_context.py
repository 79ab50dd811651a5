"""The trust and the signers of one run: whose statements count, and who signs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from images.catalog import Catalog
from oci.registry import Registry
from publish.evidence import attest, documents
from publish.evidence.attest import Witness
from publish.evidence.documents import DocumentSeal
from publish.evidence.trust import Trusted
from publish.released import decision_check
from publish.released.yank_statements import SignedMarks
from publish.tags import lock
from publish.tags.transaction import Production


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
        if not attest.is_told_whom_to_trust():
            _ = self.evidence_signer
        return attest.trusted()

    @cached_property
    def evidence_signer(self) -> Witness:
        """The signer of evidence on this machine."""
        return Witness(self.registry, attest.signer(), self.catalog.repositories.production)

    def open_production(self, purpose: str) -> Production:
        """Return production as transactions change it; `purpose` names this run in its lock."""
        return open_production(self.registry, self.catalog, self.trusted, purpose)

    def seal_of_findings(self) -> DocumentSeal:
        """Return the seal of the history of findings."""
        return documents.of_findings(attest.signer, self.trusted)


def open_production(
    registry: Registry, catalog: Catalog, trusted: Trusted, purpose: str
) -> Production:
    """Return production with its lock, yank statements, signed journal and decision check."""
    places = catalog.repositories
    return Production(
        registry,
        places,
        lock.owner(purpose),
        SignedMarks(registry, places.production, trusted, attest.signer),
        documents.of_journal(attest.signer, trusted),
        decision_check.doubt(registry, places, trusted),
        decision_check.allowed(registry, places, trusted),
        documents.of_lock(attest.signer, trusted),
    )
