"""The DNS records of a cluster: what CoreDNS's kubernetes plugin makes of Services, endpoints and Pods.

The rules are those of CoreDNS 1.13.1 and of DNS-Based Service Discovery 1.1.0; where one looks odd, CoreDNS is odd.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from kcompile.frontend.corefile.plugins.kubernetes import KubernetesSettings
from kcompile.ir.dns_objects import NO_PORT, DnsAddress, DnsEndpoints, DnsObjects, DnsPort, DnsService, dns_address
from kcompile.ir.domain_names import absolute, below, canonical_address
from kcompile.ir.label_selection import selects

SCHEMA_VERSION = '"1.1.0"'
SCHEMA_TTL = 28800
SOA_TTL_LIMIT = 300
SOA_TIMERS = "7200 1800 86400"
SERIAL = 1
"""CoreDNS's serial is the time of the last change; ours is a constant, so that output is reproducible."""


class Record(NamedTuple):
    """A resource record; `data` is the RDATA in presentation form with absolute names, `ttl` is in seconds."""

    name: str
    ttl: int
    type: str
    data: str
    rdclass: str = "IN"

    def __str__(self) -> str:
        return f"{self.name} {self.ttl} {self.rdclass} {self.type} {self.data}"


class Item(NamedTuple):
    """What a name stands for: an address or another name, a port, and the name of the one thing that has it."""

    address: DnsAddress
    port: int
    target: str


Items = list[Item]

Found = tuple[list[Record], list[Record]]
"""The records for the answer section and for the additional section."""

NO_SUCH_NAME = None
"""What a look-up gives where the name does not exist; an empty list means that it exists without such data."""


class Wanted(NamedTuple):
    """What a name says besides the Service that it leads to, in lower case; empty texts fit anything."""

    endpoint: str = ""
    port: str = ""
    protocol: str = ""


ANYTHING = Wanted()


class ClusterRecords:
    """The records of a cluster under the settings of one kubernetes plugin.

    `server_addresses` are CoreDNS's own ones; loopback addresses among them do not count.
    """

    def __init__(self, settings: KubernetesSettings, objects: DnsObjects, server_addresses: Iterable[str] = ()) -> None:
        if settings.labels is not None:
            objects = objects.selected(partial(selects, settings.labels))
        if settings.noendpoints:
            objects = objects.without_endpoints()
        self.settings = settings
        self.objects = objects
        self.ttl = settings.ttl
        self.server_addresses = tuple(filter(_is_own_address, map(canonical_address, server_addresses)))
        self._soas = {zone: self._soa(zone) for zone in settings.zones}
        self._exposed = frozenset(filter(self._is_exposed, objects.namespaces))

    def exposes(self, namespace: str) -> bool:
        """Whether names of this namespace exist."""
        return namespace in self._exposed

    def _is_exposed(self, namespace: str) -> bool:
        settings = self.settings
        if settings.namespaces and namespace not in settings.namespaces:
            return False
        selector = settings.namespace_labels
        return selector is None or selects(selector, self.objects.namespaces[namespace])

    def service_items(self, service: DnsService, wanted: Wanted, zone: str) -> Items | None:
        """What a name that leads to this Service stands for, or NO_SUCH_NAME."""
        name = below(f"{service.name}.{service.namespace}.svc", zone)
        if service.external:
            # An address is no name to point to.
            if wanted != ANYTHING or canonical_address(service.external_name):
                return NO_SUCH_NAME
            return [Item(dns_address(service.external_name), 0, name)]
        endpoints = self.objects.endpoints_by_key.get(service.key, ())
        if self.settings.ignore_empty_service and not service.headless and not any(e.addresses for e in endpoints):
            return NO_SUCH_NAME
        if service.headless or wanted.endpoint:
            return list(self._endpoint_items(endpoints, wanted, name)) or NO_SUCH_NAME
        return [
            Item(address, port.port, name)
            for port in service.ports
            if _fits(wanted, port)
            for address in service.cluster_ips
        ] or NO_SUCH_NAME

    def items_by_endpoint(self, service: DnsService, zone: str) -> Items:
        """What the names of the single endpoints of a Service stand for, name by name."""
        name = below(f"{service.name}.{service.namespace}.svc", zone)
        found: dict[str, Items] = {}
        for item in self._endpoint_items(self.objects.endpoints_by_key.get(service.key, ()), ANYTHING, name):
            found.setdefault(item.target.lower(), []).append(item)
        return [item for items in found.values() for item in items]

    def _endpoint_items(self, endpoints: tuple[DnsEndpoints, ...], wanted: Wanted, name: str) -> Iterable[Item]:
        pod_names = self.settings.endpoint_pod_names
        for one in endpoints:
            ports = [port.port for port in one.ports if _fits(wanted, port)]
            for address in one.addresses:
                label = address.label(pod_names)
                if not wanted.endpoint or wanted.endpoint == label.lower():
                    for port in ports:
                        yield Item(address, port, f"{label}.{name}")

    def pod_items(self, label: str, namespace: str, zone: str) -> Items | None:
        """What the dashed address of a Pod stands for, or NO_SUCH_NAME."""
        mode = self.settings.pods
        separator = "." if label.count("-") == 3 and "--" not in label else ":"
        ip = label.replace("-", separator)
        item = Item(dns_address(ip), 0, below(f"{label}.{namespace}.pod", zone))
        if mode == "disabled":
            return NO_SUCH_NAME
        if mode == "insecure":
            return [item] if item.address.canonical else NO_SUCH_NAME
        pods = self.objects.pods_by_ip.get(ip, ())
        return [item for pod in pods if pod.namespace.lower() == namespace] or NO_SUCH_NAME

    def addresses(self, name: str, rtype: str, items: Items) -> list[Record]:
        """The A or AAAA records of the items that are addresses."""
        addresses = {item.address.ip: item.address.canonical for item in items if item.address.type == rtype}
        return [Record(name, self.ttl, rtype, address) for address in addresses.values()]

    def srv(self, name: str, items: Items) -> Found:
        """The SRV records of the items that have a port, and the addresses that they lead to."""
        # An ExternalName Service has no SRV records.
        items = [item for item in items if item.address.canonical]
        # Duplicates count: two families of one port weigh 50 each, though one record is left of them.
        weight = max(1, math.floor(100.0 / (100 * len(items)) * 100)) if items else 0
        records: dict[tuple[str, int], Record] = {}
        extra: dict[tuple[str, str], Record] = {}
        for item in items:
            if item.port == NO_PORT:
                continue
            srv = Record(name, self.ttl, "SRV", f"0 {weight} {item.port} {item.target}")
            records.setdefault((item.target, item.port), srv)
            glue = Record(item.target, self.ttl, item.address.type, item.address.canonical)
            extra.setdefault((item.target, item.address.ip), glue)
        return list(records.values()), list(extra.values())

    def cname(self, name: str, items: Items) -> list[Record]:
        """The CNAME record of an ExternalName Service."""
        targets = [item.address.ip for item in items[:1] if not item.address.canonical]
        return [Record(name, self.ttl, "CNAME", absolute(target)) for target in targets]

    def names_of(self, address: str) -> list[str]:
        """The name of the Service with that cluster IP, else those of the endpoints with that address.

        Whether Service and Namespace exist does not matter, only the `namespaces` option does.
        """
        limit, zone = self.settings.namespaces, self.settings.primary_zone
        for service in self.objects.services_by_ip.get(address, ()):
            if not limit or self.exposes(service.namespace):
                return [below(f"{service.name}.{service.namespace}.svc", zone)]
        names: dict[str, None] = {}
        for endpoints, item in self.objects.addresses_by_ip.get(address, ()):
            if not limit or self.exposes(endpoints.namespace):
                label = item.label(self.settings.endpoint_pod_names)
                names[below(f"{label}.{endpoints.service}.{endpoints.namespace}.svc", zone)] = None
        return list(names)

    def name_servers(self, zone: str) -> list[tuple[str, DnsAddress]]:
        """(name, address) of the Services that this server is an endpoint of, else ns.dns.ZONE with its addresses."""
        found: list[tuple[str, DnsAddress]] = []
        endpoints = [one for own in self.server_addresses for one in self.objects.endpoints_with(own)]
        for one in endpoints:
            service = self.objects.service_by_key.get(one.key)
            if service is None:
                continue
            name = below(f"{service.name}.{service.namespace}.svc", zone)
            if service.headless:
                found += [(f"{a.label(self.settings.endpoint_pod_names)}.{name}", a) for a in one.addresses]
            else:
                found += [(name, address) for address in service.cluster_ips]
        if not endpoints:
            found = [(below("ns.dns", zone), dns_address(address)) for address in self.server_addresses]
        return [(name, address) for name, address in found if address.canonical]

    def soa(self, zone: str) -> Record:
        """The SOA record of a zone, whose name may be in any case."""
        return self._soas.get(zone) or self._soa(zone)

    def _soa(self, zone: str) -> Record:
        ttl = min(self.ttl, SOA_TTL_LIMIT)
        data = f"{below('ns.dns', zone)} {below('hostmaster', zone)} {SERIAL} {SOA_TIMERS} {self.ttl}"
        return Record(zone, ttl, "SOA", data)


def schema_version(name: str) -> Record:
    """The TXT record that tells the version of the specification."""
    return Record(name, SCHEMA_TTL, "TXT", SCHEMA_VERSION)


def _fits(wanted: Wanted, port: DnsPort) -> bool:
    if wanted.port and wanted.port != port.name.lower():
        return False
    return not wanted.protocol or wanted.protocol == port.protocol.lower()


def _is_own_address(address: str) -> bool:
    return bool(address) and not address.startswith("127.") and address != "::1"
