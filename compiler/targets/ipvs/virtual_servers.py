"""Virtual servers and their real servers, in the form of `ipvsadm -Sn`."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import NamedTuple

from kcompile.ir.plan import EndpointInfo, Family, FamilyPlan, NodePlan
from kcompile.targets.ipvs.addresses import node_port_addresses
from kcompile.targets.program import compile_table
from kcompile.targets.template import Each, Item, Line, Section, Table, specialize

DEFAULT_SCHEDULER = "rr"

# kube-proxy has mh hash the source port, too, or one client would always get one endpoint; it does so for mh only.
SCHEDULER_FLAGS = {"mh": " -b mh-port"}

PROTOCOL_OPTION = {"TCP": "-t", "UDP": "-u", "SCTP": "--sctp-service"}
REAL_SERVER = {4: "{endpoint.ip}:{endpoint.port}", 6: "[{endpoint.ip}]:{endpoint.port}"}

TABLE = Table(
    fields=("service", "timeout", "endpoints"),
    lists={"endpoints": Item("endpoint", EndpointInfo._fields)},
    sections=(Section("servers"),),
    rows=(
        Line("servers", "-A {service} -s {scheduler} -p {timeout}{flags}", when="timeout"),
        Line("servers", "-A {service} -s {scheduler}{flags}", when="!timeout"),
        Each("endpoints", (Line("servers", "-a {service} -r {real_server} -m -w 1"),)),
    ),
)


class VirtualServer(NamedTuple):
    """`address` is "ip:port", with brackets around IPv6; `timeout` that of persistence in seconds, or 0."""

    protocol: str
    address: str
    timeout: int
    endpoints: tuple[EndpointInfo, ...]


def virtual_servers(plan: FamilyPlan) -> tuple[VirtualServer, ...]:
    """All virtual servers, in the order of Service ports. Of several for one address and port the last one holds."""
    servers: dict[tuple[str, str], VirtualServer] = {}
    node_addresses = node_port_addresses(plan)
    for port in plan.service_ports:
        cluster = real_servers(port.cluster_endpoints, plan.family)
        # Without local endpoints the cluster's are used, so that Pods on the node get through (kubernetes#97081).
        local = real_servers(port.local_endpoints, plan.family) or cluster
        internal = local if port.internal_policy_local else cluster
        external = local if port.external_policy_local else cluster
        wanted = [(port.cluster_ip, port.port, internal)]
        if port.external_ips or port.load_balancer_vips:
            wanted += [(ip, port.port, external) for ip in (*port.external_ips, *port.load_balancer_vips)]
        if port.node_port:
            wanted += [(ip, port.node_port, external) for ip in node_addresses]
        protocol, timeout = port.protocol, port.session_affinity_timeout
        for ip, number, endpoints in wanted:
            address = f"[{ip}]:{number}" if plan.family == 6 else f"{ip}:{number}"
            servers[protocol, address] = VirtualServer(protocol, address, timeout, endpoints)
    return tuple(servers.values())


def real_servers(endpoints: tuple[EndpointInfo, ...], family: Family) -> tuple[EndpointInfo, ...]:
    """Endpoints by their canonical addresses, each once: the kernel knows no spelling, in which 1.30 keeps them."""
    if family == 4:
        return endpoints
    canonical = (endpoint._replace(ip=str(IPv6Address(endpoint.ip))) for endpoint in endpoints)
    return tuple({(endpoint.ip, endpoint.port): endpoint for endpoint in canonical}.values())


def ipvsadm(plan: NodePlan, families: tuple[Family, ...]) -> bytes:
    return b"".join(servers_text(plan, family) for family in families)


def servers_text(plan: NodePlan, family: Family) -> bytes:
    scheduler = plan.configuration.ipvs.scheduler or DEFAULT_SCHEDULER
    options = {
        "scheduler": scheduler,
        "flags": SCHEDULER_FLAGS.get(scheduler, ""),
        "real_server": REAL_SERVER[family],
    }
    servers = virtual_servers(plan.family(family))
    records = [(f"{PROTOCOL_OPTION[s.protocol]} {s.address}", s.timeout, s.endpoints) for s in servers]
    return compile_table(specialize(TABLE, options)).emit(records)
