"""IP addresses, networks and host:port pairs as Go's net package reads them."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

from kcompile.frontend.corefile.values import ValueProblem

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


def parse_ip(text: str) -> IPAddress | None:
    """net.ParseIP: no zone, no leading zeros."""
    try:
        if ":" not in text:
            return IPv4Address(text) if text.isascii() else None
        return IPv6Address(text) if "%" not in text else None
    except (AddressValueError, ValueError):
        return None


def parse_cidr(text: str) -> tuple[IPAddress, IPNetwork] | None:
    """net.ParseCIDR: the address and the network; host bits may be set."""
    address_text, slash, length = text.partition("/")
    address = parse_ip(address_text)
    if address is None or not slash or not re.fullmatch("[0-9]{1,9}", length) or int(length) > address.max_prefixlen:
        return None
    if isinstance(address, IPv4Address):
        return address, IPv4Network((address, int(length)), strict=False)
    return address, IPv6Network((address, int(length)), strict=False)


def split_host_port(text: str) -> tuple[str, str]:
    """net.SplitHostPort: `host:port`, `[host]:port`, `:port`. Raises `ValueProblem` in Go's words."""

    def problem(reason: str) -> ValueProblem:
        return ValueProblem(f"address {text}: {reason}")

    colon = text.rfind(":")
    if colon < 0:
        raise problem("missing port in address")
    after_opening = after_closing = 0
    if text.startswith("["):
        end = text.find("]")
        if end < 0:
            raise problem("missing ']' in address")
        if end + 1 == len(text):
            raise problem("missing port in address")
        if end + 1 != colon:
            raise problem("too many colons in address" if text[end + 1] == ":" else "missing port in address")
        host, after_opening, after_closing = text[1:end], 1, end + 1
    else:
        host = text[:colon]
        if ":" in host:
            raise problem("too many colons in address")
    if "[" in text[after_opening:]:
        raise problem("unexpected '[' in address")
    if "]" in text[after_closing:]:
        raise problem("unexpected ']' in address")
    return host, text[colon + 1 :]


def join_host_port(host: str, port: str) -> str:
    """net.JoinHostPort."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# The names that Go knows without /etc/services.
_SERVICES = {
    "domain": 53,
    "ftp": 21,
    "ftps": 990,
    "gopher": 70,
    "http": 80,
    "https": 443,
    "imap2": 143,
    "imap3": 220,
    "imaps": 993,
    "pop3": 110,
    "pop3s": 995,
    "smtp": 25,
    "submissions": 465,
    "ssh": 22,
    "telnet": 23,
}


def parse_port(text: str) -> int:
    """The port that Go would listen on; raises `ValueProblem` in its words. Empty is 0, any port."""
    if re.fullmatch(r"[+-]?[0-9]+", text):
        number = int(text) if len(text) < 12 else -1
        if not 0 <= number <= 65535:
            raise ValueProblem(f"address {text}: invalid port")
        return number
    if text.lower() in _SERVICES or not text:
        return _SERVICES.get(text.lower(), 0)
    raise ValueProblem(f"lookup tcp/{text}: unknown port")
