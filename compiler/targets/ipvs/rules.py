"""The iptables rules of the ipvs mode: they masquerade and filter by ipset, and never choose an endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from kcompile.ir.plan import Family, FamilyPlan, NodePlan
from kcompile.targets.iptables.node_rules import masquerade_mark
from kcompile.targets.iptables_rule import (
    PROTOCOL_NUMBER,
    Part,
    Rule,
    Table,
    comment,
    flip_mark,
    from_local_pods,
    in_set,
    jump,
    marked,
    match,
    prepended,
    protocol,
    reject,
    restore_text,
    save_text,
    set_mark,
    source,
)
from kcompile.targets.ipvs import sets as ip_sets
from kcompile.targets.ipvs.sets import Elements, IPSet, elements

NAT_CHAINS = ("KUBE-SERVICES", "KUBE-POSTROUTING", "KUBE-NODE-PORT", "KUBE-LOAD-BALANCER", "KUBE-MARK-MASQ")
FILTER_CHAINS = (
    *("KUBE-FORWARD", "KUBE-NODE-PORT", "KUBE-PROXY-FIREWALL"),
    *("KUBE-SOURCE-RANGES-FIREWALL", "KUBE-IPVS-FILTER", "KUBE-IPVS-OUT-FILTER"),
)

# Jumps in the order in which they are made; each is put before those that its chain has.
NAT_JUMPS = (
    ("OUTPUT", "kubernetes service portals", "KUBE-SERVICES"),
    ("PREROUTING", "kubernetes service portals", "KUBE-SERVICES"),
    ("POSTROUTING", "kubernetes postrouting rules", "KUBE-POSTROUTING"),
)
FILTER_JUMPS = (
    ("FORWARD", "kubernetes forwarding rules", "KUBE-FORWARD"),
    ("INPUT", "kubernetes health check rules", "KUBE-NODE-PORT"),
    ("INPUT", "kube-proxy firewall rules", "KUBE-PROXY-FIREWALL"),
    ("FORWARD", "kube-proxy firewall rules", "KUBE-PROXY-FIREWALL"),
    ("INPUT", "kubernetes ipvs access filter", "KUBE-IPVS-FILTER"),
    ("OUTPUT", "kubernetes ipvs access filter", "KUBE-IPVS-OUT-FILTER"),
)

# Rules that exist while their set has elements: set, chain, what is matched, protocol, target. The RETURN of a Local
# set must come before the masquerading of the set with all node ports.
NAT_SETS = (
    (ip_sets.LOOP_BACK, "KUBE-POSTROUTING", "dst,dst,src", "", "MASQUERADE"),
    (ip_sets.LOAD_BALANCER, "KUBE-SERVICES", "dst,dst", "", "KUBE-LOAD-BALANCER"),
    (ip_sets.LOAD_BALANCER_LOCAL, "KUBE-LOAD-BALANCER", "dst,dst", "", "RETURN"),
    (ip_sets.NODE_PORT_LOCAL_TCP, "KUBE-NODE-PORT", "dst", "tcp", "RETURN"),
    (ip_sets.NODE_PORT_TCP, "KUBE-NODE-PORT", "dst", "tcp", "KUBE-MARK-MASQ"),
    (ip_sets.NODE_PORT_LOCAL_UDP, "KUBE-NODE-PORT", "dst", "udp", "RETURN"),
    (ip_sets.NODE_PORT_UDP, "KUBE-NODE-PORT", "dst", "udp", "KUBE-MARK-MASQ"),
    (ip_sets.NODE_PORT_LOCAL_SCTP, "KUBE-NODE-PORT", "dst,dst", "sctp", "RETURN"),
    (ip_sets.NODE_PORT_SCTP, "KUBE-NODE-PORT", "dst,dst", "sctp", "KUBE-MARK-MASQ"),
)
FILTER_SETS = (
    (ip_sets.LOAD_BALANCER_FW, "KUBE-PROXY-FIREWALL", "dst,dst", "", "KUBE-SOURCE-RANGES-FIREWALL"),
    (ip_sets.LOAD_BALANCER_SOURCE_CIDR, "KUBE-SOURCE-RANGES-FIREWALL", "dst,dst,src", "", "RETURN"),
    (ip_sets.LOAD_BALANCER_SOURCE_IP, "KUBE-SOURCE-RANGES-FIREWALL", "dst,dst,src", "", "RETURN"),
)
SetRule = tuple[IPSet, str, str, str, str]

# Every address on kube-ipvs0 would let the host's own ports be reached; these sets are let through before the REJECT
# (kubernetes#72236).
FILTERED_SETS = (
    (ip_sets.LOAD_BALANCER, "dst,dst"),
    (ip_sets.CLUSTER_IP, "dst,dst"),
    (ip_sets.EXTERNAL_IP, "dst,dst"),
    (ip_sets.EXTERNAL_IP_LOCAL, "dst,dst"),
    (ip_sets.HEALTH_CHECK_NODE_PORT, "dst"),
)

LOOPBACK = {4: "127.0.0.0/8", 6: "::1/128"}


def save(plan: NodePlan, families: tuple[Family, ...]) -> bytes:
    return b"".join(save_text(tables(plan, family)) for family in families)


def restore(plan: NodePlan, families: tuple[Family, ...]) -> bytes:
    return b"".join(restore_text(tables(plan, family)) for family in families)


def tables(plan: NodePlan, family: Family) -> tuple[Table, Table]:
    sets = elements(plan.family(family))
    return (
        Table("nat", NAT_CHAINS, tuple(nat_rules(plan, family, sets)), jumps(NAT_JUMPS)),
        Table("filter", FILTER_CHAINS, tuple(filter_rules(plan, family, sets)), jumps(FILTER_JUMPS)),
    )


def jumps(made: tuple[tuple[str, str, str], ...]) -> tuple[Rule, ...]:
    return tuple(prepended(Rule(chain, (comment(text), jump(target))) for chain, text, target in made))


def nat_rules(plan: NodePlan, family: Family, sets: Elements) -> Iterator[Rule]:
    mark = masquerade_mark(plan)

    yield Rule("KUBE-SERVICES", (source(LOOPBACK[family]), jump("RETURN")))
    yield from set_rules(NAT_SETS, family, sets)

    if sets[ip_sets.CLUSTER_IP]:
        about, name = comment(ip_sets.CLUSTER_IP.comment), ip_sets.CLUSTER_IP.name_in(family)
        detector = plan.family(family).detect_local
        if plan.configuration.iptables.masquerade_all:
            matches: tuple[Part, ...] = (in_set(name, "dst,dst"),)
        elif detector.kind != "none":
            matches = (in_set(name, "dst,dst"), from_local_pods(detector, negated=True))
        else:
            # The node takes the address on kube-ipvs0 as its source: from a VIP to that VIP is always masqueraded.
            matches = (in_set(name, "src,dst"),)
        yield Rule("KUBE-SERVICES", (about, *matches, jump("KUBE-MARK-MASQ")))

    for ip_set in (ip_sets.EXTERNAL_IP, ip_sets.EXTERNAL_IP_LOCAL):
        if sets[ip_set]:
            matches = (comment(ip_set.comment), in_set(ip_set.name_in(family), "dst,dst"))
            if ip_set is ip_sets.EXTERNAL_IP:
                yield Rule("KUBE-SERVICES", (*matches, jump("KUBE-MARK-MASQ")))
            from_outside = match("-m physdev ! --physdev-is-in"), match("-m addrtype ! --src-type LOCAL")
            yield Rule("KUBE-SERVICES", (*matches, *from_outside, jump("ACCEPT")))
            yield Rule("KUBE-SERVICES", (*matches, match("-m addrtype --dst-type LOCAL"), jump("ACCEPT")))

    yield Rule("KUBE-SERVICES", (match("-m addrtype --dst-type LOCAL"), jump("KUBE-NODE-PORT")))
    yield Rule("KUBE-LOAD-BALANCER", (jump("KUBE-MARK-MASQ"),))
    for ip_set in (ip_sets.CLUSTER_IP, ip_sets.LOAD_BALANCER):
        if sets[ip_set]:
            yield Rule("KUBE-SERVICES", (in_set(ip_set.name_in(family), "dst,dst"), jump("ACCEPT")))

    yield Rule("KUBE-POSTROUTING", (marked(mark, negated=True), jump("RETURN")))
    yield Rule("KUBE-POSTROUTING", (flip_mark(mark),))
    snat = comment("kubernetes service traffic requiring SNAT"), match("-j MASQUERADE --random-fully")
    yield Rule("KUBE-POSTROUTING", snat)
    yield Rule("KUBE-MARK-MASQ", (set_mark(mark),))


def filter_rules(plan: NodePlan, family: Family, sets: Elements) -> Iterator[Rule]:
    mark = masquerade_mark(plan)

    yield from set_rules(FILTER_SETS, family, sets)
    yield Rule("KUBE-SOURCE-RANGES-FIREWALL", (jump("DROP"),))
    yield from node_access_rules(plan.family(family))

    about = comment("kubernetes forwarding rules")
    yield Rule("KUBE-FORWARD", (about, marked(mark), jump("ACCEPT")))
    about = comment("kubernetes forwarding conntrack rule")
    yield Rule("KUBE-FORWARD", (about, match("-m conntrack --ctstate RELATED,ESTABLISHED"), jump("ACCEPT")))
    health_check = ip_sets.HEALTH_CHECK_NODE_PORT
    matches = comment(health_check.comment), in_set(health_check.name_in(family), "dst")
    yield Rule("KUBE-NODE-PORT", (*matches, jump("ACCEPT")))

    for ip_set, flags in FILTERED_SETS:
        yield Rule("KUBE-IPVS-FILTER", (in_set(ip_set.name_in(family), flags), jump("RETURN")))
    matches = match("-m conntrack --ctstate NEW"), in_set(ip_sets.IPVS_IPS.name_in(family), "dst")
    yield Rule("KUBE-IPVS-FILTER", (*matches, reject(family)))


def set_rules(rules: tuple[SetRule, ...], family: Family, sets: Elements) -> Iterator[Rule]:
    for ip_set, chain, flags, of_protocol, target in rules:
        if sets[ip_set]:
            matches = comment(ip_set.comment), in_set(ip_set.name_in(family), flags)
            head = (protocol(of_protocol),) if of_protocol else ()
            yield Rule(chain, (*head, *matches, jump(target)))


def node_access_rules(plan: FamilyPlan) -> Iterator[Rule]:
    """Keep the node itself from a load balancer whose source ranges leave it out (kubernetes#119656).

    In ipvs such a packet has the load balancer's address as its source, too.
    """
    for port in plan.service_ports:
        if port.source_ranges and not port.source_ranges_include_node:
            for address in port.load_balancer_vips:
                virtual = virtual_server(address, port.protocol.lower(), port.port)
                yield Rule("KUBE-IPVS-OUT-FILTER", (source(address), virtual, jump("DROP")))


def virtual_server(address: str, of_protocol: str, port: int) -> Part:
    return Part(
        f"-m ipvs --vaddr {address} --vproto {of_protocol} --vport {port}",
        f"-m ipvs --vproto {PROTOCOL_NUMBER[of_protocol]} --vaddr {address} --vport {port}",
    )
