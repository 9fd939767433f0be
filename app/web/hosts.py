"""Where a request says that it goes, and where its page says that it comes from.

Read strictly and by hand: libraries for URLs repair what they can, or raise from deep inside.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

PORTS = {"http": 80, "https": 443}

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,254})(?::([0-9]{0,5}))?")
_ORIGIN = re.compile(r"(https?)://([^/?#@\\]+)(?:[/?#].*)?", re.IGNORECASE | re.DOTALL)


class Authority(NamedTuple):
    """A host and its port, None where none is given. An address stands without brackets."""

    name: str
    port: int | None = None

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address instead of a name."""
        return _address(self.name) is not None

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, by its name or address."""
        return is_loopback(self.name)


def read_authority(text: str) -> Authority | None:
    """The host and port in a Host header; None for what is not well formed.

    Names are compared in lower case and without the dot of the root, so they are given so.

    >>> read_authority("LocalHost.:6066"), read_authority("[::1]")
    (Authority(name='localhost', port=6066), Authority(name='::1', port=None))
    >>> [read_authority(text) for text in ("a:b:c", "[::1", "localhost:99999", "me@here", "")]
    [None, None, None, None, None]
    """
    found = _AUTHORITY.fullmatch(text)
    if found is None:
        return None
    name, digits = found[1].lower(), found[2]
    if digits and not 0 < int(digits) <= 65535:
        return None
    if name.startswith("["):
        name = name[1:-1]
        if _address(name) is None:
            return None
    else:
        name = name.removesuffix(".")
        if not all(0 < len(label) < 64 for label in name.split(".")):
            return None
    return Authority(name, int(digits) if digits else None)


def read_origin(text: str) -> Authority | None:
    """The host and port of an Origin or Referer header; None for `null` and what is no such URL.

    The port is always given: that of the scheme if the URL has none.

    >>> read_origin("https://weir.example/look?what=x"), read_origin("null")
    (Authority(name='weir.example', port=443), None)
    """
    found = _ORIGIN.fullmatch(text)
    place = found and read_authority(found[2])
    if not found or place is None:
        return None
    return place if place.port else Authority(place.name, PORTS[found[1].lower()])


def same_place(origin: Authority, host: Authority) -> bool:
    """Whether a page of this origin comes from this host.

    A Host without a port is one that is asked over HTTP or, behind a proxy, over HTTPS.

    >>> same_place(Authority("weir", 443), Authority("weir"))
    True
    >>> same_place(Authority("weir", 8443), Authority("weir"))
    False
    """
    ports = PORTS.values() if host.port is None else [host.port]
    return origin.name == host.name and origin.port in ports


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    address = _address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
