"""Zones and plugins of a Corefile that no query can reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kcompile.frontend.corefile.configuration import Plugin, Server
from kcompile.frontend.corefile.plugins.acl import AclSettings
from kcompile.frontend.corefile.plugins.autopath import AutopathSettings
from kcompile.frontend.corefile.plugins.cache import CacheSettings
from kcompile.frontend.corefile.problems import Problem, warning
from kcompile.frontend.corefile.routes import Routes, Zones, parents
from kcompile.frontend.corefile.scopes import Scope, incoming_zones, narrower, renames, scopes
from kcompile.frontend.corefile.servers import hosts
from kcompile.frontend.corefile.syntax import ServerKey, Token
from kcompile.frontend.corefile.zones import normalize_zones


def unreachable(servers: Sequence[Server], routes: Routes) -> Iterator[Problem]:
    """Blocks that listen nowhere, zones that other blocks take, plugins behind one that answers everything."""
    for server in servers:
        bind = server.plugin("bind")
        if bind and not hosts(server):
            yield warning("no-listener", "no address is left: the block serves nothing", bind.directives[0].tokens[0])
            continue
        if not renames(server):
            yield from _zones_elsewhere(server, routes)
        yield from _plugins_behind(server)


def _is_looked_into(plugin: Plugin, server: Server) -> bool:
    """Whether `k8s_external` takes its records from a plugin, which then need not be asked itself."""
    return plugin.name == "kubernetes" and server.plugin("k8s_external") is not None


def _zones_elsewhere(server: Server, routes: Routes) -> Iterator[Problem]:
    # A key in upper case matches nothing; that has its own warning.
    keys = [key for key in server.keys if key.zone == key.zone.lower()]
    served = Zones.of(key.zone for key in keys)
    for plugin in server.plugins if keys else ():
        if _is_looked_into(plugin, server):
            continue
        for zone, token in _named_zones(plugin):
            if not served.touch(zone):
                shown = ", ".join(dict.fromkeys(key.zone for key in keys[:5]))
                message = f"no query for {zone} reaches `{plugin.name}`: the block serves {shown}"
                yield warning("unreachable-zone", message, token, "add the zone to the keys of the block")
            elif zone not in served.ancestors and (taker := _taker(zone, server, keys, routes)):
                message = f"no query for {zone} reaches `{plugin.name}`: another block serves {taker.text}"
                yield warning("unreachable-zone", message, token, f"that block has its key on line {taker.token.line}")


def _named_zones(plugin: Plugin) -> Iterator[tuple[str, Token]]:
    """The zones among the arguments of a plugin."""
    match plugin.settings:
        case CacheSettings() | AutopathSettings() as settings:
            zones = frozenset(settings.zones)
        case AclSettings() as settings:
            zones = frozenset(zone for rule in settings.rules for zone in rule.zones)
        case _:
            zones = frozenset(zone for scope in scopes(plugin) for zone in scope.zones)
    for directive in plugin.directives:
        for token in directive.tokens[1 : 1 + len(directive.arguments)]:
            yield from ((zone, token) for zone in normalize_zones(token.text) if zone in zones)


def _taker(zone: str, server: Server, keys: Sequence[ServerKey], routes: Routes) -> ServerKey | None:
    """The longer key of another block that takes a zone on every socket of this block."""
    above = frozenset(parents(zone))
    taker: ServerKey | None = None
    for key in keys:
        for host in hosts(server) if key.zone in above else ():
            route = routes.find(zone, key.scheme, key.port, host)
            if route is None or route.server is server or len(route.key.zone) <= len(key.zone):
                return None
            taker = route.key
    return taker


def _plugins_behind(server: Server) -> Iterator[Problem]:
    """Plugins of which all zones are answered by those before them."""
    incoming = incoming_zones(server)
    before: dict[str, tuple[Plugin, Scope]] = {}
    for plugin in server.plugins:
        for scope in scopes(plugin):
            zones = {zone for own in scope.zones for name in incoming if (zone := narrower(own, name))}
            blockers = [_blocker(zone, before) for zone in sorted(zones)]
            blocker = blockers[0] if blockers and None not in blockers else None
            if blocker and not _is_looked_into(plugin, server):
                name = "the one before it" if blocker is plugin else f"`{blocker.name}` before it"
                message = f"`{plugin.name}` never gets a query: {name} answers all of them"
                hint = "" if blocker.name in _NEVER_FALL_THROUGH else f"let `{blocker.name}` have `fallthrough`"
                yield warning("unreachable-plugin", message, scope.token, hint)
            for zone in scope.zones:
                if zone not in before or len(scope.passed) < len(before[zone][1].passed):
                    before[zone] = plugin, scope


_NEVER_FALL_THROUGH = frozenset({"erratic", "forward", "whoami"})


def _blocker(zone: str, before: dict[str, tuple[Plugin, Scope]]) -> Plugin | None:
    """A plugin that answers every name of a zone."""
    for parent in parents(zone):
        if parent in before and not any(narrower(zone, passed) for passed in before[parent][1].passed):
            return before[parent][0]
    return None
