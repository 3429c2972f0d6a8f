"""Where a webhook may lead: the guard against addresses inside our own network.

A name is looked up once, and every address that it has is judged before any is connected to;
the connection then goes to that very address, so that nobody can answer the second question
otherwise than the first. What is let through is what is public; all else is refused, however it
is spelt: the resolver turns `2130706433`, `0177.1` and `0x7f.1` into what they mean.

Sources: IANA's registries of special-purpose addresses (which Python's `ipaddress` follows);
https://www.rfc-editor.org/rfc/rfc6052 (addresses of NAT64), rfc3056 (6to4), rfc4291 section 2.5.5;
https://fetch.spec.whatwg.org/#port-blocking (ports that carry other protocols).
"""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from registry.webhooks import limits
from registry.webhooks.errors import AddressRefusedError, NotDeliveredError

Address = IPv4Address | IPv6Address
LONGEST_URL = 500
PLAIN = re.compile(r"[\x21-\x7e]+")
HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?\.?")
LOWEST_OPEN_PORT = 1024
OTHER_PROTOCOLS = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6679, 6697, 10080}
    | set(range(6665, 6670))
)
TRANSLATED = IPv6Network("64:ff9b::/96")  # the last four bytes are an IPv4 address
COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True)
class Target:
    """A URL taken apart. `host` is a name or an address without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What stands in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"


def read_url(url: str) -> Target:
    """Take a URL apart and refuse what no webhook needs. Asks no resolver.

    Raises: AddressRefusedError.
    """
    if len(url) > LONGEST_URL or not PLAIN.fullmatch(url) or "\\" in url:
        raise AddressRefusedError(
            f"found {url[:60]!r}; expected an address of at most {LONGEST_URL} plain letters, "
            "without blanks and backslashes"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefusedError(f"found {url[:60]!r}, which is no address: {error}") from None
    schemes = ("https", "http") if limits.allows_http() else ("https",)
    if parts.scheme not in schemes:
        raise AddressRefusedError(
            f"found {parts.scheme[:20]}:; expected an address that begins with "
            f"{' or '.join(f'{scheme}://' for scheme in schemes)}"
        )
    if "@" in parts.netloc:
        raise AddressRefusedError("the address holds a user name or password; leave it out")
    if parts.fragment or "#" in url:
        raise AddressRefusedError("the address holds a #; leave it and what follows out")
    host = _read_host(parts.hostname or "", in_brackets="[" in parts.netloc)
    port = port if port is not None else (443 if parts.scheme == "https" else 80)
    _check_port(port, parts.scheme)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = Target(parts.scheme, host, port, path)
    _check_if_literal(target)
    return target


def _read_host(host: str, *, in_brackets: bool) -> str:
    if not host or len(host) > 253 or "%" in host:
        raise AddressRefusedError(f"found the host {host[:60]!r}; expected a name or an address")
    if in_brackets:
        try:
            return str(IPv6Address(host))
        except ValueError:
            raise AddressRefusedError(f"found {host[:60]!r}, which is no IPv6 address") from None
    if not HOST.fullmatch(host):
        raise AddressRefusedError(
            f"found the host {host[:60]!r}; expected letters, digits, dots and dashes. Write "
            "other letters as xn--..."
        )
    return host


def _check_port(port: int, scheme: str) -> None:
    usual = {"https": {443}, "http": {80, 443}}[scheme]
    if port in usual or (port >= LOWEST_OPEN_PORT and port not in OTHER_PROTOCOLS):
        return
    raise AddressRefusedError(
        f"found the port {port}; expected 443, or one above {LOWEST_OPEN_PORT - 1} that is kept "
        "for no other protocol"
    )


def _check_if_literal(target: Target) -> None:
    """An address is judged at once; a name when it is looked up, each time."""
    try:
        address = ip_address(target.host)
    except ValueError:
        if target.host.rstrip(".") == "localhost" and not limits.allowed_networks():
            raise AddressRefusedError("localhost is this server itself; it gets no webhooks") from (
                None
            )
        return
    check_address(address, target.host)


def resolve(target: Target, timeout_s: float) -> list[Address]:
    """Look the name up once and judge every address that it has.

    Raises: AddressRefusedError if one of them is none to send to; NotDeliveredError if there is
        none, or the resolver does not answer.
    """
    found = look_up(target.host, target.port, timeout_s)
    addresses: dict[Address, None] = {}
    for family, *_, where in found:
        if family not in (socket.AF_INET, socket.AF_INET6):
            continue
        address = ip_address(str(where[0]))
        if family == socket.AF_INET6 and len(where) > 3 and where[3]:
            raise _refused(target.host, address, "belongs to one link only")
        check_address(address, target.host)
        addresses[address] = None
    if not addresses:
        raise NotDeliveredError(f"{target.host} has no address")
    return list(addresses)[: limits.MOST_ADDRESSES]


def look_up(host: str, port: int, timeout_s: float) -> list[Any]:
    """`socket.getaddrinfo`, but given up after a time. Raises: NotDeliveredError."""
    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.append(error)

    # The system's resolver takes no limit; the thread ends when it does.
    thread = threading.Thread(target=ask, name="webhook-look-up", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not answer:
        raise NotDeliveredError(f"the name {host} was not found within {timeout_s:.0f} s")
    if isinstance(answer[0], Exception):
        raise NotDeliveredError(f"the name {host} is not found: {answer[0]}")
    return answer[0]


def check_address(address: Address, host: str) -> None:
    """Raises: AddressRefusedError unless it is public, or in a network that is allowed."""
    if any(address in network for network in limits.allowed_networks()):
        return
    inner = inner_address(address)
    if not is_public(inner):
        raise _refused(host, address, "is not public")


def inner_address(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, where it wraps one; else itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in TRANSLATED:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (
        address in COMPATIBLE
        or address.teredo is not None
        or address.is_site_local
        or address.scope_id is not None
    ):
        return False
    return address.is_global and not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )


def _refused(host: str, address: Address, why: str) -> AddressRefusedError:
    named = f"{host} leads to {address}, which" if str(address) != host else f"{address}"
    return AddressRefusedError(
        f"{named} {why}. Webhooks go to public addresses; an operator may allow a network of the "
        "lab's own with HAMLET_WEBHOOK_NETWORKS."
    )
