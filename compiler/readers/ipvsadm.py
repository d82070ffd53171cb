"""Read `ipvsadm -Sn` text (what `ipvsadm -R` loads) by grammar/ipvsadm.lark."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from kcompile.ir.addresses import address
from kcompile.ir.ruleset import RealServer, Ruleset, UnknownLine, VirtualServer
from kcompile.readers.parser import Misfit, Node, parser
from kcompile.readers.values import integer, port, prefix_length

_PROTOCOLS = {
    "-t": "tcp",
    "--tcp-service": "tcp",
    "-u": "udp",
    "--udp-service": "udp",
    "--sctp-service": "sctp",
    "-f": "fwmark",
    "--fwmark-service": "fwmark",
}
DEFAULT_PERSISTENCE = 360
"""Seconds, where -p names none: ipvsadm(8) says 300, ipvsadm 1.31 sets 360."""


@dataclass(slots=True)
class _Service:
    """A virtual server, with its real servers by address and port."""

    virtual: VirtualServer
    real: dict[tuple[str, int], RealServer] = field(default_factory=dict)


_Key = tuple[str, str, int, int, bool]


def read(text: str, source: str = "") -> Ruleset:
    """The virtual servers of ipvsadm text, in their order."""
    grammar = parser("ipvsadm")
    services: dict[_Key, _Service] = {}
    unknown: list[UnknownLine] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line[0] == "#":
            continue
        words = line.split()
        tree = grammar.parse("line", tuple(word if word in grammar.keywords else "WORD" for word in words))
        try:
            if isinstance(tree, Misfit):
                raise ValueError(line)
            _line(tree, words, number, services)
        except (ValueError, KeyError):
            unknown.append(UnknownLine(source, number, line))
    servers = tuple(replace(each.virtual, servers=tuple(each.real.values())) for each in services.values())
    return Ruleset(virtual_servers=servers, unknown=tuple(unknown))


def _line(tree: Node, words: list[str], number: int, services: dict[_Key, _Service]) -> None:
    if tree.name == "clear":
        services.clear()
        return
    options = [child for child in tree.children if isinstance(child, Node)]
    flag, place = _positions(options[0])[:2]
    key = _key(words[flag], words[place], any(option.name == "service_family" for option in options))
    if tree.name == "add_service":
        bare = VirtualServer(*key[:3], mark=key[3], line=number)  # type: ignore[arg-type]
        virtual = _with_options(bare, options[1:], words, key[4])
        known = services.get(key)
        services[key] = _Service(virtual, known.real if known else {})
    elif tree.name == "delete_service":
        del services[key]
    else:
        real = _real(key[2], options[1:], words, number)
        if real.forwarding != "masq" and key[0] != "fwmark" and tree.name == "add_server":
            # What is not translated keeps its port (ipvsadm sees to that).
            real = replace(real, port=key[2])
        held = services[key].real
        if (":" in real.address) != key[4] and real.forwarding != "ipip":
            # The kernel refuses it, too: only a tunnel leads to the other family (ip_vs_genl_set_cmd).
            raise ValueError(f"`{real.address}` is not of the family of its virtual server")
        held.pop((real.address, real.port), None)
        if tree.name != "delete_server":
            held[real.address, real.port] = real


def _positions(node: Node) -> list[int]:
    return [child for child in node.children if isinstance(child, int)]


def _key(flag: str, place: str, is_ipv6: bool) -> _Key:
    """The protocol, address, port and mark of a virtual server, and whether it is IPv6: a mark does not say."""
    protocol = _PROTOCOLS[flag]
    if protocol == "fwmark":
        return "fwmark", "", 0, integer(place), is_ipv6
    host, number = host_and_port(place)
    return protocol, host, number, 0, ":" in host


def host_and_port(text: str) -> tuple[str, int]:
    """`10.0.0.1:80`, `[fd00::1]:80`, or an address alone, which means every port (0)."""
    match = re.fullmatch(r"\[([^\]]*)\](?::(\S+))?|([^:]*)(?::([^:]+))?", text)
    if match is None:
        raise ValueError(f"`{text}` is no address with a port")
    host = match[1] if match[1] is not None else match[3]
    given = match[2] or match[4]
    address(host)
    return host, port(given) if given else 0


def _with_options(server: VirtualServer, options: list[Node], words: list[str], is_ipv6: bool) -> VirtualServer:
    flags: list[str] = []
    for option in options:
        texts = [words[position] for position in _positions(option)]
        if option.name == "scheduler":
            server = replace(server, scheduler=texts[1])
        elif option.name == "persistent":
            server = replace(server, persistence=integer(texts[1]) if len(texts) > 1 else DEFAULT_PERSISTENCE)
        elif option.name == "netmask":
            server = replace(server, netmask=_netmask(texts[1], is_ipv6))
        elif option.name == "flags":
            flags += texts[1].split(",")
        elif option.name == "service_family":
            flags.append("ipv6")
        elif option.name == "one_packet":
            flags.append("ops")
        elif option.name == "engine":
            server = replace(server, engine=texts[1])
    return replace(server, flags=tuple(flags))


def _netmask(text: str, is_ipv6: bool) -> int:
    """The prefix length of a mask: IPv4 masks stand there in full, IPv6 ones as their length."""
    length = prefix_length(6 if is_ipv6 else 4, text)
    if length < 0 or text.isdecimal() != is_ipv6:
        raise ValueError(f"`{text}` is no netmask of clients")
    return length


def _real(default_port: int, options: list[Node], words: list[str], line: int) -> RealServer:
    host, number, weight, forwarding = "", 0, 1, "gate"
    for option in options:
        texts = [words[position] for position in _positions(option)]
        if option.name == "real":
            host, number = host_and_port(texts[1])
        elif option.name == "weight":
            weight = integer(texts[1])
        elif option.name in ("masq", "gate", "ipip"):
            forwarding = option.name
    address(host)
    return RealServer(host, number or default_port, weight, forwarding, line)  # type: ignore[arg-type]
