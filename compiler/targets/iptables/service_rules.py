"""The rules of a Service port in iptables mode, as data: every rule of kube-proxy's syncProxyRules stands here once.

A rule is written in kube-proxy's order with slots for what differs between Services (see `kcompile.targets.template`);
`forms` turns the table into the templates of iptables-restore and of iptables-save.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kcompile.ir.plan import EndpointInfo, Family, LocalDetector, ServicePortInfo
from kcompile.targets.iptables_rule import (
    HOST_PREFIX,
    SOURCE,
    Part,
    Rule,
    comment,
    from_local_pods,
    jump,
    match,
    protocol,
    reject,
    to_host,
)
from kcompile.targets.template import Item, Join, Lookup, Value

RECENT_MASK: Mapping[Family, str] = {4: "255.255.255.255", 6: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}


@dataclass(frozen=True, slots=True)
class Options:
    """What decides about the rules of all Services of one family.

    `large_cluster` leaves the comments out of endpoint rules. `given_addresses` says that endpoint addresses went into
    rules and chain names as they were given (1.30), which iptables-save prints in another spelling.
    """

    family: Family
    large_cluster: bool
    masquerade_all: bool
    detect_local: LocalDetector
    given_addresses: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """The declaration of a Service's own chain, in the nat table."""

    chain: str
    when: str = ""


@dataclass(frozen=True, slots=True)
class Add:
    """A rule in a table; `when` as in `template.Line`."""

    table: str
    rule: Rule
    when: str = ""


@dataclass(frozen=True, slots=True)
class ForEach:
    each: str
    rows: tuple[Chain | Add, ...]


Row = Chain | Add | ForEach

# What a record holds.
FIELDS = (
    "name",
    "protocol",
    "cluster_ip",
    "port",
    "node_port",
    "health_check_node_port",
    "affinity",  # seconds, 0 for none
    "internal_local",
    "external_local",
    "internal",  # SVC or SVL: the chain of the internal traffic policy
    "external",  # SVC or SVL: that of the external one
    "balancer",  # FW or EXT: where traffic to a load balancer's address goes
    "has_endpoints",
    "has_internal",
    "has_external",
    "externally_accessible",
    "firewall",
    "include_node",
    "external_ips",
    "vips",
    "source_ranges",
    "cluster_endpoints",
    "local_endpoints",
    "endpoints",
)
PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}


def record(port: ServicePortInfo) -> tuple[Any, ...]:
    """The record of a Service port, as `FIELDS` name its parts."""
    internal_local, external_local = port.internal_policy_local, port.external_policy_local
    cluster, local = port.cluster_endpoints, port.local_endpoints
    has_endpoints, vips = port.has_any_endpoints, port.load_balancer_vips
    firewall = has_endpoints and bool(vips) and bool(port.source_ranges)
    return (
        port.name,
        PROTOCOLS[port.protocol],
        port.cluster_ip,
        port.port,
        port.node_port,
        port.health_check_node_port,
        port.session_affinity_timeout,
        internal_local,
        external_local,
        "SVL" if internal_local else "SVC",
        "SVL" if external_local else "SVC",
        "FW" if firewall else "EXT",
        has_endpoints,
        local if internal_local else cluster,
        local if external_local else cluster,
        port.externally_accessible,
        firewall,
        port.source_ranges_include_node,
        port.external_ips,
        vips,
        # iptables-save leaves a source out that matches any address.
        tuple([(text, not text.endswith("/0")) for text in port.source_ranges]) if firewall else (),
        cluster,
        local,
        port.reachable_endpoints,
    )


def lists(options: Options) -> dict[str, Item]:
    fields = (*EndpointInfo._fields, "canonical_ip") if options.given_addresses else EndpointInfo._fields
    endpoint = Item("endpoint", fields)
    return {
        "external_ips": Item("external_ip"),
        "vips": Item("vip"),
        "source_ranges": Item("range", ("network", "narrow")),
        "cluster_endpoints": endpoint,
        "local_endpoints": endpoint,
        "endpoints": endpoint,
    }


def address_of(options: Options, ip: str) -> str:
    """An endpoint's address with its port."""
    return f"{{{ip}}}:{{endpoint.port}}" if options.family == 4 else f"[{{{ip}}}]:{{endpoint.port}}"


def values(options: Options, chance: Callable[[int], str]) -> dict[str, Value | Join | Lookup]:
    """Chain names: SVC, SVL, EXT and FW chains of a Service port share one hash.

    An endpoint's hash does not take over the text of `address`: the processor stalls where it reads what it just wrote.
    """
    address = address_of(options, "endpoint.ip")
    return {
        "hash": Value("{name}{protocol}", digest=16),
        "ip": Value("{endpoint.ip}", over="endpoints"),
        "address": Value(address, over="endpoints"),
        "endpoint_hash": Value("{name}{protocol}" + address, over="endpoints", digest=16),
        "statistic": Lookup("remaining", lambda remaining: statistic(remaining, chance)),
    }


def statistic(remaining: int, chance: Callable[[int], str]) -> str:
    """The match that takes one of `remaining` endpoints; the last one is taken without a match."""
    return "" if remaining < 2 else f"-m statistic --mode random --probability {chance(remaining)} "


SVC, SVL = "KUBE-SVC-{hash}", "KUBE-SVL-{hash}"
EXT, FW, SEP = "KUBE-EXT-{hash}", "KUBE-FW-{hash}", "KUBE-SEP-{endpoint_hash}"
SERVICES, NODE_PORTS, EXTERNAL = "KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-EXTERNAL-SERVICES"
MARK_MASQ, PROXY_FIREWALL = "KUBE-MARK-MASQ", "KUBE-PROXY-FIREWALL"

PROTOCOL = (match("-m {protocol}"), protocol("{protocol}"))
TCP = (match("-m tcp"), protocol("tcp"))
PORT, NODE_PORT = match("--dport {port}"), match("--dport {node_port}")
TO_LOCAL, FROM_LOCAL = match("-m addrtype --dst-type LOCAL"), match("-m addrtype --src-type LOCAL")
NO_ENDPOINTS = comment("{name} has no endpoints")
NO_LOCAL_ENDPOINTS = comment("{name} has no local endpoints")
DROP = jump("DROP")


def service_rows(options: Options) -> tuple[Row, ...]:
    """All rules of a Service port, in kube-proxy's order."""
    return (
        *cluster_ip_rows(options),
        *external_ip_rows(options),
        *load_balancer_rows(options),
        *node_port_rows(options),
        *internal_traffic_rows(options),
        *external_traffic_rows(options),
        *firewall_rows(options),
        *policy_rows(options, SVC, "cluster_endpoints"),
        *policy_rows(options, SVL, "local_endpoints"),
        *endpoint_rows(options),
    )


def cluster_ip_rows(options: Options) -> tuple[Row, ...]:
    to_cluster_ip = (*PROTOCOL, to_host("{cluster_ip}", options.family), PORT)
    return (
        Add(
            "nat",
            Rule(SERVICES, (comment("{name} cluster IP"), *to_cluster_ip, jump("KUBE-{internal}-{hash}"))),
            when="has_internal",
        ),
        *unserved(SERVICES, to_cluster_ip, options, when="!has_internal"),
    )


def external_ip_rows(options: Options) -> tuple[Row, ...]:
    to_external_ip = (*PROTOCOL, to_host("{external_ip}", options.family), PORT)
    captured = Rule(SERVICES, (comment("{name} external IP"), *to_external_ip, jump(EXT)))
    return (
        ForEach(
            "external_ips",
            (
                Add("nat", captured, when="has_endpoints"),
                *unserved(EXTERNAL, to_external_ip, options, when="!has_external"),
            ),
        ),
    )


def load_balancer_rows(options: Options) -> tuple[Row, ...]:
    to_vip = (*PROTOCOL, to_host("{vip}", options.family), PORT)
    captured = Rule(SERVICES, (comment("{name} loadbalancer IP"), *to_vip, jump("KUBE-{balancer}-{hash}")))
    dropped = Rule(PROXY_FIREWALL, (comment(f"{{name}} traffic not accepted by {FW}"), *to_vip, DROP))
    return (
        ForEach("vips", (Add("nat", captured, when="has_endpoints"), Add("filter", dropped, when="firewall"))),
        ForEach("vips", unserved(EXTERNAL, to_vip, options, when="!has_external")),
    )


def node_port_rows(options: Options) -> tuple[Row, ...]:
    health_check = match("--dport {health_check_node_port}")
    return (
        Add(
            "nat",
            Rule(NODE_PORTS, (comment("{name}"), *PROTOCOL, NODE_PORT, jump(EXT))),
            when="node_port has_endpoints",
        ),
        *unserved(EXTERNAL, (TO_LOCAL, *PROTOCOL, NODE_PORT), options, when="node_port !has_external"),
        Add(
            "filter",
            Rule(NODE_PORTS, (comment("{name} health check node port"), *TCP, health_check, jump("ACCEPT"))),
            when="health_check_node_port",
        ),
    )


def unserved(chain: str, matches: tuple[Part, ...], options: Options, when: str) -> tuple[Add, Add]:
    """Refuse what no endpoint of the cluster could serve; drop what only the policy keeps from an endpoint."""
    return (
        Add("filter", Rule(chain, (NO_ENDPOINTS, *matches, reject(options.family))), when=f"{when} !has_endpoints"),
        Add("filter", Rule(chain, (NO_LOCAL_ENDPOINTS, *matches, DROP)), when=f"{when} has_endpoints"),
    )


def internal_traffic_rows(options: Options) -> tuple[Row, ...]:
    """Masquerade traffic to the cluster IP that comes from outside the cluster (or all): its answers must come back
    through this node."""
    if options.masquerade_all:
        source: tuple[Part, ...] = ()
    elif options.detect_local.kind != "none":
        source = (from_local_pods(options.detect_local, negated=True),)
    else:
        return ()
    to_cluster_ip = (*PROTOCOL, to_host("{cluster_ip}", options.family), PORT)
    parts = (comment("{name} cluster IP"), *to_cluster_ip, *source, jump(MARK_MASQ))
    return (
        Add("nat", Rule(SVC, parts), when="has_internal !internal_local"),
        Add("nat", Rule(SVL, parts), when="has_internal internal_local"),
    )


def external_traffic_rows(options: Options) -> tuple[Row, ...]:
    """What comes from outside is masqueraded under policy Cluster, since it may leave for another node. Under policy
    Local it keeps its source; Pods and the node itself are short-circuited to the Service's every endpoint."""
    external, local = "externally_accessible has_endpoints", "externally_accessible has_endpoints external_local"

    def rule(text: str, *parts: Part) -> Rule:
        return Rule(EXT, (comment(f"{text} for {{name}} external destinations"), *parts))

    pods: tuple[Row, ...] = ()
    if options.detect_local.kind != "none":
        pods = (Add("nat", rule("pod traffic", from_local_pods(options.detect_local), jump(SVC)), when=local),)
    return (
        Chain(EXT, when=external),
        Add("nat", rule("masquerade traffic", jump(MARK_MASQ)), when=f"{external} !external_local"),
        *pods,
        Add("nat", rule("masquerade LOCAL traffic", FROM_LOCAL, jump(MARK_MASQ)), when=local),
        Add("nat", rule("route LOCAL traffic", FROM_LOCAL, jump(SVC)), when=local),
        Add("nat", Rule(EXT, (jump("KUBE-{external}-{hash}"),)), when=f"{external} has_external"),
    )


def firewall_rows(options: Options) -> tuple[Row, ...]:
    """loadBalancerSourceRanges. A node that reaches the address locally has the address itself as its source."""
    text = comment("{name} loadbalancer IP")
    narrow = Part("-s {range.network}", "-s {range.network}", SOURCE)
    any_source = Part("-s {range.network}", "", SOURCE)
    vip = Part("-s {vip}", f"-s {{vip}}/{HOST_PREFIX[options.family]}", SOURCE)
    rest = comment("other traffic to {name} will be dropped by KUBE-PROXY-FIREWALL")
    return (
        Chain(FW, when="firewall"),
        ForEach(
            "source_ranges",
            (
                Add("nat", Rule(FW, (text, narrow, jump(EXT))), when="range.narrow"),
                Add("nat", Rule(FW, (text, any_source, jump(EXT))), when="!range.narrow"),
            ),
        ),
        ForEach("vips", (Add("nat", Rule(FW, (text, vip, jump(EXT))), when="firewall include_node"),)),
        Add("nat", Rule(FW, (rest,)), when="firewall"),
    )


def policy_rows(options: Options, chain: str, endpoints: str) -> tuple[Row, ...]:
    """The choice of an endpoint: the one that a client had before, else one at random."""
    text = endpoint_comment(options, "{name} -> {address}")
    recent = Part(
        f"-m recent --name {SEP} --rcheck --seconds {{affinity}} --reap",
        f"-m recent --rcheck --seconds {{affinity}} --reap --name {SEP} --mask {RECENT_MASK[options.family]} --rsource",
    )
    return (
        Chain(chain, when=endpoints),
        ForEach(endpoints, (Add("nat", Rule(chain, (*text, recent, jump(SEP))), when="affinity"),)),
        ForEach(endpoints, (Add("nat", Rule(chain, (*text, match(f"{{statistic}}-j {SEP}")))),)),
    )


def endpoint_rows(options: Options) -> tuple[Row, ...]:
    """An endpoint's chain. Its own traffic to itself must be masqueraded, or it would answer itself directly."""
    text = endpoint_comment(options, "{name}")
    ip, address = "{ip}", "{address}"
    if options.given_addresses:
        ip, address = "{endpoint.canonical_ip}", address_of(options, "endpoint.canonical_ip")
    hairpin = Part("-s {ip}", f"-s {ip}/{HOST_PREFIX[options.family]}", SOURCE)
    recent = Part(
        f"-m recent --name {SEP} --set", f"-m recent --set --name {SEP} --mask {RECENT_MASK[options.family]} --rsource"
    )
    dnat = Part("-j DNAT --to-destination {address}", f"-j DNAT --to-destination {address}")
    return (
        ForEach(
            "endpoints",
            (
                Chain(SEP),
                Add("nat", Rule(SEP, (*text, hairpin, jump(MARK_MASQ)))),
                Add("nat", Rule(SEP, (*text, recent, *PROTOCOL, dnat)), when="affinity"),
                Add("nat", Rule(SEP, (*text, *PROTOCOL, dnat)), when="!affinity"),
            ),
        ),
    )


def endpoint_comment(options: Options, text: str) -> tuple[Part, ...]:
    return () if options.large_cluster else (comment(text),)
