"""Whether the rules of a node could differ from those of another node of the same cluster."""

from __future__ import annotations

from kcompile.ir.plan import FamilyPlan, NodePlan, ServicePortInfo
from kcompile.ir.versions import ENDPOINT_RULES


def may_depend_on_node(plan: NodePlan) -> bool:
    """False only where every node surely has the same rules as the one of this plan.

    The nftables and ipvs modes write the node's own addresses and its local endpoints into sets, the userspace mode
    sends what the node itself asks for to its address. The iptables mode looks at the node for Local policies, hints,
    source ranges that may hold its address, node port addresses and its Pod network, and nowhere else; in releases
    that prefer a local one of two endpoints with the same address, also for those.
    """
    if plan.mode != "iptables" or not ENDPOINT_RULES[plan.kube_version].prefer_running_duplicate:
        return True
    configuration = plan.configuration
    if configuration.node_port_addresses or configuration.detect_local_mode == "NodeCIDR":
        return True
    return any(map(_family_may_depend, (plan.ipv4, plan.ipv6)))


def _family_may_depend(plan: FamilyPlan) -> bool:
    return any(map(_port_may_depend, plan.service_ports))


def _port_may_depend(port: ServicePortInfo) -> bool:
    if port.internal_policy_local or port.external_policy_local or port.source_ranges:
        return True
    return any(endpoint.zone_hints or endpoint.node_hints for endpoint in port.endpoints)
