"""Decide each Service's IP families, as the API server does when a Service is created."""

from __future__ import annotations

from dataclasses import replace

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster, Service
from kcompile.passes.addresses import IP_FAMILY, family_of
from kcompile.passes.problems import Problems
from kcompile.passes.service_ranges import service_ranges

_POLICY = ("spec", "ipFamilyPolicy")
_TWO_FAMILIES = "must be PreferDualStack or RequireDualStack"


def complete_ip_families(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Fill in ipFamilyPolicy and ipFamilies; refuse a family that the cluster does not have."""
    ranges = service_ranges(cluster)
    available = tuple(IP_FAMILY[family] for family in ranges.families)
    primary = IP_FAMILY[ranges.primary]
    found: list[Diagnostic] = []
    services: list[Service] = []
    for service in cluster.services:
        if service.type != "ExternalName" and not _complete(service):
            check = Problems(service.origin)
            service = _with_families(service, available, primary, check)
            found += check.found
        services.append(service)
    return replace(cluster, services=tuple(services)), tuple(found)


def _complete(service: Service) -> bool:
    """Whether the Service has been through this before, as one of a dump has. A headless one has no address to add."""
    families = len(service.ip_families)
    if families == 1:
        fits = service.ip_family_policy in ("SingleStack", "PreferDualStack")
    else:
        fits = families == 2 and service.ip_family_policy in ("PreferDualStack", "RequireDualStack")
    return fits and (service.cluster_ip == "None" or len(service.cluster_ips) == families)


def _with_families(service: Service, available: tuple[str, ...], primary: str, check: Problems) -> Service:
    headless = service.cluster_ip == "None"
    given = () if headless else tuple(IP_FAMILY[family_of(text)] for text in service.cluster_ips)
    policy = service.ip_family_policy or _default_policy(service, given)
    families = service.ip_families + given[len(service.ip_families) :]
    if policy == "SingleStack" and len(families) == 2:
        check.error("ip-family", _POLICY, f"{_TWO_FAMILIES} when there are two IP families")
        return service
    if headless and not service.selector:
        # Nobody's endpoints but its owner's: the API server lets it have both families on any cluster.
        families = families or (primary,)
    else:
        if policy == "RequireDualStack" and len(available) < 2 and len(given) < 2:
            hint = "configure both: ClusterConfiguration, networking.serviceSubnet: 10.96.0.0/12,fd00:10:96::/108"
            check.error("ip-family", _POLICY, f"this cluster has {available[0]} Services only", hint)
            return service
        for index, family in enumerate(families):
            if family not in available and family not in given:
                hint = "the families are those of the ServiceCIDRs, or of networking.serviceSubnet"
                check.error("ip-family", ("spec", "ipFamilies", index), f"this cluster has no {family} Services", hint)
                return service
        families = families or (primary,)
    if policy != "SingleStack" and len(families) == 1:
        other = "IPv6" if families[0] == "IPv4" else "IPv4"
        if other in available or (headless and not service.selector):
            families = (*families, other)
    return replace(service, ip_family_policy=policy, ip_families=families)


def _default_policy(service: Service, given: tuple[str, ...]) -> str:
    if len(given) == 2:
        return "RequireDualStack"  # As a dump from before the policy existed has it.
    return "RequireDualStack" if service.cluster_ip == "None" and not service.selector else "SingleStack"
