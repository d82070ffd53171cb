"""nft's fields and data types: which fact each expression reads, and how a value of its type is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from kcompile.ir.ruleset import ADDRESS_TYPES, PROTOCOLS, STATES, STATUSES, Component, Field
from kcompile.readers.values import integer, interface, network, port_range, protocol


class Source(NamedTuple):
    """A fact that a rule reads, its data type, and what must hold before: a protocol family, a transport protocol."""

    field: Field
    type: str
    nfproto: int = 0
    l4proto: int = 0


IPV4, IPV6 = 2, 10

PAYLOADS: Mapping[tuple[str, str], Source] = MappingProxyType(
    {
        ("ip", "saddr"): Source(Field("saddr"), "ipv4_addr", IPV4),
        ("ip", "daddr"): Source(Field("daddr"), "ipv4_addr", IPV4),
        ("ip", "protocol"): Source(Field("l4proto"), "inet_proto", IPV4),
        ("ip", "ttl"): Source(Field("ttl"), "integer", IPV4),
        ("ip", "dscp"): Source(Field("dscp"), "integer", IPV4),
        ("ip", "length"): Source(Field("length"), "integer", IPV4),
        ("ip6", "saddr"): Source(Field("saddr"), "ipv6_addr", IPV6),
        ("ip6", "daddr"): Source(Field("daddr"), "ipv6_addr", IPV6),
        ("ip6", "nexthdr"): Source(Field("l4proto"), "inet_proto", IPV6),
        ("ip6", "hoplimit"): Source(Field("ttl"), "integer", IPV6),
        ("ip6", "dscp"): Source(Field("dscp"), "integer", IPV6),
        ("ip6", "length"): Source(Field("length"), "integer", IPV6),
        **{
            (name, port): Source(Field(port), "inet_service", l4proto=PROTOCOLS.get(name, 0))
            for name in ("tcp", "udp", "udplite", "sctp", "dccp", "th")
            for port in ("sport", "dport")
        },
        ("tcp", "flags"): Source(Field("tcp flags"), "tcp_flag", l4proto=6),
        ("icmp", "type"): Source(Field("icmp type"), "icmp_type", l4proto=1),
        ("icmp", "code"): Source(Field("icmp code"), "integer", l4proto=1),
        ("icmpv6", "type"): Source(Field("icmp type"), "icmpv6_type", l4proto=58),
        ("icmpv6", "code"): Source(Field("icmp code"), "integer", l4proto=58),
        ("ether", "saddr"): Source(Field("ether saddr"), "ether_addr"),
        ("ether", "type"): Source(Field("ether type"), "ether_type"),
    }
)

META: Mapping[str, Source] = MappingProxyType(
    {
        "mark": Source(Field("mark"), "mark"),
        "iif": Source(Field("iif"), "ifname"),
        "iifname": Source(Field("iif"), "ifname"),
        "oif": Source(Field("oif"), "ifname"),
        "oifname": Source(Field("oif"), "ifname"),
        "l4proto": Source(Field("l4proto"), "inet_proto"),
        "nfproto": Source(Field("nfproto"), "nf_proto"),
        "protocol": Source(Field("ether type"), "ether_type"),
        "skuid": Source(Field("uid"), "integer"),
        "skgid": Source(Field("gid"), "integer"),
        "pkttype": Source(Field("packet type"), "pkt_type"),
        "length": Source(Field("length"), "integer"),
    }
)

CONNTRACK: Mapping[str, Source] = MappingProxyType(
    {
        "state": Source(Field("ct state"), "ct_state"),
        "status": Source(Field("ct status"), "ct_status"),
        "mark": Source(Field("ct mark"), "mark"),
        "direction": Source(Field("ct direction"), "ct_dir"),
        "l3proto": Source(Field("nfproto"), "nf_proto"),
        "protocol": Source(Field("l4proto"), "inet_proto"),
        **{
            f"{direction}{family}{name}": Source(Field(f"ct {direction}{field}"), kind, nfproto)
            for direction in ("original ", "reply ")
            for family, kind, nfproto in (("", "address", 0), ("ip ", "ipv4_addr", IPV4), ("ip6 ", "ipv6_addr", IPV6))
            for name, field in (("saddr", "saddr"), ("daddr", "daddr"))
        },
        **{
            f"{direction}{name}": Source(Field(f"ct {direction}{field}"), "inet_service")
            for direction in ("original ", "reply ")
            for name, field in (("proto-src", "sport"), ("proto-dst", "dport"))
        },
        "original protocol": Source(Field("l4proto"), "inet_proto"),
        "original l3proto": Source(Field("nfproto"), "nf_proto"),
    }
)

# Facts that a rule may set without any rule reading them back here: they do not move the packet.
HARMLESS = frozenset(
    {"meta priority", "meta nftrace", "meta secmark", "meta pkttype", "ip dscp", "ip6 dscp", "ip ecn", "ip ttl"}
    | {
        "ip6 hoplimit",
        "ip6 flowlabel",
        "nftrace",
        "ct helper",
        "ct zone",
        "ct label",
        "ct event",
        "ct timeout",
        "ct expectation",
    }
    | {"ct secmark", "tcp option", "ct id", "meta rtclassid", "meta cpu"}
)

BITMASKS = frozenset({"ct_state", "ct_status", "tcp_flag"})

NAMES: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "ct_state": STATES,
        "ct_status": STATUSES,
        "ct_dir": {"original": 0, "reply": 1},
        "fib_addrtype": ADDRESS_TYPES,
        "nf_proto": {"ipv4": IPV4, "ipv6": IPV6},
        "pkt_type": {"host": 0, "unicast": 0, "broadcast": 1, "multicast": 2, "other": 3},
        "ether_type": {"ip": 0x0800, "ip6": 0x86DD, "arp": 0x0806, "vlan": 0x8100},
        "tcp_flag": {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128},
        "route": {"missing": 0, "exists": 1},
        "boolean": {"exists": 1, "missing": 0, "true": 1, "false": 0},
        "dscp": {"cs0": 0, "cs1": 8, "cs2": 16, "cs3": 24, "cs4": 32, "cs5": 40, "cs6": 48, "cs7": 56, "ef": 46},
        "icmp_type": {
            "echo-reply": 0,
            "destination-unreachable": 3,
            "source-quench": 4,
            "redirect": 5,
            "echo-request": 8,
            "router-advertisement": 9,
            "router-solicitation": 10,
            "time-exceeded": 11,
            "parameter-problem": 12,
            "timestamp-request": 13,
            "timestamp-reply": 14,
            "info-request": 15,
            "info-reply": 16,
            "address-mask-request": 17,
            "address-mask-reply": 18,
        },
        "icmpv6_type": {
            "destination-unreachable": 1,
            "packet-too-big": 2,
            "time-exceeded": 3,
            "parameter-problem": 4,
            "echo-request": 128,
            "echo-reply": 129,
            "mld-listener-query": 130,
            "mld-listener-report": 131,
            "mld-listener-done": 132,
            "nd-router-solicit": 133,
            "nd-router-advert": 134,
            "nd-neighbor-solicit": 135,
            "nd-neighbor-advert": 136,
            "nd-redirect": 137,
            "mld2-listener-report": 143,
        },
    }
)


def _number(text: str) -> tuple[int, int]:
    base, slash, length = text.partition("/")
    if slash:
        # nft writes a mask that begins at the top as a prefix, also of a mark: 0x80000000/1.
        host = (1 << (32 - integer(length, 32))) - 1
        return integer(base) & ~host, integer(base) | host
    first, dash, last = text.partition("-")
    return integer(first, (1 << 128) - 1), integer(last if dash else first, (1 << 128) - 1)


def _protocols(text: str) -> tuple[int, int]:
    number = protocol(text)
    return number, number


def _hardware(text: str) -> tuple[int, int]:
    digits = text.split(":")
    if len(digits) != 6:
        raise ValueError(f"`{text}` is no hardware address")
    number = int("".join(part.zfill(2) for part in digits), 16)
    return number, number


def _address(bits: int) -> Callable[[str], tuple[int, int]]:
    def parse(text: str) -> tuple[int, int]:
        family, interval = network(text)
        if family != bits:
            raise ValueError(f"`{text}` is of the other family")
        return interval

    return parse


_PARSERS: Mapping[str, Callable[[str], Component]] = MappingProxyType(
    {
        "ipv4_addr": _address(4),
        "ipv6_addr": _address(6),
        "address": lambda text: network(text)[1],
        "inet_proto": _protocols,
        "inet_service": lambda text: port_range(text, "-"),
        "ifname": lambda text: interface(text, "*"),
        "iface_index": lambda text: interface(text, "*"),
        "ether_addr": _hardware,
    }
)


def component(kind: str, text: str) -> Component:
    """One value of a data type, as an interval or a name. Raises ValueError for a misfit."""
    if kind in _PARSERS:
        return _PARSERS[kind](text)
    names = NAMES.get(kind)
    if names and text in names:
        return names[text], names[text]
    return _number(text)


def guess(text: str) -> Component:
    """A value whose type the text does not say, such as the target of a map in a NAT statement."""
    return network(text)[1] if "." in text or ":" in text else port_range(text, "-")
