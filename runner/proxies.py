"""The addresses of proxies, from the environment: checked before a library reads them.

requests and urllib3 read them in different ways, and repeat what they cannot read, with a password.
"""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

import requests
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from runner.errors import ConfigError

_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
"""SOCKS is refused later, with a message of its own."""
_HINT = (
    "write http://HOST:PORT or https://HOST:PORT, or unset it; in a password, write `/` as %2F and"
    " a backslash as %5C"
)
_PLAIN = re.compile(r"[!-\[\]-~]*")
"""Printable ASCII without a space or a backslash, which one of the two takes for a slash."""


def build_arguments() -> dict[str, str]:
    """Return the proxy settings of this process as build arguments, each in both cases.

    apt reads the small letters alone, other programs the capital ones. BuildKit knows these names:
    they are neither in the history of an image nor in the key of its cache.
    """
    found: dict[str, str] = {}
    for scheme, given in getproxies_environment().items():
        if scheme in {"http", "https", "all", "no"} and given:
            found |= {f"{scheme}_proxy": given, f"{scheme}_proxy".upper(): given}
    return found


def check_proxies(address: str) -> None:
    """Raise ConfigError if what names the proxy before `address` is not an address itself."""
    found = requests.utils.get_environ_proxies(address)
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        given = found.get(name.partition("_")[0].lower(), "")
        if given and not _is_address(given):
            is_upper = os.environ.get(name) == given
            shown = name if is_upper else name.lower()
            raise ConfigError(f"{shown} is not the address of a proxy", _HINT)


def _is_address(given: str) -> bool:
    """Return whether both libraries read the same host and port in an address."""
    if not _PLAIN.fullmatch(given):
        return False
    try:
        parts, read = urlsplit(given), parse_url(given)
        port = parts.port
    except (ValueError, LocationParseError):
        return False
    is_same = parts.hostname == (read.host or "").strip("[]") and port == read.port
    return parts.scheme in _SCHEMES and bool(parts.hostname) and is_same and port != 0
