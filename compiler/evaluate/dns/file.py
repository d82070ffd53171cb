"""The file plugin: an authoritative server for master files, with CoreDNS's ideas about wildcards and CNAMEs."""

from __future__ import annotations

import enum
from typing import NamedTuple

from kcompile.evaluate.dns.chain import Context, Handler, Unknown
from kcompile.evaluate.dns.queries import NOERROR, NXDOMAIN, REFUSED, SERVFAIL, Message, Question, Reply
from kcompile.evaluate.dns.zone_data import ServedZone, Types, ZoneError, served_zone
from kcompile.frontend.corefile.plugins.file import FileSettings, ZoneFile
from kcompile.ir.domain_names import is_subdomain, longest_match, split
from kcompile.ir.records import Record

MAX_LOOPS = 8
"""CoreDNS follows that many CNAMEs before it stops, inside a zone and through the server."""


class Result(enum.Enum):
    SUCCESS = enum.auto()
    NAME_ERROR = enum.auto()
    DELEGATION = enum.auto()
    NO_DATA = enum.auto()
    SERVER_FAILURE = enum.auto()


class Found(NamedTuple):
    result: Result
    answer: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()


class File:
    name = "file"

    def __init__(self, settings: FileSettings) -> None:
        self.zones = {zone.origin: _load(zone) for zone in settings.zones}
        self.fallthrough = settings.fallthrough

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        folded = question.name.lower()
        origin = longest_match(self.zones, folded)
        if not origin:
            return proceed(question, context)
        zone = self.zones[origin]
        if isinstance(zone, ZoneError):
            context.answered_by(self.name)
            raise Unknown(f"zone {origin} is not evaluated: {zone}")
        if zone is None:
            context.answered_by(self.name, f"the file of zone {origin} was not loaded")
            return Reply(SERVFAIL)
        if question.type in ("AXFR", "IXFR"):
            return Reply(REFUSED)
        found = zone.look_up(question, context)
        if found.result is Result.NAME_ERROR and longest_match(self.fallthrough, folded):
            context.say(self.name, f"{question.name} does not exist, falls through")
            return proceed(question, context)
        context.answered_by(self.name, f"answers from the file of zone {origin}")
        if found.result is Result.SERVER_FAILURE and not found.answer:
            return Reply(SERVFAIL)
        rcode = {Result.NAME_ERROR: NXDOMAIN, Result.SERVER_FAILURE: SERVFAIL}.get(found.result, NOERROR)
        message = Message(
            question,
            rcode,
            authoritative=found.result is not Result.DELEGATION,
            answer=found.answer,
            authority=found.authority,
            additional=found.additional,
        )
        return Reply(NOERROR, message)


class AuthoritativeZone:
    """Answers from a master file."""

    def __init__(self, zone: ServedZone) -> None:
        self.soa, self.name_servers, data = zone
        self.origin, self.names, self.inner = data.origin, data.names, data.inner

    def look_up(self, question: Question, context: Context) -> Found:
        name, rtype = question.name.lower(), question.type
        if context.loops > MAX_LOOPS or not self.soa:
            return Found(Result.SERVER_FAILURE)
        if name == self.origin and rtype == "SOA":
            return Found(Result.SUCCESS, self.soa, self.name_servers)
        if name == self.origin and rtype == "NS":
            return Found(Result.SUCCESS, self.name_servers, (), self._glue(self.name_servers))
        wildcard: Types | None = None
        here: Types | None = None
        for node in self._path_to(name):
            here = self.names.get(node)
            if here is None:
                wildcard = self.names.get("*." + ".".join(split(node)[1:]) + ".", wildcard)
                continue
            alias = _synthesized(name, here.get("DNAME", ()))
            if alias and rtype == "CNAME":
                return Found(Result.SUCCESS, (*here["DNAME"], alias), self.name_servers)
            if alias:
                found = self._follow(question, (alias,), context)
                return found._replace(answer=here["DNAME"] + found.answer)
            delegation = here.get("NS", ())
            if delegation and not (rtype == "DS" and node == name):
                return Found(Result.DELEGATION, (), delegation, self._glue(delegation))
        if here is not None:
            return self._at_name(question, here, context)
        if wildcard is not None:
            return self._at_wildcard(question, wildcard, context)
        result = Result.SUCCESS if name in self.inner else Result.NAME_ERROR
        return Found(result, (), self.soa)

    def _path_to(self, name: str) -> list[str]:
        """The names from the apex down to `name`."""
        labels = split(name)
        depth = len(split(self.origin))
        return [".".join(labels[len(labels) - i :]) + "." for i in range(depth, len(labels) + 1)]

    def _at_name(self, question: Question, here: Types, context: Context) -> Found:
        alias = here.get("CNAME", ())
        if alias and question.type != "CNAME":
            return self._follow(question, alias, context)
        records = here.get(question.type, ())
        if not records:
            return Found(Result.NO_DATA, (), self.soa)
        return Found(Result.SUCCESS, records, self.name_servers, self._additional(records))

    def _at_wildcard(self, question: Question, wildcard: Types, context: Context) -> Found:
        name = question.name.lower()
        alias = _owned(name, wildcard.get("CNAME", ()))
        if alias and question.type != "CNAME":
            return self._follow(question, alias, context)
        records = _owned(name, wildcard.get(question.type, ()))
        if not records:
            return Found(Result.SUCCESS, (), self.soa)
        return Found(Result.SUCCESS, records, self.name_servers)

    def _follow(self, question: Question, alias: tuple[Record, ...], context: Context) -> Found:
        """The CNAMEs from `alias` on, and what stands at their end, inside the zone or through the server."""
        records = list(alias)
        context.loops += 1
        try:
            for _ in range(MAX_LOOPS + 2):
                target = records[-1].data
                here = self.names.get(target.lower())
                if here is None:
                    return self._outside(question, records, target, context)
                further = here.get("CNAME", ())
                if not further:
                    return Found(Result.SUCCESS, (*records, *here.get(question.type, ())), self.name_servers)
                if len(records) > MAX_LOOPS + len(alias):
                    break
                records += further[:1]
            return Found(Result.SUCCESS, tuple(records), self.name_servers)
        finally:
            context.loops -= 1

    def _outside(self, question: Question, records: list[Record], target: str, context: Context) -> Found:
        message = context.lookup(target, question.type)
        if message is None:
            return Found(Result.SUCCESS, tuple(records), self.name_servers)
        result = Result.SUCCESS
        if message.rcode == NXDOMAIN:
            result = Result.NAME_ERROR
        elif message.rcode == SERVFAIL:
            result = Result.SERVER_FAILURE
        return Found(result, (*records, *message.answer), self.name_servers)

    def _glue(self, name_servers: tuple[Record, ...]) -> tuple[Record, ...]:
        return tuple(
            address
            for record in name_servers
            if is_subdomain(record.name, record.data)
            for address in self._addresses(record.data)
        )

    def _additional(self, records: tuple[Record, ...]) -> tuple[Record, ...]:
        targets = [record.data.split()[-1] for record in records if record.type in ("SRV", "MX")]
        return tuple(a for target in targets if is_subdomain(self.origin, target) for a in self._addresses(target))

    def _addresses(self, name: str) -> tuple[Record, ...]:
        types: Types = self.names.get(name.lower(), {})
        return types.get("A", ()) + types.get("AAAA", ())


def _load(zone: ZoneFile) -> AuthoritativeZone | ZoneError | None:
    """The zone; None where the file is missing, and the reason where it is not known or not understood."""
    if not zone.known:
        return ZoneError(f"{zone.path} is not known here")
    if zone.content is None:
        return None
    try:
        return AuthoritativeZone(served_zone(zone.content.decode("utf-8", "replace"), zone.origin, zone.path))
    except ZoneError as error:
        return error


def _owned(name: str, records: tuple[Record, ...]) -> tuple[Record, ...]:
    return tuple(record._replace(name=name) for record in records)


def _synthesized(name: str, dnames: tuple[Record, ...]) -> Record | None:
    """The CNAME that a DNAME gives for a name below it (RFC 6672); CoreDNS goes by the first DNAME."""
    for record in dnames[:1]:
        if name != record.name and is_subdomain(record.name, name):
            prefix = name[: len(name) - len(record.name)]
            return Record(name, record.ttl, "CNAME", prefix + record.data if record.data != "." else prefix)
    return None
