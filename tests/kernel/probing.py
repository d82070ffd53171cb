"""Connections as probes of the rig, and as packets that the evaluator follows through the same world."""

from __future__ import annotations

from dataclasses import replace

from kcompile.api import CompiledNode
from kcompile.evaluate.node_view import NodeView, compiled_view
from kcompile.evaluate.packet import Packet
from tests.evaluate.connections import Client, Connection, clients, connections
from tests.kernel.scenario import ELSEWHERE, NODE, OUTSIDE, Probe, World
from tests.kernel.worlds import world_of

ORIGIN = {"node": NODE, "elsewhere": ELSEWHERE, "outside": OUTSIDE}


def world_around(node: CompiledNode) -> World:
    """A world in which every client has its place."""
    found: tuple[Client, ...] = (*clients(node.plan.ipv4), *clients(node.plan.ipv6))
    endpoints = {e.ip for plan in (node.plan.ipv4, node.plan.ipv6) for p in plan.service_ports for e in p.endpoints}

    def at(where: str) -> list[str]:
        return [client.address for client in found if client.where == where and client.address not in endpoints]

    world = world_of(node.plan, at("pod"), at("elsewhere"), at("outside"))
    primary = (node.plan.ipv4.node_ip, node.plan.ipv6.node_ip)
    # Routing prefers the address that came first.
    return replace(world, node=tuple(sorted(world.node, key=lambda address: address not in primary)))


def all_connections(node: CompiledNode) -> list[Connection]:
    """Those of both families whose protocol the rig speaks."""
    plans = (node.plan.ipv4, node.plan.ipv6)
    return [each for plan in plans for each in connections(plan) if each.protocol != "sctp"]


def origin(client: Client) -> str:
    return client.address if client.where == "pod" else ORIGIN[client.where]


def probe(connection: Connection, count: int = 1) -> Probe:
    assert connection.protocol != "sctp"
    client = connection.client
    return Probe(origin(client), connection.to, connection.port, connection.protocol, count, client.address)


def packet(connection: Connection, world: World) -> Packet:
    """The first packet of a connection, as the node of the world meets it."""
    client = connection.client
    return Packet(
        client.address,
        connection.to,
        connection.port,
        connection.protocol,
        local=client.where == "node",
        in_interface=None if client.where == "node" else world.interface(origin(client)),
    )


def view(node: CompiledNode) -> NodeView:
    """The node's rules, read back from what is loaded into the kernel."""
    return compiled_view(node, None, (4, 6))
