"""The k8s_external plugin: external addresses of Services as SERVICE.NAMESPACE in a zone of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from kcompile.evaluate.dns.chain import Context, Handler
from kcompile.evaluate.dns.kubernetes import Kubernetes
from kcompile.evaluate.dns.queries import NOERROR, NXDOMAIN, SERVFAIL, Message, Question, Reply
from kcompile.frontend.corefile.plugins.k8s_external import K8sExternalSettings
from kcompile.ir.dns_objects import NO_PORT, DnsPort, DnsService, dns_address
from kcompile.ir.domain_names import (
    absolute,
    address_of_reverse_name,
    below,
    canonical_address,
    is_subdomain,
    longest_match,
    split,
)
from kcompile.ir.records import SERIAL, SOA_TIMERS, Item, Items, Record


class K8sExternal:
    """`kubernetes` is the plugin of the same server block; without it every query is handed on."""

    name = "k8s_external"

    def __init__(self, settings: K8sExternalSettings, kubernetes: Kubernetes | None) -> None:
        self.settings = settings
        self.kubernetes = kubernetes
        self.ttl = settings.ttl

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        name = question.name.lower()
        zone = longest_match(self.settings.zones, name)
        if not zone or self.kubernetes is None:
            return proceed(question, context)
        if name in self.settings.zones:
            return self._apex(question, zone, self.kubernetes, context)
        for one in self.settings.zones:
            if is_subdomain(below(self.settings.apex, one), name):
                return self._below_apex(question, zone, self.kubernetes, context)
        answer: list[Record] = []
        extra: list[Record] = []
        if question.type == "PTR" and (address := address_of_reverse_name(name)):
            answer = self._reverse(question, address, self.kubernetes)
            rcode = NOERROR if answer else NXDOMAIN
        else:
            items, rcode = self._find(name, zone, self.kubernetes)
            if items and question.type != "PTR":
                answer, extra = self._records(question, items, self.kubernetes, context)
        if rcode == NXDOMAIN and longest_match(self.settings.fallthrough, name):
            return proceed(question, context)
        return self._reply(question, zone, context, answer, extra, rcode)

    def _reply(
        self,
        question: Question,
        zone: str,
        context: Context,
        answer: Iterable[Record] = (),
        extra: Iterable[Record] = (),
        rcode: str = NOERROR,
    ) -> Reply:
        """A response; one without records carries the zone's SOA."""
        context.answered_by(self.name, f"answers from the external addresses of Services, zone {zone}")
        answer = tuple(answer)
        authority = () if answer else (self._soa(zone),)
        return Reply(NOERROR, Message(question, rcode, True, False, True, answer, authority, tuple(extra)))

    def _apex(self, question: Question, zone: str, plugin: Kubernetes, context: Context) -> Reply:
        if question.type == "SOA":
            return self._reply(question, zone, context, [self._soa(zone)])
        if question.type == "NS":
            server = below(f"ns1.{self.settings.apex}", zone)
            owner = below(f"ns1.{self.settings.apex}", question.name)
            extra = [record._replace(name=owner) for record in self._own_addresses(plugin, zone)]
            return self._reply(question, zone, context, [Record(zone, self.ttl, "NS", server)], extra)
        return self._reply(question, zone, context)

    def _below_apex(self, question: Question, zone: str, plugin: Kubernetes, context: Context) -> Reply:
        labels = split(question.name.lower())
        rest = labels[: len(labels) - len(split(zone))]
        if len(rest) == 1:
            return self._reply(question, zone, context)
        if len(rest) != 2 or rest[0] != "ns1":
            return self._reply(question, zone, context, rcode=NXDOMAIN)
        addresses = [record for record in self._own_addresses(plugin, zone) if record.type == question.type]
        return self._reply(question, zone, context, [record._replace(name=question.name) for record in addresses])

    def _own_addresses(self, plugin: Kubernetes, zone: str) -> list[Record]:
        """The external addresses of the Services that CoreDNS itself is an endpoint of, else its own addresses."""
        found: list[str] = []
        objects, own_addresses = plugin.records.objects, plugin.records.server_addresses
        endpoints = [one for own in own_addresses for one in objects.endpoints_with(own)]
        for one in endpoints:
            service = objects.service_by_key.get(one.key)
            if service is None:
                continue
            if self.settings.headless and service.headless:
                found += [address.canonical for address in one.addresses]
            else:
                found += map(canonical_address, service.external_addresses)
        if not endpoints:
            found = list(own_addresses)
        return [Record(zone, self.ttl, "AAAA" if ":" in text else "A", text) for text in found if text]

    def _reverse(self, question: Question, address: str, plugin: Kubernetes) -> list[Record]:
        limit = plugin.settings.namespaces
        names = dict.fromkeys(
            below(f"{service.name}.{service.namespace}", self.settings.zones[0])
            for service in plugin.records.objects.services_by_external_ip.get(address, ())
            if not limit or plugin.records.exposes(service.namespace)
        )
        return [Record(question.name, self.ttl, "PTR", name) for name in names]

    def _find(self, name: str, zone: str, plugin: Kubernetes) -> tuple[Items, str]:
        """What SERVICE.NAMESPACE, ENDPOINT.SERVICE.NAMESPACE or _PORT._PROTOCOL.SERVICE.NAMESPACE stands for."""
        labels = split(name)
        rest = labels[: len(labels) - len(split(zone))]
        if not rest:
            return [], SERVFAIL
        namespace = rest[-1]
        if not plugin.records.exposes(namespace):
            return [], NXDOMAIN
        if len(rest) == 1:
            return [], NOERROR
        endpoint = port = protocol = ""
        match rest[:-2]:
            case []:
                pass
            case [label]:
                endpoint = label.removeprefix("_")
            case [first, second]:
                port, protocol = first.removeprefix("_"), second.removeprefix("_")
            case _:
                return [], NXDOMAIN
        service = plugin.records.objects.service_by_key.get((namespace, rest[-2]))
        if service is None:
            return [], NXDOMAIN

        def matches(declared: DnsPort) -> bool:
            return port in ("", declared.name.lower()) and protocol in ("", declared.protocol.lower())

        target = below(f"{service.name}.{service.namespace}", zone)
        if self.settings.headless and not service.external_addresses and (service.headless or endpoint):
            items = list(_endpoints(plugin, service, endpoint, matches, target))
        else:
            items = [
                Item(dns_address(ip), declared.port, target)
                for ip in service.external_addresses
                for declared in service.ports
                if matches(declared)
            ]
        return items, NOERROR if items else NXDOMAIN

    def _records(
        self, question: Question, items: Items, plugin: Kubernetes, context: Context
    ) -> tuple[list[Record], list[Record]]:
        if question.type == "SRV":
            return self._srv(question, items, plugin, context)
        answer: list[Record] = []
        if question.type in ("A", "AAAA"):
            for item in items:
                address = item.address
                if address.type == question.type:
                    record = Record(question.name, self.ttl, address.type, address.canonical)
                    if record not in answer:
                        answer.append(record)
                elif not address.canonical:
                    target = absolute(address.ip)
                    answer.append(Record(question.name, plugin.settings.ttl, "CNAME", target))
                    answer += context.lookup_records(target, question.type)
        return answer, []

    def _srv(
        self, question: Question, items: Items, plugin: Kubernetes, context: Context
    ) -> tuple[list[Record], list[Record]]:
        weight = max(1, math.floor(100.0 / (100 * len(items)) * 100))
        records: dict[tuple[str, int], Record] = {}
        extra: dict[tuple[str, str], list[Record]] = {}
        for item in items:
            if item.port == NO_PORT:
                continue
            address = item.address
            target = item.target if address.canonical else absolute(address.ip)
            srv = Record(question.name, plugin.settings.ttl, "SRV", f"0 {weight} {item.port} {target}")
            records.setdefault((target, item.port), srv)
            if (target, address.ip) in extra:
                continue
            if address.canonical:
                extra[target, address.ip] = [Record(target, self.ttl, address.type, address.canonical)]
            else:
                found = (*context.lookup_records(target, "A"), *context.lookup_records(target, "AAAA"))
                extra[target, address.ip] = list(found)
        return list(records.values()), [record for group in extra.values() for record in group]

    def _soa(self, zone: str) -> Record:
        apex = self.settings.apex
        names = f"{below(f'ns1.{apex}', zone)} {below(f'hostmaster.{apex}', zone)}"
        return Record(zone, self.ttl, "SOA", f"{names} {SERIAL} {SOA_TIMERS} {self.ttl}")


def _endpoints(
    plugin: Kubernetes, service: DnsService, endpoint: str, matches: Callable[[DnsPort], bool], target: str
) -> Iterable[Item]:
    for one in plugin.records.objects.endpoints_by_key.get(service.key, ()):
        for address in one.addresses:
            label = address.label(plugin.settings.endpoint_pod_names)
            if endpoint in ("", label.lower()):
                for declared in filter(matches, one.ports):
                    yield Item(address, declared.port, f"{label}.{target}")
