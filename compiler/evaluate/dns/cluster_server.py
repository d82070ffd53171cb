"""The DNS server of a cluster, from its objects and its Corefile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kcompile.diagnostics import Diagnostic
from kcompile.evaluate.dns.queries import Client
from kcompile.evaluate.dns.resolver import Resolver
from kcompile.evaluate.dns.server import Server, World
from kcompile.evaluate.dns.zone_data import ZoneData
from kcompile.frontend.corefile.configuration import Configuration
from kcompile.ir.cluster_corefile import load_cluster_corefile
from kcompile.ir.dns_objects import dns_objects
from kcompile.model.cluster import Cluster

KUBE_DNS = ("kube-system", "kube-dns")
DNS_PORT = 53


class RejectedCorefile(Exception):
    """CoreDNS would not start with this Corefile; `diagnostics` say why."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__("\n".join(map(str, diagnostics)))


def cluster_resolver(
    cluster: Cluster,
    given: Cluster | None = None,
    configuration: Configuration | None = None,
    *,
    server_addresses: Iterable[str] | None = None,
    upstreams: Mapping[str, ZoneData] | None = None,
    host_search: tuple[str, ...] = (),
    client: Client | None = None,
) -> Resolver:
    """The DNS server of a completed cluster; `given` is the cluster as it was read.

    Without a `configuration` the Corefile is the cluster's own, and CoreDNS is an endpoint of kube-dns. With one,
    nothing says where that CoreDNS runs: its addresses are those in `server_addresses`. `upstreams` are what servers
    outside answer from, by HOST:PORT or by the file that names them. Questions come from `client`, by default to port
    53, or to the first that the Corefile has. Raises RejectedCorefile.
    """
    if server_addresses is None:
        server_addresses = () if configuration is not None else own_addresses(cluster)
    configuration = configuration or load_cluster_corefile(cluster)
    if configuration.rejection is not None:
        raise RejectedCorefile(configuration.diagnostics)
    world = World(dns_objects(cluster, given), tuple(server_addresses), upstreams or {}, host_search)
    server = Server(configuration, world)
    return Resolver(server, client or Client(port=default_port(server)))


def default_port(server: Server) -> int:
    return DNS_PORT if DNS_PORT in server.ports or not server.ports else server.ports[0]


def own_addresses(cluster: Cluster) -> tuple[str, ...]:
    """The addresses of one CoreDNS Pod, of each family one: the first ready endpoints of kube-dns.

    Without such endpoints, the addresses that Pods ask.
    """
    addresses: dict[bool, str] = {}
    for piece in cluster.endpoint_slices:
        if (piece.meta.namespace, piece.service_name) == KUBE_DNS:
            for endpoint in piece.endpoints:
                for address in endpoint.addresses if endpoint.ready is not False else ():
                    addresses.setdefault(":" in address, address)
    return tuple(addresses.values()) or (cluster.kubelet.cluster_dns if cluster.kubelet else ())
