"""dns64: AAAA records made from A records."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Network

from kcompile.frontend.corefile.addresses import parse_cidr
from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser
from kcompile.frontend.corefile.values import quote

_WELL_KNOWN_PREFIX = IPv6Network("64:ff9b::/96")
_PROPERTIES = ("prefix", "translate_all", "allow_ipv4")


@dataclass(frozen=True, slots=True)
class Dns64Settings(Settings):
    prefix: IPv6Network
    translate_all: bool
    allow_ipv4: bool


def setup(dispenser: Dispenser, context: Context) -> Dns64Settings:
    """`dns64 [PREFIX]`, or `dns64 { prefix PREFIX  translate_all  allow_ipv4 }`"""
    prefix, options = _WELL_KNOWN_PREFIX, set()
    for _ in dispenser.occurrences():
        words = dispenser.remaining()
        if len(words) == 1:
            prefix = _prefix(dispenser, words[0])
            continue
        if words:
            raise dispenser.argument_error()
        for name in dispenser.properties():
            if name == "prefix":
                prefix = _prefix(dispenser, dispenser.argument())
            elif name in _PROPERTIES:
                options.add(name)
            else:
                raise dispenser.unknown_property(_PROPERTIES)
    return Dns64Settings(prefix, "translate_all" in options, "allow_ipv4" in options)


def _prefix(dispenser: Dispenser, text: str) -> IPv6Network:
    parsed = parse_cidr(text)
    if parsed is None:
        raise dispenser.plain(f"invalid CIDR address: {text}")
    network = parsed[1]
    if not isinstance(network, IPv6Network):
        raise dispenser.error(f"invalid netmask {network.max_prefixlen} IPv6 address: {quote(str(network))}")
    if network.prefixlen % 8 or not 32 <= network.prefixlen <= 96:
        raise dispenser.error(f"invalid prefix length {quote(str(network))}", hint="32, 40, 48, 56, 64 or 96: RFC 6052")
    return network
