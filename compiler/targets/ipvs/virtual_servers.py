"""Virtual servers and their real servers, in the form of `ipvsadm -Sn`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address

from kcompile.ir.plan import EndpointInfo, Family, FamilyPlan, NodePlan
from kcompile.targets.ipvs.addresses import node_port_addresses

DEFAULT_SCHEDULER = "rr"

# mh would send one client's connections to one endpoint if it did not hash the source port too; kube-proxy sets the
# flag for this scheduler only.
SCHEDULER_FLAGS = {"mh": " -b mh-port"}

PROTOCOL_OPTION = {"TCP": "-t", "UDP": "-u", "SCTP": "--sctp-service"}


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """`address` and `real_servers` are "ip:port", brackets around IPv6; `timeout` of persistence in seconds, or 0."""

    protocol: str
    address: str
    timeout: int
    real_servers: tuple[str, ...]


def virtual_servers(plan: FamilyPlan) -> tuple[VirtualServer, ...]:
    """All virtual servers, in the order of Service ports. Of several for one address and port the last one holds."""
    servers: dict[tuple[str, str], VirtualServer] = {}
    node_addresses = node_port_addresses(plan)
    for port in plan.service_ports:
        cluster = real_servers(port.cluster_endpoints)
        # Without local endpoints the cluster's are used, so that Pods on the node get through (kubernetes#97081).
        local = real_servers(port.local_endpoints) or cluster
        internal = local if port.internal_policy_local else cluster
        external = local if port.external_policy_local else cluster
        wanted = [
            (port.cluster_ip, port.port, internal),
            *((ip, port.port, external) for ip in (*port.external_ips, *port.load_balancer_vips)),
        ]
        if port.node_port:
            wanted += ((ip, port.node_port, external) for ip in node_addresses)
        for ip, number, endpoints in wanted:
            address = f"[{ip}]:{number}" if plan.family == 6 else f"{ip}:{number}"
            servers[port.protocol, address] = VirtualServer(
                port.protocol, address, port.session_affinity_timeout, endpoints
            )
    return tuple(servers.values())


def real_servers(endpoints: Iterable[EndpointInfo]) -> tuple[str, ...]:
    """Endpoints as "ip:port" in canonical form, each once: the kernel knows addresses, not their spelling."""
    return tuple(dict.fromkeys(canonical(endpoint) for endpoint in endpoints))


def canonical(endpoint: EndpointInfo) -> str:
    """In 1.30 an endpoint's IPv6 address is spelled as it was given; the kernel is handed the parsed one."""
    return f"[{IPv6Address(endpoint.ip)}]:{endpoint.port}" if ":" in endpoint.ip else endpoint.address


def ipvsadm(plan: NodePlan, families: tuple[Family, ...]) -> bytes:
    scheduler = plan.configuration.ipvs.scheduler or DEFAULT_SCHEDULER
    flags = SCHEDULER_FLAGS.get(scheduler, "")
    parts: list[str] = []
    for family in families:
        for server in virtual_servers(plan.family(family)):
            service = f"{PROTOCOL_OPTION[server.protocol]} {server.address}"
            persistence = f" -p {server.timeout}" if server.timeout else ""
            parts.append(f"-A {service} -s {scheduler}{persistence}{flags}\n")
            if server.real_servers:
                head, tail = f"-a {service} -r ", " -m -w 1\n"
                parts += (head, (tail + head).join(server.real_servers), tail)
    return "".join(parts).encode()
