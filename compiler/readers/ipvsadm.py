"""Read `ipvsadm -Sn` text (what `ipvsadm -R` loads) by grammar/ipvsadm.lark."""

from __future__ import annotations

import re
from dataclasses import replace

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
DEFAULT_PERSISTENCE = 300
"""Seconds, where -p names none (ipvsadm(8))."""


def read(text: str, source: str = "") -> Ruleset:
    """The virtual servers of ipvsadm text, in their order."""
    grammar = parser("ipvsadm")
    servers: dict[tuple[str, str, int, int], VirtualServer] = {}
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
            _line(tree, words, number, servers)
        except (ValueError, KeyError):
            unknown.append(UnknownLine(source, number, line))
    return Ruleset(virtual_servers=tuple(servers.values()), unknown=tuple(unknown))


def _line(tree: Node, words: list[str], number: int, servers: dict[tuple[str, str, int, int], VirtualServer]) -> None:
    if tree.name == "clear":
        servers.clear()
        return
    options = [child for child in tree.children if isinstance(child, Node)]
    server = _server(words[_positions(options[0])[0]], words[_positions(options[0])[1]])
    key = (server.protocol, server.address, server.port, server.mark)
    if tree.name == "add_service":
        known = servers.get(key)
        servers[key] = replace(
            _with_options(server, options[1:], words), line=number, servers=known.servers if known else ()
        )
    elif tree.name == "delete_service":
        del servers[key]
    else:
        real = _real(server, options[1:], words, number)
        virtual = servers[key]
        others = tuple(r for r in virtual.servers if (r.address, r.port) != (real.address, real.port))
        added = () if tree.name == "delete_server" else (real,)
        servers[key] = replace(virtual, servers=(*others, *added))


def _positions(node: Node) -> list[int]:
    return [child for child in node.children if isinstance(child, int)]


def _server(flag: str, place: str) -> VirtualServer:
    protocol = _PROTOCOLS[flag]
    if protocol == "fwmark":
        return VirtualServer("fwmark", "", 0, mark=integer(place))
    host, number = host_and_port(place)
    return VirtualServer(protocol, host, number)  # type: ignore[arg-type]


def host_and_port(text: str) -> tuple[str, int]:
    """`10.0.0.1:80`, `[fd00::1]:80`, or an address alone, which means every port (0)."""
    match = re.fullmatch(r"\[([^\]]*)\](?::(\S+))?|([^:]*)(?::([^:]+))?", text)
    if match is None:
        raise ValueError(f"`{text}` is no address with a port")
    host = match[1] if match[1] is not None else match[3]
    given = match[2] or match[4]
    address(host)
    return host, port(given) if given else 0


def _with_options(server: VirtualServer, options: list[Node], words: list[str]) -> VirtualServer:
    flags: list[str] = []
    for option in options:
        texts = [words[position] for position in _positions(option)]
        if option.name == "scheduler":
            server = replace(server, scheduler=texts[1])
        elif option.name == "persistent":
            server = replace(server, persistence=integer(texts[1]) if len(texts) > 1 else DEFAULT_PERSISTENCE)
        elif option.name == "netmask":
            length = prefix_length(6 if ":" in server.address or texts[1].isdecimal() else 4, texts[1])
            server = replace(server, netmask=length)
        elif option.name == "flags":
            flags += texts[1].split(",")
        elif option.name == "service_family":
            flags.append("ipv6")
        elif option.name == "one_packet":
            flags.append("ops")
    return replace(server, flags=tuple(flags))


def _real(server: VirtualServer, options: list[Node], words: list[str], line: int) -> RealServer:
    real = RealServer("", 0, forwarding="gate", line=line)
    for option in options:
        texts = [words[position] for position in _positions(option)]
        if option.name == "real":
            host, number = host_and_port(texts[1])
            real = replace(real, address=host, port=number or server.port)
        elif option.name == "weight":
            real = replace(real, weight=integer(texts[1]))
        elif option.name in ("masq", "gate", "ipip"):
            real = replace(real, forwarding=option.name)  # type: ignore[arg-type]
    address(real.address)
    return real
