"""Log in to a registry with the accounts that `docker login` stored.

A registry names the way in with its first 401: `Basic`, or `Bearer` with a token service
(Distribution's token authentication). Credentials come from Docker's configuration (DOCKER_CONFIG,
else `~/.docker`) or from the credential helper it names, and are read when a registry first asks
for them. A token that ended is renewed when the registry refuses it.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Mapping
from functools import cached_property
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase

from oci import diagnosis, registry_error, transport
from oci.reach import Misdirected
from oci.transport import TIMEOUT_S
from runner import accounts
from runner.address import plain_http_hosts
from runner.redaction import remember_given_token, remember_secret
from runner.untrusted import Malformed, parse_json

LOOPBACK = ("127.0.0.1", "localhost")


def uses_plain_http(host: str) -> bool:
    """Return whether a registry (HOST or HOST:PORT) is reached without TLS.

    A registry on loopback is, and one that a setting names.
    """
    return host.partition(":")[0] in LOOPBACK or host in plain_http_hosts()


CLIENT_ID = "pytorch-cuda-images"
MAX_TOKEN_BYTES = 1 << 20
"""The most bytes that are read of a token service's answer."""

_TOKEN = re.compile(r"[!-~]{1,16384}", re.ASCII)
"""It is sent as a header, of which servers take 8 or 16 KB."""
_WORD = re.compile(r'(?<![a-z_])([a-z_]{1,20})="([^"]*)"', re.ASCII)
"""A parameter of a challenge."""


Purpose = tuple[str, bool]
"""The purpose of a request: its repository (empty for none), and whether it changes something.

A token is valid for one purpose.
"""


class Login(AuthBase):
    """The authorization of requests to one registry. Many threads can share it.

    The API of the registry `host` is below the address `base`.
    """

    def __init__(self, host: str, base: str) -> None:
        self._host = host
        self._base = base
        self._headers: dict[Purpose, str] = {}
        self._lock = threading.Lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the authorization for the request's repository; none for another host."""
        return FixedHeader(self._held_header(self._purpose_of(request)))(request)

    def answer_challenge(self, refused: requests.Response) -> bool:
        """Return whether there is a new answer to the challenge of a 401.

        Then send the request again. Raises ConfigError if Docker's configuration cannot be read,
        EnvironmentFailed if a credential helper fails, and RequestException if the token service
        does not answer.
        """
        challenge = refused.headers.get("WWW-Authenticate", "")
        purpose = self._purpose_of(refused.request) if challenge else None
        if purpose is None:
            return False
        with self._lock:
            held = self._held_header(purpose)
            if held and held != refused.request.headers.get("Authorization"):
                return True  # another thread was refused too, and asked
            scheme = challenge.partition(" ")[0].lower()
            words = dict(_WORD.findall(challenge))
            answer = ""
            if scheme == "bearer" and _is_private(words.get("realm", "")):
                answer = self._request_token(words)
            elif scheme == "basic":
                answer = self._basic_header
            if answer in ("", held):
                return False
            self._headers.pop((purpose[0], True), None)  # the header in use has ended
            self._headers[purpose] = answer
            return True

    def _held_header(self, purpose: Purpose | None) -> str:
        """Return the header that was accepted for a purpose.

        One that allows to push allows to pull.
        """
        if purpose is None:
            return ""
        return self._headers.get((purpose[0], True)) or self._headers.get(purpose, "")

    def _request_token(self, challenge: Mapping[str, str]) -> str:
        """Return the header with a token for the scope that the registry asks for.

        Without credentials it is a token for everybody.
        """
        service, scope, realm = (
            challenge.get("service", ""),
            challenge.get("scope", ""),
            challenge["realm"],
        )
        if refresh := self._docker_credentials.get("identitytoken"):
            form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": CLIENT_ID}
            form |= {"service": service, "scope": scope}
            answer = self._token_session.post(
                realm,
                data=form,
                auth=FixedHeader(""),
                timeout=TIMEOUT_S,
                stream=True,
                allow_redirects=False,  # the refresh token would be sent on
            )
        else:
            query, account = (
                {"service": service, "scope": scope.split()},
                FixedHeader(self._basic_header),
            )
            answer = self._token_session.get(
                realm,
                params=query,
                auth=account,
                timeout=TIMEOUT_S,
                stream=True,
                hooks={"response": _require_same_host},
            )
        if answer.is_redirect:
            raise _redirect_error(answer)
        transport.read_body(answer, MAX_TOKEN_BYTES)
        if answer.status_code in registry_error.PASSING:
            where = diagnosis.show_address(realm)
            raise requests.HTTPError(f"the token service at {where} answered {answer.status_code}")
        return _bearer_header(answer) if answer.ok else ""

    @cached_property
    def _token_session(self) -> requests.Session:
        """The connections to the token service, which is trusted as the registry is."""
        return transport.make_session(self._host, self._base)

    @property
    def _basic_header(self) -> str:
        found = self._docker_credentials
        if not found.get("username"):
            return ""
        login = base64.b64encode(f"{found['username']}:{found['password']}".encode()).decode()
        remember_secret(login, f"the login to {self._host}")
        return f"Basic {login}"

    @cached_property
    def _docker_credentials(self) -> dict[str, str]:
        """`username` and `password`, or `identitytoken`, or nothing.

        Docker writes them in two ways.
        """
        found = accounts.find_account(self._host)
        return {name.lower(): value for name, value in found.items()}

    def _purpose_of(self, request: requests.PreparedRequest) -> Purpose | None:
        """Return the purpose of a request, or None if it does not go to this registry."""
        if not (request.url or "").startswith(self._base):
            return None
        match = re.match(
            r"(.+?)/(?:manifests|blobs|tags|referrers)/", str(request.url).removeprefix(self._base)
        )
        return match[1] if match else "", request.method not in ("GET", "HEAD")


class FixedHeader(AuthBase):
    """A given authorization, or none.

    Without it requests would look for an account in `~/.netrc`.
    """

    def __init__(self, header: str) -> None:
        self._header = header

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the authorization."""
        if self._header:
            request.headers["Authorization"] = self._header
        return request


def _bearer_header(answer: requests.Response) -> str:
    """Return the header with the token of an answer; empty if it holds no valid token."""
    try:
        given = parse_json(answer.content, MAX_TOKEN_BYTES)
    except Malformed as error:
        where = diagnosis.show_address(answer.url)
        raise diagnosis.WrongAnswer(
            f"the token service at {where} returned an invalid answer ({error})"
        ) from None
    token = (given.get("token") or given.get("access_token")) if isinstance(given, dict) else None
    if not (isinstance(token, str) and _TOKEN.fullmatch(token)):
        return ""
    remember_given_token(token, "the token service of the registry")
    return f"Bearer {token}"


def _require_same_host(answer: requests.Response, **_: object) -> None:
    """Raise Misdirected if a token service sends a request on to another host, or in the clear."""
    if not answer.is_redirect:
        return
    try:
        target = urljoin(answer.url, answer.headers["Location"])
        is_same = urlsplit(target).netloc == urlsplit(answer.url).netloc
    except ValueError:
        is_same = False
    if not (is_same and _is_private(target)):
        raise _redirect_error(answer)


def _redirect_error(answer: requests.Response) -> Misdirected:
    return Misdirected(
        f"the token service at {diagnosis.show_address(answer.url)} sends the request on to another"
        " address, which gets no credentials"
    )


def _is_private(realm: str) -> bool:
    """Return whether nobody on the way to `realm` can read a password."""
    try:
        # as it is sent: `http://elsewhere\@localhost` is two hosts for two parsers
        address = urlsplit(requests.Request("GET", realm).prepare().url or "")
    except (ValueError, requests.RequestException):
        return False
    return address.scheme == "https" or (
        address.scheme == "http" and uses_plain_http(address.netloc.rpartition("@")[2])
    )
