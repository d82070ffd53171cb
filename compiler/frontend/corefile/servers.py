"""The zones and sockets of a Corefile: keys with schemes, ports and reverse networks, and which of them collide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kcompile.frontend.corefile.addresses import parse_port
from kcompile.frontend.corefile.configuration import Server
from kcompile.frontend.corefile.context import Machine
from kcompile.frontend.corefile.plugins.bind import BindSettings
from kcompile.frontend.corefile.problems import Problem
from kcompile.frontend.corefile.syntax import ServerBlock, ServerKey
from kcompile.frontend.corefile.values import ValueProblem
from kcompile.frontend.corefile.zones import DEFAULT_PORTS, MAX_ZONES, TOO_MANY_ZONES, split_scheme, split_zone
from kcompile.ir.domain_names import absolute

_PREFIX = "error inspecting server blocks: "


def read_keys(blocks: Iterable[ServerBlock]) -> Iterator[tuple[ServerBlock, tuple[ServerKey, ...], list[Problem]]]:
    """Each block with what its keys stand for, and with those that CoreDNS refuses."""
    room = MAX_ZONES
    for block in blocks:
        keys, problems = _keys(block)
        if len(keys) > room:
            yield block, (), [*problems, Problem("key", TOO_MANY_ZONES, block.keys[0], prefix=_PREFIX)]
            return
        room -= len(keys)
        yield block, tuple(keys), problems


def _keys(block: ServerBlock) -> tuple[list[ServerKey], list[Problem]]:
    keys: list[ServerKey] = []
    problems: list[Problem] = []
    for token in block.keys:
        if len(keys) > MAX_ZONES:
            break
        scheme, text = split_scheme(token.text)
        try:
            zones, port = split_zone(text)
            if len(zones) == 1:
                # The name is checked again with its final dot: it may be one byte too long then.
                split_zone(absolute(zones[0]))
            keys += [ServerKey(scheme, absolute(zone), port or DEFAULT_PORTS[scheme], token) for zone in zones]
        except ValueProblem as problem:
            hint = "write a blank before {" if token.text.endswith("{") else ""
            problems.append(Problem("key", str(problem), token, prefix=_PREFIX, hint=hint))
    return keys, problems


def hosts(server: Server) -> tuple[str, ...]:
    """The addresses that a server listens on; "" is every address."""
    plugin = server.plugin("bind")
    return plugin.settings.addresses if plugin and isinstance(plugin.settings, BindSettings) else ("",)


def check_ports(servers: Sequence[Server]) -> Iterable[Problem]:
    for server in servers:
        for key in server.keys:
            try:
                parse_port(key.port)
            except ValueProblem as problem:
                if hosts(server):
                    yield Problem("port", str(problem), key.token, hint="0 to 65535")


@dataclass(frozen=True, slots=True)
class _Listener:
    """A zone on an address; the address is empty where there is no `bind`."""

    scheme: str
    zone: str
    port: str
    address: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.zone}:{self.port}" + (f" on {self.address}" if self.address else "")


def check_duplicates(servers: Sequence[Server]) -> Iterable[Problem]:
    """Zones that two blocks, or two keys of a block, serve on the same port.

    A block with a view is only held against those before it: it serves some of a zone's queries, others the rest.
    """
    registered: set[_Listener] = set()
    by_zone: dict[_Listener, _Listener] = {}
    for server in servers:
        has_view = server.plugin("view") is not None
        for key in server.keys:
            for address in hosts(server):
                listener = _Listener(key.scheme, key.zone, key.port, address)
                unbound = _Listener(key.scheme, key.zone, key.port, "")
                overlap = None
                if unbound in by_zone:
                    overlap = unbound if address and unbound in registered else None if address else by_zone[unbound]
                if listener in registered:
                    message = f"cannot serve {listener} - it is already defined"
                    yield Problem("duplicate-zone", message, key.token, hint="an earlier key has this zone and port")
                elif overlap:
                    message = f"cannot serve {listener} - zone overlap listener capacity with {overlap}"
                    yield Problem(
                        "duplicate-zone", message, key.token, hint="let `bind` stand in both blocks or in none"
                    )
                elif not has_view:
                    registered.add(listener)
                    by_zone[unbound] = listener


def check_sockets(servers: Sequence[Server], machine: Machine) -> Iterable[Problem]:
    """What would fail when the server starts to listen."""
    seen: set[tuple[str, str, str]] = set()
    for server in servers:
        for key in server.keys:
            for address in hosts(server):
                socket = key.scheme, key.port, address
                if socket in seen:
                    continue
                seen.add(socket)
                if address and not machine.has(address):
                    shown = f"[{address}]" if ":" in address else address
                    message = f"Listen: listen tcp {shown}:{key.port}: bind: cannot assign requested address"
                    bind = server.plugin("bind")
                    token = bind.directives[0].tokens[0] if bind else key.token
                    hint = (
                        f"name the machine's own addresses: --local-address {address}/{128 if ':' in address else 32}"
                    )
                    yield Problem("address", message, token, hint=hint)
                elif key.scheme == "quic" and server.plugin("tls") is None:
                    hint = "add `tls CERT KEY` to the block"
                    yield Problem("tls", "ListenPacket: quic: tls.Config not set", key.token, hint=hint)
