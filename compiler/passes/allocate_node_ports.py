"""Give node ports, and health-check node ports, to the Services that need them and lack them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster, Service, ServicePort
from kcompile.passes.allocator import Allocator
from kcompile.passes.problems import Problems
from kcompile.passes.validate_service import NODE_PORTS, needs_health_check

LOW_BAND = 86
"""The API server's band for node ports chosen by hand (KEP-3668): a thirty-second of the range."""


def allocate_node_ports(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Complete nodePort and healthCheckNodePort. A number is given to one Service only, whatever the protocol."""
    if not any(_lacks_node_port(s) or _lacks_health_check(s) for s in cluster.services):
        return cluster, ()
    used = {port.node_port for service in cluster.services for port in service.ports}
    used.update(service.health_check_node_port for service in cluster.services)
    allocator = Allocator(NODE_PORTS.start, NODE_PORTS.stop - 1, used, LOW_BAND)
    services: list[Service] = []
    found: list[Diagnostic] = []
    for service in cluster.services:
        changes: dict[str, Any] = {}
        check = Problems(service.origin)
        if _lacks_node_port(service):
            changes["ports"] = _with_node_ports(service, allocator, check)
        if _lacks_health_check(service):
            number = allocator.allocate(f"Service/{service.meta}/health-check")
            if number is None:
                _exhausted(check, ("spec", "healthCheckNodePort"))
            changes["health_check_node_port"] = number or 0
        services.append(replace(service, **changes) if changes else service)
        found += check.found
    return replace(cluster, services=tuple(services)), tuple(found)


def _lacks_node_port(service: Service) -> bool:
    if service.type == "LoadBalancer":
        wanted = service.allocate_load_balancer_node_ports is not False
    else:
        wanted = service.type == "NodePort"
    return wanted and not all(port.node_port for port in service.ports)


def _lacks_health_check(service: Service) -> bool:
    return needs_health_check(service) and not service.health_check_node_port


def _with_node_ports(service: Service, allocator: Allocator, check: Problems) -> tuple[ServicePort, ...]:
    """The ports with their node ports. One port number with several protocols, as DNS has, shares its node port."""
    by_port: dict[int, int] = {}
    taken: set[tuple[str, int]] = set()
    for port in service.ports:
        if port.node_port:
            by_port.setdefault(port.port, port.node_port)
            taken.add((port.protocol, port.node_port))
    ports: list[ServicePort] = []
    for index, port in enumerate(service.ports):
        if not port.node_port:
            number = by_port.get(port.port)
            if number is None or (port.protocol, number) in taken:
                number = allocator.allocate(f"Service/{service.meta}/{port.port}")
            if number is None:
                _exhausted(check, ("spec", "ports", index, "nodePort"))
                break
            by_port.setdefault(port.port, number)
            taken.add((port.protocol, number))
            port = replace(port, node_port=number)
        ports.append(port)
    return tuple(ports) + service.ports[len(ports) :]


def _exhausted(check: Problems, path: tuple[str | int, ...]) -> None:
    text = f"no node port is left of {NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
    check.error("range-exhausted", path, text, "set allocateLoadBalancerNodePorts to false where none is needed")
