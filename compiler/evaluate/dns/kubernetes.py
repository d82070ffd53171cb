"""The kubernetes plugin: from a question to the records of the cluster."""

from __future__ import annotations

from typing import NamedTuple

from kcompile.evaluate.dns.chain import Context, Handler, Unknown
from kcompile.evaluate.dns.queries import NOERROR, NXDOMAIN, REFUSED, Message, Question, Reply
from kcompile.ir.domain_names import (
    absolute,
    address_of_reverse_name,
    below,
    is_below_reverse_zone,
    is_subdomain,
    longest_match,
    split,
    suffix_of,
)
from kcompile.ir.records import (
    NO_SUCH_NAME,
    ClusterRecords,
    Found,
    Item,
    Items,
    Record,
    Wanted,
    schema_version,
)

ADDRESS_TYPES = frozenset({"A", "AAAA"})
CONTEXT_FREE_TYPES = frozenset({"SRV", "PTR", "TXT", "CNAME", "MX", "SOA"})
"""The types for which the plugin asks nobody else."""

MAX_CNAMES = 7
"""CoreDNS follows that many CNAMEs of ExternalName Services inside the zone."""


class Asked(NamedTuple):
    """A question inside a zone. `name` and `zone` are in the case of the query, `folded` is lower case."""

    name: str
    folded: str
    zone: str
    type: str


class Kubernetes:
    name = "kubernetes"

    def __init__(self, records: ClusterRecords) -> None:
        self.records = records
        self.settings = records.settings
        self.zones = records.settings.zones

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
            return Message(question, NXDOMAIN, True, authority=(self.records.soa(zone),))
        if not found[0]:
            return Message(question, NOERROR, True, authority=(self.records.soa(zone),))
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
            case "SOA":
                records = [self.records.soa(asked.zone)] if asked.name == asked.zone else []
            case "PTR":
                records = self._ptr(asked)
            case "TXT":
                records = self._txt(asked)
            case _:
                items = self.items(asked)
                if items is NO_SUCH_NAME:
                    return NO_SUCH_NAME
                if asked.type == "SRV":
                    return self.records.srv(asked.name, items)
                records = self.records.cname(asked.name, items) if asked.type == "CNAME" else []
        return NO_SUCH_NAME if records is NO_SUCH_NAME else (records, [])

    def _addresses(self, asked: Asked, before: tuple[str, ...], context: Context) -> list[Record] | None:
        """A or AAAA records, with the CNAMEs that lead to them. `before` are the targets that led here."""
        items = self.items(asked)
        if items is NO_SUCH_NAME:
            return NO_SUCH_NAME
        records = self.records.addresses(asked.name, asked.type, items)
        for item in items:
            if not item.address.canonical:
                records += self._through_cname(asked, absolute(item.address.ip), before, context)
        return records

    def _through_cname(self, asked: Asked, target: str, before: tuple[str, ...], context: Context) -> list[Record]:
        if is_subdomain(asked.folded, target) or len(before) > MAX_CNAMES or target in before:
            return []
        cname = Record(asked.name, self.settings.ttl, "CNAME", target)
        if is_subdomain(asked.zone, target):
            inner = self._addresses(Asked(target, target.lower(), asked.zone, asked.type), (*before, target), context)
            return [cname, *inner] if inner else []
        return [cname, *context.lookup_records(target, asked.type)]

    def _ptr(self, asked: Asked) -> list[Record] | None:
        address = address_of_reverse_name(asked.folded)
        if not address:
            return NO_SUCH_NAME if self._cluster_items(asked) is NO_SUCH_NAME else []
        targets = self.records.names_of(address)
        return [Record(asked.name, self.settings.ttl, "PTR", target) for target in targets] or NO_SUCH_NAME

    def _txt(self, asked: Asked) -> list[Record] | None:
        if _labels(asked) == ["dns-version"]:
            return [schema_version(asked.name)]
        return [] if self._cluster_items(asked) else NO_SUCH_NAME

    def _ns(self, asked: Asked) -> Found:
        servers = self.records.name_servers(asked.zone)
        ttl = self.settings.ttl
        names = dict.fromkeys(name for name, _ in servers)
        extra = [Record(name, ttl, address.type, address.canonical) for name, address in servers]
        return [Record(asked.name, ttl, "NS", name) for name in names], extra

    def items(self, asked: Asked) -> Items | None:
        """What the name stands for, or NO_SUCH_NAME."""
        # Compared with the zone as it was asked for: in another case the name does not exist.
        if asked.folded.startswith("ns.dns.") and asked.folded == below("ns.dns", asked.zone):
            servers = self.records.name_servers(asked.zone)
            return [Item(address, 0, asked.name) for _, address in servers if address.type == asked.type]
        return self._cluster_items(asked)

    def _cluster_items(self, asked: Asked) -> Items | None:
        match _labels(asked):
            case [] | ["svc" | "pod"]:
                return []
            case [*rest, namespace, "svc" | "pod" as kind]:
                pass
            case _:
                return NO_SUCH_NAME
        if len(rest) > 3 or is_below_reverse_zone(asked.folded) or not self.records.exposes(namespace):
            return NO_SUCH_NAME
        if kind == "pod":
            if not rest:
                return NO_SUCH_NAME if self.settings.pods == "disabled" else []
            # What stands before the dashed address does not matter.
            return self.records.pod_items(rest[-1], namespace, asked.zone)
        if not rest:
            return []
        service = self.records.objects.service_by_key.get((namespace, rest[-1]))
        return NO_SUCH_NAME if service is None else self.records.service_items(service, _wanted(rest), asked.zone)


def _labels(asked: Asked) -> list[str]:
    """The labels below the zone."""
    return split(asked.folded[: -len(asked.zone)]) if asked.folded != asked.zone else []


def _wanted(labels: list[str]) -> Wanted:
    """ENDPOINT or _PORT._PROTOCOL before the Service; the underscores need not be there."""
    match labels:
        case [endpoint, _]:
            return Wanted(endpoint=endpoint)
        case [port, protocol, _]:
            return Wanted("", port.removeprefix("_"), protocol.removeprefix("_"))
    return Wanted()


def _told(question: Question, zone: str, found: Found | None) -> str:
    if found is NO_SUCH_NAME:
        return f"{question.name} does not exist"
    return f"answers from the cluster, zone {zone}" if found[0] else f"{question.name} has no {question.type} record"
