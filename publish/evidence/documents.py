"""Signatures of the documents that steer decisions.

These are the history of findings, the journal of tags, and the claim of the lock. The signature is
a bundle around an in-toto Statement whose subject is the document's own digest, so a certificate of
Sigstore can make it as well as a key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from oci.manifest import sha256
from publish.evidence import statement, store
from publish.evidence.bundle_files import BUNDLE
from publish.evidence.predicates import FINDINGS, JOURNAL, LOCK
from publish.evidence.statement import Statement
from publish.evidence.store import Signer
from publish.evidence.trust import Trusted
from runner.errors import GateRefused


@dataclass(frozen=True)
class DocumentSeal:
    """Signs and verifies documents of one kind, which is a predicate type.

    `signer` is called when a document is signed. A document that `decides` counts only if somebody
    signed it who may sign a promotion decision.
    """

    kind: str
    signer: Callable[[], Signer]
    trusted: Trusted
    decides: bool
    media_type: str = BUNDLE

    def sign(self, document: bytes) -> bytes:
        """Return the bundle that signs a document."""
        return store.sign_statement(self._make_statement(sha256(document)), self.signer())

    def own_problem(self) -> str:
        """Return why what is signed here would not count; empty if it would."""
        return store.find_signer_problem(self.signer(), self.trusted, decides=self.decides)

    def problem(self, document: bytes, signature: bytes) -> str:
        """Return why a bundle does not count as the signature of a document; empty if it does."""
        return self.digest_problem(sha256(document), signature)

    def digest_problem(self, digest: str, signature: bytes) -> str:
        """Return the same for a document of which only the digest is known."""
        try:
            made = store.verify_bundle(signature, self.trusted)
        except GateRefused as error:
            return error.message
        if not statement.is_encoding(self._make_statement(digest), made.payload):
            return "what was signed is another document"
        if revoked := self.trusted.find_revocation(made.signer, ""):
            return revoked
        return (
            ""
            if not self.decides or self.trusted.may_decide(made.signer)
            else f"{made.signer} may not decide"
        )

    def _make_statement(self, digest: str) -> Statement:
        return Statement(digest, self.kind.rpartition("/")[0].rpartition("/")[2], self.kind, {})


def make_findings_seal(signer: Callable[[], Signer], trusted: Trusted) -> DocumentSeal:
    """Return the seal of the history of findings: scans sign it."""
    return DocumentSeal(FINDINGS, signer, trusted, decides=False)


def make_journal_seal(signer: Callable[[], Signer], trusted: Trusted) -> DocumentSeal:
    """Return the seal of the journal of tags: who decides signs it."""
    return DocumentSeal(JOURNAL, signer, trusted, decides=True)


def make_lock_seal(signer: Callable[[], Signer], trusted: Trusted) -> DocumentSeal:
    """Return the seal of a claim of the lock: who moves tags signs it."""
    return DocumentSeal(LOCK, signer, trusted, decides=True)
