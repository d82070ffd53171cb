"""A cluster to the plan of one of its nodes."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter

from kcompile.ir.categories import Topology, categorize
from kcompile.ir.endpoints import PortKey, endpoints_of_ports
from kcompile.ir.node_addresses import (
    LOOPBACK,
    canonical_cidr,
    cidrs_of,
    local_detector,
    node_ips,
    node_port_addresses,
    node_port_cidrs,
    own_addresses,
)
from kcompile.ir.plan import EndpointInfo, Family, FamilyPlan, KubeVersion, Mode, NodePlan, ServicePortInfo
from kcompile.ir.service_ports import follows_hints_annotation, service_ports
from kcompile.ir.versions import ENDPOINT_RULES, EndpointRules
from kcompile.model.cluster import Cluster
from kcompile.model.configuration import KubeProxyConfiguration
from kcompile.model.node import Node
from kcompile.model.service import Service

IN_ORDER = attrgetter("namespace", "service", "port_name", "protocol")


def build_plan(
    cluster: Cluster,
    node: str,
    mode: Mode,
    kube_version: KubeVersion,
    local_addresses: tuple[str, ...] | None = None,
) -> NodePlan:
    """What kube-proxy on `node` knows of a completed cluster before it writes a rule.

    `local_addresses` are the node's own addresses, as "IP/prefix" or "IP"; None stands for loopback and the addresses
    of its status. A node that the cluster does not have is one without addresses, zone and Pod networks.
    """
    configuration = cluster.kube_proxy or KubeProxyConfiguration()
    # By this name kube-proxy looks for its Node, and tells local endpoints and hints.
    name = configuration.hostname_override or node
    nodes = {item.name: item for item in cluster.nodes}
    found = nodes.get(name)
    ips = node_ips(found, configuration)
    own = own_addresses(local_addresses, nodes.get(node))

    def family_plan(family: Family) -> FamilyPlan:
        node_ip = ips.get(family, "")
        addresses = tuple(address for address in own if (":" in address) == (family == 6))
        cidrs = node_port_cidrs(configuration, mode, family, node_ip)
        service_cidrs = cidrs_of((cidr for item in cluster.service_cidrs for cidr in item.cidrs), family)
        return FamilyPlan(
            family=family,
            service_ports=_service_ports(cluster, family, name, found, node_ip, ENDPOINT_RULES[kube_version]),
            node_ip=node_ip,
            local_addresses=addresses,
            node_port_cidrs=cidrs,
            node_port_addresses=node_port_addresses(cidrs, addresses, family),
            detect_local=local_detector(configuration, found, family),
            service_cidrs=tuple(dict.fromkeys(map(canonical_cidr, service_cidrs))),
        )

    return NodePlan(
        node=node,
        mode=mode,
        kube_version=kube_version,
        ipv4=family_plan(4),
        ipv6=family_plan(6),
        primary_family=next(iter(ips), 4),
        configuration=configuration,
    )


def _service_ports(
    cluster: Cluster, family: Family, node: str, found: Node | None, node_ip: str, rules: EndpointRules
) -> tuple[ServicePortInfo, ...]:
    endpoints = endpoints_of_ports(cluster.endpoint_slices, family, node, rules)
    zone = found.zone if found else ""
    # kube-proxy that does not know its address of a family takes loopback for it.
    source = node_ip or LOOPBACK[family]
    ports = [
        _with_endpoints(port, endpoints, _topology(service, node, zone, rules))
        for service in cluster.services
        for port in service_ports(service, family, source)
    ]
    return tuple(sorted(ports, key=IN_ORDER))


def _topology(service: Service, node: str, zone: str, rules: EndpointRules) -> Topology:
    zone_hints = bool(zone) and (not rules.hints_need_annotation or follows_hints_annotation(service))
    return Topology(node, zone, rules.node_hints, zone_hints)


def _with_endpoints(
    port: ServicePortInfo, by_port: dict[PortKey, tuple[EndpointInfo, ...]], topology: Topology
) -> ServicePortInfo:
    endpoints = by_port.get((port.namespace, port.service, port.port_name, port.protocol), ())
    if not endpoints:
        return port
    categories = categorize(endpoints, port.uses_cluster_endpoints, port.uses_local_endpoints, topology)
    return replace(
        port,
        endpoints=endpoints,
        cluster_endpoints=categories.cluster,
        local_endpoints=categories.local,
        reachable_endpoints=categories.reachable,
        has_any_endpoints=categories.has_any,
    )
