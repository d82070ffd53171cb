"""The DNS server of a cluster, from its objects and its Corefile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kcompile.diagnostics import Errors
from kcompile.evaluate.dns.queries import Client
from kcompile.evaluate.dns.resolver import Resolver
from kcompile.evaluate.dns.server import Server, World
from kcompile.evaluate.dns.zone_data import ZoneData
from kcompile.frontend.corefile.configuration import Configuration
from kcompile.ir.cluster_corefile import load_cluster_corefile
from kcompile.ir.dns_objects import dns_objects
from kcompile.ir.domain_names import canonical_address
from kcompile.model.cluster import Cluster

KUBE_DNS = ("kube-system", "kube-dns")
DNS_PORT = 53


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
    53, or to the first that the Corefile has. Raises `Errors` where CoreDNS would not start.
    """
    if server_addresses is None:
        server_addresses = () if configuration is not None else own_addresses(cluster)
    configuration = configuration or load_cluster_corefile(cluster)
    if configuration.rejection is not None:
        raise Errors(configuration.diagnostics)
    world = World(
        objects=dns_objects(cluster, given),
        server_addresses=tuple(server_addresses),
        addresses=_addresses(cluster),
        upstreams=upstreams or {},
        host_search=host_search,
    )
    server = Server(configuration, world)
    return Resolver(server, client or Client(port=default_port(server)))


def default_port(server: Server) -> int:
    return DNS_PORT if DNS_PORT in server.ports or not server.ports else server.ports[0]


def own_addresses(cluster: Cluster) -> tuple[str, ...]:
    """The addresses of one CoreDNS Pod, of each family one: the first ready endpoints of kube-dns.

    Without such endpoints, the addresses that Pods ask.
    """
    by_family: dict[bool, str] = {}
    for address in _endpoints(cluster):
        by_family.setdefault(":" in address, address)
    return tuple(by_family.values()) or (cluster.kubelet.cluster_dns if cluster.kubelet else ())


def _addresses(cluster: Cluster) -> frozenset[str]:
    """Every address at which the cluster's DNS server answers."""
    found = [address for service in cluster.services if service.meta.key == KUBE_DNS for address in service.cluster_ips]
    found += cluster.kubelet.cluster_dns if cluster.kubelet else ()
    return frozenset(map(canonical_address, (*found, *_endpoints(cluster))))


def _endpoints(cluster: Cluster) -> Iterator[str]:
    for piece in cluster.endpoint_slices:
        if (piece.meta.namespace, piece.service_name) == KUBE_DNS:
            for endpoint in piece.endpoints:
                if endpoint.ready is not False:
                    yield from endpoint.addresses
