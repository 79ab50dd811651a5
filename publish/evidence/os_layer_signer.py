"""Signatures of OS layers: who signs provenance here signs them too."""

from __future__ import annotations

from dataclasses import dataclass, replace

from images.system_layer import SystemLayer
from publish.evidence import attest, statement, store
from publish.evidence.keyless import KeylessSigner
from publish.evidence.keys import compute_key_id
from publish.evidence.predicates import os_layer
from publish.evidence.store import Signer
from publish.evidence.trust import Trusted, read_revoked
from runner.errors import GateRefused


@dataclass(frozen=True)
class OsLayerSigner:
    """Signs OS layers as `signer`, and believes the signatures of `trusted` on others."""

    signer: Signer
    trusted: Trusted

    def sign(self, layer: SystemLayer) -> bytes:
        """Return a signed statement of all that is known of a layer."""
        return store.sign_statement(os_layer.make_statement(layer), self.signer)

    def read(self, signed: bytes) -> SystemLayer:
        """Return the layer that a statement is about.

        Raises GateRefused if nobody trusted signed it.
        """
        made = store.verify_bundle(signed, self.trusted)
        if revoked := self.trusted.find_revocation(made.signer, ""):
            raise GateRefused(revoked, "build again: the layer is then made and signed anew")
        return os_layer.read_os_layer(statement.from_json(made.payload))


def make_os_layer_signer(signer: Signer) -> OsLayerSigner:
    """Return what signs and verifies OS layers on this machine.

    It believes its own signatures, beside those that it is configured to trust.
    """
    configured = attest.is_trust_configured()
    trusted = attest.load_trusted() if configured else Trusted(revoked=read_revoked())
    if isinstance(signer, KeylessSigner):
        return OsLayerSigner(signer, trusted)
    own = signer.public_key()
    return OsLayerSigner(signer, replace(trusted, keys={**trusted.keys, compute_key_id(own): own}))
