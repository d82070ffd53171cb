"""The tables `ip kube-proxy` and `ip6 kube-proxy`: their sets, maps, chains and rules, as kube-proxy lays them out.

Everything here is text with slots, for both families, both versions and both forms at once. `{endpoint.ip}` and the
like come from a Service's record (`records`), `{or_mark}` and the other words that the two forms spell differently from
the form (`form`), `{ip}` from the family. `when` lists conditions: a field of the record, an option of the node, or a
difference between versions (`VERSIONS`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kcompile.ir.plan import KubeVersion

TABLE_COMMENT = "rules for kube-proxy"

VERSIONS: Mapping[KubeVersion, Mapping[str, bool]] = MappingProxyType(
    {
        # Every endpoint has a chain, whatever for, and marking for masquerade is a chain to jump to.
        "1.34": {"marks_in_chain": True, "hairpins_in_set": False},
        # Since 1.36 there are fewer rules, and a packet meets fewer of them: a hairpin is looked up in a set, one rule
        # marks the ClusterIP traffic of all Services, and an endpoint has a chain only where session affinity has to
        # note the client.
        "1.37": {"marks_in_chain": False, "hairpins_in_set": True},
    }
)
COMMENT_LIMITS: Mapping[KubeVersion, int] = MappingProxyType(
    {
        "1.34": 1 << 16,  # none: nft refuses the whole transaction for a comment of more than 128 bytes
        "1.37": 128,
    }
)


@dataclass(frozen=True, slots=True)
class Rule:
    """`each` repeats the rule for the items of a list of the record."""

    text: str
    comment: str = ""
    when: str = ""
    each: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """A base chain (`hook` is "filter hook input" and the like) or one to jump to.

    With `order_by`, the value that its name ends in, there is a chain for every record that meets `when`, or for every
    item of the list `each`; without, there is one.
    """

    name: str
    rules: tuple[Rule, ...]
    hook: str = ""
    priority: int = 0
    comment: str = ""
    when: str = ""
    each: str = ""
    order_by: str = ""


@dataclass(frozen=True, slots=True)
class Element:
    """`value` is the verdict where the set is a map; `each` repeats the element for the items of a list."""

    key: str
    value: str = ""
    comment: str = ""
    when: str = ""
    each: str = ""


@dataclass(frozen=True, slots=True)
class Set:
    """A set, or a map if its elements have values.

    Its elements come from the records, or from the node's list `listed`, where each stands once.
    """

    name: str
    type: str
    comment: str
    elements: tuple[Element, ...] = ()
    listed: str = ""
    when: str = ""

    @property
    def is_map(self) -> bool:
        return any(element.value for element in self.elements)


# An affinity set per endpoint remembers its clients; the endpoint's chain updates it, the Services' chains look it up.
AFFINITY_SET = "affinity-{endpoint_name}"
ENDPOINT_CHAIN = "endpoint-{endpoint_name}"

SETS = (
    Set(
        "cluster-ips",
        "{address}",
        "Active ClusterIPs",
        listed="cluster_ips",
    ),
    Set(
        "hairpin-connections",
        "{address} . {address} . inet_proto . inet_service",
        "service hairpin connections",
        listed="hairpin_connections",
        when="hairpins_in_set",
    ),
    Set(
        "nodeport-ips",
        "{address}",
        "IPs that accept NodePort traffic",
        listed="node_port_ips",
        when="!node_ports_everywhere",
    ),
    Set(
        "firewall-ips",
        "{address} . inet_proto . inet_service : verdict",
        "destinations that are subject to LoadBalancerSourceRanges",
        (Element("{vip} . {protocol} . {port}", "goto firewall-{service_name}", each="firewalled_vips"),),
    ),
    Set(
        "no-endpoint-nodeports",
        "inet_proto . inet_service : verdict",
        "vmap to drop or reject packets to service nodeports with no endpoints",
        (
            Element(
                "{protocol} . {node_port}",
                "{external_verdict}",
                "{comment}",
                when="node_port external_verdict refuses_node_port",
            ),
        ),
    ),
    Set(
        "no-endpoint-services",
        "{address} . inet_proto . inet_service : verdict",
        "vmap to drop or reject packets to services with no endpoints",
        (
            Element(
                "{cluster_ip} . {protocol} . {port}",
                "{internal_verdict}",
                "{comment}",
                when="internal_verdict owns_cluster_ip",
            ),
            Element("{refused_ip} . {protocol} . {port}", "{external_verdict}", "{comment}", each="refused_ips"),
        ),
    ),
    Set(
        "service-ips",
        "{address} . inet_proto . inet_service : verdict",
        "ClusterIP, ExternalIP and LoadBalancer IP traffic",
        (
            Element(
                "{cluster_ip} . {protocol} . {port}",
                "goto {internal}-{service_name}",
                when="!internal_verdict owns_cluster_ip",
            ),
            Element("{served_ip} . {protocol} . {port}", "goto external-{service_name}", each="served_ips"),
        ),
    ),
    Set(
        "service-nodeports",
        "inet_proto . inet_service : verdict",
        "NodePort traffic",
        (
            Element(
                "{protocol} . {node_port}",
                "goto external-{service_name}",
                when="node_port has_endpoints serves_node_port",
            ),
        ),
    ),
)


def _cluster_ip_masquerade(policy: str) -> tuple[Rule, ...]:
    """Mark traffic to the cluster IP that no local Pod sent: a route for the Service range may lead to any node, which
    then forwards for clients elsewhere and must see the answers. With masqueradeAll every sender counts as such."""
    return (
        Rule(
            "{ip} daddr {cluster_ip} {mark_for_masquerade}",
            when=f"marks_in_chain masquerade_all {policy}",
        ),
        Rule(
            "{ip} daddr {cluster_ip} {if_not_local} {mark_for_masquerade}",
            when=f"marks_in_chain !masquerade_all if_not_local {policy}",
        ),
    )


def _load_balancing(endpoints: str) -> tuple[Rule, ...]:
    """Choose among the endpoints of a list: a client that came before goes where it went, else chance decides."""
    return (
        Rule(f"{{ip}} saddr @{AFFINITY_SET} goto {ENDPOINT_CHAIN}", when="affinity", each=endpoints),
        Rule(f"numgen random mod {{{endpoints}_count}} vmap {{ {{{endpoints}_chains}} }}", when="chained"),
        Rule(
            f"meta l4proto {{protocol}} dnat {{to_concatenation}} numgen random mod {{{endpoints}_count}}"
            f" map {{ {{{endpoints}_addresses}} }}",
            when=f"!chained !{endpoints}_single",
        ),
        Rule(
            "meta l4proto {protocol} dnat to {left}{endpoint.ip}{right}:{endpoint.port}",
            when=f"!chained {endpoints}_single",
            each=endpoints,
        ),
    )


CHAINS = (
    Chain(
        "cluster-ips-check",
        (
            Rule("{ip} daddr @cluster-ips reject", "Reject traffic to invalid ports of ClusterIPs"),
            Rule("{ip} daddr {service_cidrs} drop", "Drop traffic to unallocated ClusterIPs", when="service_cidrs"),
        ),
    ),
    Chain(
        ENDPOINT_CHAIN,
        (
            # A hairpin: an endpoint that its own Service sends back to itself would drop its own address as source.
            Rule("{ip} saddr {endpoint.ip} {mark_for_masquerade}", when="!hairpins_in_set"),
            Rule(f"update @{AFFINITY_SET} {{ {{ip}} saddr }}", when="affinity"),
            Rule("meta l4proto {protocol} dnat to {left}{endpoint.ip}{right}:{endpoint.port}"),
        ),
        each="chained",
        order_by="endpoint_name",
    ),
    Chain(
        "external-{service_name}",
        (
            # The endpoint may be on another node, and its answer has to come back through this one.
            Rule("{mark_for_masquerade}", when="marks_in_chain !external_policy_local"),
            Rule("{mark_for_masquerade}", "masquerade", when="!marks_in_chain !external_policy_local"),
            # Policy Local keeps the client's address, but Pods and processes of this node are not bound to it: theirs
            # is as if it had gone to the load balancer and come back.
            Rule(
                "{if_local} goto service-{service_name}",
                "short-circuit pod traffic",
                when="external_policy_local if_local",
            ),
            Rule(
                "fib saddr type local {mark_for_masquerade}",
                "masquerade local traffic",
                when="external_policy_local",
            ),
            Rule(
                "fib saddr type local goto service-{service_name}",
                "short-circuit local traffic",
                when="external_policy_local",
            ),
            Rule("goto service-{service_name}", when="!external_verdict !external_policy_local"),
            Rule("goto local-{service_name}", when="!external_verdict external_policy_local"),
        ),
        when="externally_accessible has_endpoints",
        order_by="service_name",
    ),
    Chain(
        "filter-forward",
        (Rule("ct state new jump service-endpoints-check"), Rule("ct state new jump cluster-ips-check")),
        hook="filter hook forward",
    ),
    Chain(
        "filter-input",
        (Rule("ct state new jump nodeport-endpoints-check"), Rule("ct state new jump service-endpoints-check")),
        hook="filter hook input",
    ),
    Chain(
        "filter-output",
        (Rule("ct state new jump service-endpoints-check"), Rule("ct state new jump cluster-ips-check")),
        hook="filter hook output",
    ),
    # Source ranges are for the address that the client named, so they are checked before DNAT, which is at -100.
    Chain(
        "filter-output-pre-dnat",
        (Rule("ct state new jump firewall-check"),),
        hook="filter hook output",
        priority=-110,
    ),
    Chain(
        "filter-prerouting-pre-dnat",
        (Rule("ct state new jump firewall-check"),),
        hook="filter hook prerouting",
        priority=-110,
    ),
    Chain(
        "firewall-{service_name}",
        (Rule("{ip} saddr != {sources} drop"),),
        when="sources",
        order_by="service_name",
    ),
    Chain("firewall-check", (Rule("{ip} daddr . meta l4proto . th dport vmap @firewall-ips"),)),
    Chain(
        "local-{service_name}",
        (*_cluster_ip_masquerade("internal_policy_local"), *_load_balancing("local")),
        when="local",
        order_by="service_name",
    ),
    Chain("mark-for-masquerade", (Rule("{or_mark}"),), when="marks_in_chain"),
    Chain(
        "masquerading",
        (
            Rule("{mark_is_clear} return", when="marks_in_chain"),
            # Masqueraded traffic that loops back through the rules must not be masqueraded again.
            Rule("{xor_mark}", when="marks_in_chain"),
            Rule("masquerade fully-random", when="marks_in_chain"),
            Rule("{mark_is_set} {xor_mark} masquerade fully-random", when="!marks_in_chain"),
            Rule(
                "ct status dnat {ip} saddr . {ip} daddr . meta l4proto . th dport @hairpin-connections"
                " masquerade fully-random",
                when="hairpins_in_set",
            ),
        ),
    ),
    Chain("nat-output", (Rule("jump services"),), hook="nat hook output", priority=-100),
    Chain("nat-postrouting", (Rule("jump masquerading"),), hook="nat hook postrouting", priority=100),
    Chain("nat-prerouting", (Rule("jump services"),), hook="nat hook prerouting", priority=-100),
    Chain(
        "nodeport-endpoints-check",
        (Rule("{to_node_port_address} meta l4proto . th dport vmap @no-endpoint-nodeports"),),
    ),
    # A verdict map takes drop, but not reject, as a verdict.
    Chain(
        "reject-chain",
        (Rule("reject"),),
        comment="helper for @no-endpoint-services / @no-endpoint-nodeports",
    ),
    Chain(
        "service-{service_name}",
        (*_cluster_ip_masquerade("!internal_policy_local"), *_load_balancing("cluster")),
        when="cluster",
        order_by="service_name",
    ),
    Chain("service-endpoints-check", (Rule("{ip} daddr . meta l4proto . th dport vmap @no-endpoint-services"),)),
    Chain(
        "services",
        (
            Rule(
                "{ip} daddr @cluster-ips {or_mark}",
                "masquerade all clusterIP traffic",
                when="!marks_in_chain masquerade_all",
            ),
            Rule(
                "{ip} daddr @cluster-ips {if_not_local} {or_mark}",
                "masquerade clusterIP traffic from outside cluster",
                when="!marks_in_chain !masquerade_all if_not_local",
            ),
            Rule("{ip} daddr . meta l4proto . th dport vmap @service-ips"),
            # After the addresses of Services: a load balancer may deliver to the node's own address.
            Rule("{of_local_address}{to_node_port_address} meta l4proto . th dport vmap @service-nodeports"),
        ),
    ),
)
"""In the order of their names, which is that of kube-proxy's dump: the hash that a Service's chain bears after the dash
is in capitals, which come before small letters."""
