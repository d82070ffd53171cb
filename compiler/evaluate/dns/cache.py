"""The cache plugin: its effect on TTLs and on the AA bit. No time passes between queries."""

from __future__ import annotations

import enum

from kcompile.evaluate.dns.chain import Context, Handler
from kcompile.evaluate.dns.queries import NOERROR, Message, Question, Reply
from kcompile.frontend.corefile.plugins.cache import CacheSettings, Side
from kcompile.ir.domain_names import longest_match
from kcompile.ir.records import Record

SHORTEST_TTL = 5
"""The TTL of a message whose records give none."""

LONGEST_TTL = 3600

MAX_ENTRIES = 100_000
"""Where CoreDNS would evict at random, from 10,000 entries on, we stop caching much later."""


class Kind(enum.Enum):
    """How CoreDNS classes a response."""

    SUCCESS = enum.auto()
    NAME_ERROR = enum.auto()
    NO_DATA = enum.auto()
    SERVER_ERROR = enum.auto()
    DELEGATION = enum.auto()
    OTHER_ERROR = enum.auto()


DENIALS = (Kind.NAME_ERROR, Kind.NO_DATA)


def classify(message: Message) -> Kind:
    if message.answer and message.rcode == NOERROR:
        return Kind.SUCCESS
    types = {record.type for record in message.authority}
    if "SOA" in types and message.rcode == NOERROR:
        return Kind.NO_DATA
    if "SOA" in types and message.rcode == "NXDOMAIN":
        return Kind.NAME_ERROR
    if message.rcode in ("SERVFAIL", "NOTIMP"):
        return Kind.SERVER_ERROR
    if message.rcode == NOERROR:
        return Kind.DELEGATION if "NS" in types else Kind.SUCCESS
    return Kind.OTHER_ERROR


class Cache:
    """Holds what was answered before: two queries with the same name and type get different AA bits."""

    name = "cache"

    def __init__(self, settings: CacheSettings) -> None:
        self.settings = settings
        self._messages: dict[tuple[str, str, str], Message] = {}

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        if not longest_match(self.settings.zones, question.name.lower()):
            return proceed(question, context)
        held = self.held(question)
        if held is not None:
            context.answered_by(self.name, "answers from the cache")
            return Reply(NOERROR, held)
        reply = proceed(question, context)
        if reply.message is None:
            return reply
        known = len(self._messages)
        message = self.take(question, reply.message, keep=not reply.rewritten)
        context.changed = context.changed or len(self._messages) > known
        return reply if message is reply.message else reply._replace(message=message)

    def held(self, question: Question) -> Message | None:
        """The response that is in the cache. CoreDNS says AA in all of them, for the sake of old stub resolvers."""
        cached = self._messages.get((question.name.lower(), question.type, question.rdclass))
        return None if cached is None else cached._replace(question=question, authoritative=True)

    def take(self, question: Question, message: Message, *, keep: bool = True) -> Message:
        """What the client gets of a response that was not in the cache; from now on it is, if it may be kept."""
        kind = classify(message)
        ttl = self._ttl(message, kind)
        message = _level(message, ttl)
        cacheable = keep and ttl > 0 and kind is not Kind.OTHER_ERROR and not self._excepted(kind, question)
        if cacheable and len(self._messages) < MAX_ENTRIES:
            self._messages[question.name.lower(), question.type, question.rdclass] = message
        return message

    def leaves_alone(self, zone: str, ttl: int, denial_ttl: int) -> bool:
        """Whether responses about names of a zone, with these TTLs, are neither kept nor changed."""
        success, denial = self.settings.success, self.settings.denial
        kept = not longest_match(success.disabled, zone) or not longest_match(denial.disabled, zone)
        return not kept and _bounded(ttl, success) == ttl and _bounded(denial_ttl, denial) == denial_ttl

    def _excepted(self, kind: Kind, question: Question) -> bool:
        positive = kind is Kind.SUCCESS or kind is Kind.DELEGATION
        side = self.settings.success if positive else self.settings.denial
        return bool(longest_match(side.disabled, question.name))

    def _ttl(self, message: Message, kind: Kind) -> int:
        """What all TTLs of the message become, in seconds."""
        if kind is Kind.SERVER_ERROR:
            return int(self.settings.servfail_ttl)
        side = self.settings.denial if kind in DENIALS else self.settings.success
        return _bounded(_lowest_ttl(message, kind), side)


def _bounded(ttl: int, side: Side) -> int:
    return min(max(min(ttl, LONGEST_TTL), side.min_ttl), side.ttl)


def _lowest_ttl(message: Message, kind: Kind) -> int:
    records = message.answer + message.authority + message.additional
    if kind not in (Kind.SUCCESS, *DENIALS) or not records:
        return SHORTEST_TTL
    return min(record.ttl for record in records)


def _level(message: Message, ttl: int) -> Message:
    if all(record.ttl == ttl for record in message.answer + message.authority + message.additional):
        return message

    def level(records: tuple[Record, ...]) -> tuple[Record, ...]:
        return tuple(record._replace(ttl=ttl) for record in records)

    return message._replace(
        answer=level(message.answer),
        authority=level(message.authority),
        additional=level(message.additional),
    )
