"""The plan for a node: what every target needs to know, decided once.

It is what kube-proxy holds after it has digested Services and EndpointSlices and before it writes a rule: one
`FamilyPlan` for each IP family, because kube-proxy runs one proxier a family and they share nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from kcompile.frontend.source import NOWHERE, Origin
from kcompile.model.configuration import KubeProxyConfiguration

Family = Literal[4, 6]
FAMILIES: tuple[Family, Family] = (4, 6)
Mode = Literal["iptables", "ipvs", "nftables", "userspace"]
KubeVersion = Literal["1.30", "1.34", "1.37"]

MODES: tuple[Mode, ...] = ("iptables", "ipvs", "nftables", "userspace")
KUBE_VERSIONS: tuple[KubeVersion, ...] = ("1.30", "1.34", "1.37")


class EndpointInfo(NamedTuple):
    """One endpoint of a ServicePort: an address and a port.

    A tuple, because there are more of these than of anything else and the emitters read their fields by position.

    `ip` is the text that goes into rules and hashes: canonical from 1.34 on, as given in 1.30. `ready` holds also for
    a Service that publishes not-ready addresses. `node` is where the endpoint runs, "" if nobody says; `local` means
    that this is the plan's node.
    """

    ip: str
    port: int
    local: bool = False
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    zone_hints: frozenset[str] = frozenset()
    node_hints: frozenset[str] = frozenset()
    origin: Origin = NOWHERE
    node: str = ""

    @property
    def address(self) -> str:
        """`ip:port`, with brackets around an IPv6 address."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class PackedEndpoints(tuple[EndpointInfo, ...]):
    """Endpoints, and what is known of all of them without looking at each.

    `texts` has their addresses and ports once more, in one piece of memory, as `targets/template.py` says. `has_local`
    says whether any is local.
    """

    texts: bytes = b""
    has_local: bool = False


def local_among(endpoints: tuple[EndpointInfo, ...]) -> list[EndpointInfo]:
    """Those that run on the node."""
    if not getattr(endpoints, "has_local", True):
        return []
    return [endpoint for endpoint in endpoints if endpoint.local]


@dataclass(frozen=True, slots=True)
class ServicePortInfo:
    """One port of a Service in one IP family, with its endpoints by category.

    `external_ips`, `load_balancer_vips` and `source_ranges` hold this family's only; source ranges are masked
    networks, and `source_ranges_include_node` says that one of them holds the node's own address.
    `session_affinity_timeout` is in seconds, 0 for no affinity. Each endpoints tuple is in kube-proxy's order (by the
    string "ip:port"):

    - `endpoints`: all of them, ready or not (large-cluster mode counts these).
    - `cluster_endpoints`: who may serve traffic under policy Cluster (or the terminating fallback, or hinted ones).
    - `local_endpoints`: who may serve traffic under policy Local.
    - `reachable_endpoints`: the union of both, whichever is used from this node.
    - `has_any_endpoints`: whether any endpoint, on any node, could serve: decides between reject and drop.
    """

    namespace: str
    service: str
    port_name: str
    protocol: str
    cluster_ip: str
    port: int
    node_port: int = 0
    external_ips: tuple[str, ...] = ()
    load_balancer_vips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()
    source_ranges_include_node: bool = False
    session_affinity_timeout: int = 0
    internal_policy_local: bool = False
    external_policy_local: bool = False
    health_check_node_port: int = 0
    endpoints: tuple[EndpointInfo, ...] = ()
    cluster_endpoints: tuple[EndpointInfo, ...] = ()
    local_endpoints: tuple[EndpointInfo, ...] = ()
    reachable_endpoints: tuple[EndpointInfo, ...] = ()
    has_any_endpoints: bool = False
    origin: Origin = NOWHERE

    @property
    def name(self) -> str:
        """kube-proxy's ServicePortName: `ns/name:port`, or `ns/name` for an unnamed port."""
        if self.port_name:
            return f"{self.namespace}/{self.service}:{self.port_name}"
        return f"{self.namespace}/{self.service}"

    @property
    def externally_accessible(self) -> bool:
        return bool(self.node_port or self.external_ips or self.load_balancer_vips)

    @property
    def uses_cluster_endpoints(self) -> bool:
        """Whether some traffic follows policy Cluster: under external policy Local, that of local Pods and the node."""
        return not self.internal_policy_local or self.externally_accessible

    @property
    def uses_local_endpoints(self) -> bool:
        """Whether some traffic follows policy Local."""
        return self.internal_policy_local or (self.external_policy_local and self.externally_accessible)


@dataclass(frozen=True, slots=True)
class LocalDetector:
    """How local Pod traffic is told from other traffic: `value` is a CIDR, a bridge, an interface prefix, or ""."""

    kind: Literal["none", "cidr", "bridge", "interface-prefix"] = "none"
    value: str = ""


@dataclass(frozen=True, slots=True)
class FamilyPlan:
    """One IP family of a node. `service_ports` are sorted by namespace, name, port name, protocol as raw strings.

    `node_ip` is the node's primary address of this family, "" if it has none. `local_addresses` are the node's own
    addresses without prefix (loopback included). Node ports answer on those inside `node_port_cidrs`: the configured
    networks of this family, with "primary" resolved and the mode's default filled in, or "0.0.0.0/0" or "::/0" alone.
    `node_port_addresses` are the node's addresses inside them, loopback included, sorted by number.
    `service_cidrs` are those of ServiceCIDR objects (kube-proxy takes no other source). `derived` keeps what a target
    has worked out from all of that for one file of the node and needs for the next.
    """

    family: Family
    service_ports: tuple[ServicePortInfo, ...] = ()
    node_ip: str = ""
    local_addresses: tuple[str, ...] = ()
    node_port_cidrs: tuple[str, ...] = ()
    node_port_addresses: tuple[str, ...] = ()
    detect_local: LocalDetector = LocalDetector()
    service_cidrs: tuple[str, ...] = ()
    derived: dict[str, Any] = field(init=False, default_factory=dict, compare=False, repr=False)

    @property
    def node_ports_everywhere(self) -> bool:
        """Whether node ports answer on every address of the node."""
        return self.node_port_cidrs in (("0.0.0.0/0",), ("::/0",))


@dataclass(frozen=True, slots=True)
class NodePlan:
    """Everything that the rules of one node depend on."""

    node: str
    mode: Mode
    kube_version: KubeVersion
    ipv4: FamilyPlan
    ipv6: FamilyPlan
    primary_family: Family = 4
    configuration: KubeProxyConfiguration = KubeProxyConfiguration()

    def family(self, family: Family) -> FamilyPlan:
        return self.ipv4 if family == 4 else self.ipv6
