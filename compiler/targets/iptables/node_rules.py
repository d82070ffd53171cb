"""The rules that a node has whatever Services there are: chains, jumps, masquerading, forwarding, node ports."""

from __future__ import annotations

from collections.abc import Mapping

from kcompile.ir.node_addresses import LOOPBACK, cidrs_of, contains, is_loopback
from kcompile.ir.plan import FamilyPlan, NodePlan
from kcompile.targets.iptables_rule import (
    DESTINATION,
    SOURCE,
    Part,
    Rule,
    comment,
    flip_mark,
    jump,
    marked,
    match,
    set_mark,
    to_host,
)

DEFAULT_MASQUERADE_BIT = 14

# In kube-proxy's order. KUBE-FIREWALL is also the kubelet's; both write the same rule into it.
CHAINS: Mapping[str, tuple[str, ...]] = {
    "filter": (
        "KUBE-SERVICES",
        "KUBE-EXTERNAL-SERVICES",
        "KUBE-FORWARD",
        "KUBE-NODEPORTS",
        "KUBE-PROXY-FIREWALL",
        "KUBE-FIREWALL",
    ),
    "nat": ("KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"),
}

NEW = match("-m conntrack --ctstate NEW")
PORTALS = comment("kubernetes service portals")
EXTERNAL_PORTALS = comment("kubernetes externally-visible service portals")
HEALTH_CHECKS = comment("kubernetes health check service ports")
FORWARDING = comment("kubernetes forwarding rules")
LOAD_BALANCERS = comment("kubernetes load balancer firewall")

# node ports on 127.0.0.1 need route_localnet, which would let neighbours reach the node's loopback (kubernetes#90259).
LOCALNET_FIREWALL = Rule(
    "KUBE-FIREWALL",
    (
        comment("block incoming localnet connections"),
        Part("-d 127.0.0.0/8", "-d 127.0.0.0/8", DESTINATION),
        Part("! -s 127.0.0.0/8", "! -s 127.0.0.0/8", SOURCE),
        match("-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT"),
        jump("DROP"),
    ),
)


def _jump(chain: str, target: str, *parts: Part) -> Rule:
    return Rule(chain, (*parts, jump(target)))


# In the order in which kube-proxy makes them: each is put first in its chain.
JUMPS: Mapping[str, tuple[Rule, ...]] = {
    "filter": (
        _jump("INPUT", "KUBE-EXTERNAL-SERVICES", NEW, EXTERNAL_PORTALS),
        _jump("FORWARD", "KUBE-EXTERNAL-SERVICES", NEW, EXTERNAL_PORTALS),
        _jump("INPUT", "KUBE-NODEPORTS", HEALTH_CHECKS),
        _jump("FORWARD", "KUBE-SERVICES", NEW, PORTALS),
        _jump("OUTPUT", "KUBE-SERVICES", NEW, PORTALS),
        _jump("FORWARD", "KUBE-FORWARD", FORWARDING),
        _jump("INPUT", "KUBE-PROXY-FIREWALL", NEW, LOAD_BALANCERS),
        _jump("OUTPUT", "KUBE-PROXY-FIREWALL", NEW, LOAD_BALANCERS),
        _jump("FORWARD", "KUBE-PROXY-FIREWALL", NEW, LOAD_BALANCERS),
        _jump("INPUT", "KUBE-FIREWALL"),
        _jump("OUTPUT", "KUBE-FIREWALL"),
    ),
    "nat": (
        _jump("OUTPUT", "KUBE-SERVICES", PORTALS),
        _jump("PREROUTING", "KUBE-SERVICES", PORTALS),
        _jump("POSTROUTING", "KUBE-POSTROUTING", comment("kubernetes postrouting rules")),
    ),
}


def serves_localhost(plan: NodePlan, family: FamilyPlan) -> bool:
    """Whether node ports answer on 127.0.0.1: IPv4 alone can route it (net.ipv4.conf.all.route_localnet)."""
    if family.family != 4 or plan.configuration.iptables.localhost_node_ports is False:
        return False
    cidrs = cidrs_of(family.node_port_cidrs, 4)
    return contains(cidrs, LOOPBACK[4]) or any(cidr.first >> 24 == 127 for cidr in cidrs)


def first_rules(plan: NodePlan, family: FamilyPlan) -> Mapping[str, tuple[Rule, ...]]:
    """The rules of each table that stand before those of Services."""
    mark = masquerade_mark(plan)
    return {
        "filter": (LOCALNET_FIREWALL,) if serves_localhost(plan, family) else (),
        "nat": (
            Rule("KUBE-POSTROUTING", (marked(mark, negated=True), jump("RETURN"))),
            # The mark goes, so that the packet is not masqueraded again when it crosses the network stack twice.
            Rule("KUBE-POSTROUTING", (flip_mark(mark),)),
            Rule(
                "KUBE-POSTROUTING",
                (comment("kubernetes service traffic requiring SNAT"), match("-j MASQUERADE --random-fully")),
            ),
            Rule("KUBE-MARK-MASQ", (set_mark(mark),)),
        ),
    }


def last_rules(plan: NodePlan, family: FamilyPlan) -> Mapping[str, tuple[Rule, ...]]:
    """The rules of each table that stand after those of Services."""
    mark = masquerade_mark(plan)
    # Without liberal TCP tracking an INVALID packet would reach the client untranslated (kubernetes#74839).
    invalid = Rule("KUBE-FORWARD", (match("-m conntrack --ctstate INVALID"), jump("DROP")))
    return {
        "filter": (
            *(() if plan.configuration.tcp_be_liberal else (invalid,)),
            Rule("KUBE-FORWARD", (FORWARDING, marked(mark), jump("ACCEPT"))),
            Rule(
                "KUBE-FORWARD",
                (
                    comment("kubernetes forwarding conntrack rule"),
                    match("-m conntrack --ctstate RELATED,ESTABLISHED"),
                    jump("ACCEPT"),
                ),
            ),
        ),
        "nat": tuple(_node_port_rule(parts) for parts in _node_port_destinations(plan, family)),
    }


def masquerade_mark(plan: NodePlan) -> int:
    bit = plan.configuration.iptables.masquerade_bit
    return 1 << (DEFAULT_MASQUERADE_BIT if bit is None else bit)


def _node_port_destinations(plan: NodePlan, family: FamilyPlan) -> list[tuple[Part, ...]]:
    """What is matched before KUBE-NODEPORTS, one rule for each."""
    localhost = serves_localhost(plan, family)
    if family.node_ports_everywhere:
        to_local = match("-m addrtype --dst-type LOCAL")
        if localhost:
            return [(to_local,)]
        loopback = "127.0.0.0/8" if family.family == 4 else "::1/128"
        return [(to_local, Part(f"! -d {loopback}", f"! -d {loopback}", DESTINATION))]
    addresses = [ip for ip in family.node_port_addresses if localhost or not is_loopback(ip)]
    return [(to_host(ip, family.family),) for ip in addresses]


def _node_port_rule(parts: tuple[Part, ...]) -> Rule:
    text = comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain")
    return Rule("KUBE-SERVICES", (text, *parts, jump("KUBE-NODEPORTS")))
