"""Zone names: how CoreDNS reads them from keys and arguments, with schemes, ports and reverse networks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kcompile.frontend.corefile.addresses import IPNetwork, parse_cidr
from kcompile.frontend.corefile.values import ValueProblem, atoi, quote

DEFAULT_PORTS = {"dns": "53", "tls": "853", "quic": "853", "grpc": "443", "https": "443", "unix": ""}
"""The schemes that CoreDNS 1.13.1 knows, with their ports. https3 came with 1.13.2."""

_DDD = re.compile(rb"[0-9]{3}")


def split_scheme(text: str) -> tuple[str, str]:
    """`tls://example.org` as `("tls", "example.org")`; without a known scheme in lower case it is dns."""
    scheme, separator, rest = text.partition("://")
    return (scheme, rest) if separator and scheme in DEFAULT_PORTS else ("dns", text)


def split_zone(text: str) -> tuple[tuple[str, ...], str]:
    """The zones and the port of a key without its scheme; a reverse network gives the zones that cover it.

    Zones keep their case and lack the final dot if the text does. Raises `ValueProblem` in CoreDNS's words.
    """
    colon = text.rfind(":")
    if colon == len(text) - 1:
        raise ValueProblem(f"expecting data after last colon: {quote(text)}")
    port = ""
    if colon >= 0:
        try:
            port = str(atoi(text[colon + 1 :]))
            text = text[:colon]
        except ValueProblem:
            pass
    length = len(text.encode())
    if length > 255:
        raise ValueProblem(f"specified zone is too long: {length} > 255")
    if not is_domain_name(text):
        raise ValueProblem(f"zone is not a valid domain name: {text}")
    parsed = parse_cidr(text)
    if parsed is None:
        return (text,), port
    if text[0] == ":" or (text[0] == "0" and ":" in text):
        raise ValueProblem(f"invalid CIDR {text}")
    return tuple(reverse_zones(parsed[1])), port


def reverse_zones(network: IPNetwork) -> Iterable[str]:
    """The reverse zones that together cover a network: it is split at the next octet, or nibble for IPv6."""
    size = 8 if network.version == 4 else 4
    for part in network.subnets(new_prefix=-(-network.prefixlen // size) * size):
        labels = part.network_address.reverse_pointer.split(".")
        yield ".".join(labels[(part.max_prefixlen - part.prefixlen) // size :]) + "."


def is_domain_name(name: str) -> bool:
    """Whether labels have 1 to 63 bytes and the name at most 255; an escape such as `\\.` or `\\065` is one byte."""
    if not name:
        return False
    data = fully_qualified(name).encode()
    length = begin = position = 0
    was_dot = False
    while position < len(data):
        if data[position] == 0x5C:
            escaped = _DDD.match(data, position + 1)
            skipped = 3 if escaped else 1
            position += skipped
            begin += skipped
            if position >= len(data):
                return False
            was_dot = False
        elif data[position] == 0x2E:
            if was_dot or (position == 0 and len(data) > 1) or position - begin > 63:
                return False
            was_dot = True
            length += 1 + position - begin
            if length > 256:
                return False
            begin = position + 1
        else:
            was_dot = False
        position += 1
    return True


def fully_qualified(name: str) -> str:
    """The name with its final dot; an escaped dot at the end is none."""
    before = name[:-1]
    backslashes = len(before) - len(before.rstrip("\\"))
    return name if name.endswith(".") and backslashes % 2 == 0 else f"{name}."


def normalize_name(name: str) -> str:
    """Absolute and in lower case."""
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in fully_qualified(name))


def normalize_zones(text: str) -> tuple[str, ...]:
    """The zones that an argument such as `dns://example.org:53` or `10.0.0.0/8` names; none if it is malformed."""
    try:
        zones, _ = split_zone(split_scheme(text)[1])
    except ValueProblem:
        return ()
    return tuple(normalize_name(zone) for zone in zones)


def origins(arguments: Sequence[str], keys: Sequence[str]) -> tuple[str, ...]:
    """The zones of a plugin: its arguments, malformed ones left out, else those of the server block's keys."""
    if arguments:
        return tuple(zone for argument in arguments for zone in normalize_zones(argument))
    return tuple((normalize_zones(key) or (key,))[0] for key in keys)


def is_reverse(zone: str) -> bool:
    """Whether a zone lies below in-addr.arpa. or ip6.arpa.; those two themselves do not count."""
    return zone.endswith((".in-addr.arpa.", ".ip6.arpa."))


def is_subdomain(parent: str, child: str) -> bool:
    """Whether `child` is `parent` or below it; both absolute and in lower case."""
    return parent == "." or child == parent or child.endswith(f".{parent}")
