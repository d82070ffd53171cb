"""Connections worth asking about: from everywhere to all that a node's Services answer on, and beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Literal

from kcompile.ir.node_addresses import is_loopback
from kcompile.ir.plan import FamilyPlan

Where = Literal["pod", "node", "elsewhere", "outside"]
Protocol = Literal["tcp", "udp", "sctp"]

PROTOCOLS: tuple[Protocol, ...] = ("tcp", "udp", "sctp")
NO_SERVICE_PORT = 4242

# What no cluster of these tests has.
SPARE_POD = {4: "10.244.0.250", 6: "fd00:10:244::fa"}
SPARE_HOST = 250
OTHER_NODE = {4: "192.168.0.77", 6: "fd00::4d"}
OUTSIDE = {4: "198.51.100.250", 6: "2001:db8:ffff::250"}


@dataclass(frozen=True, slots=True)
class Client:
    """Where a connection comes from. `address` "" leaves it to the node to choose its source."""

    where: Where
    address: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """The first packet of a connection; `to` is an address without brackets."""

    client: Client
    to: str
    port: int
    protocol: Protocol

    def __str__(self) -> str:
        source = self.client.address or "routing's choice"
        return f"{self.client.where} ({source}) to {self.to} port {self.port}/{self.protocol}"


def connections(plan: FamilyPlan) -> Iterator[Connection]:
    """Every client to every target that it reaches through the node."""
    sources = clients(plan)
    there = {endpoint.ip for port in plan.service_ports for endpoint in port.endpoints if not endpoint.local}
    for to, port, protocol in dict.fromkeys(targets(plan)):
        for client in sources:
            itself = client.address == to or (client.where == "elsewhere" and to in there)
            if client.where == "node" or not (is_loopback(to) or itself):
                yield Connection(client, to, port, protocol)


def own_addresses(plan: FamilyPlan) -> tuple[str, ...]:
    """The node's addresses, without loopback and link-local ones."""
    return tuple(a for a in plan.local_addresses if not is_loopback(a) and not ip_address(a).is_link_local)


def clients(plan: FamilyPlan) -> tuple[Client, ...]:
    """Pods of the node, endpoints among them; the node; what is on other nodes; hosts outside, one in each source range
    of a Service."""
    own = own_addresses(plan)
    endpoints = [endpoint for port in plan.service_ports for endpoint in port.endpoints if endpoint.ip not in own]
    here = [endpoint.ip for endpoint in endpoints if endpoint.local]
    there = [endpoint.ip for endpoint in endpoints if not endpoint.local]
    found = [Client("pod", address) for address in (spare_pod(plan), *dict.fromkeys(here[:2]))]
    # A node without an address has nothing to connect from.
    found += [Client("node")] if own else []
    found += [Client("elsewhere", address) for address in (OTHER_NODE[plan.family], *there[:1])]
    found.append(Client("outside", OUTSIDE[plan.family]))
    for network in map(ip_network, dict.fromkeys(r for port in plan.service_ports for r in port.source_ranges)):
        known = [ip_address(client.address) for client in found if client.address]
        if not any(address in network for address in (*known, *map(ip_address, own))):
            found.append(Client("outside", str(network[1 if network.num_addresses > 1 else 0])))
    return tuple(dict.fromkeys(found))


def spare_pod(plan: FamilyPlan) -> str:
    """A Pod's address that no endpoint has, in the network that tells local Pods where there is one."""
    if plan.detect_local.kind != "cidr":
        return SPARE_POD[plan.family]
    network = ip_network(plan.detect_local.value)
    return str(network[min(SPARE_HOST, network.num_addresses - 1)])


def targets(plan: FamilyPlan) -> Iterator[tuple[str, int, Protocol]]:
    """Every address and port of every Service; the same ports of other protocols, ports and addresses that no Service
    has, and endpoints themselves."""
    for port in plan.service_ports:
        protocol = _protocol(port.protocol)
        others: list[Protocol] = [each for each in PROTOCOLS[:2] if each != protocol]
        for address in (port.cluster_ip, *port.external_ips, *port.load_balancer_vips):
            yield address, port.port, protocol
            for other in others:
                yield address, port.port, other
            yield address, NO_SERVICE_PORT, "tcp"
        for address in (*own_addresses(plan), *(a for a in plan.local_addresses if is_loopback(a))):
            if port.node_port:
                yield address, port.node_port, protocol
                yield address, port.node_port, others[0]
            yield address, port.port, protocol
        for endpoint in port.endpoints[:1]:
            yield endpoint.ip, endpoint.port, protocol
    for network in map(ip_network, plan.service_cidrs):
        yield str(network[-3]), 80, "tcp"


def _protocol(name: str) -> Protocol:
    return next(protocol for protocol in PROTOCOLS if protocol == name.lower())
