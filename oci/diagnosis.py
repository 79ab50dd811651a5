"""The messages of requests that failed: what happened, and what a person can do."""

from __future__ import annotations

import re
import ssl
import zlib
from http.client import HTTPException, IncompleteRead
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import DecodeError, InvalidHeader

from oci import deadline, tls
from oci.reach import Misdirected
from oci.registry_error import RegistryError
from oci.repeats import find_root_cause, make_retries
from runner import home
from runner.untrusted import clean_line

REDIRECTS = 5


def no_answer_error(
    what: str, host: str, error: Exception, over: deadline.Deadline | None = None
) -> RegistryError:
    """Return the error of a request that got no answer, or not within the deadline `over`."""
    if over is not None and over.is_over:
        return RegistryError(0, f"{what}: no complete answer within {over.seconds:.0f} s")
    cause = find_root_cause(error)
    status, problem, hint = _diagnose_answer(cause) or _diagnose_connection(error, cause, host)
    return RegistryError(status, f"{what}: {problem}", hint)


def _diagnose_answer(cause: BaseException) -> tuple[int, str, str] | None:
    """Return status, problem and hint of an answer that cannot be used; None if none came."""
    if isinstance(cause, Misdirected):
        return 310, str(cause), ""
    if isinstance(cause, requests.TooManyRedirects):
        return 310, f"the registry sends the request on more than {REDIRECTS} times", ""
    if isinstance(cause, WrongAnswer):
        return 200, str(cause), _BROKEN
    if isinstance(cause, _NO_HTTP) and not isinstance(cause, _NO_ANSWER):
        text = without_secrets(str(cause))
        return 200, f"the answer is not valid HTTP ({text})", _BROKEN
    return None


def _diagnose_connection(error: Exception, cause: BaseException, host: str) -> tuple[int, str, str]:
    """Return status, problem and hint of a request that got no answer."""
    if hint := tls.handshake_hint(cause, host):
        text = (
            cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else str(cause)
        )
        return 0, f"no secure connection: {without_secrets(text)}", hint
    if hint := home.machine_hint(cause):
        return 0, without_secrets(str(cause)), hint
    if proxy := _proxy_problem(error, cause, host):
        return 0, proxy, _PROXY
    text = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
    return 0, without_secrets(text), ""


_NO_HTTP = (
    ValueError,
    requests.exceptions.InvalidHeader,
    InvalidHeader,
    DecodeError,
    zlib.error,
    HTTPException,
)
_NO_ANSWER = (
    ConnectionError,
    IncompleteRead,
    ssl.SSLError,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidProxyURL,
)
"""The errors among these that mean that there is no connection, or that it was closed."""
_BROKEN = (
    "check the registry's address, and the registry and the proxy before it: its "
    "answer would be the same again"
)


class WrongAnswer(requests.RequestException):
    """An answer of a token service that cannot be used. It would be the same again."""


_PROXY = "check the proxy, or correct HTTPS_PROXY, or name the registry's host in NO_PROXY"


def _proxy_problem(error: Exception, cause: BaseException, host: str) -> str:
    """Return what is wrong with the proxy before the registry at `host`; empty if nothing is."""
    is_socks = isinstance(error, requests.exceptions.InvalidSchema) and "SOCKS" in str(error)
    is_proxy = isinstance(
        error, requests.exceptions.ProxyError | requests.exceptions.InvalidProxyURL
    )
    if not (is_socks or is_proxy):
        return ""
    address = f"https://{host}/"
    found = requests.utils.select_proxy(address, requests.utils.get_environ_proxies(address))
    text = "SOCKS is not supported" if is_socks else str(cause)
    return f"the proxy {show_address(found or '')} cannot be used: {without_secrets(text)}"


def unexpected_answer_error(what: str, answer: requests.Response) -> RegistryError:
    """Return the error of a request that got an unexpected answer."""
    body = clean_line(answer.content.decode("utf-8", "replace"), 200)
    wait = answer.headers.get("Retry-After", "")
    wait_s = make_retries().parse_retry_after(wait)
    asks = f"and asks to wait ({clean_line(wait, 40)})" if wait_s else ""
    words = (f"{what}: the registry answered {answer.status_code}", body, asks)
    message = " ".join(word for word in words if word)
    hint = _hint_for_answer(
        str(answer.request.method) if answer.request else what.partition(" ")[0],
        what,
        answer.status_code,
        body,
    )
    return RegistryError(answer.status_code, message, hint, wait_s=wait_s)


def without_secrets(text: str) -> str:
    """Return `text` on one line, without the accounts and queries of addresses.

    Passwords and tokens stand in these.
    """
    return clean_line(_QUERY.sub("?...", _ACCOUNT.sub("//", text)), 200)


def show_address(address: str) -> str:
    """Return an address for a message: without account and query."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that cannot be read"
    return clean_line(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", 200)


_ACCOUNT = re.compile(r"//[^/@\s]*@")
_QUERY = re.compile(r"\?[^\s'\")]+")
_CHANGES = ("POST", "PUT", "PATCH")
_IMMUTABLE = re.compile(r"immutab|TagAlreadyExists|tag\b.{0,80}\balready exists", re.IGNORECASE)
_MOVING = (
    "aliases (`latest`, `v2.6`, `2026.11`), `*-candidate*`, `journal`, `promotion-lock`, "
    "`findings`, `sha256-*`"
)


def _hint_for_answer(method: str, what: str, status: int, body: str) -> str:
    """Return the hint that fits a registry's own words, or an empty text if its status says all."""
    if method in _CHANGES and status in (400, 403, 409, 412) and _IMMUTABLE.search(body):
        return f"exclude the tags that move from the registry's rule of immutable tags: {_MOVING}"
    if method in _CHANGES and status == 404 and "NAME_UNKNOWN" in body:
        repository = re.split("/(?:manifests|blobs)/", what.partition(" ")[2])[0]
        return f"create the repository `{repository}` in the registry: it creates none by itself"
    if status == 400 and "BLOB_UNKNOWN" in body:
        return "run the stage that made it again: the registry lost something that it names"
    return ""
