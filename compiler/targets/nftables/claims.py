"""The elements of maps that a ServicePort has for its addresses and its node port.

An address and port can have one verdict in a map. Where several ServicePorts claim it, in kube-proxy a later claim
replaces an earlier one, unless their verdicts are alike: then the element stays as it is, comment and all. There the
order of ServicePorts is random; here it is the plan's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kcompile.ir.plan import ServicePortInfo

Address = tuple[str, str, int]
"""(IP, protocol, port); the IP is "" for a node port."""

Owner = tuple[int, bool]
"""The place of a ServicePort in the plan, and whether it claims an address as its cluster IP."""

Owners = Mapping[tuple[str, Address], Owner]
"""For a map's name and an address that several claim, the one whose claim holds."""

SERVED, REFUSED, FIREWALLED = "service-ips", "no-endpoint-services", "firewall-ips"
"""The first two stand for the maps of node ports, too."""


class Elements(NamedTuple):
    """The addresses that have an element in each map, whether the cluster IP has one in either of the first two, and
    whether the node port has those that it claims."""

    cluster_ip: bool = True
    served: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    firewalled: tuple[str, ...] = ()
    serves_node_port: bool = True
    refuses_node_port: bool = True


CLUSTER_IP_ONLY = Elements()


def verdicts(port: ServicePortInfo) -> tuple[str, str]:
    """What becomes of traffic to the cluster IP and to external addresses that no endpoint takes; "" if one does."""
    if not port.has_any_endpoints:
        return "goto reject-chain", "goto reject-chain"
    if port.local_endpoints and port.uses_local_endpoints:
        return "", ""
    return "drop" if port.internal_policy_local else "", "drop" if port.external_policy_local else ""


def claimed(port: ServicePortInfo) -> Elements:
    """What a ServicePort has where nobody else claims its addresses."""
    if not port.external_ips and not port.load_balancer_vips:
        return CLUSTER_IP_ONLY
    external = tuple(dict.fromkeys((*port.external_ips, *port.load_balancer_vips)))
    return Elements(
        True,
        external if port.has_any_endpoints else (),
        external if verdicts(port)[1] else (),
        tuple(dict.fromkeys(port.load_balancer_vips)) if port.source_ranges else (),
    )


def owned(number: int, port: ServicePortInfo, owners: Owners) -> Elements:
    """What of its claims the ServicePort at that place of the plan has."""
    claims = claimed(port)
    as_external = (number, False)

    def has(map_: str, address: Address, owner: Owner) -> bool:
        return owners.get((map_, address), owner) == owner

    def kept(map_: str, ips: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(ip for ip in ips if has(map_, (ip, port.protocol, port.port), as_external))

    own = port.cluster_ip, port.protocol, port.port
    return Elements(
        has(REFUSED if verdicts(port)[0] else SERVED, own, (number, True)),
        kept(SERVED, claims.served),
        kept(REFUSED, claims.refused),
        kept(FIREWALLED, claims.firewalled),
        has(SERVED, _node_port(port), as_external),
        has(REFUSED, _node_port(port), as_external),
    )


def owners(ports: Sequence[ServicePortInfo]) -> Owners:
    """Who has the elements that are claimed several times; there are hardly ever any."""
    contested = _contested(ports)
    held: dict[tuple[str, Address], tuple[object, Owner]] = {}
    for number, port in enumerate(ports) if contested else ():
        for map_, address, verdict, owner in _claims(number, port):
            key = map_, address
            if address in contested and (key not in held or held[key][0] != verdict):
                held[key] = verdict, owner
    return {key: owner for key, (_, owner) in held.items()}


def _contested(ports: Sequence[ServicePortInfo]) -> set[Address]:
    taken: set[Address] = set()
    contested: set[Address] = set()
    # Most have cluster IPs only.
    for port in [port for port in ports if port.node_port or port.external_ips or port.load_balancer_vips]:
        addresses = {(ip, port.protocol, port.port) for ip in (*port.external_ips, *port.load_balancer_vips)}
        if port.node_port:
            addresses.add(_node_port(port))
        contested |= addresses & taken
        taken |= addresses
    ips = {ip for ip, _, _ in taken}
    as_cluster_ips = {(port.cluster_ip, port.protocol, port.port) for port in ports if port.cluster_ip in ips}
    return contested | (as_cluster_ips & taken)


def _node_port(port: ServicePortInfo) -> Address:
    return "", port.protocol, port.node_port


def _claims(number: int, port: ServicePortInfo) -> Iterator[tuple[str, Address, object, Owner]]:
    """Map, address and verdict of each claim. A jump to a chain of the ServicePort's own is like no other's."""
    internal, external = verdicts(port)
    as_cluster_ip, as_external = (number, True), (number, False)
    claims = claimed(port)

    def address(ip: str) -> Address:
        return ip, port.protocol, port.port

    yield (REFUSED if internal else SERVED), address(port.cluster_ip), internal or as_cluster_ip, as_cluster_ip
    yield from ((SERVED, address(ip), as_external, as_external) for ip in claims.served)
    yield from ((REFUSED, address(ip), external, as_external) for ip in claims.refused)
    yield from ((FIREWALLED, address(ip), as_external, as_external) for ip in claims.firewalled)
    if port.node_port and port.has_any_endpoints:
        yield SERVED, _node_port(port), as_external, as_external
    if port.node_port and external:
        yield REFUSED, _node_port(port), external, as_external
