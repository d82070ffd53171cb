"""Which server block takes a name, and which zones touch each other. The warnings about a Corefile stand on this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kcompile.frontend.corefile.addresses import parse_ip
from kcompile.frontend.corefile.configuration import Server
from kcompile.frontend.corefile.servers import hosts
from kcompile.frontend.corefile.syntax import ServerKey


def parents(zone: str) -> Iterator[str]:
    """The zone itself, each one above it, and the root."""
    while zone not in ("", "."):
        yield zone
        zone = zone.partition(".")[2]
    yield "."


@dataclass(frozen=True, slots=True)
class Zones:
    """Some zones, and all that lie above one of them."""

    members: frozenset[str]
    ancestors: frozenset[str]

    @classmethod
    def of(cls, zones: Iterable[str]) -> Zones:
        members = frozenset(zones)
        return cls(members, frozenset(parent for zone in members for parent in parents(zone)))

    def hold(self, zone: str) -> bool:
        """Whether every name of a zone lies in one of these."""
        return any(parent in self.members for parent in parents(zone))

    def touch(self, zone: str) -> bool:
        """Whether some name lies in a zone and in one of these."""
        return zone in self.ancestors or self.hold(zone)


@dataclass(frozen=True, slots=True)
class Route:
    key: ServerKey
    server: Server


@dataclass(frozen=True, slots=True)
class Routes:
    """The blocks that take names on a socket. Blocks with a view are left out: they take some queries only."""

    _by_socket: Mapping[tuple[str, str, str], Mapping[str, Route]]

    @classmethod
    def of(cls, servers: Iterable[Server]) -> Routes:
        by_socket: dict[tuple[str, str, str], dict[str, Route]] = {}
        for server in servers:
            for host in hosts(server) if server.plugin("view") is None else ():
                for key in server.keys:
                    routes = by_socket.setdefault((key.scheme, key.port, str(parse_ip(host) or "")), {})
                    routes.setdefault(key.zone, Route(key, server))
        return cls(by_socket)

    def find(self, zone: str, scheme: str, port: str, host: str) -> Route | None:
        """The block of the longest key that holds a zone. `host` is empty for blocks that listen everywhere."""
        routes = self._by_socket.get((scheme, port, str(parse_ip(host) or "")), {})
        return next((routes[parent] for parent in parents(zone) if parent in routes), None)
