"""The address of a registry, as a person writes it: HOST or HOST:PORT.

The one place that reads one.

The form is the one that the engine, the scanner and TLS certificates agree on. A form that one of
them reads otherwise is refused: a scheme, a path, credentials, an IPv6 address, and a name such as
`registry`, which Docker takes for a namespace of Docker Hub.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.errors import ConfigError
from runner.masking import mask_value

FORM = "write HOST or HOST:PORT, as registry.example.com or 127.0.0.1:5000"
_NO_PORT = "the port is not a number from 1 to 65535"
NAMESPACE = "write HOST alone, and write the namespace into images/catalog.yaml, repositories"

LONGEST_NAME = 253
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NAMESPACE = re.compile(r"[^/\s]+(?:/[a-z0-9][a-z0-9._-]*)+")


_DIGEST = re.compile(r"@sha(?:256|512):[^@]*\Z")


def holds_credentials(reference: str) -> bool:
    """Return whether a reference has an `@` that does not belong to its digest.

    The text before it may be a password.
    """
    return "@" in _DIGEST.sub("", reference)


def registry_address(text: str, source: str) -> str:
    """Return `text` if it is the address of a registry.

    Raises ConfigError that names `source` (a variable, an option) and what is wrong. A password is
    never repeated, also if it is in the place of the port.
    """
    for problem, hint in _find_problems(text):
        is_secret = "@" in text or problem == _NO_PORT
        shown = "" if is_secret or not text else f"`{mask_value(text)}`: "
        raise ConfigError(f"{source} is not the address of a registry: {shown}{problem}", hint)
    return text


def address_problem(text: str) -> str:
    """Return what is wrong with an address, empty if nothing is."""
    return next((problem for problem, _ in _find_problems(text)), "")


def _find_problems(text: str) -> Iterator[tuple[str, str]]:
    """Yield each problem of an address with its hint. The first one is shown."""
    if not text:
        yield "it is empty", f"{FORM}; unset it to use the embedded registry"
    if "@" in text:
        yield "it contains a user name or a password", f"{FORM}; log in with `docker login` instead"
    if scheme := _SCHEME.match(text):
        yield f"it begins with {scheme[0]}", FORM
    if any(character.isspace() or not character.isprintable() for character in text):
        yield "it contains a space or a control character", FORM
    if text.endswith("/"):
        yield "it ends with a slash", FORM
    if "/" in text:
        yield "it contains a namespace or a path", NAMESPACE if _NAMESPACE.fullmatch(text) else FORM
    if "[" in text or text.count(":") > 1:
        yield "an IPv6 address is not supported", f"{FORM}; give the machine a name"
    host, colon, port = text.partition(":")
    if problem := _host_problem(host, has_port=bool(colon)):
        yield problem, FORM
    if colon and not (_PORT.fullmatch(port) and int(port) <= 65535):
        yield _NO_PORT, FORM


def _host_problem(host: str, *, has_port: bool) -> str:
    labels = host.split(".")
    if not host or len(host) > LONGEST_NAME:
        return f"the host's name has {len(host)} characters; it may have 1 to {LONGEST_NAME}"
    if "" in labels:
        return "the host's name has an empty part between two dots, or begins or ends with a dot"
    if wrong := next((label for label in labels if not _LABEL.fullmatch(label)), None):
        return (
            f"`{mask_value(wrong, 70)}` in the host's name is not 1 to 63 letters, digits and "
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
