"""The kernel parameters that kube-proxy sets, as a sysctl.conf.

Left out is what depends on the machine (nf_conntrack_max goes by the number of its cores) and what only
`conntrack.tcp*Timeout` and `conntrack.udp*Timeout` decide. `net.bridge.bridge-nf-call-iptables` is only looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from kcompile.ir.plan import Family, NodePlan
from kcompile.model.duration import seconds
from kcompile.targets.iptables.node_rules import serves_localhost


def sysctl(plan: NodePlan, families: tuple[Family, ...]) -> bytes:
    """One `key = value` a line, in the order in which kube-proxy sets them; comments say what a key cannot."""
    lines = [*mode_parameters(plan, families)]
    if plan.configuration.tcp_be_liberal:
        lines.append("net.netfilter.nf_conntrack_tcp_be_liberal = 1")
    return "".join(f"{line}\n" for line in lines).encode()


def mode_parameters(plan: NodePlan, families: tuple[Family, ...]) -> Iterator[str]:
    if plan.mode == "iptables" and 4 in families and serves_localhost(plan, plan.ipv4):
        yield "net.ipv4.conf.all.route_localnet = 1"
    if plan.mode == "ipvs":
        yield from ipvs_parameters(plan)


def ipvs_parameters(plan: NodePlan) -> Iterator[str]:
    options = plan.configuration.ipvs
    yield "net.ipv4.vs.conntrack = 1"
    # From 5.9 on the kernel's own default does no harm, and kube-proxy leaves it alone (kubernetes#93297).
    yield "# kernels 4.1 to 5.8: net.ipv4.vs.conn_reuse_mode = 0"
    yield "net.ipv4.vs.expire_nodest_conn = 1"
    yield "net.ipv4.vs.expire_quiescent_template = 1"
    yield "net.ipv4.ip_forward = 1"
    if options.strict_arp:
        yield "net.ipv4.conf.all.arp_ignore = 1"
        yield "net.ipv4.conf.all.arp_announce = 2"
    timeouts = [seconds(text) for text in (options.tcp_timeout, options.tcp_fin_timeout, options.udp_timeout)]
    if any(timeouts):
        # No parameter and no save format holds the timeouts; 0 keeps what the kernel has.
        yield f"# ipvsadm --set {' '.join(map(str, timeouts))}"
