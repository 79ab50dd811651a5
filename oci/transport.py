"""Requests to a registry: connections, what is repeated and when, and what is told of a failure."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import Any, ClassVar, Self, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import InvalidHeader, MaxRetryError, ResponseError
from urllib3.util.retry import Retry

from oci import tls
from runner import progress
from runner.errors import EnvironmentFailed

TIMEOUT_S = (10, 300)
LONGEST_WAIT_S = 60
"""A `Retry-After` above this is not waited for: a person can decide better what to do meanwhile."""

CONNECTIONS = 32
"""Kept open to a registry. A blob that is copied needs two, so this is enough for 16 at once."""

ATTEMPTS = 3
PASSING = (0, 408, 429, 500, 502, 503, 504)
"""Statuses that may well be another one a little later; 0 is no answer."""

_LONGEST_PAUSE_S = 10.0

T = TypeVar("T")


class RegistryError(EnvironmentFailed):
    """The registry refused, failed, or returned other bytes than asked for.

    `status` is HTTP's, 0 without an answer; `wait_s` is how many seconds the registry asks to wait.
    """

    hints: ClassVar[dict[int, str]] = {
        0: "check that the registry runs (`./release.py doctor`), then run the same command again",
        401: "log in: `docker login` for the registry, with an account that may do this",
        403: "ask for an account that may do this",
        429: "wait as long as the registry asks for, then run the same command again",
        507: "free space on the registry",
    }

    def __init__(self, status: int, message: str, hint: str = "", wait_s: float = 0) -> None:
        hint = hint or self.hints.get(status, "nothing half-done is visible: run the same command again")
        super().__init__(message, hint)
        self.status = status
        self.wait_s = wait_s

    @property
    def passes(self) -> bool:
        """Whether the same request may do better a little later."""
        return self.status in PASSING and self.wait_s <= LONGEST_WAIT_S


def repeated(work: Callable[[], T]) -> T:
    """What `work` returns, which may be done more than once: it is repeated after failures that pass."""
    for attempt in range(1, ATTEMPTS):
        try:
            return work()
        except RegistryError as error:
            if not error.passes:
                raise
            pause(error, attempt)
    return work()


def pause(error: RegistryError, attempt: int) -> None:
    """Wait as long as the registry asks for, else longer with every attempt."""
    if error.wait_s:
        progress.say(f"  the registry asks to wait {error.wait_s:.0f} s")
    time.sleep(error.wait_s or min(0.5 * 2**attempt, _LONGEST_PAUSE_S))


def session(host: str, base: str) -> requests.Session:
    """Connections to the registry at `host`, whose API is below the address `base`.

    Requests that change nothing visible (GET, HEAD, and POST, which only opens uploads and mounts) are repeated by it
    on connection failures, 429 and 5xx. Raises ConfigError for certificates that cannot be used.
    """
    made = requests.Session()
    root, plain = base.removesuffix("v2/"), HTTPAdapter(pool_maxsize=CONNECTIONS, max_retries=_retries())
    if not base.startswith("https:"):
        made.trust_env = False  # on loopback: no proxy leads there
        made.mount(root, plain)
        return made
    made.verify = tls.verified_by()
    made.mount("https://", plain)  # where it sends us to: stores of blobs, services of tokens
    made.mount(root, _Trusting(tls.context(host)))
    return made


def no_answer(what: str, host: str, error: Exception) -> RegistryError:
    """The error of a request that nobody answered."""
    cause = _innermost(error)
    if hint := tls.way_out(cause, host):
        said = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else str(cause)
        return RegistryError(0, f"{what}: no secure connection: {said[:200]}", hint)
    said = str(cause).splitlines()[0][:200] if str(cause) else type(cause).__name__
    return RegistryError(0, f"{what}: {said}")


def not_expected(what: str, answer: requests.Response) -> RegistryError:
    """The error of a request that was answered otherwise than it should."""
    said = " ".join(answer.text.split())[:200]
    wait = answer.headers.get("Retry-After", "")
    if wait:
        said += f" and asks to wait ({wait[:40]})"
    message = f"{what}: the registry answered {answer.status_code} {said}"
    return RegistryError(answer.status_code, message, wait_s=_retries().parse_retry_after(wait))


def _innermost(error: BaseException) -> BaseException:
    """What a nested network error is really about."""
    carried = next((each for each in error.args if isinstance(each, Exception)), None)  # as urllib3 wraps them
    inner = error.__cause__ or error.__context__ or carried
    return _innermost(inner) if isinstance(inner, Exception) else error


class _Trusting(HTTPAdapter):
    """Connections that trust a context's authorities beside those of `verify`, and show its certificates."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_maxsize=CONNECTIONS, max_retries=_retries())

    def init_poolmanager(self, *args: Any, **named: Any) -> None:  # noqa: ANN401 - handed on as they are
        """With the context."""
        super().init_poolmanager(*args, **named, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:  # noqa: ANN401 - as requests has it
        """With the context."""
        return super().proxy_manager_for(proxy, **named, ssl_context=self._context)


class _Retries(Retry):
    """Waits as long as a registry asks for, and says so; gives up where that is too long, or waiting would not help."""

    def increment(self, *args: Any, **named: Any) -> Self:  # noqa: ANN401 - handed on as they are
        """One repeat less. Raises MaxRetryError where none is left."""
        response, error = named.get("response"), named.get("error")
        if response is not None and (self.get_retry_after(response) or 0) > LONGEST_WAIT_S:
            raise MaxRetryError(named["_pool"], "", ResponseError("asked to wait too long"))
        if isinstance(error, Exception) and tls.is_final(_innermost(error)):
            raise MaxRetryError(named["_pool"], "", error)
        return super().increment(*args, **named)

    def parse_retry_after(self, retry_after: str) -> float:
        """Seconds from now, also of a date; 0 for what is neither."""
        try:
            return super().parse_retry_after(retry_after) if retry_after else 0
        except InvalidHeader:
            return 0

    def sleep_for_retry(self, response: BaseHTTPResponse) -> bool:
        """Whether `response` said how long to wait; then that was waited."""
        if wait := self.get_retry_after(response):
            progress.say(f"  the registry asks to wait {wait:.0f} s")
        return super().sleep_for_retry(response)


def _retries() -> Retry:
    return _Retries(
        total=4,
        backoff_factor=0.5,
        status_forcelist=[status for status in PASSING if status],
        allowed_methods=("GET", "HEAD", "POST"),
        raise_on_status=False,
    )
