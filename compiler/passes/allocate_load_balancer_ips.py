"""Give load-balancer addresses from MetalLB's IPAddressPools to Services that have none yet.

A Service without a pool that serves it stays pending, as it does on a cluster without a load-balancer controller. So
does one with a loadBalancerClass: that is another controller's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster, IPAddressPool, LoadBalancerIngress, Service
from kcompile.passes.addresses import Address, Family, format_address, parse_address, parse_range
from kcompile.passes.allocator import Allocator
from kcompile.passes.problems import Problems
from kcompile.passes.syntax import shown

PREFIXES = ("metallb.io/", "metallb.universe.tf/")
"""MetalLB's annotations, in today's group and in the older one."""

_INGRESS = ("status", "loadBalancer")


class _Pool(NamedTuple):
    """A pool with its allocators; those of one family share what is used across all pools."""

    pool: IPAddressPool
    allocators: tuple[tuple[Family, Allocator], ...]

    def families(self) -> set[Family]:
        return {family for family, _ in self.allocators}

    def holds(self, address: Address) -> bool:
        return any(f == address[0] and a.first <= address[1] <= a.last for f, a in self.allocators)

    def allocate(self, family: Family, key: str) -> Address | None:
        for own, allocator in self.allocators:
            number = allocator.allocate(key) if own == family else None
            if number is not None:
                return family, number
        return None


def allocate_load_balancer_ips(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Complete status.loadBalancer.ingress of LoadBalancer Services."""
    if not cluster.address_pools or not any(map(_pending, cluster.services)):
        return cluster, ()
    used: dict[Family, set[int]] = {4: set(), 6: set()}
    sharing: dict[Address, list[Service]] = {}
    pools = [_pool(pool, used) for pool in cluster.address_pools]
    requested = {service.meta.key: _requested(service) for service in cluster.services if _pending(service)}
    for service in cluster.services:
        for address in (parse_address(ingress.ip) for ingress in service.ingress if ingress.ip):
            if address:
                sharing.setdefault(address, []).append(service)
                used[address[0]].add(address[1])
    for address in (address for addresses in requested.values() for address in addresses):
        if address:
            used[address[0]].add(address[1])
    services: list[Service] = []
    found: list[Diagnostic] = []
    for service in cluster.services:
        if service.meta.key in requested:
            check = Problems(service.origin)
            given = requested[service.meta.key]
            addresses = _granted(service, given, pools, sharing, check) if given else _chosen(service, pools, check)
            found += check.found
            if addresses:
                ingress = tuple(LoadBalancerIngress(format_address(a), ip_mode="VIP") for a in addresses)
                service = replace(service, ingress=ingress)
        services.append(service)
    return replace(cluster, services=tuple(services)), tuple(found)


def _pending(service: Service) -> bool:
    return service.type == "LoadBalancer" and not service.ingress and not service.load_balancer_class


def _annotation(service: Service, name: str) -> str:
    return next(filter(None, (service.meta.annotations.get(prefix + name) for prefix in PREFIXES)), "")


def _pool(pool: IPAddressPool, used: dict[Family, set[int]]) -> _Pool:
    ranges = filter(None, map(parse_range, pool.addresses))
    return _Pool(pool, tuple((r.family, Allocator(r.first, r.last, used[r.family])) for r in ranges))


def _requested(service: Service) -> tuple[Address | None, ...]:
    """The addresses that the Service asks for, None for what is none: MetalLB's annotation, else loadBalancerIP."""
    listed = _annotation(service, "loadBalancerIPs") or service.load_balancer_ip
    return tuple(parse_address(text.strip()) for text in listed.split(",")) if listed else ()


def _pools_for(service: Service, pools: list[_Pool]) -> list[_Pool]:
    name = _annotation(service, "address-pool")
    return [p for p in pools if (p.pool.meta.name == name if name else p.pool.auto_assign)]


def _granted(
    service: Service,
    requested: tuple[Address | None, ...],
    pools: list[_Pool],
    sharing: dict[Address, list[Service]],
    check: Problems,
) -> tuple[Address, ...]:
    """The requested addresses, if a pool holds each and nobody else has it, or all its holders share it."""
    name = _annotation(service, "address-pool")
    allowed = [p for p in pools if not name or p.pool.meta.name == name]
    addresses = tuple(filter(None, requested))
    if len(addresses) < len(requested):
        check.warning("pending", _INGRESS, "stays pending: what it asks for is not a list of IP addresses")
        return ()
    for address in addresses:
        text = format_address(address)
        if not any(pool.holds(address) for pool in allowed):
            check.warning("pending", _INGRESS, f"stays pending: {text} is not in an IPAddressPool that may serve it")
            return ()
        clash = next((other for other in sharing.get(address, ()) if not _may_share(service, other)), None)
        if clash:
            check.warning("pending", _INGRESS, f"stays pending: {text} is the address of {clash.meta}")
            return ()
    for address in addresses:
        sharing.setdefault(address, []).append(service)
    return addresses


def _may_share(one: Service, other: Service) -> bool:
    """MetalLB's rule: the same sharing key, and no port in common."""
    key = _annotation(one, "allow-shared-ip")
    ports = {(port.protocol, port.port) for port in one.ports}
    return (
        bool(key)
        and key == _annotation(other, "allow-shared-ip")
        and not any((port.protocol, port.port) in ports for port in other.ports)
    )


def _chosen(service: Service, pools: list[_Pool], check: Problems) -> tuple[Address, ...]:
    """An address of each of the Service's families from the first pool that can serve it."""
    wanted: list[Family] = [6 if family == "IPv6" else 4 for family in service.ip_families]
    for pool in _pools_for(service, pools):
        families = [family for family in wanted if family in pool.families()]
        if not families or (len(families) < len(wanted) and service.ip_family_policy == "RequireDualStack"):
            continue
        addresses = [pool.allocate(family, f"LoadBalancer/{service.meta}/{family}") for family in families]
        if all(addresses):
            return tuple(filter(None, addresses))
    name = _annotation(service, "address-pool")
    where = f"the IPAddressPool {shown(name)}" if name else "an IPAddressPool"
    check.warning("pending", _INGRESS, f"stays pending: no address is left for it in {where}")
    return ()
