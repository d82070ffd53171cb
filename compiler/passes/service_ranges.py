"""The ranges that cluster IPs come from, and with them the IP families of the cluster's Services."""

from __future__ import annotations

from typing import NamedTuple

from kcompile.model import Cluster, Service
from kcompile.passes.addresses import (
    BITS,
    IP_FAMILY,
    AddressRange,
    Family,
    family_of,
    format_address,
    parse_cidr,
)

DEFAULT_RANGES: dict[Family, str] = {4: "10.96.0.0/12", 6: "fd00:10:96::/108"}
"""kubeadm's range, and an IPv6 range of the largest size that the API server takes."""

KUBERNETES = ("default", "kubernetes")
KUBE_DNS = ("kube-system", "kube-dns")
KUBE_DNS_OFFSET = 10


class ServiceRanges(NamedTuple):
    """`ranges` in the order in which they are used; the first one's family is the cluster's primary family.

    `configured` is False when the input names no range, and the families are those that its Services show.
    """

    ranges: tuple[AddressRange, ...]
    configured: bool

    @property
    def primary(self) -> Family:
        return self.ranges[0].family

    @property
    def families(self) -> tuple[Family, ...]:
        return tuple(dict.fromkeys(r.family for r in self.ranges))

    def of(self, family: Family) -> tuple[AddressRange, ...]:
        return tuple(r for r in self.ranges if r.family == family)

    def nth_address(self, offset: int) -> str:
        """The address at an offset in the first range: .1 is the API server's, .10 that of DNS."""
        first = self.ranges[0]
        return format_address((first.family, min(first.first + offset, first.last)))


def service_ranges(cluster: Cluster) -> ServiceRanges:
    """The ranges of a valid cluster: its ServiceCIDRs, else kubeadm's serviceSubnet, else the default."""
    subnet = cluster.cluster_configuration.service_subnet if cluster.cluster_configuration else ""
    # The ServiceCIDR that the API server makes for its own flags is called kubernetes; it decides the primary family.
    objects = sorted(cluster.service_cidrs, key=lambda c: (c.meta.name != "kubernetes", c.meta.name))
    texts = [text for service_cidr in objects for text in service_cidr.cidrs] or list(filter(None, subnet.split(",")))
    configured = tuple(parsed for text in texts if (parsed := parse_cidr(text)))
    if configured:
        return ServiceRanges(configured, True)
    families = _families_shown(cluster.services)
    return ServiceRanges(tuple(_parsed(DEFAULT_RANGES[family]) for family in families), False)


def usable(addresses: AddressRange) -> AddressRange:
    """A range less what the API server keeps back: the network's own address and, for IPv4, the broadcast address."""
    if addresses.size < 4:
        return addresses
    broadcast = 1 if BITS[addresses.family] == 32 else 0
    return AddressRange(addresses.family, addresses.first + 1, addresses.last - broadcast)


def _parsed(text: str) -> AddressRange:
    parsed = parse_cidr(text)
    assert parsed is not None
    return parsed


def _families_shown(services: tuple[Service, ...]) -> tuple[Family, ...]:
    """The families, primary first, of a cluster whose ranges nobody names.

    It is IPv4 alone unless a Service proves the other family: by a cluster IP, by naming the family, or by requiring
    both. The cluster IP of default/kubernetes, else of kube-dns, has the primary family.
    """
    addressed = [service for service in services if service.cluster_ip and service.cluster_ip != "None"]
    shown = {family_of(address) for service in addressed for address in service.cluster_ips}
    deciding = {service.meta.key: service for service in addressed if service.meta.key in (KUBERNETES, KUBE_DNS)}
    if len(addressed) < len(services):
        shown |= _families_named(services)
    if not addressed:
        shown.add(4)
    primary = deciding.get(KUBERNETES) or deciding.get(KUBE_DNS)
    first = family_of(primary.cluster_ip) if primary else min(shown)
    return first, *sorted(shown - {first})


def _families_named(services: tuple[Service, ...]) -> set[Family]:
    """The families that Services name which have no cluster IP, and may have one."""
    named: set[Family] = set()
    for service in services:
        if not service.cluster_ip or (service.selector and service.cluster_ip == "None"):
            named.update(family for family, name in IP_FAMILY.items() if name in service.ip_families)
            if service.ip_family_policy == "RequireDualStack":
                named.update((4, 6))
    return named
