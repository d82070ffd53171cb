"""From a compiled node to the world around it, and to the commands that load its rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kcompile.api import CompiledNode
from kcompile.ir.node_addresses import is_loopback
from kcompile.ir.plan import Mode, NodePlan
from tests.kernel.scenario import CLIENTS, Command, World


@dataclass(frozen=True, slots=True)
class Loader:
    """The tools that load a mode's files into the kernel."""

    mode: Mode
    argv_of: Mapping[str, tuple[str, ...]]

    @property
    def tools(self) -> tuple[str, ...]:
        return tuple(argv[0] for argv in self.argv_of.values())

    def commands(self, node: CompiledNode) -> tuple[Command, ...]:
        files = node.files()
        return tuple(Command(argv, files[file]) for file, argv in self.argv_of.items())


LOADERS = {
    "nftables": Loader("nftables", {"nftables.nft": ("nft", "-f", "-")}),
    **{
        f"iptables-{backend}": Loader(
            "iptables",
            {
                "iptables.rules": (f"iptables-{backend}-restore",),
                "ip6tables.rules": (f"ip6tables-{backend}-restore",),
            },
        )
        for backend in ("nft", "legacy")
    },
}

# The order is kube-proxy's: rules may only name sets that exist.
IPVS = Loader(
    "ipvs",
    {
        "sysctl.conf": ("busybox", "sysctl", "-p", "/proc/self/fd/0"),
        "ip.batch": ("ip", "-batch", "-"),
        "ipset.rules": ("ipset", "restore"),
        "iptables.rules": ("iptables-legacy-restore",),
        "ip6tables.rules": ("ip6tables-legacy-restore",),
        "ipvsadm.rules": ("ipvsadm", "-R"),
    },
)
"""Few kernels have ip_vs: `uml` brings one."""


def world_of(
    plan: NodePlan,
    client_pods: Iterable[str] = (),
    elsewhere: Iterable[str] = (),
    outside: Iterable[str] = CLIENTS,
) -> World:
    """The node of a plan with its own addresses, a Pod for each local endpoint, and the other endpoints elsewhere.

    `client_pods` are Pods of the node, and `elsewhere` addresses off it, that no Service has as endpoints.
    """
    families = (plan.ipv4, plan.ipv6)
    own = tuple(address for family in families for address in family.local_addresses if not is_loopback(address))
    endpoints = {
        endpoint.ip: endpoint.local
        for family in families
        for port in family.service_ports
        for endpoint in port.endpoints
        if endpoint.ip not in own
    }
    return World(
        node=own,
        pods=tuple((address,) for address in (*(ip for ip, local in endpoints.items() if local), *client_pods)),
        elsewhere=(*(ip for ip, local in endpoints.items() if not local), *elsewhere),
        outside=tuple(outside),
    )


def endpoint_ports(plan: NodePlan) -> tuple[int, ...]:
    """The ports that endpoints serve on."""
    families = (plan.ipv4, plan.ipv6)
    ports = {e.port for family in families for port in family.service_ports for e in port.endpoints}
    return tuple(sorted(ports))
