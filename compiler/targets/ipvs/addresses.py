"""The addresses of the node, of its node ports, and of the dummy interface kube-ipvs0."""

from __future__ import annotations

from ipaddress import ip_address

from kcompile.ir.plan import Family, FamilyPlan, NodePlan

INTERFACE = "kube-ipvs0"
PREFIX_LENGTH = {4: 32, 6: 128}


def node_addresses(plan: FamilyPlan) -> tuple[str, ...]:
    """The node's own addresses, as the proxier counts them: without loopback, without IPv6's link-local ones."""

    def counts(text: str) -> bool:
        address = ip_address(text)
        return not address.is_loopback and not (plan.family == 6 and address.is_link_local)

    return tuple(filter(counts, plan.local_addresses))


def node_port_addresses(plan: FamilyPlan) -> tuple[str, ...]:
    """Where node ports have virtual servers: all of the node's addresses, or those in nodePortAddresses."""
    if plan.node_ports_everywhere:
        return node_addresses(plan)
    return tuple(address for address in plan.node_port_addresses if not ip_address(address).is_loopback)


def bound_addresses(plan: FamilyPlan) -> tuple[str, ...]:
    """The addresses of kube-ipvs0: each Service's, except external ones that the node has on another interface."""
    own = frozenset(node_addresses(plan))
    bound: dict[str, None] = {}
    for port in plan.service_ports:
        bound[port.cluster_ip] = None
        for address in (*port.external_ips, *port.load_balancer_vips):
            if address not in own:
                bound[address] = None
    return tuple(bound)


def ip_batch(plan: NodePlan, families: tuple[Family, ...]) -> bytes:
    """The interface and its addresses as an `ip -batch` file. The interface stays down, as kube-proxy leaves it."""
    lines = [f"link add {INTERFACE} type dummy\n"]
    for family in families:
        length = PREFIX_LENGTH[family]
        lines += (f"address add {a}/{length} dev {INTERFACE}\n" for a in bound_addresses(plan.family(family)))
    return "".join(lines).encode()
