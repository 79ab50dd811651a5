"""The addresses that a registry may send requests of this machine to.

A registry sends requests on by a redirect, a `Location` or a realm. One on the internet must not
reach what only this machine can reach: services on loopback, in a private network, or the metadata
service of a cloud (link-local). So an address that is not the registry's own is compared with the
registry's: it must be in the same kind of network, or in a more public one. The peer of the open
connection is compared, not the name, so a name that resolves to something else a moment later does
not help. Behind a proxy, the proxy decides.
"""

from __future__ import annotations

import re
import threading
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_PUBLIC, _PRIVATE, _LOOPBACK, _LINK_LOCAL = range(4)
_NAMES = {
    _PRIVATE: "in a private network",
    _LOOPBACK: "on this machine itself",
    _LINK_LOCAL: "link-local, as the metadata service of a cloud is",
}


class Misdirected(ValueError):
    """A request that the registry sends to an address it must not use.

    Neither requests nor urllib3 handles a ValueError, so nothing is asked again.
    """


class Reach:
    """The kind of network that a registry is in. Many threads can share it."""

    def __init__(self) -> None:
        self._own: int | None = None
        self._lock = threading.Lock()

    def note_peer(self, peer: str) -> None:
        """Note the address of the registry itself. Of several, the most public one counts."""
        with self._lock:
            found = _network_of(peer)
            self._own = found if self._own is None else min(self._own, found)

    def was_reached(self) -> bool:
        """Return whether a connection to the registry was made."""
        return self._own is not None

    def require_reachable(self, peer: str) -> None:
        """Raise Misdirected if the registry must not send a request to the address `peer`."""
        network = _network_of(peer)
        if network > (self._own or _PUBLIC):
            raise Misdirected(
                f"the registry sends the request on to {peer}, which is {_NAMES[network]}, and the"
                " registry is not"
            )


def is_public_host(name: str) -> bool:
    """Return whether a host may be on the internet, as far as its name or literal address tells.

    A proxy hides the peer, so the name is all that is known then.
    """
    plain = name.rstrip(".").lower()
    try:
        return _network_of(plain) == _PUBLIC
    except ValueError:
        last = plain.rpartition(".")[2]
        is_number = re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last)  # such as `127.1`
        return "." in plain and not is_number and not plain.endswith(_OF_NO_PUBLIC_NETWORK)


@cache
def reach_of(base: str) -> Reach:
    """Return what is known of the registry whose API is below the address `base`."""
    return Reach()


def _network_of(peer: str) -> int:
    """Return the kind of network of an address; of one that holds another, the less public one."""
    address = ip_address(peer)
    if isinstance(address, IPv4Address):
        return _classify(address)
    if address.ipv4_mapped:
        return _classify(address.ipv4_mapped)
    translated = [each for each in (address.sixtofour, *(address.teredo or ())) if each]
    if any(address in network for network in _ENDS_IN_IPV4):
        translated.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return max(_classify(each) for each in (address, *translated))


_OF_NO_PUBLIC_NETWORK = (
    *(".localhost", ".local", ".internal", ".home.arpa"),
    *(".localdomain", ".lan", ".home", ".corp", ".intranet"),
)
"""Ends of names that are reserved, or in common use, for a machine or a network of its own."""
_ENDS_IN_IPV4 = tuple(
    map(
        IPv6Network,
        (
            "::/96",  # IPv4-compatible, RFC 4291
            "::ffff:0:0:0/96",  # IPv4-translated, RFC 2765
            "64:ff9b::/96",  # NAT64, RFC 6052
            "64:ff9b:1::/48",  # NAT64 of a network of its own, RFC 8215
        ),
    )
)
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
"""For a network's own use, and not every Python knows it."""
_OF_CLOUDS = frozenset({IPv4Address("168.63.129.16"), IPv4Address("192.0.0.192")})
"""Services of a cloud for its machines (Azure, Oracle), beside the link-local ones."""


def _classify(address: IPv4Address | IPv6Address) -> int:
    if address in _OF_CLOUDS:
        return _LINK_LOCAL
    if address in _LOCAL_NAT64:
        return _PRIVATE
    if address.is_link_local:
        return _LINK_LOCAL
    if address.is_loopback or address.is_unspecified:
        return _LOOPBACK
    return _PUBLIC if address.is_global else _PRIVATE
