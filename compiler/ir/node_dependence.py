"""Whether the rules of a node could differ from those of another node of the same cluster."""

from __future__ import annotations

from dataclasses import replace

from kcompile.ir.plan import FAMILIES, FamilyPlan, NodePlan, ServicePortInfo
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


def differing_parts(one: NodePlan, other: NodePlan) -> tuple[NodePlan, NodePlan] | None:
    """Two plans of a cluster without what surely makes no difference between their rules; None if nothing is left.

    In iptables mode the rules of a Service port depend on no other, so those that both nodes see alike are left out.
    (How large the cluster is decides about comments. Whether the rules differ can be seen without them.)
    """
    if replace(one, node=other.node) == other:
        return None
    if one.mode != "iptables":
        return one, other
    ipv4, ipv6 = (_differing(one.family(family), other.family(family)) for family in FAMILIES)
    return replace(one, ipv4=ipv4[0], ipv6=ipv6[0]), replace(other, ipv4=ipv4[1], ipv6=ipv6[1])


def _differing(one: FamilyPlan, other: FamilyPlan) -> tuple[FamilyPlan, FamilyPlan]:
    pairs = [pair for pair in zip(one.service_ports, other.service_ports, strict=True) if pair[0] is not pair[1]]
    return (
        replace(one, service_ports=tuple([port for port, _ in pairs])),
        replace(other, service_ports=tuple([port for _, port in pairs])),
    )
