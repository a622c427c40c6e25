"""Where the hub may connect to when others name the place: public addresses, and hosts that the operator has listed.

An address in a setting or a subscription can point inwards: at the machine itself, at the network behind it, at the
cloud's metadata. So a URL is judged when it enters, by its words, and again when it is connected to, by the address
that its name has then; `hub.infra.transport` connects to the very address that was judged here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx

from hub.core.errors import InvalidInput

_LONGEST = 2000
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # how a name that is really an address ends; Source: WHATWG URL, 3.5
_V4_IN_V6 = ipaddress.ip_network("64:ff9b::/96")  # NAT64; Source: RFC 6052, 2.1
# What the registries call global and is not somebody's public server: the platform's own service, anycast relays,
# tunnels whose far end is in the address.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/32",
        "2002::/16",
        "64:ff9b:1::/48",
        "3fff::/20",
    )
)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, also the IPv4 address that stands inside an IPv6 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip in _V4_IN_V6:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip.is_site_local:
            return False
    private = ip.is_private or ip.is_multicast or ip.is_reserved or ip.is_loopback or ip.is_link_local
    return ip.is_global and not private and not any(ip in network for network in _NOT_PUBLIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destinations:
    """Where one client may connect to: https to public addresses, and whatever is listed, as `host` or `host:port`."""

    allow_hosts: frozenset[str] = field(default_factory=frozenset)

    def check(self, url: str, field: str) -> None:
        """Raise InvalidInput unless a URL that has come in may be connected to, as far as its words tell."""
        if reason := self._misspelt(url) or self.refusal(httpx.URL(url)):
            raise InvalidInput(field, reason)

    def _misspelt(self, url: str) -> str:
        """What is wrong with the text: two programs must never read two hosts in it."""
        if len(url) > _LONGEST:
            return f"must have at most {_LONGEST} characters"
        if any(not "!" <= letter <= "~" or letter in '\\"<>^`{|}' for letter in url):
            return "must be plain ASCII without spaces; write a host in other letters as xn--…"
        authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
        if "@" in authority:
            return "must not have a user or password in it"
        if "%" in authority:
            return "must write its host as it is, without per cent signs"
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            return "is not an address"
        if (parsed.port or 0) > 65535:
            return "has a port that there is not"
        if not parsed.host or parsed.scheme not in {"http", "https"}:
            return "must be an https address with a host"
        return "must have no fragment" if parsed.fragment or url.endswith("#") else ""

    def refusal(self, url: httpx.URL) -> str:
        """Why an address may not be connected to, as far as its words tell; nothing when it may."""
        host = url.raw_host.decode().rstrip(".").lower()
        if url.userinfo:
            return "must not have a user or password in it"
        if self.lists(host, url.port or (443 if url.scheme == "https" else 80)):
            return ""
        if url.scheme != "https":
            return "must be https, or its host be listed in allow_hosts"
        return _wrong_host(host)

    def lists(self, host: str, port: int) -> bool:
        """Whether the operator has listed this host, for every port or for this one."""
        name = f"[{host}]" if ":" in host else host
        return name in self.allow_hosts or f"{name}:{port}" in self.allow_hosts

    def may_connect(self, host: str, port: int, addresses: Iterable[str]) -> bool:
        """Whether a host may be connected to at these addresses; one that points inwards spoils all of them."""
        return self.lists(host.rstrip(".").lower(), port) or all(map(is_public, addresses))


def _wrong_host(host: str) -> str:
    try:
        return "" if is_public(host) else "leads to an address that is not public"
    except ValueError:
        pass
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return "must write an address as four decimal numbers, or name a host"
    if not all(re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", label) for label in labels):
        return "must name a host"
    if len(labels) == 1 or labels[-1] in {"localhost", "local", "internal", "home", "lan", "intranet", "corp"}:
        return "names a host that only an inner network knows"
    return ""
