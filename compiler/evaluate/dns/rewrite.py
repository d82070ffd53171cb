"""The rewrite plugin: other questions for the plugins behind it, and their answers turned back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kcompile.evaluate.dns.chain import WITHOUT_MESSAGE, Context, Handler
from kcompile.evaluate.dns.patterns import find
from kcompile.evaluate.dns.queries import NOERROR, SERVFAIL, Message, Question, Reply
from kcompile.frontend.corefile.plugins.rewrite import (
    AnswerRule,
    ClassRule,
    CNAMERule,
    EDNS0Rule,
    Match,
    NameRule,
    RcodeRule,
    RewriteSettings,
    Rule,
    TTLRule,
    TypeRule,
)
from kcompile.frontend.corefile.regexp import Regexp
from kcompile.ir.dns_types import class_name, rcode_name, type_name
from kcompile.ir.domain_names import is_domain_name
from kcompile.ir.records import Record

Text = Callable[[str], str]

Cells = list[list[Record]]
"""A section of a response while its records are changed in place: each list holds one record."""

# Where the name that a record points to stands among the words of its data.
_TARGET_WORD = {"SRV": 3, "MX": 1, "CNAME": 0, "NS": 0, "DNAME": 0, "NAPTR": 5, "SOA": 0, "PTR": 0}


@dataclass(frozen=True, slots=True)
class Revert:
    """What one rule does to the response, record by record: to the record, to the code, or to the answer section."""

    record: Callable[[Record], Record] | None = None
    rcode: Callable[[str], str] | None = None
    answer: Callable[[Record, Cells], Cells] | None = None


class Rewrite:
    name = "rewrite"

    def __init__(self, settings: RewriteSettings) -> None:
        self.rules = settings.rules

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        asked = question
        reverts: list[Revert] = []
        stopped = False
        for rule in self.rules:
            outcome = _apply(rule, asked, context)
            if outcome is None:
                continue
            asked, more = outcome
            reverts += more
            if not is_domain_name(asked.name):
                context.answered_by(self.name, f"{asked.name!r} is no domain name: SERVFAIL")
                return Reply(SERVFAIL, failed=True)
            if rule.stop:
                stopped = True
                break
        rewritten = (asked.name.lower(), *asked[1:]) != (question.name.lower(), *question[1:])
        if rewritten:
            context.say(self.name, f"asks for {asked.name} {asked.type} instead of {question.name} {question.type}")
        reply = proceed(asked, context)
        if stopped or reverts:
            reply = _reverted(reply, question, asked, reverts, stopped)
        return reply._replace(rewritten=reply.rewritten or rewritten)


def _apply(rule: Rule, asked: Question, context: Context) -> tuple[Question, list[Revert]] | None:
    """The question that a rule makes of a question, and what it does to the response; None if it does not match."""
    match rule:
        case NameRule():
            return _apply_name(rule, asked)
        case TypeRule() if type_name(rule.source) == asked.type:
            return asked._replace(type=type_name(rule.target)), []
        case ClassRule() if class_name(rule.source) == asked.rdclass:
            return asked._replace(rdclass=class_name(rule.target)), []
        case TTLRule() if _matches(rule.match, rule.source, rule.pattern, asked.name.lower()):
            return asked, [Revert(record=_bound_ttl(rule))]
        case RcodeRule() if _matches(rule.match, rule.source, rule.pattern, asked.name.lower()):
            return asked, [Revert(rcode=_other_rcode(rule))]
        case CNAMERule() if rule.source and rule.replacement:
            return asked, [Revert(answer=_other_target(rule, asked.type, context))]
        # Our queries carry no EDNS0 options: there is one to add, none to replace or to take away.
        case EDNS0Rule() if rule.action in ("append", "set"):
            return asked, []
    return None


def _apply_name(rule: NameRule, asked: Question) -> tuple[Question, list[Revert]] | None:
    name = asked.name.lower()
    new = _replaced(rule.match, rule.source, rule.pattern, rule.replacement, name)
    if new is None:
        return None
    reverts: list[Revert] = []
    if rule.match == "suffix" and rule.auto:
        reverts = _name_and_value(lambda text: _other_suffix(text, rule.replacement, rule.source))
    elif rule.match == "exact" or rule.auto:
        reverts = _name_and_value(lambda text: _other_zone(text, new, name))
    return asked._replace(name=new), [*reverts, *map(_revert_answer, rule.answers)]


def _matches(match: Match, source: str, pattern: Regexp | None, name: str) -> bool:
    return _replaced(match, source, pattern, "", name) is not None


def _replaced(match: Match, source: str, pattern: Regexp | None, replacement: str, name: str) -> str | None:
    """`name` with what matched replaced, or None where nothing does."""
    match match:
        case "exact":
            return replacement if name == source else None
        case "prefix":
            return replacement + name[len(source) :] if name.startswith(source) else None
        case "suffix":
            return name[: len(name) - len(source)] + replacement if name.endswith(source) else None
        case "substring":
            return name.replace(source, replacement) if source in name else None
        case "regex":
            return _substitute(pattern, replacement, name)


def _substitute(pattern: Regexp | None, replacement: str, text: str) -> str | None:
    """`{1}` in the replacement is the first group of the match; None without a match."""
    groups = find(pattern, text) if pattern else None
    if groups is None:
        return None
    for number, group in enumerate(groups):
        replacement = replacement.replace(f"{{{number}}}", group)
    return replacement


def _other_suffix(text: str, old: str, new: str) -> str:
    return text[: len(text) - len(old)] + new if text.endswith(old) else text


def _other_zone(text: str, old: str, new: str) -> str:
    if text == old:
        return new
    return text[: len(text) - len(old)] + new if text.endswith("." + old) else text


def _name_and_value(change: Text) -> list[Revert]:
    return [Revert(record=_on_name(change)), Revert(record=_on_value(change))]


def _revert_answer(rule: AnswerRule) -> Revert:
    def change(text: str) -> str:
        changed = _substitute(rule.pattern, rule.replacement, text)
        return text if changed is None else changed

    return Revert(record=_on_name(change) if rule.field == "name" else _on_value(change))


def _on_name(change: Text) -> Callable[[Record], Record]:
    return lambda record: record._replace(name=change(record.name))


def _on_value(change: Text) -> Callable[[Record], Record]:
    def on_value(record: Record) -> Record:
        position = _TARGET_WORD.get(record.type)
        if position is None:
            return record
        words = record.data.split(" ")
        if position >= len(words):
            return record
        words[position] = change(words[position]) or words[position]
        return record._replace(data=" ".join(words))

    return on_value


def _bound_ttl(rule: TTLRule) -> Callable[[Record], Record]:
    return lambda record: record._replace(ttl=min(max(record.ttl, rule.minimum), rule.maximum))


def _other_rcode(rule: RcodeRule) -> Callable[[str], str]:
    return lambda rcode: rcode_name(rule.new) if rcode == rcode_name(rule.old) else rcode


def _other_target(rule: CNAMERule, rtype: str, context: Context) -> Callable[[Record, Cells], Cells]:
    """The answer section once a CNAME has another target: all its CNAMEs lead there, to what the server says of it."""

    def change(alias: Record, answer: Cells) -> Cells:
        if alias.type != "CNAME":
            return answer
        target = _replaced(rule.match, rule.source, rule.pattern, rule.replacement, alias.data)
        if target is None:
            return answer
        found = context.lookup_records(target, rtype)
        aliases = [cell for cell in answer if cell[0].type == "CNAME"]
        for cell in aliases:
            cell[0] = cell[0]._replace(data=target)
        return aliases + [[record] for record in found if record.name == target]

    return change


def _reverted(reply: Reply, question: Question, asked: Question, reverts: list[Revert], stopped: bool) -> Reply:
    """The reply with its question restored and the rules undone, the last one first."""
    message = reply.message
    if message is None:
        if not stopped or reply.rcode not in WITHOUT_MESSAGE:
            return reply
        # Written here, so that the question is the client's.
        return reply._replace(rcode=NOERROR, message=Message(question, reply.rcode))
    return reply._replace(message=_undone(message._replace(question=question), reverts))


def _undone(message: Message, reverts: list[Revert]) -> Message:
    """CoreDNS goes through the records that the response came with, and applies all rules to each of them."""
    if not reverts:
        return message
    sections = (message.authority, message.answer, message.additional)
    authority, answer, additional = ([[record] for record in section] for section in sections)
    rcode = message.rcode
    for cell in (*authority, *answer, *additional):
        for revert in reversed(reverts):
            if revert.record is not None:
                cell[0] = revert.record(cell[0])
            if revert.rcode is not None:
                rcode = revert.rcode(rcode)
            if revert.answer is not None:
                answer = revert.answer(cell[0], answer)
    return message._replace(
        rcode=rcode,
        answer=tuple(cell[0] for cell in answer),
        authority=tuple(cell[0] for cell in authority),
        additional=tuple(cell[0] for cell in additional),
    )
