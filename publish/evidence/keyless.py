"""Evidence that is signed without a key, by an identity that Sigstore certifies for some minutes.

The environment says who is running: in GitHub Actions, a job with `id-token: write`. Sigstore logs
the signature in public. A reader needs a name and no key. The library verifies all that Sigstore
promises: the certificate's chain at the time of the log's entry, its own entry in the log of
certificates, the inclusion of the entry, and that the entry is about this signature.

Signatures of this kind differ each time they are made. Each is opened at once, as a reader would:
nothing is attached that those who trust the configured identities would not believe.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from cryptography.x509 import (
    Certificate,
    ObjectIdentifier,
    SubjectAlternativeName,
    UnrecognizedExtension,
)
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from sigstore.dsse import Statement
from sigstore.errors import VerificationError
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.oidc import IdentityToken, detect_credential
from sigstore.sign import SigningContext
from sigstore.verify import policy

from oci.login import FixedHeader
from oci.manifest import canonical_json
from publish.evidence.dsse import VerifiedPayload
from publish.evidence.keys import SIGNING_KEY
from publish.evidence.statement import MEDIA_TYPE
from publish.evidence.strict_json import BUNDLE_VALUES, NOT_USABLE, json_object
from publish.evidence.trust import TRUSTED_IDENTITIES, Identity, Trusted, summarize_error
from runner import settings, shell
from runner.child_variables import CI_AGENTS, secrets_for
from runner.errors import EnvironmentFailed, GateRefused, ReleaseError
from runner.redaction import remember_secret
from runner.untrusted import count_values

KEYLESS = "keyless"
"""Stands where a signing key would."""

TIMEOUT_S = 30.0
"""Of connecting and of each answer. The library waits for its services without end."""

_AUDIENCE = "sigstore"
_AGENTS = {
    settings.BUILDKITE: ("buildkite-agent", "oidc", "request-token", "--audience", _AUDIENCE),
    settings.CIRCLECI: (
        *("circleci", "run", "oidc", "get", "--root-issuer", "--claims"),
        json.dumps({"aud": _AUDIENCE}),
    ),
}
"""Programs that say who a job is, by the variable of their service.

The library would run them with each secret, and without a limit of time.
"""

_ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
"""Under which a certificate of Sigstore names the issuer (sigstore/fulcio, docs/oid-info.md)."""

_FORMAT = Bundle.BundleType.BUNDLE_0_3.value
_TRUST = f"add it to {TRUSTED_IDENTITIES} if it is yours"
_ANOTHER_WAY = f"run it again; or sign with a key, in {SIGNING_KEY}"
_IDENTIFY = (
    f"give the job `id-token: write` (docs/workflows.md); or sign with a key, in {SIGNING_KEY}"
)


@dataclass(frozen=True)
class KeylessSigner:
    """Signs as the identity of this machine, which must be one of `trusted`'s identities."""

    trusted: Trusted

    def sign_statement(self, payload: bytes) -> bytes:
        """Return a statement in a bundle, each time another one.

        Raises EnvironmentFailed or ConfigError.
        """
        token = _fetch_token()
        config = self.trusted.instance.client_config
        try:
            with _make_context(config).signer(token) as signer:
                made = signer.sign_dsse(Statement(payload)).to_json()
        except (
            Exception
        ) as error:  # the library lets pass what its services answer and how they fail
            raise EnvironmentFailed(
                f"Sigstore did not sign: {summarize_error(error)}", _ANOTHER_WAY
            ) from None
        what = "the bundle that Sigstore made"
        return self._require_believed(json_object(made.encode(), what, BUNDLE_VALUES))

    def _require_believed(self, content: dict[str, Any]) -> bytes:
        try:
            verify_certified(content, self.trusted)
        except GateRefused as error:
            raise EnvironmentFailed(
                f"what Sigstore made would not be believed: {error.message}", error.hint
            ) from None
        return canonical_json(content)


def is_certified(content: Mapping[str, Any]) -> bool:
    """Return whether a bundle says that a certificate is behind it, rather than a key."""
    material = content.get("verificationMaterial")
    return isinstance(material, dict) and bool(
        {"certificate", "x509CertificateChain"} & set(material)
    )


def verify_certified(
    content: Mapping[str, Any], trusted: Trusted, payload_type: str = MEDIA_TYPE
) -> VerifiedPayload:
    """Return the payload of a parsed bundle if a trusted identity signed it as `payload_type`.

    The library makes an error for each wrong value, so a bundle has at most BUNDLE_VALUES. Raises
    GateRefused.
    """
    if count_values(content) > BUNDLE_VALUES:
        raise GateRefused(f"a bundle of more than {BUNDLE_VALUES:,} values", NOT_USABLE)
    if not trusted.identities:
        raise GateRefused("signed by a certificate, and no identity is trusted", _TRUST)
    if content.get("mediaType") != _FORMAT:
        raise GateRefused(
            f"a bundle of type {content.get('mediaType')!r:.100}, not {_FORMAT}", NOT_USABLE
        )
    try:
        bundle = Bundle.from_json(canonical_json(dict(content)))
        identity = _find_identity(bundle.signing_certificate, trusted)
        stated, payload = trusted.instance.sigstore_verifier.verify_dsse(
            bundle, _make_policy(identity)
        )
    except ReleaseError:
        raise
    except Exception as error:  # beside the library's own errors, those of all that it parses with
        raise GateRefused(
            f"its certificate, log entry or signature does not hold: {summarize_error(error)}",
            NOT_USABLE,
        ) from None
    if stated != payload_type:
        raise GateRefused(f"what was signed is {stated!r:.100}, not {payload_type}", NOT_USABLE)
    return VerifiedPayload(payload, str(identity))


def _find_identity(certificate: Certificate, trusted: Trusted) -> Identity:
    """Return the trusted identity that a certificate is for, whoever issued the certificate."""
    for identity in trusted.identities:
        try:
            _make_policy(identity).verify(certificate)
        except VerificationError:
            continue
        return identity
    issuer = cast(
        UnrecognizedExtension, certificate.extensions.get_extension_for_oid(_ISSUER).value
    ).value.decode()
    names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    named = " or ".join(f"{issuer}={name.value}" for name in names)
    raise GateRefused(f"signed by {named!r:.300}, which is not trusted", _TRUST)


def _make_policy(identity: Identity) -> policy.VerificationPolicy:
    """Return a policy for issuer and name: the library's own pair takes an empty issuer for any."""
    return policy.AllOf(
        [policy.OIDCIssuer(identity.issuer), policy.Identity(identity=identity.name)]
    )


def _fetch_token() -> IdentityToken:
    """Return a token that says who this machine is. Raises EnvironmentFailed."""
    try:
        agents = (each for variable, each in _AGENTS.items() if os.environ.get(variable))
        command = next(agents, None)  # a service whose agent is on this machine
        if command is not None:  # the library would start it too, with all variables
            tokens = secrets_for(settings.AGENT_TOKENS)
            raw = shell.run(
                command, hint=_IDENTIFY, timeout_s=TIMEOUT_S, allowed=CI_AGENTS, env=tokens
            )
        else:
            with settings.show_secrets(settings.IDENTITY_TOKENS):
                raw = detect_credential() or ""
        remember_secret(raw.strip(), "the token that says who this machine is")
        token = IdentityToken(raw.strip()) if raw.strip() else None
    except Exception as error:  # the surroundings' service may answer anything too
        raise EnvironmentFailed(
            f"no identity to sign with: {summarize_error(error)}", _IDENTIFY
        ) from None
    if token is None:
        raise EnvironmentFailed(
            "no identity to sign with: nothing here says who this is", _IDENTIFY
        )
    return token


def _make_context(config: ClientTrustConfig) -> SigningContext:
    """Return the services of an instance, each with a limit in time."""
    services = config.signing_config
    authority, log = services.get_fulcio(), services.get_tlogs()[0]
    stamps = services.get_tsas()
    sessions = (authority.session, *(cast(Any, each)._session for each in (log, *stamps)))
    for session in sessions:
        session.auth = FixedHeader("")  # else requests would look for an account in `~/.netrc`
        session.mount("https://", _TimeLimitedAdapter())
        session.mount("http://", _TimeLimitedAdapter())
    return SigningContext(
        fulcio=authority,
        rekor=log,
        trusted_root=config.trusted_root,
        tsa_clients=stamps,
    )


class _TimeLimitedAdapter(HTTPAdapter):
    def send(self, request: PreparedRequest, *args: Any, **named: Any) -> Response:  # noqa: ANN401 - as it comes
        return super().send(request, *args, **{**named, "timeout": TIMEOUT_S})
