"""Warnings that CoreDNS does not give: what it takes, and what is probably not what was meant.

Options that a newer CoreDNS refuses are found by the setup of their plugins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kcompile.frontend.corefile.configuration import Plugin, Server
from kcompile.frontend.corefile.context import Machine
from kcompile.frontend.corefile.forward_loops import forward_loops
from kcompile.frontend.corefile.problems import Problem, warning
from kcompile.frontend.corefile.reachability import unreachable
from kcompile.frontend.corefile.routes import Routes, Zones
from kcompile.frontend.corefile.scopes import scopes


def advise(servers: Sequence[Server], machine: Machine) -> Iterator[Problem]:
    """What there is to say about the servers of a Corefile that CoreDNS accepts."""
    for server in servers:
        yield from _doubtful_keys(server)
        yield from _misleading_order(server)
    routes = Routes.of(servers)
    yield from unreachable(servers, routes)
    yield from forward_loops(servers, routes, machine)


def _doubtful_keys(server: Server) -> Iterator[Problem]:
    for key in server.keys:
        if key.token.text.endswith(("{", "}")):
            message = f"{key.token.text} is taken for the name of a zone"
            yield warning("brace-in-zone", message, key.token, "write a blank before {")
        if key.zone != key.zone.lower():
            message = f"no query reaches {key.zone}: names of queries are put in lower case, keys are not"
            yield warning("upper-case-zone", message, key.token, f"write {key.token.text.lower()}")


def _misleading_order(server: Server) -> Iterator[Problem]:
    """Plugins that stand below another one which answers the same names, and yet answer first."""
    names = [directive.name for directive in server.block.directives]
    answering = [plugin for plugin in server.plugins if scopes(plugin)]
    for index, plugin in enumerate(answering):
        zones = _zones(plugin)
        above = [
            f"`{other.name}`"
            for other in answering[index + 1 :]
            if names.index(other.name) < names.index(plugin.name) and any(map(zones.touch, _zones(other).members))
        ]
        if above:
            verb = "stands" if len(above) == 1 else "stand"
            message = f"`{plugin.name}` answers before {' and '.join(above)}, which {verb} above it"
            hint = "the order of the text decides nothing: move it up, so that the text reads as it runs"
            yield warning("plugin-order", message, plugin.directives[0].tokens[0], hint)


def _zones(plugin: Plugin) -> Zones:
    return Zones.of(zone for scope in scopes(plugin) for zone in scope.zones)
