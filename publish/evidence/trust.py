"""Whose signatures are believed: public keys, and identities that Sigstore certifies.

An identity is named whole and with its issuer, who vouched for it: the same name by another issuer
is somebody else. An instance of Sigstore certifies it, the public one or one of your own. The roots
of trust of the public one are part of the pinned library. Nothing is downloaded to verify, so every
machine verifies the same, years later too.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from sigstore._internal.tuf import DEFAULT_TUF_URL
from sigstore._utils import read_embedded
from sigstore.models import ClientTrustConfig
from sigstore.verify import Verifier

from publish.evidence.keys import TRUSTED_KEYS, PublicKeys, load_trusted_keys
from runner import settings
from runner.errors import ConfigError
from runner.moments import parse_moment
from runner.redaction import hide_in_text, show_value
from runner.untrusted import Malformed, read_own_file

TRUSTED_IDENTITIES = settings.TRUSTED_IDENTITIES
DECISION_KEYS = settings.DECISION_KEYS
REVOKED_KEYS = settings.REVOKED_KEYS
SIGSTORE_CONFIG = settings.SIGSTORE_CONFIG
"""The first holds an ISSUER=IDENTITY a line; the second, as TRUSTED_KEYS does, the public keys that
promotion decisions are believed from; the third ids of keys with the day from which they are not
believed; the fourth the path of an instance's client trust configuration.
"""

EXAMPLE = (
    "https://token.actions.githubusercontent.com="
    "https://github.com/ORG/REPO/.github/workflows/release.yml@refs/heads/main"
)

CONFIG_BYTES = 4 << 20
"""The most that a client trust configuration may have. That of the public instance has 20 KB."""

_CONFIG = ClientTrustConfig.ClientTrustConfigType.CONFIG_0_1.value
_EMBEDDED = ("trusted_root.json", "signing_config.v0.2.json")
_IDENTITY = re.compile(r"(https://[!-)+-<>-~]+)=([!-)+-~]+)")
"""Printable ASCII without `*`: an identity is held against a certificate as it is written."""
_REVOKED = re.compile(r"([0-9a-f]{64})=(20[0-9]{2}-[0-9]{2}-[0-9]{2})")


@dataclass(frozen=True)
class Identity:
    """The subject of a certificate: `name` as its issuer knows it, a workflow or an e-mail."""

    issuer: str
    name: str

    def __str__(self) -> str:
        return f"{self.issuer}={self.name}"


@dataclass(frozen=True)
class SigstoreInstance:
    """An instance of Sigstore: the client trust configuration `file`; if empty, the public one."""

    file: str = ""

    @cached_property
    def client_config(self) -> ClientTrustConfig:
        """Its roots of trust, and the addresses of its services. Raises ConfigError."""
        shown = show_value(self.file, 200)
        try:
            text = (
                read_own_file(Path(self.file), CONFIG_BYTES).decode()
                if self.file
                else read_embedded_config()
            )
            return ClientTrustConfig.from_json(text)
        except OSError as error:
            problem = f"cannot read `{shown}`: {error.strerror}"
        except Malformed as error:
            problem = f"`{shown}`: {hide_in_text(str(error))}"
        except (
            RecursionError,
            ValueError,
        ):  # its words are the library's, with parts of the file in them
            problem = f"`{shown}`: not a client trust configuration"
        raise ConfigError(
            problem, f"set {SIGSTORE_CONFIG} to the path of a client trust configuration"
        )

    @cached_property
    def sigstore_verifier(self) -> Verifier:
        """The verifier with its roots of trust, which needs no network. Raises ConfigError."""
        config = self.client_config
        try:
            return Verifier(trusted_root=config.trusted_root)
        except Exception:  # of its own kinds, of pydantic's or of cryptography's
            problem = f"`{show_value(self.file, 200)}`: no roots of trust can be read from it"
            raise ConfigError(
                problem, "take the instance's own client trust configuration"
            ) from None


@dataclass(frozen=True)
class Trusted:
    """Public keys by their id, and the identities that are believed if `instance` certifies them.

    `deciders` are the ids of the keys that may sign a promotion decision, and no other then may;
    None for all. `revoked` are the ids of keys that are not believed from a day on.
    """

    keys: PublicKeys = field(default_factory=dict)
    identities: tuple[Identity, ...] = ()
    instance: SigstoreInstance = SigstoreInstance()
    deciders: frozenset[str] | None = None
    revoked: Mapping[str, datetime.date] = field(default_factory=dict)

    def may_decide(self, signer: str) -> bool:
        """Return whether decisions of a signer are believed; other evidence of theirs may be."""
        return self.deciders is None or signer in self.deciders

    def find_revocation(self, signer: str, moment: str) -> str:
        """Return why a signer is not believed for a statement of a moment (ISO 8601); else nothing.

        A statement without a date is never one of before the day.
        """
        day = self.revoked.get(signer)
        if day is None or (moment and parse_moment(moment, zoned=True).date() < day):
            return ""
        return f"signed by {signer}, whose key is revoked from {day} on"


def resolve_trusted(
    keys: Iterable[str] = (), names: Iterable[str] = (), environ: Mapping[str, str] = os.environ
) -> Trusted:
    """Return the public keys and identities (ISSUER=IDENTITY) given, and who of them decides.

    The default is the configuration. Keys that decide are trusted for all else too. Raises
    ConfigError if nobody is trusted: by mistake that would read as "nothing is proven".
    """
    given, named, revoked = [*keys], [*names], read_revoked(environ)
    if not given and not named:
        given, named = (
            [each for each in (environ.get(TRUSTED_KEYS),) if each],
            _read_configured(environ),
        )
    known = _trust_identities(named, environ)
    decider_folder = (
        "" if keys or names else environ.get(DECISION_KEYS, "")
    )  # who names whom to trust says who decides as well
    known = replace(known, revoked=revoked)
    known = (
        replace(known, keys=load_trusted_keys(given, environ))
        if given or not (named or decider_folder)
        else known
    )
    if not decider_folder:
        return known
    deciders = load_trusted_keys([decider_folder], environ, DECISION_KEYS)
    return replace(known, keys={**known.keys, **deciders}, deciders=frozenset(deciders))


def load_trusted_identities(environ: Mapping[str, str] = os.environ) -> Trusted:
    """Return the configured identities, without keys. Raises ConfigError if there is none."""
    named = _read_configured(environ)
    if not named:
        raise ConfigError(
            "no identity is trusted, so none can sign", f"set {TRUSTED_IDENTITIES}, as {EXAMPLE}"
        )
    return _trust_identities(named, environ)


def read_embedded_config(repository: str = DEFAULT_TUF_URL) -> str:
    """Return the client trust configuration that the library holds, by default the public one."""
    root, services = (read_embedded(name, repository).decode() for name in _EMBEDDED)
    return f'{{"mediaType": "{_CONFIG}", "trustedRoot": {root}, "signingConfig": {services}}}'


def summarize_error(error: Exception) -> str:
    """Return the message of a foreign error and of its cause, short enough for a line."""
    messages = dict.fromkeys(
        str(each) or type(each).__name__ for each in (error, error.__cause__) if each
    )
    return " ".join(": ".join(messages).split())[:300]


def _read_configured(environ: Mapping[str, str]) -> list[str]:
    return [
        line.strip() for line in environ.get(TRUSTED_IDENTITIES, "").splitlines() if line.strip()
    ]


def read_revoked(environ: Mapping[str, str] = os.environ) -> dict[str, datetime.date]:
    """Return the first days on which keys are not believed, by the ids of the keys.

    Of several days of a key the first counts. Raises ConfigError for what is no such list.
    """
    revoked = dict[str, datetime.date]()
    for entry in re.split(r"[\s,]+", environ.get(REVOKED_KEYS, "").strip(" ,\t\n")):
        match = _REVOKED.fullmatch(entry)
        try:
            if match:
                day = datetime.date.fromisoformat(match[2])
                revoked[match[1]] = min(day, revoked.get(match[1], day))
            elif entry:
                raise ValueError
        except ValueError:
            raise ConfigError(
                f"{REVOKED_KEYS}: `{show_value(entry, 200)}` is not a revoked key",
                "write the id of the key and the first day that does not count: ID=2026-11-30",
            ) from None
    return revoked


def _trust_identities(names: Iterable[str], environ: Mapping[str, str]) -> Trusted:
    identities: dict[Identity, None] = {}
    for name in names:
        match = _IDENTITY.fullmatch(name)
        if match is None:
            raise ConfigError(
                f"`{show_value(name, 200)}` is not an identity",
                f"write it whole, with its issuer: {EXAMPLE}",
            )
        identities[Identity(match[1], match[2])] = None
    known = Trusted({}, tuple(identities), SigstoreInstance(environ.get(SIGSTORE_CONFIG, "")))
    if known.identities:
        _ = (
            known.instance.sigstore_verifier
        )  # a configuration that cannot be read is told before any evidence is
    return known
