"""What the plans of all nodes of a cluster have in common: digested once, however many nodes there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter

from kcompile.ir.categories import Topology, categorize
from kcompile.ir.endpoints import Gathered, endpoints_on, gather_endpoints
from kcompile.ir.node_addresses import LOOPBACK, cidrs_of, contains
from kcompile.ir.plan import EndpointInfo, Family, KubeVersion, ServicePortInfo
from kcompile.ir.service_ports import follows_hints_annotation, service_ports
from kcompile.ir.versions import EndpointRules, endpoint_rules
from kcompile.model.cluster import Cluster
from kcompile.model.configuration import KubeProxyConfiguration
from kcompile.model.service import Service

try:
    from kcompile.native.plan import replaced
except ImportError:
    from kcompile.twins.plan import replaced

IN_ORDER = attrgetter("namespace", "service", "port_name", "protocol")

NOWHERE = Topology("", "", node_hints=False, zone_hints=False)


@dataclass(frozen=True, slots=True)
class SharedPort:
    """What a Service port consists of before a node looks at it. `hinted_nodes` are those that hints name."""

    service: Service
    gathered: Gathered
    hinted_nodes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SharedFamily:
    """The Service ports of one family, in the order of a plan.

    `ports` are as a node sees them that has no endpoints, no zone and no address among the source ranges; `shared` is
    what each is made of. `hinted` are the numbers of ports that look the same to the nodes of a zone, `sensitive` those
    that may look different to any node: with source ranges, or an address that is listed twice. `zones` has the ports
    as the nodes of a zone see them, filled in as nodes ask.
    """

    family: Family
    rules: EndpointRules
    ports: tuple[ServicePortInfo, ...]
    shared: tuple[SharedPort, ...]
    hinted: tuple[int, ...]
    sensitive: frozenset[int]
    zones: dict[str, tuple[ServicePortInfo, ...]] = field(default_factory=dict, compare=False)

    def ports_on(self, node: str, zone: str, node_ip: str) -> tuple[ServicePortInfo, ...]:
        """The Service ports as one node sees them: the same objects where it sees what others see."""
        # kube-proxy that does not know its address of a family takes loopback for it.
        source = node_ip or LOOPBACK[self.family]
        ports = list(self._in_zone(zone))
        for number, shared in enumerate(self.shared):
            if node in shared.gathered.nodes or node in shared.hinted_nodes or number in self.sensitive:
                ports[number] = self._port_on(number, node, zone, source)
        return tuple(ports)

    def _in_zone(self, zone: str) -> tuple[ServicePortInfo, ...]:
        if not self.hinted or not zone:
            return self.ports
        if zone not in self.zones:
            ports = list(self.ports)
            for number in self.hinted:
                ports[number] = self._port_on(number, "", zone, "")
            self.zones[zone] = tuple(ports)
        return self.zones[zone]

    def _port_on(self, number: int, node: str, zone: str, source: str) -> ServicePortInfo:
        port, shared, rules = self.ports[number], self.shared[number], self.rules
        if port.source_ranges and contains(cidrs_of(port.source_ranges, self.family), source):
            port = replaced(port, {"source_ranges_include_node": True})
        zone_hints = bool(zone) and rules.zone_hints
        if rules.hints_need_annotation and not follows_hints_annotation(shared.service):
            zone_hints = False
        endpoints = endpoints_on(shared.gathered, node, rules)
        return _with_endpoints(port, endpoints, Topology(node, zone, rules.node_hints, zone_hints))


def share(cluster: Cluster, kube_version: KubeVersion, family: Family) -> SharedFamily:
    """What all nodes of a completed cluster share in one family."""
    configuration = cluster.kube_proxy or KubeProxyConfiguration()
    rules = endpoint_rules(kube_version, configuration.feature_gates)
    gathered = gather_endpoints(cluster.endpoint_slices, family, rules)
    found = [
        (port, _shared_port(service, gathered.get(IN_ORDER(port), Gathered())))
        for service in cluster.services
        for port in service_ports(service, family, rules)
    ]
    found.sort(key=lambda one: IN_ORDER(one[0]))
    ports = tuple([_with_endpoints(port, shared.gathered.endpoints, NOWHERE) for port, shared in found])
    return SharedFamily(
        family=family,
        rules=rules,
        ports=ports,
        shared=tuple([shared for _, shared in found]),
        hinted=tuple([number for number, (_, shared) in enumerate(found) if shared.gathered.hinted]),
        sensitive=frozenset(
            [
                number
                for number, (port, shared) in enumerate(found)
                if port.source_ranges or (shared.gathered.contested and not rules.prefer_running_duplicate)
            ]
        ),
    )


def _shared_port(service: Service, gathered: Gathered) -> SharedPort:
    if not gathered.hinted:
        return SharedPort(service, gathered)
    return SharedPort(service, gathered, frozenset().union(*[endpoint.node_hints for endpoint in gathered.endpoints]))


def _with_endpoints(port: ServicePortInfo, endpoints: tuple[EndpointInfo, ...], topology: Topology) -> ServicePortInfo:
    """The port with its endpoints by category; the same object if it has them already."""
    categories = categorize(endpoints, port.uses_cluster_endpoints, port.uses_local_endpoints, topology)
    if (endpoints, *categories) == (
        port.endpoints,
        port.cluster_endpoints,
        port.local_endpoints,
        port.reachable_endpoints,
        port.has_any_endpoints,
    ):
        return port
    return replaced(
        port,
        {
            "endpoints": endpoints,
            "cluster_endpoints": categories.cluster,
            "local_endpoints": categories.local,
            "reachable_endpoints": categories.reachable,
            "has_any_endpoints": categories.has_any,
        },
    )
