"""Forwards that lead back to where the query came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kcompile.frontend.corefile.addresses import parse_ip, parse_port, split_host_port
from kcompile.frontend.corefile.configuration import Server
from kcompile.frontend.corefile.context import Machine
from kcompile.frontend.corefile.plugins.forward import Forward, ForwardSettings, Upstream
from kcompile.frontend.corefile.problems import Problem, warning
from kcompile.frontend.corefile.routes import Routes
from kcompile.frontend.corefile.scopes import incoming_zones, narrower
from kcompile.frontend.corefile.syntax import Token
from kcompile.frontend.corefile.values import ValueProblem
from kcompile.ir.domain_names import is_subdomain


def forward_loops(servers: Sequence[Server], routes: Routes, machine: Machine) -> Iterator[Problem]:
    for server in servers:
        for forward, token in _forwards(server):
            narrowed = {narrower(forward.zone, name) for name in incoming_zones(server)}
            zones = sorted(zone for zone in narrowed if zone and _takes(forward, zone))
            for upstream in forward.upstreams:
                if any(_comes_back(server, upstream, zone, routes, machine) for zone in zones):
                    source = f" in {upstream.source}" if upstream.source else ""
                    message = f"queries sent to {upstream.address}{source} come back to this block, again and again"
                    yield warning("forward-loop", message, token, "name a server that is not this one")
                    break


def _comes_back(server: Server, upstream: Upstream, zone: str, routes: Routes, machine: Machine) -> bool:
    """Whether queries for a zone, sent to an upstream, reach the block, perhaps through others of this Corefile."""
    seen: set[int] = set()
    open_ends = [upstream]
    while open_ends:
        taker = _taker(open_ends.pop(), zone, routes, machine)
        if taker is server:
            return True
        if taker is not None and id(taker) not in seen:
            seen.add(id(taker))
            open_ends += next((forward.upstreams for forward, _ in _forwards(taker) if _takes(forward, zone)), ())
    return False


def _forwards(server: Server) -> list[tuple[Forward, Token]]:
    plugin = server.plugin("forward")
    if plugin is None or not isinstance(plugin.settings, ForwardSettings):
        return []
    tokens = (directive.tokens[0] for directive in plugin.directives)
    return list(zip(plugin.settings.forwards, tokens, strict=False))


def _takes(forward: Forward, zone: str) -> bool:
    return is_subdomain(forward.zone, zone) and not any(is_subdomain(name, zone) for name in forward.excepted)


def _taker(upstream: Upstream, zone: str, routes: Routes, machine: Machine) -> Server | None:
    """The block to which an upstream leads for the names of a zone, if it is one of this Corefile."""
    try:
        host, port_text = split_host_port(upstream.address)
        port = str(parse_port(port_text))
    except ValueProblem:
        return None
    address = parse_ip(host.partition("%")[0])
    if address is None:
        return None
    is_own = address.is_loopback or address.is_unspecified or (machine.is_known and machine.has(str(address)))
    route = routes.find(zone, upstream.transport, port, str(address))
    if route is None and is_own:
        route = routes.find(zone, upstream.transport, port, "")
    return route.server if route else None
