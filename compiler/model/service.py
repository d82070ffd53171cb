"""Service (core/v1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kcompile.frontend.source import NOWHERE, Origin
from kcompile.model.meta import Meta


@dataclass(frozen=True, slots=True)
class ServicePort:
    """`port` and `node_port` are numbers, 0 when not given; `target_port` is a number, a port's name, or None."""

    port: int
    name: str = ""
    protocol: str = ""
    target_port: int | str | None = None
    node_port: int = 0
    app_protocol: str = ""


@dataclass(frozen=True, slots=True)
class LoadBalancerIngress:
    """`ip_mode` is "", "VIP" or "Proxy" (KEP-1860: Proxy keeps kube-proxy from short-cutting the load balancer)."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A Service. `selector` is None when there is none; `session_affinity_timeout` is in seconds."""

    meta: Meta
    origin: Origin = NOWHERE
    type: str = ""
    cluster_ip: str = ""
    cluster_ips: tuple[str, ...] = ()
    ip_families: tuple[str, ...] = ()
    ip_family_policy: str = ""
    ports: tuple[ServicePort, ...] = ()
    selector: Mapping[str, str] | None = None
    external_ips: tuple[str, ...] = ()
    external_name: str = ""
    session_affinity: str = ""
    session_affinity_timeout: int | None = None
    load_balancer_ip: str = ""
    load_balancer_class: str = ""
    load_balancer_source_ranges: tuple[str, ...] = ()
    allocate_load_balancer_node_ports: bool | None = None
    external_traffic_policy: str = ""
    internal_traffic_policy: str = ""
    health_check_node_port: int = 0
    publish_not_ready_addresses: bool = False
    traffic_distribution: str = ""
    ingress: tuple[LoadBalancerIngress, ...] = ()

    @property
    def headless(self) -> bool:
        return self.cluster_ip == "None" or "None" in self.cluster_ips
