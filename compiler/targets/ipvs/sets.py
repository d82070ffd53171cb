"""The ipsets that kube-proxy's iptables rules match on, in the form of `ipset save`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kcompile.ir.plan import Family, FamilyPlan, NodePlan, ServicePortInfo, local_among
from kcompile.targets.ipvs.addresses import bound_addresses, node_port_addresses


@dataclass(frozen=True, slots=True, eq=False)
class IPSet:
    """`name` is the IPv4 one; `comment` is that of the iptables rules that match on the set. Each set is one object."""

    name: str
    type: str
    comment: str

    def name_in(self, family: Family) -> str:
        return self.name if family == 4 else f"KUBE-6-{self.name.removeprefix('KUBE-')}"[:LONGEST_NAME]


LONGEST_NAME = 31  # IPSET_MAXNAMELEN less the closing zero

LOOP_BACK = IPSet(
    "KUBE-LOOP-BACK",
    "hash:ip,port,ip",
    "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose",
)
CLUSTER_IP = IPSet("KUBE-CLUSTER-IP", "hash:ip,port", "Kubernetes service cluster ip + port for masquerade purpose")
EXTERNAL_IP = IPSet(
    "KUBE-EXTERNAL-IP",
    "hash:ip,port",
    "Kubernetes service external ip + port for masquerade and filter purpose",
)
EXTERNAL_IP_LOCAL = IPSet(
    "KUBE-EXTERNAL-IP-LOCAL",
    "hash:ip,port",
    "Kubernetes service external ip + port with externalTrafficPolicy=local",
)
LOAD_BALANCER = IPSet("KUBE-LOAD-BALANCER", "hash:ip,port", "Kubernetes service lb portal")
LOAD_BALANCER_FW = IPSet(
    "KUBE-LOAD-BALANCER-FW",
    "hash:ip,port",
    "Kubernetes service load balancer ip + port for load balancer with sourceRange",
)
LOAD_BALANCER_LOCAL = IPSet(
    "KUBE-LOAD-BALANCER-LOCAL",
    "hash:ip,port",
    "Kubernetes service load balancer ip + port with externalTrafficPolicy=local",
)
LOAD_BALANCER_SOURCE_IP = IPSet(
    "KUBE-LOAD-BALANCER-SOURCE-IP",
    "hash:ip,port,ip",
    "Kubernetes service load balancer ip + port + source IP for packet filter purpose",
)
LOAD_BALANCER_SOURCE_CIDR = IPSet(
    "KUBE-LOAD-BALANCER-SOURCE-CIDR",
    "hash:ip,port,net",
    "Kubernetes service load balancer ip + port + source cidr for packet filter purpose",
)
NODE_PORT_TCP = IPSet("KUBE-NODE-PORT-TCP", "bitmap:port", "Kubernetes nodeport TCP port for masquerade purpose")
NODE_PORT_LOCAL_TCP = IPSet(
    "KUBE-NODE-PORT-LOCAL-TCP", "bitmap:port", "Kubernetes nodeport TCP port with externalTrafficPolicy=local"
)
NODE_PORT_UDP = IPSet("KUBE-NODE-PORT-UDP", "bitmap:port", "Kubernetes nodeport UDP port for masquerade purpose")
NODE_PORT_LOCAL_UDP = IPSet(
    "KUBE-NODE-PORT-LOCAL-UDP", "bitmap:port", "Kubernetes nodeport UDP port with externalTrafficPolicy=local"
)
NODE_PORT_SCTP = IPSet(
    "KUBE-NODE-PORT-SCTP-HASH",
    "hash:ip,port",
    "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'",
)
NODE_PORT_LOCAL_SCTP = IPSet(
    "KUBE-NODE-PORT-LOCAL-SCTP-HASH",
    "hash:ip,port",
    "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'",
)
HEALTH_CHECK_NODE_PORT = IPSet("KUBE-HEALTH-CHECK-NODE-PORT", "bitmap:port", "Kubernetes health check node port")
IPVS_IPS = IPSet("KUBE-IPVS-IPS", "hash:ip", "Addresses on the ipvs interface")

SETS = (
    *(LOOP_BACK, CLUSTER_IP, EXTERNAL_IP, EXTERNAL_IP_LOCAL),
    *(LOAD_BALANCER, LOAD_BALANCER_FW, LOAD_BALANCER_LOCAL, LOAD_BALANCER_SOURCE_IP, LOAD_BALANCER_SOURCE_CIDR),
    *(NODE_PORT_TCP, NODE_PORT_LOCAL_TCP, NODE_PORT_UDP, NODE_PORT_LOCAL_UDP),
    *(NODE_PORT_SCTP, NODE_PORT_LOCAL_SCTP, HEALTH_CHECK_NODE_PORT, IPVS_IPS),
)
"""In kube-proxy's order. All of them exist, empty or not."""

# The sets of a protocol's node ports: all, and those under external traffic policy Local. There is no bitmap for SCTP.
NODE_PORT_SETS = {
    "TCP": (NODE_PORT_TCP, NODE_PORT_LOCAL_TCP),
    "UDP": (NODE_PORT_UDP, NODE_PORT_LOCAL_UDP),
    "SCTP": (NODE_PORT_SCTP, NODE_PORT_LOCAL_SCTP),
}

MAXIMUM_ELEMENTS = 65536

# The size is kube-proxy's. The kernel draws the hash seed at random unless it is given, and prints it in any case: a
# fixed one makes the saved text the same on every node.
HASH_OPTIONS = f"hashsize 1024 maxelem {MAXIMUM_ELEMENTS} bucketsize 12 initval 0x00000000"

HASH_FAMILY = {4: "inet", 6: "inet6"}

Elements = Mapping[IPSet, Mapping[str, None]]


def elements(plan: FamilyPlan) -> Elements:
    """The elements of every set, spelled as kube-proxy hands them to ipset, in the order of Service ports."""
    if "ipsets" not in plan.derived:
        plan.derived["ipsets"] = _elements(plan)
    found: Elements = plan.derived["ipsets"]
    return found


def _elements(plan: FamilyPlan) -> Elements:
    sets: dict[IPSet, dict[str, None]] = {ip_set: {} for ip_set in SETS}
    node_addresses = node_port_addresses(plan)
    for port in plan.service_ports:
        for ip_set, element in elements_of(port, node_addresses):
            sets[ip_set][element] = None
    sets[IPVS_IPS] = dict.fromkeys(bound_addresses(plan))
    return sets


def elements_of(port: ServicePortInfo, node_addresses: tuple[str, ...]) -> Iterator[tuple[IPSet, str]]:
    """What one Service port adds to the sets; the node's addresses are those that node ports answer on."""
    protocol = port.protocol.lower()
    for endpoint in local_among(port.endpoints):
        yield LOOP_BACK, f"{endpoint.ip},{protocol}:{endpoint.port},{endpoint.ip}"
    service = f"{protocol}:{port.port}"
    yield CLUSTER_IP, f"{port.cluster_ip},{service}"
    for address in port.external_ips:
        yield EXTERNAL_IP_LOCAL if port.external_policy_local else EXTERNAL_IP, f"{address},{service}"
    for address in port.load_balancer_vips:
        yield LOAD_BALANCER, f"{address},{service}"
        if port.external_policy_local:
            yield LOAD_BALANCER_LOCAL, f"{address},{service}"
        if port.source_ranges:
            yield LOAD_BALANCER_FW, f"{address},{service}"
        for source_range in port.source_ranges:
            yield LOAD_BALANCER_SOURCE_CIDR, f"{address},{service},{source_range}"
        if port.source_ranges_include_node:
            yield LOAD_BALANCER_SOURCE_IP, f"{address},{service},{address}"
    if port.node_port:
        if not node_addresses:
            return  # kube-proxy leaves the Service port here, its health check with it
        every, local = NODE_PORT_SETS[port.protocol]
        own = [str(port.node_port)]
        if every.type != "bitmap:port":
            own = [f"{address},{protocol}:{port.node_port}" for address in node_addresses]
        for element in own:
            yield every, element
            if port.external_policy_local:
                yield local, element
    if port.health_check_node_port:
        yield HEALTH_CHECK_NODE_PORT, str(port.health_check_node_port)


def ipset(plan: NodePlan, families: tuple[Family, ...]) -> bytes:
    """All sets in `ipset save` form.

    The elements are spelled as kube-proxy's, so the range 1.2.3.4/32 is saved back as 1.2.3.4, and in 1.30 an address
    may not be in canonical form. Those that the kernel refuses stand last, where they keep nothing else from loading.
    """
    lines: list[str] = []
    refused: list[str] = []
    for family in families:
        for ip_set, own in elements(plan.family(family)).items():
            name = ip_set.name_in(family)
            if ip_set.type == "bitmap:port":
                lines.append(f"create {name} bitmap:port range 0-65535\n")
                lines += (f"add {name} {element}\n" for element in sorted(own, key=int))
            else:
                lines.append(f"create {name} {ip_set.type} family {HASH_FAMILY[family]} {HASH_OPTIONS}\n")
                networks = dict.fromkeys(filter(is_refused, own)) if ip_set.type.endswith("net") else {}
                lines += [f"add {name} {element}\n" for element in own if element not in networks]
                refused += [f"add {name} {element}\n" for element in networks]
    return "".join(lines + refused).encode()


def is_refused(element: str) -> bool:
    """A network of prefix length 0 cannot be stored in a hash; kube-proxy tries, logs the error and goes on."""
    return element.endswith("/0")
