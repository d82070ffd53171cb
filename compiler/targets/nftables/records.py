"""A ServicePort as the record that the templates of `rules` are filled in from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from kcompile.ir.plan import EndpointInfo, FamilyPlan, ServicePortInfo, local_among
from kcompile.targets.nftables import claims
from kcompile.targets.template import Item, Join, Value

Endpoints = tuple[EndpointInfo, ...]

ENDPOINT = Item("endpoint", EndpointInfo._fields)


class Record(NamedTuple):
    """What one ServicePort brings to the rules.

    `internal` is the kind of chain that ClusterIP traffic goes to, "service" or "local"; a verdict is "" where there
    are endpoints. Of the addresses, each stands for an element of a map: `served_ips` for one that leads to endpoints,
    `refused_ips` for one with a verdict, `firewalled_vips` for one that leads to the source ranges. `owns_cluster_ip`
    says whether the cluster IP has one; `serves_node_port` and `refuses_node_port` say it of the node port, should it
    claim one. `cluster` and `local` are the endpoints of the Service's chains of these kinds, empty where there is no
    such chain; `chained` are those that have chains of their own.
    """

    namespace: str
    service: str
    port_name: str
    protocol: str
    cluster_ip: str
    port: int
    node_port: int
    comment: str
    affinity: str
    internal_policy_local: bool
    external_policy_local: bool
    externally_accessible: bool
    has_endpoints: bool
    internal: str
    internal_verdict: str
    external_verdict: str
    owns_cluster_ip: bool
    served_ips: tuple[str, ...]
    refused_ips: tuple[str, ...]
    firewalled_vips: tuple[str, ...]
    serves_node_port: bool
    refuses_node_port: bool
    sources: str
    cluster: Endpoints
    cluster_count: int
    cluster_single: bool
    local: Endpoints
    local_count: int
    local_single: bool
    chained: Endpoints


LISTS = {
    "served_ips": Item("served_ip"),
    "refused_ips": Item("refused_ip"),
    "firewalled_vips": Item("vip"),
    "cluster": ENDPOINT,
    "local": ENDPOINT,
    "chained": ENDPOINT,
}

PROTOCOL_NAME = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}

NAME_LIMIT = 240
"""Names are cut to this many bytes, so that the kernel's 256 leave room for the kind of chain in front."""


def values(comma: str) -> dict[str, Value | Join]:
    """Names and inline lists; `comma` stands between the elements of a map in a rule."""
    service = "{namespace}/{service}/{protocol}/{port_name}"
    endpoint = service + "__{endpoint.ip}/{endpoint.port}"
    # nft reads a colon as the end of a name.
    no_colons = ":."
    chains = "{index} : goto endpoint-{endpoint_name}"
    addresses = "{index} : {endpoint.ip} . {endpoint.port}"
    return {
        "service_hash": Value(service, digest=8),
        "service_name": Value("{service_hash}-" + service, limit=NAME_LIMIT, ellipsis="..."),
        "endpoint_hash": Value(endpoint, over="chained", replace=no_colons, digest=8),
        "endpoint_name": Value(
            "{endpoint_hash}-" + endpoint, over="chained", replace=no_colons, limit=NAME_LIMIT, ellipsis="..."
        ),
        "cluster_chains": Join("cluster", chains, comma),
        "local_chains": Join("local", chains, comma),
        "cluster_addresses": Join("cluster", addresses, comma),
        "local_addresses": Join("local", addresses, comma),
    }


def record_maker(
    comment_limit: int,
    chain_every_endpoint: bool,
    timeout: Callable[[int], str],
    interval_set: Callable[[Sequence[str], str], str],
) -> Callable[..., tuple[Any, ...]]:
    """What makes the record of a ServicePort, and of those of its claims that it has, by default all of them.

    The functions are those of the form. The record is a plain tuple: a `Record` itself would take twice as long.
    """

    def record(info: ServicePortInfo, elements: claims.Elements | None = None) -> tuple[Any, ...]:
        internal_local, external_local = info.internal_policy_local, info.external_policy_local
        externally_accessible, has_endpoints = info.externally_accessible, info.has_any_endpoints
        cluster = info.cluster_endpoints if info.uses_cluster_endpoints else ()
        local = info.local_endpoints if info.local_endpoints and info.uses_local_endpoints else ()
        cluster_count, local_count = len(cluster), len(local)
        internal_verdict, external_verdict = claims.verdicts(info)
        cluster_ip, served, refused, firewalled, serves_node_port, refuses_node_port = elements or claims.claimed(info)
        affinity = timeout(info.session_affinity_timeout) if info.session_affinity_timeout else ""
        return (
            info.namespace,
            info.service,
            info.port_name,
            PROTOCOL_NAME[info.protocol],
            info.cluster_ip,
            info.port,
            info.node_port,
            info.name[:comment_limit] if internal_verdict or external_verdict else "",
            affinity,
            internal_local,
            external_local,
            externally_accessible,
            has_endpoints,
            "local" if internal_local else "service",
            internal_verdict,
            external_verdict,
            cluster_ip,
            served,
            refused,
            firewalled,
            serves_node_port,
            refuses_node_port,
            interval_set(_allowed_sources(info), " , ") if info.load_balancer_vips and info.source_ranges else "",
            cluster,
            cluster_count,
            cluster_count == 1,
            local,
            local_count,
            local_count == 1,
            info.reachable_endpoints if affinity or chain_every_endpoint else (),
        )

    return record


def _allowed_sources(info: ServicePortInfo) -> tuple[str, ...]:
    """The source ranges, and the load balancer's own addresses if the node may come in: where such an address is also
    one of the node's, that is what the node's own packets come from."""
    return (*info.source_ranges, *info.load_balancer_vips) if info.source_ranges_include_node else info.source_ranges


def hairpin_connections(plan: FamilyPlan) -> tuple[str, ...]:
    """Keys of the connections that an endpoint of this node makes to itself through a Service, each once."""
    keys = {
        f"{endpoint.ip} . {endpoint.ip} . {PROTOCOL_NAME[info.protocol]} . {endpoint.port}": None
        for info in plan.service_ports
        for endpoint in local_among(info.reachable_endpoints)
    }
    return tuple(keys)


def cluster_ips(plan: FamilyPlan) -> tuple[str, ...]:
    """Every cluster IP, once for all ports of its Service."""
    return tuple(dict.fromkeys(info.cluster_ip for info in plan.service_ports))
