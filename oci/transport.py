"""Connections to a registry: limits of time and size, and where a request may go."""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from oci import deadline, tls
from oci.diagnosis import REDIRECTS, show_address
from oci.reach import Misdirected, Reach, is_public_host, reach_of
from oci.repeats import make_retries
from runner.proxies import check_proxies

TIMEOUT_S = (10, 60)
"""Seconds for a connection, and between two bytes of an answer."""
WHOLE_S = 110.0
"""Seconds for a request with all its repeats and waits, without the time for its bytes."""
SLOWEST_BYTES_PER_S = 128 << 10
"""The time for the bytes of a blob is computed with this rate."""
MAX_ANSWER_BYTES = 16 << 20
"""Bytes of a page of a list. Registries with 1,000 tags a page send less than 200 KB."""
MAX_ERROR_BYTES = 64 << 10
"""Bytes that are read of an error's body. One line of it is shown."""
CONNECTIONS = 32
"""Kept open to a registry. A blob that is copied needs two, so this is enough for 16 at once."""


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
        made.mount(root, _BoundedAdapter(known.note_peer, None, known.was_reached))
        return made
    check_proxies(base)
    made.verify = tls.find_authorities()
    made.mount(root, _BoundedAdapter(known.note_peer, tls.client_context(host), known.was_reached))
    return made


def make_public_session(host: str) -> requests.Session:
    """Return connections to a host that no person named: over TLS, to public addresses alone.

    It sends no account of `~/.netrc`: that file may name one for every host. Raises ConfigError as
    `make_session` does, and Misdirected for a name of another network, or one that is not written
    plainly: other programs read another host in it.
    """
    base = f"https://{host}/"
    is_plain = _PLAIN_HOST.fullmatch(host) is not None
    if not (is_plain and is_public_host(urlsplit(base).hostname or "")):
        raise Misdirected(f"{show_address(base)} is in no public network")
    made = _RegistrySession(base)
    made.auth = _send_no_account
    made.max_redirects = REDIRECTS
    check_proxies(base)
    made.verify = tls.find_authorities()
    made.adapters.clear()
    made.mount("https://", _BoundedAdapter(Reach().require_reachable))
    return made


_PLAIN_HOST = re.compile(
    r"(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
)
"""HOST or HOST:PORT without an account, a `%`, a backslash or letters that are translated."""


def _send_no_account(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


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
                    "web address"
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
        self,
        check_peer: Callable[[str], None],
        context: ssl.SSLContext | None = None,
        was_reached: Callable[[], bool] = lambda: True,
    ) -> None:
        self._pools = deadline.make_pools(check_peer)
        self._context: dict[str, Any] = {"ssl_context": context} if context else {}
        super().__init__(pool_maxsize=CONNECTIONS, max_retries=make_retries(was_reached))

    def init_poolmanager(self, *args: Any, **named: Any) -> None:  # noqa: ANN401 - handed on as they are
        """Make the pools of such connections."""
        super().init_poolmanager(*args, **(named | self._context))
        self.poolmanager.pool_classes_by_scheme = cast(Any, self._pools)

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:  # noqa: ANN401 - as requests has it
        """Make the pools of such connections behind a proxy."""
        manager = super().proxy_manager_for(proxy, **(named | self._context))
        manager.pool_classes_by_scheme = cast(Any, self._pools)
        return manager
