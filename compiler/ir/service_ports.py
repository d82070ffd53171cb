"""Services to Service ports in one IP family, as kube-proxy's ServiceChangeTracker digests them, without endpoints."""

from __future__ import annotations

from collections.abc import Iterable

from kcompile.ir.endpoints import canonical_address, is_for_kube_proxy
from kcompile.ir.node_addresses import canonical_cidr, cidrs_of
from kcompile.ir.plan import Family, ServicePortInfo
from kcompile.ir.versions import EndpointRules
from kcompile.model.service import Service
from kcompile.passes.addresses import format_address, parse_address

try:
    from kcompile.native.plan import replaced
except ImportError:
    from kcompile.twins.plan import replaced

DEFAULT_AFFINITY_TIMEOUT = 10800
"""Seconds: what the API server fills in for sessionAffinity ClientIP."""

HINTS_ANNOTATIONS = ("service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode")
"""The first one given decides; the deprecated one comes first (KEP-2433)."""


def is_served(service: Service) -> bool:
    """Whether kube-proxy writes rules for a Service."""
    has_ip = bool(service.cluster_ip or service.cluster_ips) and not service.headless
    return has_ip and service.type != "ExternalName" and is_for_kube_proxy(service.meta.labels)


def follows_hints_annotation(service: Service) -> bool:
    """Whether a Service asks for topology-aware routing by annotation: with any value but "" or "disabled"."""
    for name in HINTS_ANNOTATIONS:
        if name in service.meta.annotations:
            return service.meta.annotations[name] not in ("", "disabled", "Disabled")
    return False


def service_ports(service: Service, family: Family, rules: EndpointRules) -> tuple[ServicePortInfo, ...]:
    """The ports of a Service in one family; none if kube-proxy leaves it alone or it has no address of the family."""
    cluster_ip = _cluster_ip(service, family) if is_served(service) else ""
    if not cluster_ip:
        return ()
    external_policy_local = service.external_traffic_policy == "Local" and _takes_external_traffic(service)
    health_check = external_policy_local and service.type == "LoadBalancer"
    affinity = service.session_affinity == "ClientIP"
    common = ServicePortInfo(
        namespace=service.meta.namespace,
        service=service.meta.name,
        port_name="",
        protocol="",
        cluster_ip=canonical_address(cluster_ip),
        port=0,
        external_ips=_of_family(service.external_ips, family),
        # A load balancer in mode Proxy wants to see the traffic itself (KEP-1860).
        load_balancer_vips=_of_family(
            (i.ip for i in service.ingress if i.ip_mode != "Proxy" or not rules.ip_modes), family
        ),
        source_ranges=tuple(map(canonical_cidr, cidrs_of(service.load_balancer_source_ranges, family))),
        session_affinity_timeout=(service.session_affinity_timeout or DEFAULT_AFFINITY_TIMEOUT) if affinity else 0,
        internal_policy_local=service.internal_traffic_policy == "Local",
        external_policy_local=external_policy_local,
        health_check_node_port=service.health_check_node_port if health_check else 0,
        origin=service.origin,
    )
    return tuple(
        replaced(
            common,
            {
                "port_name": port.name,
                "protocol": port.protocol or "TCP",
                "port": port.port,
                "node_port": port.node_port,
            },
        )
        for port in service.ports
    )


def _cluster_ip(service: Service, family: Family) -> str:
    addresses = service.cluster_ips or (service.cluster_ip,)
    return next((address for address in addresses if (":" in address) == (family == 6)), "")


def _takes_external_traffic(service: Service) -> bool:
    return service.type in ("LoadBalancer", "NodePort") or (service.type == "ClusterIP" and bool(service.external_ips))


def _of_family(addresses: Iterable[str], family: Family) -> tuple[str, ...]:
    """The addresses of one family in canonical form; empty and invalid ones are left out."""
    parsed = map(parse_address, addresses)
    return tuple(format_address(address) for address in parsed if address and address[0] == family)
