"""Notify a team's own systems of a release: one signed JSON document, sent by POST.

An error on the way becomes one line for the person at the keyboard; it does not change the release.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from oci.login import LOOPBACK, FixedHeader
from publish.notifier import Delivery
from publish.released.record import ReleaseRecord
from runner import settings
from runner.errors import ConfigError
from runner.redaction import hide_in_values

ADDRESS = settings.WEBHOOK
SECRET = settings.WEBHOOK_SECRET
"""The address may hold a token, so neither is ever printed."""

SIGNATURE = "X-Hub-Signature-256"
"""The header in which GitHub signs its own webhooks, so that receivers need no code of ours."""
DELIVERY = "Idempotency-Key"
"""The SHA-256 of the body: a repeat after a lost answer has the same."""

TIMEOUT_S = (5, 15)
RETRIES = 3
BACKOFF_S = 1.0
MAX_WAIT_S = 30

_ADDRESS = re.compile(r"https?://[!-\[\]-~]{1,2000}", re.IGNORECASE)
"""Printable ASCII without a space or a backslash, which some take for a slash."""
_PASSING = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Webhook:
    """A webhook: the address, and the secret that the receiver shares with us."""

    address: str = field(repr=False)
    secret: bytes = field(repr=False)

    @property
    def host_name(self) -> str:
        """The host, which may be printed; the rest of the address may hold a token."""
        return urlsplit(self.address).hostname or ""

    def notify(self, release: ReleaseRecord, notes: str, *, dry_run: bool = False) -> Delivery:
        """Post a release; see `Notifier.notify`."""
        return post_message(self, make_message(release, notes), dry_run=dry_run)


def read_webhook(environ: Mapping[str, str] = settings.ENVIRON) -> Webhook | None:
    """Return the webhook that the environment names, None if it names none.

    Call it before a release begins. Raises ConfigError if the address is not valid, or not HTTPS
    (HTTP is allowed on this machine), or if there is no secret to sign with.
    """
    address, secret = environ.get(ADDRESS, ""), environ.get(SECRET, "")
    if not address:
        return None
    if not _is_safe(address):
        raise ConfigError(
            f"{ADDRESS} is not an HTTPS address", "write the whole address: https://HOST/PATH"
        )
    if not secret:
        raise ConfigError(
            f"{ADDRESS} is set, but {SECRET} is not",
            "set it to the secret that the receiver checks",
        )
    try:
        return Webhook(address, secret.encode())
    except UnicodeEncodeError:
        raise ConfigError(
            f"{SECRET} is not text in UTF-8", "set it to the secret that the receiver checks"
        ) from None


def make_message(release: ReleaseRecord, notes: str = "") -> dict[str, Any]:
    """Return the document that is posted about a release.

    `notes` is the address of its notes; the key `text` is for chats.
    """
    where = f"promoted to {release.channel}" if release.channel else "not promoted"
    texts = [f"{release.version} {where}: {release.verdict}", release.reason, notes]
    return {
        "event": "release",
        "version": release.version,
        "channel": release.channel,
        "verdict": release.verdict.value,
        "reason": release.reason,
        "registry": release.registry,
        "finished_at": release.finished_at,
        "notes": notes,
        "text": "; ".join(part for part in texts if part),
        "images": _promoted_images(release),
    }


def post_message(to: Webhook, what: Mapping[str, Any], *, dry_run: bool = False) -> Delivery:
    """Post a document; repeat that if the receiver is busy or away.

    There are RETRIES repeats, with backoff and the receiver's `Retry-After`. Raises nothing for
    errors on the way: the caller shows the line and continues.
    """
    body = json.dumps(hide_in_values(dict(what)), sort_keys=True, separators=(",", ":")).encode()
    if dry_run:
        return Delivery(False, f"webhook: {len(body):,} bytes would be posted to {to.host_name}")
    answer = _post_once(to, body)
    for attempt in range(RETRIES):
        if not answer.again:
            break
        time.sleep(answer.wait_s or BACKOFF_S * 2**attempt)
        answer = _post_once(to, body)
    if answer.problem:
        return Delivery(
            False,
            f"webhook: {to.host_name} was not notified: {answer.problem}; the release stays valid",
        )
    return Delivery(True, f"webhook: {to.host_name} was notified")


def sign_body(secret: bytes, body: bytes) -> str:
    """Return `sha256=` and the hexadecimal HMAC-SHA256 of the body as it is sent.

    Receivers compare it in constant time.
    """
    return f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"


def _promoted_images(release: ReleaseRecord) -> list[dict[str, Any]]:
    """Return every digest that was promoted, with its tags in the order in which they were set."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for each in release.promotions:
        reference = f"{release.registry}/{each.repository}@{each.digest}"
        found.setdefault((each.image, reference, each.digest), []).append(each.tag)
    return [
        {"image": image, "reference": reference, "digest": digest, "tags": tags}
        for (image, reference, digest), tags in found.items()
    ]


def _is_safe(address: str) -> bool:
    """Return whether an address names one host for all readers, and nobody can listen."""
    if not _ADDRESS.fullmatch(address):
        return False
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises ValueError if it is not a number
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    )


@dataclass(frozen=True)
class _PostResult:
    """The result of one attempt: `problem` is empty if it succeeded.

    `again`: a repeat may help. `wait_s` is the wait that the receiver asks for.
    """

    problem: str = ""
    again: bool = False
    wait_s: float = 0.0


def _post_once(to: Webhook, body: bytes) -> _PostResult:
    """Post once. urllib3's own repeats are not used: they log the whole address."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "pytorch-cuda-images",
        SIGNATURE: sign_body(to.secret, body),
        DELIVERY: hashlib.sha256(body).hexdigest(),
    }
    user, password = requests.utils.get_auth_from_url(to.address)
    # without an account of its own, requests would look in `~/.netrc`
    account = HTTPBasicAuth(user, password) if user or password else FixedHeader("")
    try:
        # The answer's body is not read, however long; a redirect is not followed: it was signed for
        # this host alone.
        with requests.post(
            to.address,
            body,
            headers=headers,
            auth=account,
            timeout=TIMEOUT_S,
            allow_redirects=False,
            stream=True,
        ) as answer:
            status, retry_after = answer.status_code, answer.headers.get("Retry-After", "")
    except requests.Timeout:
        return _PostResult(f"no answer in {TIMEOUT_S[1]} s", again=True)
    except requests.ConnectionError as error:
        return _PostResult(_describe_error(error), again=True)
    except (requests.RequestException, HTTPError) as error:
        return _PostResult(_describe_error(error))
    if 200 <= status < 300:
        return _PostResult()
    elsewhere = ", and redirects are not followed" if 300 <= status < 400 else ""
    try:
        wait = min(Retry().parse_retry_after(retry_after), MAX_WAIT_S) if retry_after else 0.0
    except HTTPError:  # neither seconds nor a date
        wait = 0.0
    return _PostResult(f"it answered {status}{elsewhere}", status in _PASSING, wait)


def _describe_error(error: BaseException) -> str:
    """Return the system's own words for a network error.

    The message of requests would hold the whole address.
    """
    kind = type(error).__name__
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(getattr(error, "strerror", None) or f"the connection broke ({kind})")
