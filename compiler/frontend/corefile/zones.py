"""How CoreDNS reads zones from keys and arguments: with schemes, ports and reverse networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from kcompile.frontend.corefile.addresses import IPNetwork, parse_cidr
from kcompile.frontend.corefile.values import ValueProblem, atoi, quote
from kcompile.ir.domain_names import folded, is_domain_name

DEFAULT_PORTS = {"dns": "53", "tls": "853", "quic": "853", "grpc": "443", "https": "443", "unix": ""}
"""The schemes that CoreDNS 1.13.1 knows, with their ports. https3 came with 1.13.2."""

MAX_ZONES = 50_000
"""How many zones the keys of a Corefile, or the arguments of a plugin, may name. CoreDNS has no bound; but 0.0.0.0/1
stands for 128 zones, and a Corefile has room for a hundred thousand such words."""

TOO_MANY_ZONES = f"more than {MAX_ZONES} zones"


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


def reverse_zones(network: IPNetwork) -> list[str]:
    """The reverse zones that together cover a network: it is split at the next octet, or nibble for IPv6."""
    size = 8 if network.version == 4 else 4
    count = -(-network.prefixlen // size)
    labels = network.network_address.reverse_pointer.split(".")[network.max_prefixlen // size - count :]
    if not count:
        return [".".join(labels) + "."]
    rest = ".".join(labels[1:]) + "."
    first = int(labels[0], 10 if size == 8 else 16)
    parts = range(first, first + (1 << (count * size - network.prefixlen)))
    return [f"{part}.{rest}" if size == 8 else f"{part:x}.{rest}" for part in parts]


@lru_cache(maxsize=1024)
def normalize_zones(text: str) -> tuple[str, ...]:
    """The zones that an argument such as `dns://example.org:53` or `10.0.0.0/8` names; none if it is malformed."""
    try:
        zones, _ = split_zone(split_scheme(text)[1])
    except ValueProblem:
        return ()
    return tuple(folded(zone) for zone in zones)


def all_zones(arguments: Iterable[str]) -> tuple[str, ...]:
    """The zones that several arguments name. Raises `ValueProblem` for more than `MAX_ZONES`."""
    zones: list[str] = []
    for argument in arguments:
        zones += normalize_zones(argument)
        if len(zones) > MAX_ZONES:
            raise ValueProblem(TOO_MANY_ZONES)
    return tuple(zones)


def origins(arguments: Sequence[str], keys: Sequence[str]) -> tuple[str, ...]:
    """The zones of a plugin: its arguments, malformed ones left out, else those of the server block's keys."""
    return all_zones(arguments) if arguments else tuple((normalize_zones(key) or (key,))[0] for key in keys)
