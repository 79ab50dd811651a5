"""Requests to a registry: connections, repeats, and the messages of failures."""

from __future__ import annotations

import contextlib
import re
import ssl
import time
import zlib
from collections.abc import Callable
from http.client import HTTPException, IncompleteRead
from typing import Any, ClassVar, Self, TypeVar, cast
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import DecodeError, InvalidHeader, MaxRetryError, ResponseError
from urllib3.util.retry import Retry

from oci import deadline, tls
from oci.reach import Misdirected, reach_of
from runner import home, progress
from runner.errors import EnvironmentFailed
from runner.proxies import check_proxies
from runner.untrusted import clean_line

TIMEOUT_S = (10, 60)
"""Seconds for a connection, and between two bytes of an answer."""
WHOLE_S = 110.0
"""Seconds for a request with all its repeats and waits, without the time for its bytes."""
SLOWEST_BYTES_PER_S = 128 << 10
"""The time for the bytes of a blob is computed with this rate."""
REDIRECTS = 5
MAX_ANSWER_BYTES = 16 << 20
"""Bytes of a page of a list. Registries with 1,000 tags a page send less than 200 KB."""
MAX_ERROR_BYTES = 64 << 10
"""Bytes that are read of an error's body. One line of it is shown."""

MAX_WAIT_S = 60
"""A longer `Retry-After` is not waited for: a person can decide better what to do meanwhile."""

CONNECTIONS = 32
"""Kept open to a registry. A blob that is copied needs two, so this is enough for 16 at once."""

ATTEMPTS = 3
PASSING = (0, 408, 429, 500, 502, 503, 504)
"""Statuses of failures that may pass soon; 0 stands for no answer."""

_MAX_PAUSE_S = 10.0

T = TypeVar("T")


class RegistryError(EnvironmentFailed):
    """A registry that refused, failed, or returned other bytes than were asked for.

    `status` is HTTP's, 0 without an answer; `wait_s` is how many seconds the registry asks to wait.
    """

    hints: ClassVar[dict[int, str]] = {
        0: "check that the registry runs (`./release.py doctor`), then run the same command again",
        401: "log in: `docker login` for the registry, with an account that may do this",
        403: "ask for an account that may do this",
        404: "look in the registry whether it was deleted; if so, run the stage that made it again",
        304: ("check the proxy or cache before the registry: its answer does not fit the request"),
        408: "run the same command again",
        413: "raise the largest request of the registry, or of the proxy before it, to 100 MB",
        429: "wait as long as the registry asks for, then run the same command again",
        507: "free space on the registry",
    }
    _OF_KIND: ClassVar[dict[int, str]] = {
        1: (
            "check the registry's address, and the proxy before it: the server there is not a "
            "registry"
        ),
        2: ("check the artifact in the registry: it is not valid; restore it or remove it"),
        3: "give the registry's own address: this one sends requests elsewhere",
        4: "correct what the registry refused: it will refuse the same request again",
    }

    def __init__(self, status: int, message: str, hint: str = "", wait_s: float = 0) -> None:
        passes = "no incomplete result is visible: run the same command again"
        hint = hint or self.hints.get(status) or self._OF_KIND.get(status // 100, passes)
        super().__init__(message, hint)
        self.status = status
        self.wait_s = wait_s

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.status in PASSING and self.wait_s <= MAX_WAIT_S


def repeat_request(work: Callable[[], T]) -> T:
    """Return the result of `work`, which may be done more than once.

    It is repeated after failures that may pass.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return work()
        except RegistryError as error:
            if not error.may_pass:
                raise
            pause_before_repeat(error, attempt)
    return work()


def pause_before_repeat(error: RegistryError, attempt: int) -> None:
    """Wait as long as the registry asks for, else longer with every attempt."""
    if error.wait_s:
        progress.say_line(f"  the registry asks to wait {error.wait_s:.0f} s")
    time.sleep(error.wait_s or min(0.5 * 2**attempt, _MAX_PAUSE_S))


def make_session(host: str, base: str) -> requests.Session:
    """Return connections to the registry at `host`, whose API is below the address `base`.

    Requests that change nothing visible (GET, HEAD, and POST, which only opens uploads and mounts)
    are repeated by it on connection failures, 429 and 5xx. Raises ConfigError for certificates, and
    for addresses of proxies, that cannot be used.
    """
    made = _RegistrySession(base)
    made.max_redirects = REDIRECTS
    root, known = base.removesuffix("v2/"), reach_of(base)
    elsewhere = _BoundedAdapter(known.require_reachable)  # stores of blobs, token services
    made.mount("http://", elsewhere)
    made.mount("https://", elsewhere)
    if not base.startswith("https:"):
        made.trust_env = False  # on loopback: no proxy leads there
        made.mount(root, _BoundedAdapter(known.note_peer))
        return made
    check_proxies(base)
    made.verify = tls.find_authorities()
    made.mount(root, _BoundedAdapter(known.note_peer, tls.client_context(host)))
    return made


def seconds_for(size: int) -> float:
    """Return for how many seconds a request may take that moves `size` bytes."""
    return WHOLE_S + size / SLOWEST_BYTES_PER_S


def read_body(answer: requests.Response, limit: int) -> bool:
    """Read the body of an answer into it, up to `limit` bytes.

    Return False if there are more: then it is closed.
    """
    data = bytearray()
    for chunk in answer.iter_content(1 << 16):
        data += chunk
        if len(data) > limit:
            answer.close()
            break
    answer._content = bytes(data[:limit])  # as requests keeps what it read itself
    return len(data) <= limit


def no_answer_error(
    what: str, host: str, error: Exception, over: deadline.Deadline | None = None
) -> RegistryError:
    """Return the error of a request that got no answer, or not within the deadline `over`."""
    if over is not None and over.is_over:
        return RegistryError(0, f"{what}: no complete answer within {over.seconds:.0f} s")
    cause = _innermost_cause(error)
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
        said = without_secrets(str(cause))
        return 200, f"the answer is not valid HTTP ({said})", _BROKEN
    return None


def _diagnose_connection(error: Exception, cause: BaseException, host: str) -> tuple[int, str, str]:
    """Return status, problem and hint of a request that got no answer."""
    if hint := tls.handshake_hint(cause, host):
        said = (
            cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else str(cause)
        )
        return 0, f"no secure connection: {without_secrets(said)}", hint
    if hint := home.machine_hint(cause):
        return 0, without_secrets(str(cause)), hint
    if proxy := _proxy_problem(error, cause, host):
        return 0, proxy, _PROXY
    said = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
    return 0, without_secrets(said), ""


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
    said = "SOCKS is not supported" if is_socks else str(cause)
    return f"the proxy {show_address(found or '')} cannot be used: {without_secrets(said)}"


def unexpected_answer_error(what: str, answer: requests.Response) -> RegistryError:
    """Return the error of a request that got an unexpected answer."""
    said = clean_line(answer.content.decode("utf-8", "replace"), 200)
    wait = answer.headers.get("Retry-After", "")
    wait_s = _make_retries().parse_retry_after(wait)
    asks = f"and asks to wait ({clean_line(wait, 40)})" if wait_s else ""
    words = (f"{what}: the registry answered {answer.status_code}", said, asks)
    message = " ".join(word for word in words if word)
    hint = _hint_for_answer(
        str(answer.request.method) if answer.request else what.partition(" ")[0],
        what,
        answer.status_code,
        said,
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


def _hint_for_answer(method: str, what: str, status: int, said: str) -> str:
    """Return the hint that fits a registry's own words, or an empty text if its status says all."""
    if method in _CHANGES and status in (400, 403, 409, 412) and _IMMUTABLE.search(said):
        return f"exclude the tags that move from the registry's rule of immutable tags: {_MOVING}"
    if method in _CHANGES and status == 404 and "NAME_UNKNOWN" in said:
        repository = re.split("/(?:manifests|blobs)/", what.partition(" ")[2])[0]
        return f"create the repository `{repository}` in the registry: it creates none by itself"
    if status == 400 and "BLOB_UNKNOWN" in said:
        return "run the stage that made it again: the registry lost something that it names"
    return ""


def _innermost_cause(error: BaseException) -> BaseException:
    """Return the error at the root of a nested network error."""
    carried = next(
        (each for each in error.args if isinstance(each, Exception)), None
    )  # as urllib3 wraps them
    context = None if error.__suppress_context__ else error.__context__
    inner = error.__cause__ or context or carried
    return _innermost_cause(inner) if isinstance(inner, Exception) else error


class _RegistrySession(requests.Session):
    """Connections that follow a registry only to addresses that oci/reach.py allows."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def send(self, request: requests.PreparedRequest, **named: Any) -> requests.Response:  # noqa: ANN401 - handed on as they are
        """Send a request, one that follows a redirect or a login too.

        Raises TimeoutError if the time of the request before is over, and Misdirected for one that
        deletes anything but an upload.
        """
        if (bound := deadline.current_deadline()) is not None:
            bound.require_time()
        if request.method == "DELETE":
            # Servers differ in what they decode and drop before they look for `..`, so only
            # addresses of uploads count that have nothing to decode or drop.
            address = str(request.url)
            inside = address.startswith(self._base)
            upload = _UPLOAD.fullmatch(address.removeprefix(self._base)) if inside else None
            if upload is None or re.search(r"/[/.]|[/.]{2}", upload["repository"]):
                raise Misdirected(
                    f"the registry sends a DELETE to {show_address(address)}, and only uploads "
                    "are deleted"
                )
        return super().send(request, **named)

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Send credentials on to the same host and port only, and none of `~/.netrc`."""
        before, after = urlsplit(response.url), urlsplit(prepared_request.url or "")
        if (before.scheme, before.netloc) != (after.scheme, after.netloc):
            prepared_request.headers.pop("Authorization", None)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return the address that an answer redirects to, or None.

        Raises Misdirected if it cannot be asked over HTTP.
        """
        target = super().get_redirect_target(resp)
        if target:
            try:
                parts = urlsplit(urljoin(resp.url, target))
                host = (parts.hostname or "").encode("idna")
                is_web = parts.scheme in ("http", "https") and bool(host) and parts.port != 0
            except ValueError:  # also what is no host name, or a port above 65535
                is_web = False
            if not is_web:
                raise Misdirected(
                    f"the registry sends the request on to {show_address(target)}, which is not a "
                    "web"
                    " address"
                )
            with contextlib.suppress(requests.RequestException):
                read_body(resp, MAX_ERROR_BYTES)
        return target


_UPLOAD = re.compile(
    r"(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)/blobs/uploads/(?!\.{1,2}(?:\?|$))[A-Za-z0-9._=-]+"
    r"(?:\?[^#\\]*)?",
    re.ASCII,
)


class _BoundedAdapter(HTTPAdapter):
    """Connections that a deadline can shut, and whose peer is checked before anything is sent.

    With a context they trust its authorities beside those of `verify`, and show its certificates.
    """

    def __init__(
        self, check_peer: Callable[[str], None], context: ssl.SSLContext | None = None
    ) -> None:
        self._pools = deadline.make_pools(check_peer)
        self._context: dict[str, Any] = {"ssl_context": context} if context else {}
        super().__init__(pool_maxsize=CONNECTIONS, max_retries=_make_retries())

    def init_poolmanager(self, *args: Any, **named: Any) -> None:  # noqa: ANN401 - handed on as they are
        """Make the pools of such connections."""
        super().init_poolmanager(*args, **(named | self._context))
        self.poolmanager.pool_classes_by_scheme = cast(Any, self._pools)

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:  # noqa: ANN401 - as requests has it
        """Make the pools of such connections behind a proxy."""
        manager = super().proxy_manager_for(proxy, **(named | self._context))
        manager.pool_classes_by_scheme = cast(Any, self._pools)
        return manager


class _Retries(Retry):
    """Repeats that wait as long as a registry asks for.

    They end if that is too long, or if waiting would not help.
    """

    def increment(self, *args: Any, **named: Any) -> Self:  # noqa: ANN401 - handed on as they are
        """Count one repeat less. Raises MaxRetryError if none is left."""
        response, error = named.get("response"), named.get("error")
        bound = deadline.current_deadline()
        longest = MAX_WAIT_S if bound is None else min(MAX_WAIT_S, bound.left_s)
        if response is not None and (self.get_retry_after(response) or 0) > longest:
            raise MaxRetryError(named["_pool"], "", ResponseError("asked to wait too long"))
        if bound is not None and bound.is_over:
            raise MaxRetryError(named["_pool"], "", error if isinstance(error, Exception) else None)
        if isinstance(error, Exception) and tls.is_final(_innermost_cause(error)):
            raise MaxRetryError(named["_pool"], "", error)
        return super().increment(*args, **named)

    def parse_retry_after(self, retry_after: str) -> float:
        """Return the seconds from now, also for a date; 0 for a value that is neither."""
        try:
            return max(0.0, super().parse_retry_after(retry_after[:60])) if retry_after else 0
        except (InvalidHeader, ValueError, OverflowError):
            return 0

    def sleep_for_retry(self, response: BaseHTTPResponse) -> bool:
        """Wait as long as `response` asks for, and return whether it asked."""
        if wait := self.get_retry_after(response):
            progress.say_line(f"  the registry asks to wait {wait:.0f} s")
        return super().sleep_for_retry(response)


def _make_retries() -> Retry:
    return _Retries(
        total=4,
        backoff_factor=0.5,
        status_forcelist=[status for status in PASSING if status],
        allowed_methods=("GET", "HEAD", "POST"),
        raise_on_status=False,
    )
