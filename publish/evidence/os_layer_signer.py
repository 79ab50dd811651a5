"""Signatures of OS layers: who signs provenance here signs them too."""

from __future__ import annotations

from dataclasses import dataclass, replace

from images.system_layer import SystemLayer
from publish.evidence import attest, statement, store
from publish.evidence.keyless import Keyless
from publish.evidence.keys import key_id
from publish.evidence.predicates import os_layer
from publish.evidence.store import Signer
from publish.evidence.trust import Trusted


@dataclass(frozen=True)
class SystemVouch:
    """Signs OS layers as `signer`, and believes the signatures of `trusted` on others."""

    signer: Signer
    trusted: Trusted

    def sign(self, layer: SystemLayer) -> bytes:
        """Return a signed statement of all that is known of a layer."""
        return store.signed(os_layer.statement(layer), self.signer)

    def read(self, signed: bytes) -> SystemLayer:
        """Return the layer that a statement is about.

        Raises GateRefused if nobody trusted signed it.
        """
        return os_layer.read(statement.from_json(store.opened(signed, self.trusted).payload))


def vouch_of(signer: Signer) -> SystemVouch:
    """Return what signs and verifies OS layers on this machine.

    It believes its own signatures, beside those that it is configured to trust.
    """
    told = attest.trusted() if attest.is_told_whom_to_trust() else Trusted()
    if isinstance(signer, Keyless):
        return SystemVouch(signer, told)
    own = signer.public_key()
    return SystemVouch(signer, replace(told, keys={**told.keys, key_id(own): own}))
