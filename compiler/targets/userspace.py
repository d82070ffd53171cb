"""The userspace mode, which Kubernetes removed in 1.26: rules lead to ports of kube-proxy, which forwards by itself.

As release 1.25 wrote it, with one iptables command a rule. It knew one IP family, the node's primary one; SCTP, traffic
policies, topology and nodePortAddresses it did not know. The kernel gave it any free port for a Service port; here the
number follows from the Service port's name, so that adding a Service does not move the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from kcompile.diagnostics import Diagnostic, warning
from kcompile.ir.plan import Family, FamilyPlan, NodePlan, ServicePortInfo
from kcompile.targets.iptables_rule import (
    Part,
    Rule,
    Table,
    comment,
    destination,
    jump,
    match,
    network,
    protocol,
    restore_text,
    save_text,
)

EPHEMERAL_PORTS = range(32768, 61000)
"""Linux's default net.ipv4.ip_local_port_range."""

PROTOCOLS = ("TCP", "UDP")

NAT_CHAINS = ("KUBE-PORTALS-CONTAINER", "KUBE-PORTALS-HOST", "KUBE-NODEPORT-CONTAINER", "KUBE-NODEPORT-HOST")
FILTER_CHAINS = ("KUBE-NODEPORT-NON-LOCAL",)

TO_THE_NODE = match("-m addrtype --dst-type LOCAL")
NOT_FROM_A_BRIDGE = match("-m physdev ! --physdev-is-in")
NEW = match("-m state --state NEW")

# A Service's port may be another Service's node port: portals are matched first.
NAT_JUMPS = tuple(
    Rule(chain, parts)
    for chain, portals, node_ports in (
        ("PREROUTING", "KUBE-PORTALS-CONTAINER", "KUBE-NODEPORT-CONTAINER"),
        ("OUTPUT", "KUBE-PORTALS-HOST", "KUBE-NODEPORT-HOST"),
    )
    for parts in (
        (comment("handle ClusterIPs; NOTE: this must be before the NodePort rules"), jump(portals)),
        (
            TO_THE_NODE,
            comment("handle service NodePorts; NOTE: this must be the last rule in the chain"),
            jump(node_ports),
        ),
    )
)
FILTER_JUMPS = (
    Rule("INPUT", (comment("Ensure that non-local NodePort traffic can flow"), jump("KUBE-NODEPORT-NON-LOCAL"))),
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A port on which kube-proxy listens for one Service port."""

    number: int
    service_port: ServicePortInfo


def save(plan: NodePlan, families: tuple[Family, ...]) -> bytes:
    return b"".join(save_text(tables(plan, family)) for family in families)


def restore(plan: NodePlan, families: tuple[Family, ...]) -> bytes:
    return b"".join(restore_text(tables(plan, family)) for family in families if family == plan.primary_family)


def proxy_ports(plan: NodePlan, families: tuple[Family, ...]) -> bytes:
    """Which proxy port stands for what: a line of tab-separated columns for each, in the order of Service ports.

    The endpoints serve connections in turn (1.25 shuffled them before). With ClientIP affinity a client keeps its
    endpoint until it has been idle for that long.
    """
    lines = ["proxy-port\tprotocol\tservice\taffinity\tendpoints\n"]
    for proxy in proxies(plan, families):
        port = proxy.service_port
        affinity = f"ClientIP,{port.session_affinity_timeout}s" if port.session_affinity_timeout else "None"
        served_by = ",".join(endpoint.address for endpoint in port.endpoints if endpoint.ready)
        lines.append(f"{proxy.number}\t{port.protocol}\t{port.name}\t{affinity}\t{served_by}\n")
    return "".join(lines).encode()


def diagnostics(plan: NodePlan, families: tuple[Family, ...]) -> Iterator[Diagnostic]:
    """What cannot work in this mode, first of all that nobody runs it any more."""
    yield warning(
        "userspace-mode",
        "no supported Kubernetes runs the userspace mode: it was deprecated in 1.23 and removed in 1.26",
        plan.configuration.origin.span if plan.configuration.mode == "userspace" else None,
        "use iptables or nftables",
    )
    served = {id(proxy.service_port) for proxy in proxies(plan, families)}
    for port in service_ports(plan, families):
        if id(port) not in served:
            why = "no proxy port is left" if port.protocol in PROTOCOLS else f"it does not know {port.protocol}"
            yield warning("userspace-port", f"{port.name} is not served in userspace mode: {why}", port.origin.span)


def service_ports(plan: NodePlan, families: tuple[Family, ...]) -> tuple[ServicePortInfo, ...]:
    return plan.family(plan.primary_family).service_ports if plan.primary_family in families else ()


def proxies(plan: NodePlan, families: tuple[Family, ...]) -> tuple[Proxy, ...]:
    """A proxy port for each Service port, by the hash of its name; the next free one if another has that."""
    ports = service_ports(plan, families)
    # The node ports are listened on, too.
    taken = {port.node_port for port in ports} | {port.health_check_node_port for port in ports}
    size = len(EPHEMERAL_PORTS)
    # Where the search for a free port goes on from a place: itself, while it is free.
    onward = list(range(size))
    left = size

    def free_place(place: int) -> int:
        while onward[place] != place:
            onward[place] = onward[onward[place]]
            place = onward[place]
        return place

    def take(place: int) -> None:
        nonlocal left
        onward[place] = (place + 1) % size
        left -= 1

    for number in taken & set(EPHEMERAL_PORTS):
        take(number - EPHEMERAL_PORTS.start)
    found: list[Proxy] = []
    for port in ports:
        if left and port.protocol in PROTOCOLS:
            digest = hashlib.sha256(f"{port.name}/{port.protocol}".encode()).digest()
            place = free_place(int.from_bytes(digest[:8], "big") % size)
            take(place)
            found.append(Proxy(EPHEMERAL_PORTS[place], port))
    return tuple(found)


def tables(plan: NodePlan, family: Family) -> tuple[Table, Table]:
    """The other family's tables are empty: this kube-proxy did not touch them."""
    if family != plan.primary_family:
        return Table("nat", (), (), ()), Table("filter", (), (), ())
    made = tuple(rules(plan, plan.family(family)))
    return (
        Table("nat", NAT_CHAINS, tuple(rule for rule in made if rule.chain in NAT_CHAINS), NAT_JUMPS),
        Table("filter", FILTER_CHAINS, tuple(rule for rule in made if rule.chain in FILTER_CHAINS), FILTER_JUMPS),
    )


def rules(plan: NodePlan, family: FamilyPlan) -> Iterator[Rule]:
    """The rules of each Service port: its addresses ("portals"), then its node port.

    kube-proxy itself listens on a portal's address that the node has, and on each node port. A Service port whose
    address and port another one has claimed gets no rules from there on.
    """
    claimed: dict[tuple[str, int, str], str] = {}
    own = frozenset(family.local_addresses)
    for proxy in proxies(plan, (family.family,)):
        port = proxy.service_port
        to_proxy = Targets.of(plan, family, proxy.number)
        portals = (
            (port.cluster_ip, False),
            *((address, True) for address in port.external_ips),
            *((address, False) for address in port.load_balancer_vips),
        )
        for address, external in dict.fromkeys(portals):
            if address in own and claimed.setdefault((address, port.port, port.protocol), port.name) != port.name:
                break
            yield from portal_rules(port, address, external, to_proxy)
        else:
            if port.node_port:
                yield from node_port_rules(port, proxy.number, to_proxy)


@dataclass(frozen=True, slots=True)
class Targets:
    """How a packet gets to a proxy port: from outside the node and its Pods, and from the node itself."""

    container: Part
    host: tuple[Part, ...]

    @classmethod
    def of(cls, plan: NodePlan, family: FamilyPlan, number: int) -> Targets:
        """REDIRECT goes to the address of the interface that a packet came by, or to 127.0.0.1 for the node's own.

        There the answer would come from the wrong address, so the node's packets get DNAT to the node's address. Where
        kube-proxy listens on one address only (bindAddress), DNAT goes there. A node without an address has no target.
        """
        bound = plan.configuration.bind_address
        listens_everywhere = not bound or ip_address(bound).is_unspecified
        address = family.node_ip if listens_everywhere else bound
        socket = f"[{address}]:{number}" if ":" in address else f"{address}:{number}"
        dnat = match(f"-j DNAT --to-destination {socket}")
        container = match(f"-j REDIRECT --to-ports {number}") if listens_everywhere else dnat
        return cls(container, (dnat,) if address else ())


def portal_rules(port: ServicePortInfo, address: str, external: bool, to_proxy: Targets) -> Iterator[Rule]:
    common = (*service_match(port, port.port), destination(network(address)))
    # An external IP may be anyone's: only what comes from off the node, or is local to it, is taken.
    container = ((NOT_FROM_A_BRIDGE,), (TO_THE_NODE,)) if external else ((),)
    for matches in container:
        yield Rule("KUBE-PORTALS-CONTAINER", (*common, *matches, to_proxy.container))
    for target in to_proxy.host:
        yield Rule("KUBE-PORTALS-HOST", (*common, *((TO_THE_NODE,) if external else ()), target))


def node_port_rules(port: ServicePortInfo, proxy_port: int, to_proxy: Targets) -> Iterator[Rule]:
    common = service_match(port, port.node_port)
    yield Rule("KUBE-NODEPORT-CONTAINER", (*common, to_proxy.container))
    for target in to_proxy.host:
        yield Rule("KUBE-NODEPORT-HOST", (*common, target))
    # After the redirection, so that an INPUT chain that denies by default lets it through.
    yield Rule("KUBE-NODEPORT-NON-LOCAL", (*service_match(port, proxy_port), NEW, jump("ACCEPT")))


def service_match(port: ServicePortInfo, number: int) -> tuple[Part, ...]:
    name = port.protocol.lower()
    return comment(port.name), protocol(name), match(f"-m {name} --dport {number}")
