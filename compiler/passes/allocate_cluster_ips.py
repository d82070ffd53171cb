"""Give a cluster IP of each of its families to every Service that lacks one."""

from __future__ import annotations

from dataclasses import replace

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster, Service
from kcompile.passes.addresses import IP_FAMILY, AddressRange, Family, format_address, parse_address
from kcompile.passes.allocator import Allocator
from kcompile.passes.problems import Problems
from kcompile.passes.service_ranges import KUBE_DNS, KUBE_DNS_OFFSET, KUBERNETES, ServiceRanges, service_ranges, usable

RESERVED_OFFSETS = {KUBERNETES: 1, KUBE_DNS: KUBE_DNS_OFFSET}
"""The API server takes the first address of the first range, kubeadm the tenth for DNS."""


def allocate_cluster_ips(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Complete clusterIPs. What the input gives is kept; outside of the cluster's ranges it is worth a warning."""
    ranges = service_ranges(cluster)
    outside = _outside(cluster.services, ranges)
    if all(_missing(service) == 0 for service in cluster.services):
        return cluster, outside
    used = _given(cluster.services)
    first = {family: ranges.of(family)[0] for family in ranges.families}
    reserved = _reserve(cluster.services, first, used)
    allocators = {
        family: [_allocator(addresses, used[family]) for addresses in ranges.of(family)] for family in ranges.families
    }
    services: list[Service] = []
    found: list[Diagnostic] = []
    for service in cluster.services:
        while _missing(service):
            family: Family = 6 if service.ip_families[len(service.cluster_ips)] == "IPv6" else 4
            number = reserved.get((*service.meta.key, family))
            if number is None:
                number = _allocate(allocators.get(family, []), f"Service/{service.meta}/{family}")
            if number is None:
                check = Problems(service.origin)
                text = f"no {IP_FAMILY[family]} address is left in the cluster's service ranges"
                check.error("range-exhausted", ("spec", "clusterIPs"), text)
                found += check.found
                break
            cluster_ips = (*service.cluster_ips, format_address((family, number)))
            service = replace(service, cluster_ip=cluster_ips[0], cluster_ips=cluster_ips)
        services.append(service)
    return replace(cluster, services=tuple(services)), (*outside, *found)


def _outside(services: tuple[Service, ...], ranges: ServiceRanges) -> tuple[Diagnostic, ...]:
    """Warnings of given addresses that an API server with these ranges would refuse; none when nobody names a range."""
    found: list[Diagnostic] = []
    for service in services if ranges.configured else ():
        for index, text in enumerate(service.cluster_ips):
            address = parse_address(text)
            if address and not any(address in addresses for addresses in ranges.ranges):
                check = Problems(service.origin)
                message = f"{text} is in none of the cluster's service ranges"
                check.warning("cluster-ip-range", ("spec", "clusterIPs", index), message)
                found += check.found
    return tuple(found)


def _missing(service: Service) -> int:
    """How many addresses a Service lacks."""
    if service.type == "ExternalName" or service.cluster_ip == "None":
        return 0
    return max(0, len(service.ip_families) - len(service.cluster_ips))


def _given(services: tuple[Service, ...]) -> dict[Family, set[int]]:
    used: dict[Family, set[int]] = {4: set(), 6: set()}
    for service in services:
        for text in service.cluster_ips:
            address = parse_address(text)
            if address:
                used[address[0]].add(address[1])
    return used


def _reserve(
    services: tuple[Service, ...], first: dict[Family, AddressRange], used: dict[Family, set[int]]
) -> dict[tuple[str, str, Family], int]:
    """The addresses that belong to Services by name. The API server's is never given to another."""
    reserved: dict[tuple[str, str, Family], int] = {}
    waiting = {service.meta.key for service in services if _missing(service)}
    for family, addresses in first.items():
        for key, offset in RESERVED_OFFSETS.items():
            number = addresses.first + offset
            if number > addresses.last or number in used[family]:
                continue
            if key in waiting:
                namespace, name = key
                reserved[namespace, name, family] = number
            if key in waiting or key == KUBERNETES:
                used[family].add(number)
    return reserved


def _allocator(addresses: AddressRange, used: set[int]) -> Allocator:
    hosts = usable(addresses)
    # The API server's band for addresses chosen by hand (KEP-3070): a sixteenth, at least 16 and at most 256.
    low_band = min(max(16, hosts.size // 16), 256) if hosts.size >= 16 else 0
    return Allocator(hosts.first, hosts.last, used, min(low_band, hosts.size))


def _allocate(allocators: list[Allocator], key: str) -> int | None:
    for allocator in allocators:
        number = allocator.allocate(key)
        if number is not None:
            return number
    return None
