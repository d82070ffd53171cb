"""Plugins of a few lines: any, header, loadbalance, local, minimal, whoami, and those that do nothing to an answer."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from kcompile.evaluate.dns.cache import Kind, classify
from kcompile.evaluate.dns.chain import Context, Handler, Unknown
from kcompile.evaluate.dns.queries import NOERROR, NXDOMAIN, SERVFAIL, Message, Question, Reply
from kcompile.frontend.corefile.plugins.header import HeaderSettings, Rule
from kcompile.frontend.corefile.plugins.loadbalance import LoadbalanceSettings
from kcompile.ir.domain_names import longest_match, suffix_of
from kcompile.ir.records import Record

WITHOUT_EFFECT = frozenset(
    (
        *("root", "metadata", "geoip", "cancel", "tls", "quic", "timeouts", "multisocket", "reload", "nsid", "bufsize"),
        *("bind", "debug", "trace", "ready", "health", "pprof", "prometheus", "errors", "log", "dnstap", "transfer"),
        *("loop", "on", "sign", "view", "startup", "shutdown"),
    )
)
"""They log, watch, listen, or act on options that our queries do not carry; view has decided before the first."""


class Any:
    """any: one HINFO record for ANY queries (RFC 8482)."""

    name = "any"

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        if question.type != "ANY":
            return proceed(question, context)
        context.answered_by(self.name, "answers ANY with HINFO")
        record = Record(question.name, 8482, "HINFO", '"ANY obsoleted" "See RFC 8482"')
        return Reply(NOERROR, Message(question, answer=(record,)))


class Header:
    """header: bits of the response. What it does to the query has no effect on an answer."""

    name = "header"

    def __init__(self, settings: HeaderSettings) -> None:
        self.rules = settings.response

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        reply = proceed(question, context)
        if reply.message is None or not self.rules:
            return reply
        message = reply.message
        for rule in self.rules:
            message = _with_flag(message, rule)
        context.say(self.name, ", ".join(f"{'sets' if rule.state else 'clears'} {rule.flag}" for rule in self.rules))
        return reply._replace(message=message)


def _with_flag(message: Message, rule: Rule) -> Message:
    match rule.flag:
        case "aa":
            return message._replace(authoritative=rule.state)
        case "ra":
            return message._replace(recursion_available=rule.state)
        case "rd":
            return message._replace(recursion_desired=rule.state)


class Loadbalance:
    """loadbalance: CNAMEs first, then addresses in an order that CoreDNS draws by lot; here it stays as it is."""

    name = "loadbalance"

    def __init__(self, settings: LoadbalanceSettings) -> None:
        self.preferred = settings.preferred

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        reply = proceed(question, context)
        if reply.message is None:
            return reply
        return reply._replace(message=self.shaped(reply.message))

    def shaped(self, message: Message) -> Message:
        """The response in order."""
        if message.rcode != NOERROR or len(message.answer) + len(message.additional) < 2:
            return message
        return message._replace(answer=self._order(message.answer), additional=self._order(message.additional))

    def _order(self, records: tuple[Record, ...]) -> tuple[Record, ...]:
        return tuple(sorted(records, key=self._rank))

    def _rank(self, record: Record) -> tuple[int, bool]:
        if record.type in ("A", "AAAA"):
            return 2, not self._is_preferred(record.data)
        return {"CNAME": 0, "MX": 3}.get(record.type, 1), False

    def _is_preferred(self, text: str) -> bool:
        return bool(self.preferred) and any(ipaddress.ip_address(text) in network for network in self.preferred)


LOCAL_ZONES = ("localhost.", "0.in-addr.arpa.", "127.in-addr.arpa.", "255.in-addr.arpa.")
LOCAL_TTL = 604800
LOOPBACK = {"A": "127.0.0.1", "AAAA": "::1"}


class Local:
    """local: localhost and the loopback network (RFC 6761), and names that begin with the label localhost."""

    name = "local"

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        name = question.name.lower()
        zone = longest_match(LOCAL_ZONES, name)
        searched = name.startswith("localhost.") and name != "localhost."
        if not zone and not searched:
            return proceed(question, context)
        context.answered_by(self.name, "answers for the local host")
        owner = question.name if searched or name in LOCAL_ZONES else suffix_of(question.name, zone)
        soa = Record(owner, LOCAL_TTL, "SOA", f"localhost. root.localhost. 1 0 0 0 {LOCAL_TTL}")
        data = self._data(name, question.type, searched)
        if data:
            record = soa if data == "SOA" else Record(question.name, LOCAL_TTL, question.type, data)
            return Reply(NOERROR, Message(question, answer=(record,)))
        exists = searched or name in LOCAL_ZONES or name == "1.0.0.127.in-addr.arpa."
        return Reply(NOERROR, Message(question, NOERROR if exists else NXDOMAIN, authority=(soa,)))

    def _data(self, name: str, rtype: str, searched: bool) -> str:
        if (searched or name == "localhost.") and rtype in LOOPBACK:
            return LOOPBACK[rtype]
        if not searched and name in LOCAL_ZONES and rtype in ("SOA", "NS"):
            return "SOA" if rtype == "SOA" else "localhost."
        return "localhost." if name == "1.0.0.127.in-addr.arpa." and rtype == "PTR" else ""


class Minimal:
    """minimal: a positive answer loses its authority and additional sections."""

    name = "minimal"

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        reply = proceed(question, context)
        if reply.failed or question.type in ("AXFR", "IXFR"):
            return reply
        if reply.message is None:
            # CoreDNS falls over a response that was not written, and answers SERVFAIL.
            return Reply(SERVFAIL)
        if classify(reply.message) is not Kind.SUCCESS:
            return reply._replace(rcode=NOERROR)
        return Reply(NOERROR, reply.message._replace(authority=(), additional=()))


class Whoami:
    """whoami: the client's address and the protocol. Its port is not known here and stands as 0."""

    name = "whoami"

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        client = context.client
        context.answered_by(self.name, "answers with the client's address")
        address = client.address.partition("%")[0]
        rtype = "AAAA" if ":" in address else "A"
        dotted = "" if question.name == "." else question.name
        records = (
            Record(question.name, 0, rtype, address),
            Record(f"_{client.protocol}.{dotted}", 0, "SRV", "0 0 0 ."),
        )
        return Reply(NOERROR, Message(question, authoritative=True, additional=records))


class NotEvaluated:
    """A plugin that is not evaluated: whatever reaches it has no known answer.

    It is not reached by names outside its `zones` and, where it acts on certain `types` or on another class than IN
    only, by other questions.
    """

    def __init__(self, name: str, zones: tuple[str, ...] = (".",), types: Iterable[str] = (), chaos: bool = False):
        self.name = name
        self.zones = zones
        self.types = frozenset(types)
        self.chaos = chaos

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        concerned = longest_match(self.zones, question.name.lower())
        if not concerned or (self.types and question.type not in self.types):
            return proceed(question, context)
        if self.chaos and question.rdclass == "IN":
            return proceed(question, context)
        context.answered_by(self.name)
        raise Unknown(f"plugin {self.name} is not evaluated")
