"""Tell a team's own systems what was released: one JSON document, signed, by POST.

Whatever goes wrong on the way is one line for the person at the keyboard; what is released stays
released.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from oci.login import LOOPBACK
from publish.released.record import Promotion, ReleaseRecord
from runner import settings
from runner.errors import ConfigError

ADDRESS = settings.WEBHOOK
SECRET = settings.WEBHOOK_SECRET
"""The address may hold a token, so neither is ever printed."""

SIGNATURE = "X-Hub-Signature-256"
"""As GitHub signs its own webhooks, so that receivers need no code of ours."""
DELIVERY = "Idempotency-Key"
"""The SHA-256 of the body: a repeat after a lost answer has the same."""

TIMEOUT_S = (5, 15)
RETRIES = 3
BACKOFF_S = 1.0
LONGEST_WAIT_S = 30

_ADDRESS = re.compile(r"https?://[!-\[\]-~]{1,2000}", re.IGNORECASE)
"""Printable ASCII without a space or a backslash, which some take for a slash."""
_PASSING = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Hook:
    """Where to post to, and the secret it shares with us."""

    address: str = field(repr=False)
    secret: bytes = field(repr=False)

    @property
    def host(self) -> str:
        """What may be printed of the address."""
        return urlsplit(self.address).hostname or ""


@dataclass(frozen=True)
class Delivery:
    """Whether the other side took it, and what there is to say about that, in one line."""

    delivered: bool
    line: str


def hook(environ: Mapping[str, str] = os.environ) -> Hook | None:
    """The webhook that the environment names, None where it names none.

    Call it before a release begins.

    Raises ConfigError where the address is none, would go through the net unencrypted, or no secret
    signs for it.
    """
    address, secret = environ.get(ADDRESS, ""), environ.get(SECRET, "")
    if not address:
        return None
    if not _safe(address):
        raise ConfigError(
            f"{ADDRESS} holds no address of HTTPS", "write it whole: https://HOST/PATH"
        )
    if not secret:
        raise ConfigError(
            f"{ADDRESS} is set and {SECRET} is not", "set it to the secret that the receiver checks"
        )
    try:
        return Hook(address, secret.encode())
    except UnicodeEncodeError:
        raise ConfigError(
            f"{SECRET} is not text in UTF-8", "set it to the secret that the receiver checks"
        ) from None


def message(release: ReleaseRecord, notes: str = "") -> dict[str, Any]:
    """What is posted of a release.

    `notes` is the address of its notes; `text` is what a chat shows.
    """
    where = f"promoted to {release.channel}" if release.channel else "not promoted"
    said = [f"{release.version} {where}: {release.verdict}", release.reason, notes]
    return {
        "event": "release",
        "version": release.version,
        "channel": release.channel,
        "verdict": release.verdict.value,
        "reason": release.reason,
        "registry": release.registry,
        "finished_at": release.finished_at,
        "notes": notes,
        "text": "; ".join(part for part in said if part),
        "images": _images(release),
    }


def announce(to: Hook, what: Mapping[str, Any], *, dry_run: bool = False) -> Delivery:
    """Post it, again where the other side is busy or away (RETRIES times, with backoff and its
    `Retry-After`).

    Never raises for what happens on the way: the caller says the line and goes on.
    """
    body = json.dumps(what, sort_keys=True, separators=(",", ":")).encode()
    if dry_run:
        return Delivery(False, f"webhook: {len(body):,} bytes would be posted to {to.host}")
    answer = _post(to, body)
    for attempt in range(RETRIES):
        if not answer.again:
            break
        time.sleep(answer.wait_s or BACKOFF_S * 2**attempt)
        answer = _post(to, body)
    if answer.problem:
        return Delivery(
            False, f"webhook: {to.host} was not told: {answer.problem}; the release stands"
        )
    return Delivery(True, f"webhook: {to.host} was told")


def signature(secret: bytes, body: bytes) -> str:
    """`sha256=` and the hexadecimal HMAC-SHA256 of the body as it was sent; compare it in constant
    time.
    """
    return f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"


def _images(release: ReleaseRecord) -> list[dict[str, Any]]:
    """Every digest that was promoted, and its tags in the order they were put."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in release.promotions:
        found.setdefault((one.image, _reference(release.registry, one), one.digest), []).append(
            one.tag
        )
    return [
        {"image": image, "reference": reference, "digest": digest, "tags": tags}
        for (image, reference, digest), tags in found.items()
    ]


def _reference(registry: str, promotion: Promotion) -> str:
    return f"{registry}/{promotion.repository}@{promotion.digest}"


def _safe(address: str) -> bool:
    """Return whether all readers of an address agree on its host, and nobody on the way can read
    what is posted.
    """
    if not _ADDRESS.fullmatch(address):
        return False
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    )


@dataclass(frozen=True)
class _Answer:
    """What came of one attempt: the problem, if there was one, whether it may pass, and the wait
    asked for.
    """

    problem: str = ""
    again: bool = False
    wait_s: float = 0.0


def _post(to: Hook, body: bytes) -> _Answer:
    """Not by urllib3's own repeats: those log the whole address."""
    try:
        # The answer's body is not read, however long; a redirect is not followed: it was signed for
        # this host alone.
        with requests.post(
            to.address,
            body,
            headers=_headers(to, body),
            timeout=TIMEOUT_S,
            allow_redirects=False,
            stream=True,
        ) as answer:
            status, asked = answer.status_code, answer.headers.get("Retry-After", "")
    except requests.Timeout:
        return _Answer(f"no answer in {TIMEOUT_S[1]} s", again=True)
    except requests.ConnectionError as error:
        return _Answer(_cause(error), again=True)
    except (requests.RequestException, HTTPError) as error:
        return _Answer(_cause(error))
    if 200 <= status < 300:
        return _Answer()
    elsewhere = ", and is not followed elsewhere" if 300 <= status < 400 else ""
    return _Answer(f"it answers {status}{elsewhere}", status in _PASSING, _wait(asked))


def _headers(to: Hook, body: bytes) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "pytorch-cuda-images",
        SIGNATURE: signature(to.secret, body),
        DELIVERY: hashlib.sha256(body).hexdigest(),
    }


def _wait(asked: str) -> float:
    """Seconds to wait by a `Retry-After`, in seconds or as a date; 0 where it says nothing."""
    try:
        return min(Retry().parse_retry_after(asked), LONGEST_WAIT_S) if asked else 0.0
    except HTTPError:
        return 0.0


def _cause(error: BaseException) -> str:
    """The system's own words for a network error.

    What requests says of it would hold the whole address.
    """
    kind = type(error).__name__
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(getattr(error, "strerror", None) or f"the connection broke ({kind})")
