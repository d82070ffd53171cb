"""The values that stand in rules: addresses, ports, protocols, marks, times. A misfit raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

from kcompile.ir.addresses import ADDRESS_MAX, address
from kcompile.ir.probability import simplest
from kcompile.ir.ruleset import PROTOCOLS, Binary, Compare, Constant, Field, Interval

# The services that tools print by name, from IANA's registry. The machine's own /etc/services must not decide what a
# text means.
SERVICES: Mapping[str, int] = MappingProxyType(
    {
        "ftp": 21,
        "ssh": 22,
        "telnet": 23,
        "smtp": 25,
        "domain": 53,
        "bootps": 67,
        "bootpc": 68,
        "tftp": 69,
        "http": 80,
        "kerberos": 88,
        "pop3": 110,
        "sunrpc": 111,
        "ntp": 123,
        "netbios-ns": 137,
        "netbios-dgm": 138,
        "netbios-ssn": 139,
        "imap2": 143,
        "snmp": 161,
        "bgp": 179,
        "ldap": 389,
        "https": 443,
        "microsoft-ds": 445,
        "isakmp": 500,
        "syslog": 514,
        "ldaps": 636,
        "imaps": 993,
        "openvpn": 1194,
        "nfs": 2049,
        "mysql": 3306,
        "ipsec-nat-t": 4500,
        "mdns": 5353,
        "postgresql": 5432,
        "http-alt": 8080,
    }
)


def network(text: str) -> tuple[int, Interval]:
    """(family, interval) of `10.0.0.1`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0` or `10.0.0.1-10.0.0.9`."""
    if "/" in text:
        base, _, mask = text.partition("/")
        family, number = address(base)
        bits = 32 if family == 4 else 128
        length = prefix_length(family, mask)
        if length < 0:
            raise ValueError(f"`{text}` is no network")
        host = (1 << (bits - length)) - 1
        return family, (number & ~host, number | host)
    if "-" in text:
        first, _, last = text.partition("-")
        family, low = address(first)
        other, high = address(last)
        if other != family or high < low:
            raise ValueError(f"`{text}` is no range of addresses")
        return family, (low, high)
    family, number = address(text)
    return family, (number, number)


def prefix_length(family: int, mask: str) -> int:
    """The length of a mask that is given as one or in full; -1 for a mask with holes."""
    bits = 32 if family == 4 else 128
    if mask.isdecimal() and mask.isascii():
        length = int(mask)
        if length > bits:
            raise ValueError(f"/{mask} is too long")
        return length
    given, number = address(mask)
    if given != family:
        raise ValueError(f"`{mask}` is no mask")
    inverse = number ^ ADDRESS_MAX[family]
    return bits - inverse.bit_length() if inverse & (inverse + 1) == 0 else -1


def address_match(field: str, text: str, negate: bool = False) -> tuple[int, Compare]:
    """(family, match) for an address with any mask, one with holes included, as iptables allows it."""
    base, _, mask = text.partition("/")
    family, number = address(base)
    if mask and prefix_length(family, mask) < 0:
        bits = address(mask)[1]
        masked = Binary("&", Field(field), Constant(bits))
        return family, Compare(masked, ((number & bits, number & bits),), negate)
    return family, Compare(Field(field), (network(text)[1],), negate)


def port(text: str) -> int:
    number = int(text) if text.isdecimal() and text.isascii() else SERVICES.get(text, -1)
    if not 0 <= number <= 65535:
        raise ValueError(f"`{text}` is no port")
    return number


def port_range(text: str, separator: str = ":") -> Interval:
    """`80`, `80:90`, `:90` or `80:`."""
    if separator not in text:
        return port(text), port(text)
    first, _, last = text.partition(separator)
    low, high = port(first) if first else 0, port(last) if last else 65535
    if high < low:
        raise ValueError(f"`{text}` is no range of ports")
    return low, high


def protocol(text: str) -> int:
    number = int(text) if text.isdecimal() and text.isascii() else PROTOCOLS.get(text.lower(), -1)
    if not 0 <= number <= 255:
        raise ValueError(f"`{text}` is no protocol")
    return number


def integer(text: str, most: int = 0xFFFFFFFF) -> int:
    """A decimal, hexadecimal or octal number, as strtoul reads it."""
    if re.fullmatch(r"0[0-7]+", text):
        number = int(text, 8)
    elif re.fullmatch(r"0[xX][0-9a-fA-F]+|[0-9]+", text):
        number = int(text, 0)
    else:
        raise ValueError(f"`{text}` is no number")
    if number > most:
        raise ValueError(f"{text} is more than {most}")
    return number


def masked(text: str) -> tuple[int, int]:
    """(value, mask) of `0x4000/0x4000`; the mask is all ones where none is given."""
    value, _, mask = text.partition("/")
    return integer(value), integer(mask) if mask else 0xFFFFFFFF


def interface(text: str, wildcard: str) -> str:
    """An interface name, in which a wildcard at the end stands for any rest."""
    if not text or len(text) > 16 or "/" in text:
        raise ValueError(f"`{text}` is no interface")
    return text[:-1] + "*" if text.endswith(wildcard) else text


_UNITS = {"d": Fraction(86400), "h": Fraction(3600), "m": Fraction(60), "s": Fraction(1), "ms": Fraction(1, 1000)}


def seconds(text: str) -> float:
    """nft's durations: `3h`, `1d2h30m`, `10800s`, `100ms`, or a bare number of seconds."""
    if text.isdecimal() and text.isascii():
        return int(text)
    parts = re.findall(r"(\d{1,12})(ms|[dhms])", text, re.ASCII)
    if not parts or "".join(n + unit for n, unit in parts) != text:
        raise ValueError(f"`{text}` is no duration")
    total = sum((Fraction(n) * _UNITS[unit] for n, unit in parts), Fraction(0))
    return int(total) if total.denominator == 1 else float(total)


def probability(text: str) -> Fraction:
    """The exact probability behind the decimals of a dump."""
    if not re.fullmatch(r"[01](\.[0-9]{1,20})?|\.[0-9]{1,20}", text):
        raise ValueError(f"`{text}` is no probability")
    number = Fraction(text)
    if number > 1:
        raise ValueError(f"`{text}` is no probability")
    return simplest(number)
