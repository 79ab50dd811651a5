"""The address of a registry, as a person writes it: HOST[:PORT][/NAMESPACE].

The one place that reads one.

The form is the one that the engine, the scanner and TLS certificates agree on. A form that one of
them reads otherwise is refused: a scheme, credentials, an IPv6 address, a path that cannot begin
the name of a repository, and a host such as `registry`, which Docker takes for a namespace of
Docker Hub.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runner import settings
from runner.errors import ConfigError
from runner.nouns import count_noun
from runner.redaction import show_value

FORM = "write HOST or HOST:PORT, as registry.example.com or 127.0.0.1:5000"
NAMESPACE_FORM = f"{FORM}; a namespace may follow, as ghcr.io/acme"
_NO_PORT = "the port is not a number from 1 to 65535"
MAX_NAME_CHARACTERS = 253
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")

MAX_NAMESPACE_CHARACTERS = 200
"""Characters. A registry takes 255 for the namespace and the repository's name together."""


_DIGEST = re.compile(r"@sha(?:256|512):[^@]*\Z")


def holds_credentials(reference: str) -> bool:
    """Return whether a reference has an `@` that does not belong to its digest.

    The text before it may be a password.
    """
    return "@" in _DIGEST.sub("", reference)


@dataclass(frozen=True)
class RegistryAddress:
    """A registry and the namespace in it, below which all repositories are.

    `host` is HOST or HOST:PORT. `namespace` has no slash at its ends; it is empty if there is none.
    """

    host: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.host}/{self.namespace}" if self.namespace else self.host


def parse_registry_address(text: str, source: str) -> RegistryAddress:
    """Return the registry that `text` names.

    Raises ConfigError that names `source` (a variable, an option) and what is wrong. A password is
    never repeated, also if it is in the place of the port.
    """
    for problem, hint in _find_problems(text):
        is_secret = "@" in text or problem == _NO_PORT
        shown = "" if is_secret or not text else f"`{show_value(text)}`: "
        raise ConfigError(f"{source} is not the address of a registry: {shown}{problem}", hint)
    host, _, namespace = text.partition("/")
    return RegistryAddress(host, namespace)


def plain_http_hosts(environ: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Return the registries, as HOST or HOST:PORT, that a person wants without TLS.

    Raises ConfigError if the setting has anything else.
    """
    given = environ.get(settings.PLAIN_HTTP, "")
    hosts = [part.strip() for part in given.split(",")] if given.strip() else []
    for host in hosts:
        if parse_registry_address(host, settings.PLAIN_HTTP).namespace:
            problem = f"{settings.PLAIN_HTTP}: `{show_value(host)}` contains a namespace"
            raise ConfigError(problem, FORM)
    return frozenset(hosts)


def address_problem(host: str) -> str:
    """Return what is wrong with HOST or HOST:PORT, empty if nothing is."""
    if "/" in host:
        return "it contains a namespace or a path"
    return next((problem for problem, _ in _find_problems(host)), "")


def _find_problems(text: str) -> Iterator[tuple[str, str]]:
    """Yield each problem of an address with its hint. The first one is shown."""
    if not text:
        yield "it is empty", f"{NAMESPACE_FORM}; unset it to use the embedded registry"
    if "@" in text:
        hint = f"{NAMESPACE_FORM}; log in with `docker login` instead"
        yield "it contains a user name or a password", hint
    if scheme := _SCHEME.match(text):
        yield f"it begins with {scheme[0]}", NAMESPACE_FORM
    if any(character.isspace() or not character.isprintable() for character in text):
        yield "it contains a space or a control character", NAMESPACE_FORM
    if text.endswith("/"):
        yield "it ends with a slash", NAMESPACE_FORM
    address, _, namespace = text.partition("/")
    if "[" in address or address.count(":") > 1:
        hint = f"{NAMESPACE_FORM}; give the machine a name"
        yield "an IPv6 address is not supported", hint
    host, colon, port = address.partition(":")
    if problem := _host_problem(host, has_port=bool(colon)):
        yield problem, NAMESPACE_FORM
    if colon and not (_PORT.fullmatch(port) and int(port) <= 65535):
        yield _NO_PORT, NAMESPACE_FORM
    if problem := _namespace_problem(namespace):
        yield problem, NAMESPACE_FORM


def _namespace_problem(namespace: str) -> str:
    """Return what is wrong with a namespace, empty if nothing is."""
    if len(namespace) > MAX_NAMESPACE_CHARACTERS:
        return f"the namespace has more than {MAX_NAMESPACE_CHARACTERS} characters"
    parts = namespace.split("/") if namespace else []
    wrong = next((part for part in parts if not _COMPONENT.fullmatch(part)), None)
    if wrong is None:
        return ""
    if _COMPONENT.fullmatch(wrong.lower()):
        return f"`{show_value(wrong, 70)}` in the namespace has capital letters: use small ones"
    return (
        f"`{show_value(wrong, 70)}` in the namespace cannot be part of a repository's name: use "
        "a-z and 0-9, with `.`, `_` or `-` between them"
    )


def _host_problem(host: str, *, has_port: bool) -> str:
    labels = host.split(".")
    if not host or len(host) > MAX_NAME_CHARACTERS:
        characters = count_noun(len(host), "character")
        return f"the host's name has {characters}; it may have 1 to {MAX_NAME_CHARACTERS}"
    if "" in labels:
        return "the host's name has an empty part between two dots, or begins or ends with a dot"
    if wrong := next((label for label in labels if not _LABEL.fullmatch(label)), None):
        return (
            f"`{show_value(wrong, 70)}` in the host's name is not 1 to 63 letters, digits and "
            "hyphens"
        )
    if labels[-1].isdigit() and not _IPV4.fullmatch(host):
        return "the host's name ends in a number, and is not an IPv4 address"
    if len(labels) == 1 and not has_port and host != "localhost":
        return (
            f"without a dot or a port, Docker takes `{host}` for a namespace of Docker Hub: "
            "add a domain or a port"
        )
    return ""
