"""The kubernetes plugin: Services, endpoints and Pods as names.

The rules are those of CoreDNS 1.13.1 (DNS-Based Service Discovery 1.1.0); where one looks odd, CoreDNS is odd.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from kcompile.evaluate.dns.chain import Context, Handler, Unknown
from kcompile.evaluate.dns.labels import selects
from kcompile.evaluate.dns.queries import NOERROR, NXDOMAIN, REFUSED, Message, Question, Record, Reply
from kcompile.frontend.corefile.plugins.kubernetes import KubernetesSettings
from kcompile.ir.dns_objects import NO_PORT, DnsEndpoints, DnsObjects, DnsPort, DnsService
from kcompile.ir.domain_names import (
    absolute,
    address_of_reverse_name,
    below,
    canonical_address,
    is_below_reverse_zone,
    is_subdomain,
    longest_match,
    split,
    suffix_of,
)

SCHEMA_VERSION = '"1.1.0"'
SCHEMA_TTL = 28800
SOA_TTL_LIMIT = 300
SOA_TIMERS = "7200 1800 86400"
SERIAL = 1
"""CoreDNS's serial is the time of the last change; ours is a constant, so that output is reproducible."""

ADDRESS_TYPES = frozenset({"A", "AAAA"})
CONTEXT_FREE_TYPES = frozenset({"SRV", "PTR", "TXT", "CNAME", "MX", "SOA"})
"""The types for which the plugin asks nobody else."""

MAX_CNAMES = 7
"""CoreDNS follows that many CNAMEs of ExternalName Services inside the zone."""


class Item(NamedTuple):
    """What a name stands for: a host (an address or a name), a port, and the name of the one thing that has it.

    `address` is the host as Go prints an address, "" if it is a name.
    """

    host: str
    address: str
    port: int
    target: str

    @property
    def type(self) -> str:
        return type_of_address(self.address)


Items = list[Item]

Found = tuple[list[Record], list[Record]]
"""The records for the answer section and for the additional section."""

NO_SUCH_NAME = None
"""What a look-up gives where the name does not exist; an empty list means that it exists without such data."""


class Asked(NamedTuple):
    """A question inside a zone. `name` and `zone` are in the case of the query, `folded` is lower case."""

    name: str
    folded: str
    zone: str
    type: str


class Parsed(NamedTuple):
    """What the labels of a name below the zone say; empty texts match anything."""

    kind: str = ""
    namespace: str = ""
    service: str = ""
    endpoint: str = ""
    port: str = ""
    protocol: str = ""


class Kubernetes:
    """`server_addresses` are CoreDNS's own ones; loopback addresses among them do not count."""

    name = "kubernetes"

    def __init__(self, settings: KubernetesSettings, objects: DnsObjects, server_addresses: Iterable[str] = ()) -> None:
        if settings.labels is not None:
            objects = objects.selected(partial(selects, settings.labels))
        if settings.noendpoints:
            objects = objects.without_endpoints()
        self.settings = settings
        self.objects = objects
        self.ttl = settings.ttl
        self.zones = settings.zones
        self.primary_zone = settings.primary_zone
        self.server_addresses = tuple(filter(_is_own_address, map(canonical_address, server_addresses)))
        self._namespaces = frozenset(filter(self._is_exposed, objects.namespaces))

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        zone = longest_match(self.zones, question.name.lower())
        if not zone:
            return proceed(question, context)
        if question.type in ("AXFR", "IXFR"):
            return Reply(REFUSED)
        if zone in self.settings.multicluster_zones:
            raise Unknown(f"the multicluster zone {zone} of plugin kubernetes is not evaluated")
        asked = Asked(question.name, question.name.lower(), suffix_of(question.name, zone), question.type)
        found = self._find(asked, context)
        if found is NO_SUCH_NAME and longest_match(self.settings.fallthrough, asked.folded):
            context.say(self.name, f"{question.name} does not exist, falls through")
            return proceed(question, context)
        context.answered_by(self.name)
        if context.steps is not None:
            context.say(self.name, _told(question, zone, found))
        return Reply(NOERROR, self.message(question, asked.zone, found))

    def message(self, question: Question, zone: str, found: Found | None) -> Message:
        """The response with what was found, or with the zone's SOA where nothing was."""
        if found is NO_SUCH_NAME:
            return Message(question, NXDOMAIN, True, authority=(self._soa(zone),))
        if not found[0]:
            return Message(question, NOERROR, True, authority=(self._soa(zone),))
        return Message(question, NOERROR, True, answer=tuple(found[0]), additional=tuple(found[1]))

    def _find(self, asked: Asked, context: Context) -> Found | None:
        if asked.type in CONTEXT_FREE_TYPES:
            return self.find(asked)
        if asked.type == "NS" and asked.folded == asked.zone:
            return self._ns(asked)
        # For types that it has no records of, an address look-up tells NODATA from NXDOMAIN.
        known = asked.type in ADDRESS_TYPES
        records = self._addresses(asked if known else asked._replace(type="A"), (), context)
        return NO_SUCH_NAME if records is NO_SUCH_NAME else (records if known else [], [])

    def find(self, asked: Asked) -> Found | None:
        """The records for answer and additional section, or NO_SUCH_NAME. The type is one of CONTEXT_FREE_TYPES."""
        records: list[Record] | None = []
        match asked.type:
            case "SRV":
                items = self.items(asked)
                return NO_SUCH_NAME if items is NO_SUCH_NAME else self.srv(asked.name, items)
            case "PTR":
                records = self._ptr(asked)
            case "TXT":
                records = self._txt(asked)
            case "CNAME":
                records = self._cname(asked)
            case "MX":
                records = NO_SUCH_NAME if self.items(asked) is NO_SUCH_NAME else []
            case "SOA":
                records = [self._soa(asked.zone)] if asked.name == asked.zone else []
        return NO_SUCH_NAME if records is NO_SUCH_NAME else (records, [])

    def _addresses(self, asked: Asked, before: tuple[str, ...], context: Context) -> list[Record] | None:
        """A or AAAA records, with the CNAMEs that lead to them. `before` are the targets that led here."""
        items = self.items(asked)
        if items is NO_SUCH_NAME:
            return NO_SUCH_NAME
        records = self.addresses(asked.name, asked.type, items)
        for item in items:
            if not item.address:
                records += self._through_cname(asked, absolute(item.host), before, context)
        return records

    def addresses(self, name: str, rtype: str, items: Items) -> list[Record]:
        """The A or AAAA records of the items that are addresses."""
        hosts = {item.host: item.address for item in items if item.type == rtype}
        return [Record(name, self.ttl, rtype, address) for address in hosts.values()]

    def _through_cname(self, asked: Asked, target: str, before: tuple[str, ...], context: Context) -> list[Record]:
        if is_subdomain(asked.folded, target) or len(before) > MAX_CNAMES or target in before:
            return []
        cname = Record(asked.name, self.ttl, "CNAME", target)
        if is_subdomain(asked.zone, target):
            inner = self._addresses(Asked(target, target.lower(), asked.zone, asked.type), (*before, target), context)
            return [cname, *inner] if inner else []
        return [cname, *context.lookup_records(target, asked.type)]

    def srv(self, name: str, items: Items) -> Found:
        # An ExternalName Service has no SRV records.
        items = [item for item in items if item.address]
        # Duplicates count: two families of one port weigh 50 each, though one record is left of them.
        weight = max(1, math.floor(100.0 / (100 * len(items)) * 100)) if items else 0
        records: dict[tuple[str, int], Record] = {}
        extra: dict[tuple[str, str], Record] = {}
        for item in items:
            if item.port == NO_PORT:
                continue
            srv = Record(name, self.ttl, "SRV", f"0 {weight} {item.port} {item.target}")
            records.setdefault((item.target, item.port), srv)
            extra.setdefault((item.target, item.host), Record(item.target, self.ttl, item.type, item.address))
        return list(records.values()), list(extra.values())

    def _ptr(self, asked: Asked) -> list[Record] | None:
        address = address_of_reverse_name(asked.folded)
        if not address:
            return NO_SUCH_NAME if self._records(asked) is NO_SUCH_NAME else []
        targets = self.names_of(address)
        return [Record(asked.name, self.ttl, "PTR", target) for target in targets] if targets else NO_SUCH_NAME

    def names_of(self, address: str) -> list[str]:
        """The name of the Service with that cluster IP, else those of the endpoints with that address.

        Whether Service and Namespace exist does not matter, only the `namespaces` option does.
        """
        limit = self.settings.namespaces
        for service in self.objects.services_by_ip.get(address, ()):
            if not limit or service.namespace in self._namespaces:
                return [f"{service.name}.{service.namespace}.svc.{self.primary_zone}"]
        names = {}
        for endpoints in self.objects.endpoints_by_ip.get(address, ()):
            if limit and endpoints.namespace not in self._namespaces:
                continue
            for item in endpoints.addresses:
                if item.ip == address:
                    label = item.label(self.settings.endpoint_pod_names)
                    names[f"{label}.{endpoints.service}.{endpoints.namespace}.svc.{self.primary_zone}"] = True
        return list(names)

    def _txt(self, asked: Asked) -> list[Record] | None:
        if self._labels(asked) == ["dns-version"]:
            return [Record(asked.name, SCHEMA_TTL, "TXT", SCHEMA_VERSION)]
        return [] if self._records(asked) else NO_SUCH_NAME

    def _cname(self, asked: Asked) -> list[Record] | None:
        items = self.items(asked)
        if items is NO_SUCH_NAME:
            return NO_SUCH_NAME
        if not items or items[0].address:
            return []
        return [Record(asked.name, self.ttl, "CNAME", absolute(items[0].host))]

    def _ns(self, asked: Asked) -> Found:
        servers = self._name_servers(asked.zone)
        names = dict.fromkeys(name for name, _ in servers)
        extra = [
            Record(name, self.ttl, "AAAA" if ":" in address else "A", address) for name, address in servers
        ]
        return [Record(asked.name, self.ttl, "NS", name) for name in names], extra

    def _name_servers(self, zone: str) -> list[tuple[str, str]]:
        """(name, address) of the Services that this server is an endpoint of, else ns.dns.ZONE with its addresses."""
        found: list[tuple[str, str]] = []
        endpoints = [e for address in self.server_addresses for e in self.objects.endpoints_by_ip.get(address, ())]
        for one in endpoints:
            service = self.objects.service_by_key.get(one.key)
            if service is None:
                continue
            name = below(f"{service.name}.{service.namespace}.svc", zone)
            if service.headless:
                pod_names = self.settings.endpoint_pod_names
                found += [(f"{address.label(pod_names)}.{name}", address.canonical) for address in one.addresses]
            else:
                found += [(name, address.canonical) for address in service.cluster_ips]
        if not endpoints:
            found = [(below("ns.dns", zone), address) for address in self.server_addresses]
        return [(name, address) for name, address in found if address]

    def _soa(self, zone: str) -> Record:
        ttl = min(self.ttl, SOA_TTL_LIMIT)
        data = f"{below('ns.dns', zone)} {below('hostmaster', zone)} {SERIAL} {SOA_TIMERS} {self.ttl}"
        return Record(zone, ttl, "SOA", data)

    def items(self, asked: Asked) -> Items | None:
        """What the name stands for, or NO_SUCH_NAME."""
        # Compared with the zone as it was asked for: in another case the name does not exist.
        if asked.folded == below("ns.dns", asked.zone):
            servers = self._name_servers(asked.zone)
            items = [Item(address, address, 0, asked.name) for _, address in servers]
            return [item for item in items if item.type == asked.type]
        return self._records(asked)

    def _records(self, asked: Asked) -> Items | None:
        parsed = _parse(self._labels(asked))
        if parsed is NO_SUCH_NAME:
            return NO_SUCH_NAME
        if not parsed.kind:
            return []
        if is_below_reverse_zone(asked.folded) or parsed.namespace not in self._namespaces:
            return NO_SUCH_NAME
        return self._pods(parsed, asked.zone) if parsed.kind == "pod" else self._services(parsed, asked.zone)

    def _labels(self, asked: Asked) -> list[str]:
        """The labels below the zone."""
        return split(asked.folded[: -len(asked.zone)]) if asked.folded != asked.zone else []

    def exposes(self, namespace: str) -> bool:
        return namespace in self._namespaces

    def _is_exposed(self, namespace: str) -> bool:
        settings = self.settings
        if settings.namespaces and namespace not in settings.namespaces:
            return False
        selector = settings.namespace_labels
        return selector is None or selects(selector, self.objects.namespaces[namespace])

    def _pods(self, parsed: Parsed, zone: str) -> Items | None:
        mode, name = self.settings.pods, parsed.service
        if mode == "disabled":
            return NO_SUCH_NAME
        if not name:
            return []
        separator = "." if name.count("-") == 3 and "--" not in name else ":"
        ip = name.replace("-", separator)
        item = Item(ip, canonical_address(ip), 0, below(f"{name}.{parsed.namespace}.pod", zone))
        if mode == "insecure":
            return [item] if item.address else NO_SUCH_NAME
        pods = self.objects.pods_by_ip.get(ip, ())
        return [item for pod in pods if pod.namespace.lower() == parsed.namespace] or NO_SUCH_NAME

    def _services(self, parsed: Parsed, zone: str) -> Items | None:
        if not parsed.service:
            return []
        key = (parsed.namespace, parsed.service)
        service = self.objects.service_by_key.get(key)
        return NO_SUCH_NAME if service is None else self.service_items(service, parsed, zone)

    def service_items(self, service: DnsService, parsed: Parsed, zone: str) -> Items | None:
        """What a name that leads to this Service stands for, or NO_SUCH_NAME."""
        name = below(f"{service.name}.{service.namespace}.svc", zone)
        if service.external:
            return self._external_name(service, parsed, name)
        endpoints = self.objects.endpoints_by_key.get(service.key, ())
        if service.headless or parsed.endpoint:
            empty = self.settings.ignore_empty_service and not service.headless
            if empty and not any(one.addresses for one in endpoints):
                return NO_SUCH_NAME
            return list(self._endpoint_items(endpoints, parsed, name)) or NO_SUCH_NAME
        if self.settings.ignore_empty_service and not any(one.addresses for one in endpoints):
            return NO_SUCH_NAME
        return [
            Item(address.ip, address.canonical, port.port, name)
            for port in service.ports
            if _matches(parsed, port)
            for address in service.cluster_ips
        ] or NO_SUCH_NAME

    def _external_name(self, service: DnsService, parsed: Parsed, name: str) -> Items | None:
        if parsed.endpoint or parsed.port or parsed.protocol or canonical_address(service.external_name):
            return NO_SUCH_NAME
        return [Item(service.external_name, "", 0, name)]

    def _endpoint_items(self, endpoints: tuple[DnsEndpoints, ...], parsed: Parsed, name: str) -> Iterable[Item]:
        pod_names = self.settings.endpoint_pod_names
        for one in endpoints:
            ports = [port.port for port in one.ports if _matches(parsed, port)]
            for address in one.addresses:
                label = address.label(pod_names)
                if not parsed.endpoint or parsed.endpoint == label.lower():
                    for port in ports:
                        yield Item(address.ip, address.canonical, port, f"{label}.{name}")


def type_of_address(address: str) -> str:
    """The type of the record with this address; CNAME for "", which stands for a name."""
    return "CNAME" if not address else "AAAA" if ":" in address else "A"


def _parse(labels: list[str]) -> Parsed | None:
    """The parts of a name below the zone, or NO_SUCH_NAME for what can name nothing."""
    if not labels:
        return Parsed()
    kind, rest = labels[-1], labels[:-1]
    if kind not in ("pod", "svc"):
        return NO_SUCH_NAME
    match rest:
        case []:
            return Parsed()
        case [namespace]:
            return Parsed(kind, namespace)
        case [service, namespace]:
            return Parsed(kind, namespace, service)
        case [endpoint, service, namespace]:
            return Parsed(kind, namespace, service, endpoint)
        case [port, protocol, service, namespace]:
            return Parsed(kind, namespace, service, "", port.removeprefix("_"), protocol.removeprefix("_"))
    return NO_SUCH_NAME


def _told(question: Question, zone: str, found: Found | None) -> str:
    if found is NO_SUCH_NAME:
        return f"{question.name} does not exist"
    return f"answers from the cluster, zone {zone}" if found[0] else f"{question.name} has no {question.type} record"


def _matches(parsed: Parsed, port: DnsPort) -> bool:
    """Whether the port and the protocol of the name fit; an empty one fits all."""
    if parsed.port and parsed.port != port.name.lower():
        return False
    return not parsed.protocol or parsed.protocol == port.protocol.lower()


def _is_own_address(address: str) -> bool:
    return bool(address) and not address.startswith("127.") and address != "::1"

