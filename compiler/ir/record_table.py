"""Every DNS record of a cluster, with the object that it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kcompile.frontend.source import Origin
from kcompile.ir.dns_objects import DnsAddress, DnsPod, DnsService
from kcompile.ir.domain_names import below, reverse_name
from kcompile.ir.records import NO_SUCH_NAME, ClusterRecords, Items, Record, Wanted, schema_version


class ClusterRecord(NamedTuple):
    """`source` is the kind and the name of the object, such as "Service default/web"; `origin` is where it stands."""

    record: Record
    source: str
    origin: Origin


def forward_records(records: ClusterRecords, zone: str) -> Iterator[ClusterRecord]:
    """The records of Services, of their endpoints and of Pods below `zone`, by (namespace, name) of the object.

    What CoreDNS answers besides (addresses for names of ports, SRV records for names of endpoints, and Pod names for
    addresses that no Pod has) is left out: nothing in the specification names it.
    """
    for service in records.objects.services:
        if records.exposes(service.namespace):
            source = f"Service {service.namespace}/{service.name}"
            for record in dict.fromkeys(_of_service(records, service, zone)):
                yield ClusterRecord(record, source, service.origin)
    if records.settings.pods != "disabled":
        for pod in records.objects.pods:
            if records.exposes(pod.namespace):
                source = f"Pod {pod.namespace}/{pod.name}"
                yield from (ClusterRecord(record, source, pod.origin) for record in _of_pod(records, pod, zone))


def reverse_records(records: ClusterRecords) -> Iterator[ClusterRecord]:
    """The PTR records of cluster IPs and of ready endpoints, by address within each kind."""
    taken: set[str] = set()
    for service in records.objects.services:
        source = f"Service {service.namespace}/{service.name}"
        for address in service.cluster_ips:
            for record in _pointers(records, address, taken):
                yield ClusterRecord(record, source, service.origin)
    for endpoints in records.objects.endpoints:
        source = f"EndpointSlice {endpoints.namespace}/{endpoints.name}"
        for address in endpoints.addresses:
            for record in _pointers(records, address, taken):
                yield ClusterRecord(record, source, endpoints.origin)


def version_record(zone: str) -> Record:
    return schema_version(below("dns-version", zone))


def _of_service(records: ClusterRecords, service: DnsService, zone: str) -> Iterator[Record]:
    items = records.service_items(service, Wanted(), zone)
    if items is NO_SUCH_NAME:
        return
    name = below(f"{service.name}.{service.namespace}.svc", zone)
    yield from records.cname(name, items)
    yield from _addresses(records, name, items)
    yield from records.srv(name, items)[0]
    for port in _ports(records, service):
        of_port = records.service_items(service, Wanted("", *port), zone)
        if of_port is not NO_SUCH_NAME:
            yield from records.srv(f"_{port[0]}._{port[1]}.{name}", of_port)[0]
    yield from _of_endpoints(records, service, items, zone)


def _ports(records: ClusterRecords, service: DnsService) -> Iterator[tuple[str, str]]:
    """The named ports and their protocols in lower case: those of the slices for a headless Service."""
    declared = service.ports
    if service.headless:
        slices = records.objects.endpoints_by_key.get(service.key, ())
        declared = tuple(dict.fromkeys(port for piece in slices for port in piece.ports))
    return ((port.name.lower(), port.protocol.lower()) for port in declared if port.name)


def _of_endpoints(records: ClusterRecords, service: DnsService, items: Items, zone: str) -> Iterator[Record]:
    """The addresses under the names of single endpoints, which a Service with a cluster IP has too."""
    if service.external:
        return
    if not service.headless:
        items = records.items_by_endpoint(service, zone)
    for item in items:
        if item.address.canonical:
            yield Record(item.target, records.ttl, item.address.type, item.address.canonical)


def _addresses(records: ClusterRecords, name: str, items: Items) -> Iterator[Record]:
    for rtype in ("A", "AAAA"):
        yield from records.addresses(name, rtype, items)


def _of_pod(records: ClusterRecords, pod: DnsPod, zone: str) -> Iterator[Record]:
    label = pod.ip.replace(".", "-").replace(":", "-")
    for item in records.pod_items(label, pod.namespace.lower(), zone) or ():
        yield Record(item.target, records.ttl, item.address.type, item.address.canonical)
        return


def _pointers(records: ClusterRecords, address: DnsAddress, taken: set[str]) -> list[Record]:
    """The records of an address that none has been written for."""
    ip = address.ip
    if not ip or address.canonical != ip or ip in taken:
        return []
    taken.add(ip)
    name = reverse_name(ip)
    return [Record(name, records.ttl, "PTR", target) for target in records.names_of(ip)]
