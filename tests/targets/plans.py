"""Small plans, for what no recorded case shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kcompile.ir.plan import EndpointInfo, FamilyPlan, LocalDetector, Mode, NodePlan, ServicePortInfo
from kcompile.model import KubeProxyConfiguration

DEFAULTS = KubeProxyConfiguration()
POD_NETWORK = LocalDetector("cidr", "10.244.0.0/16")
NODE_IP = "192.168.1.11"
LOCAL = EndpointInfo("10.244.0.5", 8080, local=True)
REMOTE = EndpointInfo("10.244.1.6", 8080)

WEB = ServicePortInfo(
    namespace="ns1",
    service="web",
    port_name="http",
    protocol="TCP",
    cluster_ip="10.96.0.10",
    port=80,
    endpoints=(LOCAL, REMOTE),
    cluster_endpoints=(LOCAL, REMOTE),
    local_endpoints=(LOCAL,),
    reachable_endpoints=(LOCAL, REMOTE),
    has_any_endpoints=True,
)


def web(**changes: Any) -> ServicePortInfo:
    return replace(WEB, **changes)


def node_plan(
    mode: Mode,
    *ports: ServicePortInfo,
    configuration: KubeProxyConfiguration = DEFAULTS,
    local_addresses: tuple[str, ...] = ("127.0.0.1", NODE_IP),
    node_ip: str = NODE_IP,
    node_port_cidrs: tuple[str, ...] = ("0.0.0.0/0",),
    node_port_addresses: tuple[str, ...] = ("127.0.0.1", NODE_IP),
    detect_local: LocalDetector = POD_NETWORK,
) -> NodePlan:
    """An IPv4 node; the IPv6 side is there and empty."""
    ipv4 = FamilyPlan(4, ports, node_ip, local_addresses, node_port_cidrs, node_port_addresses, detect_local)
    return NodePlan("node1", mode, "1.37", ipv4, FamilyPlan(6, node_port_cidrs=("::/0",)), 4, configuration)
