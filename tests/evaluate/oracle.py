"""What a node's plan promises to a connection, mode by mode, without a look at any rule.

`promise` is what the Service API lets one expect of every mode. `DIFFERENCES` is the complete list of where a mode does
otherwise, each with its reason; nothing else may differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import Literal

from kcompile.evaluate.packet import Host
from kcompile.ir.addresses import address, address_text
from kcompile.ir.node_addresses import is_loopback
from kcompile.ir.plan import EndpointInfo, FamilyPlan, KubeVersion, Mode, ServicePortInfo
from kcompile.model.configuration import KubeProxyConfiguration
from tests.evaluate.connections import Connection, own_addresses

Frontend = Literal["cluster IP", "external IP", "load-balancer IP", "node port"]
Verdict = Literal["dnat", "accept", "reject", "drop"]


@dataclass(frozen=True, slots=True)
class Fate:
    """`endpoints` share the connections evenly; those in `masqueraded` see an address of the node as their client."""

    verdict: Verdict
    endpoints: frozenset[str] = frozenset()
    masqueraded: frozenset[str] = frozenset()


PASSES = Fate("accept")
REFUSED = Fate("reject")
DROPPED = Fate("drop")


@dataclass(frozen=True, slots=True)
class Case:
    """A connection that meets a node in one mode."""

    connection: Connection
    plan: FamilyPlan
    mode: Mode
    version: KubeVersion
    configuration: KubeProxyConfiguration

    @property
    def from_node(self) -> bool:
        return self.connection.client.where == "node"

    @property
    def source(self) -> str:
        """The client's address; of the node's own, it is the target where that is the node's, else routing's choice."""
        if not self.from_node:
            return self.connection.client.address
        if self.to_node:
            return self.connection.to
        host = Host(tuple(sorted(own_addresses(self.plan), key=lambda address: address != self.plan.node_ip)))
        family, target = address(self.connection.to)
        return address_text(family, host.source_for(family, target))

    @property
    def to_node(self) -> bool:
        """In ipvs mode, kube-ipvs0 gives the node the addresses of all Services."""
        return self.connection.to in self.plan.local_addresses or (self.mode == "ipvs" and self.to_service)

    @property
    def to_service(self) -> bool:
        return any(
            self.connection.to in (port.cluster_ip, *port.external_ips, *port.load_balancer_vips)
            for port in self.plan.service_ports
        )

    @property
    def detects_pods(self) -> bool:
        return self.plan.detect_local.kind != "none"

    @property
    def from_local_pod(self) -> bool:
        detector = self.plan.detect_local
        if detector.kind == "cidr":
            return ip_address(self.source) in ip_network(detector.value)
        return self.detects_pods and self.connection.client.where == "pod"

    @property
    def masquerades_all(self) -> bool:
        """The ipvs mode reads the option of the iptables mode."""
        if self.mode == "nftables":
            return self.configuration.nftables.masquerade_all
        return self.configuration.iptables.masquerade_all

    def find(self) -> tuple[ServicePortInfo, Frontend] | None:
        """The Service port that answers at the target: the first in order, of which a ruleset has room for one."""
        return self._find_address() or self._find_node_port()

    def _find_address(self) -> tuple[ServicePortInfo, Frontend] | None:
        for port in self.plan.service_ports:
            if (port.port, port.protocol.lower()) == (self.connection.port, self.connection.protocol):
                if self.connection.to == port.cluster_ip:
                    return port, "cluster IP"
                if self.connection.to in port.external_ips:
                    return port, "external IP"
                if self.connection.to in port.load_balancer_vips:
                    return port, "load-balancer IP"
        return None

    def _find_node_port(self) -> tuple[ServicePortInfo, Frontend] | None:
        answering = own_addresses(self.plan)
        if self.configuration.node_port_addresses:
            answering = tuple(
                a for a in answering if self.plan.node_ports_everywhere or a in self.plan.node_port_addresses
            )
        return self.node_port_at(answering)

    def node_port_at(self, answering: tuple[str, ...]) -> tuple[ServicePortInfo, Frontend] | None:
        """The node port that the connection is for, on one of these addresses."""
        for port in self.plan.service_ports if self.connection.to in answering else ():
            if (port.node_port, port.protocol.lower()) == (self.connection.port, self.connection.protocol):
                return port, "node port"
        return None


def promise(case: Case) -> Fate:
    """What every mode should do."""
    found = case.find()
    return PASSES if found is None else served(case, *found)


def served(case: Case, port: ServicePortInfo, frontend: Frontend) -> Fate:
    """What a Service port does with a connection: source ranges, then a policy's endpoints, or none."""
    if is_kept_out(case, port, frontend):
        return DROPPED
    endpoints = chosen_endpoints(case, port, frontend)
    if not endpoints:
        return DROPPED if port.has_any_endpoints else REFUSED
    return reaches(case, endpoints, lambda endpoint: is_masqueraded(case, port, frontend, endpoint))


def reaches(case: Case, endpoints: tuple[EndpointInfo, ...], masqueraded: Callable[[EndpointInfo], bool]) -> Fate:
    return Fate(
        "dnat",
        frozenset(endpoint.address for endpoint in endpoints),
        frozenset(endpoint.address for endpoint in endpoints if masqueraded(endpoint)),
    )


def is_kept_out(case: Case, port: ServicePortInfo, frontend: Frontend) -> bool:
    """Whether a load balancer's source ranges leave the client out."""
    if frontend != "load-balancer IP" or not port.source_ranges:
        return False
    if case.mode == "ipvs" and case.from_node:
        # The node comes from the address on kube-ipvs0: what the ranges say of that is not asked (kubernetes#119656).
        return not port.source_ranges_include_node
    inside = any(ip_address(case.source) in ip_network(each) for each in port.source_ranges)
    return not inside and not (port.source_ranges_include_node and case.source == case.connection.to)


def chosen_endpoints(case: Case, port: ServicePortInfo, frontend: Frontend) -> tuple[EndpointInfo, ...]:
    """Under external policy Local, the node's own Pods and the node itself get what policy Cluster gives."""
    if frontend == "cluster IP":
        return port.local_endpoints if port.internal_policy_local else port.cluster_endpoints
    if not port.external_policy_local or case.from_node or case.from_local_pod:
        return port.cluster_endpoints
    return port.local_endpoints


def is_masqueraded(case: Case, port: ServicePortInfo, frontend: Frontend, endpoint: EndpointInfo) -> bool:
    """Answers have to come back through the node: for who is not a local Pod, and for a Pod that reaches itself."""
    if endpoint.ip == case.source:
        return True
    if frontend == "cluster IP":
        return case.masquerades_all or (case.detects_pods and not case.from_local_pod)
    return not port.external_policy_local or (case.from_node and not case.from_local_pod)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where some modes do otherwise. `fate` is given what the modes would do without it, and None where it does not
    apply."""

    name: str
    modes: tuple[str, ...]
    reason: str
    fate: Callable[[Case, Fate], Fate | None]


def on_loopback(case: Case, fate: Fate) -> Fate | None:
    if ":" in case.connection.to or case.configuration.iptables.localhost_node_ports is False:
        return None
    found = case.node_port_at(tuple(filter(is_loopback, case.plan.node_port_addresses)))
    return served(case, *found) if found else None


def without_endpoints_everywhere(case: Case, fate: Fate) -> Fate | None:
    found = case.node_port_at(case.plan.local_addresses) if fate == PASSES else None
    if not found:
        return None
    port = found[0]
    if port.local_endpoints if port.external_policy_local else port.cluster_endpoints:
        return None
    return DROPPED if port.has_any_endpoints else REFUSED


def unhooked_output(case: Case, fate: Fate) -> Fate | None:
    found = case.find()
    outward = found is not None and found[1] in ("external IP", "load-balancer IP") and not case.to_node
    return PASSES if outward and case.from_node and fate == REFUSED else None


def source_ranges_without_endpoints(case: Case, fate: Fate) -> Fate | None:
    found = case.find()
    if found and is_kept_out(case, *found) and not found[0].has_any_endpoints:
        return PASSES if case.from_node else REFUSED
    return None


def primary_address_only(case: Case, fate: Fate) -> Fate | None:
    found = case.find()
    elsewhere = found and found[1] == "node port" and case.connection.to not in case.plan.node_port_addresses
    return PASSES if elsewhere and not case.configuration.node_port_addresses else None


def unknown_port(case: Case, fate: Fate) -> Fate | None:
    known = any(case.connection.to == port.cluster_ip for port in case.plan.service_ports)
    return REFUSED if known and fate == PASSES else None


def unallocated_cluster_ip(case: Case, fate: Fate) -> Fate | None:
    inside = any(ip_address(case.connection.to) in ip_network(each) for each in case.plan.service_cidrs)
    return DROPPED if inside and fate == PASSES else None


def hairpin_of_local_endpoints(case: Case, fate: Fate) -> Fate | None:
    found = case.find()
    if not found:
        return None
    port, frontend = found
    elsewhere = {e.address for e in port.endpoints if e.ip == case.source and not e.local}
    if not elsewhere & fate.masqueraded or is_masqueraded(case, port, frontend, EndpointInfo("", 0)):
        return None
    return replace(fate, masqueraded=fate.masqueraded - elsewhere)


def unknown_port_of_dummy(case: Case, fate: Fate) -> Fate | None:
    own = case.connection.to in case.plan.local_addresses
    return REFUSED if case.to_service and fate == PASSES and not own else None


def same_for_every_client(case: Case, fate: Fate) -> Fate | None:
    found = case.find()
    if not found:
        return None
    port, frontend = found
    local = port.internal_policy_local if frontend == "cluster IP" else port.external_policy_local
    endpoints = (port.local_endpoints if local else ()) or port.cluster_endpoints
    if is_kept_out(case, port, frontend) and (endpoints or not case.from_node):
        return None
    return reaches(case, endpoints, lambda e: is_masqueraded(case, port, frontend, e)) if endpoints else REFUSED


def node_keeps_virtual_address(case: Case, fate: Fate) -> Fate | None:
    found = case.find()
    if not found or not case.from_node or not fate.endpoints:
        return None
    if found[1] == "cluster IP":
        return replace(fate, masqueraded=fate.endpoints)
    return replace(fate, masqueraded=frozenset()) if found[0].external_policy_local else None


DIFFERENCES = (
    Difference(
        "node ports on loopback",
        ("iptables",),
        "with route_localnet and localhostNodePorts, IPv4 node ports answer on 127.0.0.1",
        on_loopback,
    ),
    Difference(
        "node ports without endpoints, on every address",
        ("iptables",),
        "what refuses or drops matches every local address, also those that node ports do not answer on",
        without_endpoints_everywhere,
    ),
    Difference(
        "external addresses without endpoints, from the node",
        ("iptables",),
        "KUBE-EXTERNAL-SERVICES is not called from OUTPUT",
        unhooked_output,
    ),
    Difference(
        "source ranges without endpoints",
        ("iptables",),
        "a Service without endpoints has no firewall chain: whoever comes is refused",
        source_ranges_without_endpoints,
    ),
    Difference(
        "node ports on the primary address",
        ("nftables",),
        "nodePortAddresses is [primary] by default (KEP-3866)",
        primary_address_only,
    ),
    Difference(
        "unknown ports of a cluster IP",
        ("nftables",),
        "a port that the Service does not have is rejected (KEP-3866)",
        unknown_port,
    ),
    Difference(
        "unallocated cluster IPs",
        ("nftables",),
        "what goes to the ServiceCIDRs and to no Service is dropped (KEP-3866)",
        unallocated_cluster_ip,
    ),
    Difference(
        "unknown ports of kube-ipvs0",
        ("ipvs",),
        "the node has every address of a Service, so what no Service port answers is refused (kubernetes#72236)",
        unknown_port_of_dummy,
    ),
    Difference(
        "policies of virtual servers",
        ("ipvs",),
        "a virtual server is the same for every client: under policy Local it has the node's endpoints, or all where "
        "there are none (kubernetes#97081); without any it refuses, the node itself before source ranges are looked at",
        same_for_every_client,
    ),
    Difference(
        "the node's own connections",
        ("ipvs",),
        "the node takes the address on kube-ipvs0 as its source: to a cluster IP that is masqueraded also where the "
        "Pods' network is not known; under external policy Local it is not",
        node_keeps_virtual_address,
    ),
    Difference(
        "hairpin of local endpoints",
        ("nftables-1.37", "ipvs"),
        "@hairpin-connections and KUBE-LOOP-BACK hold the endpoints of the node; others do not come back through it",
        hairpin_of_local_endpoints,
    ),
)


def expected(case: Case) -> tuple[Fate, tuple[str, ...]]:
    """What a mode does with a connection, and the names of the differences that this rests on."""
    fate, names = promise(case), []
    for difference in DIFFERENCES:
        if {case.mode, f"{case.mode}-{case.version}"} & set(difference.modes):
            other = difference.fate(case, fate)
            if other is not None and other != fate:
                fate = other
                names.append(difference.name)
    return fate, tuple(names)
