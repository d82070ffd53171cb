"""Addresses, CIDRs and ranges as pairs of a family and an integer.

The grammar is that of the API server with strict validation: no leading zeros in IPv4 (inet_aton would read octal), no
IPv4-mapped IPv6, no zones. IPv6 need not be canonical. The API server also takes leading zeros in objects that it holds
since long ago; nobody agrees on what they mean, so they are an error here.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

Family = Literal[4, 6]
Address = tuple[Family, int]

IP_FAMILY: dict[Family, str] = {4: "IPv4", 6: "IPv6"}
BITS: dict[Family, int] = {4: 32, 6: 128}

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
is_ipv4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}").fullmatch
is_usable_ipv4 = re.compile(rf"(?!127\.|169\.254\.|224\.0\.0\.|0\.0\.0\.0\Z){_OCTET}(?:\.{_OCTET}){{3}}").fullmatch
"""An IPv4 address that is not special: see `special`."""

_ipv6_text = re.compile(r"[0-9A-Fa-f:.]{2,45}").fullmatch
_prefix_length = re.compile(r"0|[1-9][0-9]{0,2}").fullmatch
_MAPPED = 0xFFFF


def family_of(text: str) -> Family:
    """The family of an address or CIDR that is known to be valid."""
    return 6 if ":" in text else 4


def parse_address(text: str) -> Address | None:
    if is_ipv4(text):
        a, b, c, d = text.split(".")
        return 4, int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)
    if not _ipv6_text(text):
        return None
    try:
        value = int(ipaddress.IPv6Address(text))
    except ValueError:
        return None
    return None if value >> 32 == _MAPPED else (6, value)


def format_address(address: Address) -> str:
    """The canonical text: dotted IPv4, or IPv6 as RFC 5952 has it."""
    family, value = address
    if family == 4:
        return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"
    return str(ipaddress.IPv6Address(value))


def special(address: Address) -> str:
    """Why the API server refuses an address as that of an endpoint or as an external IP, or ""."""
    family, value = address
    if value == 0:
        return "the unspecified address"
    if value >> 24 == 127 if family == 4 else value == 1:
        return "a loopback address"
    if value >> 16 == 0xA9FE if family == 4 else value >> 118 == 0xFE80 >> 6:
        return "a link-local address"
    if value >> 8 == 0xE00000 if family == 4 else value >> 112 & 0xFF0F == 0xFF02:
        return "a link-local multicast address"
    return ""


@dataclass(frozen=True, slots=True)
class AddressRange:
    """The addresses from `first` to `last`, both included. Nothing is ever expanded: a range may hold 2**128."""

    family: Family
    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    def __contains__(self, address: Address) -> bool:
        return address[0] == self.family and self.first <= address[1] <= self.last


def parse_cidr(text: str) -> AddressRange | None:
    """The addresses of a CIDR; bits past the prefix may be set, as `10.1.2.3/16`."""
    base, slash, length = text.partition("/")
    if not slash or not _prefix_length(length):
        return None
    address = parse_address(base)
    if address is None:
        return None
    family, value = address
    host_bits = BITS[family] - int(length)
    if host_bits < 0:
        return None
    first = value >> host_bits << host_bits
    return AddressRange(family, first, first | (1 << host_bits) - 1)


def parse_range(text: str) -> AddressRange | None:
    """A CIDR, or `first-last` as MetalLB writes it."""
    first_text, dash, last_text = text.partition("-")
    if not dash:
        return parse_cidr(text)
    first, last = parse_address(first_text.strip(" ")), parse_address(last_text.strip(" "))
    if first is None or last is None or first[0] != last[0] or first[1] > last[1]:
        return None
    return AddressRange(first[0], first[1], last[1])
