"""The package indexes of this machine: one setting, which serves the resolver and the downloader.

pip downloads and uv resolves, and each has settings of its own. What pip is configured for (its
files and PIP_ variables) is the setting of both: uv gets it in its own words. If uv is configured
for other indexes, it is not known which are meant, and nothing is resolved.
"""

from __future__ import annotations

import ast
import contextlib
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from images.wheelhouse import INDEX_HINT
from runner import settings, shell
from runner.child_variables import RESOLVERS, choose_variables, secrets_for
from runner.errors import ConfigError
from runner.untrusted import Malformed, clean_line, read_own_file

_CONFIG = re.compile(r"(?P<section>[^.\s]+)\.(?P<key>[\w-]+)=(?P<value>.*)")
_SECTIONS = ("global", "download", ":env:")
"""The sections of `pip config list` that hold for `pip download`. A later one wins."""

_PIP_ADDRESSES = ("index-url", "extra-index-url", "find-links")
MAX_CONFIG_BYTES = 1 << 20
_UV_ADDRESSES = (*_PIP_ADDRESSES, "index")


def read_pip_settings() -> dict[str, str]:
    """Return what pip is configured for, by the names of its options, as `pip config` tells it.

    Addresses may hold passwords. Raises EnvironmentFailed if pip cannot tell it.
    """
    listing = shell.run(
        [sys.executable, "-P", "-m", "pip", "config", "list"],
        hint=INDEX_HINT,
        env={**secrets_for(settings.INDEXES), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        timeout_s=60,
        allowed=RESOLVERS,
    )
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in listing.splitlines():
        match = _CONFIG.fullmatch(line)
        if match and match["section"] in found:
            with contextlib.suppress(ValueError, SyntaxError):
                found[match["section"]][match["key"]] = str(ast.literal_eval(match["value"]))
    merged: dict[str, str] = {}
    for section in _SECTIONS:
        merged |= {key: value for key, value in found[section].items() if value.strip()}
    return merged


@dataclass(frozen=True)
class UvSettings:
    """The options and the variables that let uv ask the same indexes as pip, in the same way."""

    options: tuple[str, ...]
    variables: Mapping[str, str]
    places: IndexPlaces


@dataclass(frozen=True)
class IndexPlaces:
    """Where the configured indexes are: scheme, host and port of each, or the folder.

    Without settings there is none: the public index needs no exception.
    """

    origins: frozenset[tuple[str, str, int]]
    folders: frozenset[Path]

    def holds_address(self, address: str) -> bool:
        """Return whether a wheel's address is at the place of an index that a person named."""
        if not address.startswith("file:"):
            return _origin_of(address) in self.origins
        path = Path(unquote(urlsplit(address).path)).resolve()
        return any(path.is_relative_to(each) for each in self.folders)


def _find_places(addresses: Iterable[str]) -> IndexPlaces:
    origins, folders = set(), set[Path]()
    for each in addresses:
        if origin := _origin_of(each):
            origins.add(origin)
        elif "://" not in each or each.startswith("file:"):
            plain = unquote(urlsplit(each).path) if each.startswith("file:") else each
            folder = Path(plain).absolute().resolve()
            # a page of links, and an index of a mirror, whose wheels are beside `simple`
            is_inside = folder.is_file() or folder.name == "simple"
            folders.add(folder.parent if is_inside else folder)
    return IndexPlaces(frozenset(origins), frozenset(folders))


def _origin_of(address: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of a web address, None of another one."""
    if "\\" in address:  # not all programs see the same host then
        return None
    try:
        parts = urlsplit(address)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None


def settings_of_uv() -> UvSettings:
    """Return the settings of uv that follow from those of pip.

    Raises ConfigError if uv is configured for other indexes than pip.
    """
    pip = read_pip_settings()
    is_offline = pip.get("no-index", "").lower() in {"1", "true", "yes", "on"}
    options = ("--no-index",) if is_offline else ()
    own = _addresses_of_uv()
    if own:
        _require_same_indexes(pip, own)
        variables = secrets_for(settings.INDEXES)
    else:
        variables = _indexes_for_uv(pip)
    named = [each for name in _PIP_ADDRESSES for each in pip.get(name, "").split()]
    return UvSettings(options, variables | _connection_of(pip), _find_places([*named, *own]))


def _indexes_for_uv(pip: Mapping[str, str]) -> dict[str, str]:
    found = {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": " ".join(pip.get("extra-index-url", "").split()),
        "UV_FIND_LINKS": ",".join(pip.get("find-links", "").split()),
    }
    given = {name: value for name, value in found.items() if value}
    # An account that pip reads in its files is as secret as one in a variable.
    settings.hold_secrets(
        {
            f"PIP_{key.upper().replace('-', '_')}": pip[key]
            for key in _PIP_ADDRESSES
            if "@" in pip.get(key, "")
        }
    )
    # pip takes the newest version of all indexes together, uv by default those of the first one
    return given | {"UV_INDEX_STRATEGY": "unsafe-best-match"}


def _connection_of(pip: Mapping[str, str]) -> dict[str, str]:
    """Return proxy, certificates and trusted hosts of pip as uv reads them."""
    proxy = pip.get("proxy", "")
    # of requests, which is in pip, the variables count before its option
    names = (settings.SSL_CERT_FILE, settings.REQUESTS_CA_BUNDLE, settings.CURL_CA_BUNDLE)
    given = choose_variables(RESOLVERS)
    authorities = next(filter(None, map(given.get, names)), pip.get("cert", ""))
    found = {
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
        "SSL_CLIENT_CERT": pip.get("client-cert", ""),
        settings.SSL_CERT_DIR
        if authorities and Path(authorities).is_dir()
        else settings.SSL_CERT_FILE: authorities,
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy),
    }
    return {name: value for name, value in found.items() if value}


def _require_same_indexes(pip: Mapping[str, str], uv: Iterable[str]) -> None:
    of_pip = {each for name in _PIP_ADDRESSES for each in pip.get(name, "").split()}
    # to compare and show them: without accounts and the slash at their end
    plain_pip, plain_uv = (
        {
            clean_line(re.sub(r"//[^/@\s]*@", "//", each), 200).removeprefix("file://").rstrip("/")
            for each in addresses
        }
        for addresses in (of_pip, uv)
    )
    if plain_pip != plain_uv:
        shown = [", ".join(sorted(each)) or "the public index" for each in (plain_pip, plain_uv)]
        raise ConfigError(
            f"pip is configured for {shown[0]}, and uv for {shown[1]}: one resolves and the other "
            "downloads",
            "unset uv's own indexes (UV_DEFAULT_INDEX, UV_INDEX, UV_FIND_LINKS, uv.toml) and set "
            "pip's (PIP_INDEX_URL or pip.conf): uv gets them too",
        )


def _addresses_of_uv() -> list[str]:
    """Return the indexes and folders that uv itself is configured for."""
    given = secrets_for(settings.INDEXES)
    variables = {name: given.get(name, "") for name in _UV_VARIABLES}
    found = [
        each.partition("=")[2] if re.match(r"[\w.-]+=\w+:", each) else each
        for name, value in variables.items()
        for each in re.split(r"[\s,]+" if name == "UV_FIND_LINKS" else r"\s+", value)
    ]
    for path in _files_of_uv():
        table = _read_uv_file(path)
        for part in (table, table.get("pip")):
            if isinstance(part, dict):
                found += [each for key in _UV_ADDRESSES for each in _read_addresses(part.get(key))]
    return [each for each in found if each]


_UV_VARIABLES = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
)


def _files_of_uv() -> list[Path]:
    """Return the files that configure uv in NEUTRAL_FOLDER."""
    of_uv = choose_variables(RESOLVERS)
    if of_uv.get("UV_NO_CONFIG"):
        return []
    if given := of_uv.get("UV_CONFIG_FILE"):
        return [Path(given)]
    user = of_uv.get("XDG_CONFIG_HOME") or f"{of_uv.get('HOME', '')}/.config"
    system = (of_uv.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    folders = [user, *system]
    return [*(Path(each) / "uv" / "uv.toml" for each in folders), Path("/etc/uv/uv.toml")]


def _read_uv_file(path: Path) -> dict[str, Any]:
    """Return a file that configures uv; nothing if it cannot be read, because uv itself says why.

    Raises ConfigError if it is no regular file, for which uv would wait.
    """
    try:
        return tomllib.loads(read_own_file(path, MAX_CONFIG_BYTES).decode())
    except Malformed as error:
        hint = "uv reads this file: give it a regular one, or remove it"
        raise ConfigError(f"{path}: {error}", hint) from None
    except (OSError, ValueError, RecursionError):
        return {}


def _read_addresses(value: object) -> list[str]:
    if isinstance(value, list):
        return [address for each in value for address in _read_addresses(each)]
    if isinstance(value, dict):
        return _read_addresses(value.get("url"))
    return [value] if isinstance(value, str) else []
