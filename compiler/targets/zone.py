"""Master files (RFC 1035, section 5) with the records of a cluster: one forward zone, and its reverse zones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kcompile.frontend.corefile.plugins.kubernetes import KubernetesSettings
from kcompile.ir.dns_objects import DnsAddress, DnsObjects, dns_address
from kcompile.ir.domain_names import below, split
from kcompile.ir.record_table import forward_records, reverse_records, version_record
from kcompile.ir.records import ClusterRecords, Record

IPV4_REVERSE_LABELS = 2
"""A reverse zone holds a /16: small enough not to claim a whole /8, large enough for a range of Pods."""

IPV6_REVERSE_LABELS = 16
"""A /64, the usual size of an IPv6 network."""


def zone_file_name(zone: str) -> str:
    """`cluster.local.zone`; what is no letter, digit, dot or hyphen in a zone's name becomes `_`."""
    safe = "".join(c if c.isalnum() or c in "-." else "_" for c in zone.rstrip(".").lower())
    return f"{safe or 'root'}.zone"


def zones(
    objects: DnsObjects, settings: KubernetesSettings, name_servers: Iterable[str]
) -> Mapping[str, tuple[str, bytes]]:
    """The zones of a cluster: origin to file name and content.

    `name_servers` are the addresses at which the zones are served (kube-dns's cluster IPs, say). The forward zone is
    the plugin's primary one; there is a reverse zone for each network that a cluster IP or a ready endpoint lies in.
    """
    records = ClusterRecords(settings, objects)
    zone = settings.primary_zone
    addresses = tuple(address for address in map(dns_address, name_servers) if address.canonical)
    content = {zone: [entry.record for entry in forward_records(records, zone)]}
    content[zone].append(version_record(zone))
    for entry in reverse_records(records):
        content.setdefault(_reverse_zone(entry.record.name), []).append(entry.record)
    return {
        origin: (zone_file_name(origin), _master_file(records, origin, owned, addresses))
        for origin, owned in sorted(content.items(), key=lambda item: (item[0] != zone, item[0]))
    }


def _reverse_zone(name: str) -> str:
    # Of the 4 labels of an IPv4 address, and the 32 of an IPv6 one, half are the zone's.
    return name.split(".", IPV6_REVERSE_LABELS if name.endswith(".ip6.arpa.") else IPV4_REVERSE_LABELS)[-1]


def _master_file(
    records: ClusterRecords, zone: str, owned: Iterable[Record], addresses: tuple[DnsAddress, ...]
) -> bytes:
    server = below("ns.dns", zone)
    ttl = records.ttl
    apex = [records.soa(zone), Record(zone, ttl, "NS", server)]
    apex += [Record(server, ttl, address.type, address.canonical) for address in addresses]
    body = dict.fromkeys(map(_line, sorted(owned, key=_canonical_order)))
    return "\n".join((f"$ORIGIN {zone}", f"$TTL {ttl}", *map(_line, apex), *body, "")).encode()


def _line(record: Record) -> str:
    return f"{record.name}\t{record.ttl}\tIN\t{record.type}\t{record.data}"


def _canonical_order(record: Record) -> tuple[str, str, str]:
    """By name from the right (RFC 4034, section 6.1), then by type and data."""
    # A NUL comes before all that a label may have, so the texts compare like lists of labels.
    return "\0".join(split(record.name.lower())[::-1]), record.type, record.data
