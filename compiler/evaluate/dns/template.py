"""The template plugin: records made from the question with Go templates."""

from __future__ import annotations

from kcompile.evaluate.dns.chain import Context, Handler
from kcompile.evaluate.dns.go_template import Data, TemplateFailure, execute
from kcompile.evaluate.dns.patterns import find
from kcompile.evaluate.dns.queries import NOERROR, SERVFAIL, Message, Question, Reply
from kcompile.evaluate.dns.zone_data import ZoneError, read_record
from kcompile.frontend.corefile.gotemplate import Template as GoTemplate
from kcompile.frontend.corefile.plugins.template import Template as Rule
from kcompile.frontend.corefile.plugins.template import TemplateSettings
from kcompile.ir.dns_types import CLASS_NUMBERS, class_name, rcode_name, type_name, type_number
from kcompile.ir.domain_names import longest_match
from kcompile.ir.records import Record

ANY = 255


class Template:
    name = "template"

    def __init__(self, settings: TemplateSettings) -> None:
        self.rules = settings.templates

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        name = question.name.lower()
        for rule in self.rules:
            zone = longest_match(rule.zones, name)
            if not zone or not _takes(rule, question):
                continue
            data = _data(rule, zone, question, context)
            if data is None:
                if longest_match(rule.fallthrough, name):
                    continue
                context.answered_by(self.name, f"no pattern matches {name}, and no fallthrough: SERVFAIL")
                return Reply(SERVFAIL)
            return self._answer(rule, question, data, context)
        return proceed(question, context)

    def _answer(self, rule: Rule, question: Question, data: Data, context: Context) -> Reply:
        rcode = rcode_name(rule.rcode)
        context.answered_by(self.name, f"answers from the template for zone {data.zone}")
        if rcode == SERVFAIL:
            return Reply(SERVFAIL)
        try:
            answer: list[Record] = []
            for record in _records(rule.answer, data):
                answer.append(record)
                if record.type == "CNAME" and question.type in ("A", "AAAA"):
                    answer += context.lookup_records(record.data, question.type)
            message = Message(
                question,
                rcode,
                authoritative=True,
                answer=tuple(answer),
                additional=tuple(_records(rule.additional, data)),
                authority=tuple(_records(rule.authority, data)),
            )
        except (TemplateFailure, ZoneError) as failure:
            context.say(self.name, f"fails: {failure}")
            return Reply(SERVFAIL, failed=True)
        return Reply(NOERROR, message)


def _takes(rule: Rule, question: Question) -> bool:
    rdclass, rtype = CLASS_NUMBERS.get(question.rdclass), type_number(question.type)
    return (rule.query_class in (ANY, rdclass) or rdclass == ANY) and (rule.query_type in (ANY, rtype) or rtype == ANY)


def _data(rule: Rule, zone: str, question: Question, context: Context) -> Data | None:
    """What the templates see, or None if no pattern matches the name."""
    name = question.name.lower()
    for pattern in rule.patterns:
        groups = find(pattern, name)
        if groups is None:
            continue
        group = {str(number): text for number, text in enumerate(groups)}
        group.update({label: text for label, text in zip(pattern.names, groups[1:], strict=True) if label})
        return Data(
            zone=zone,
            name=name,
            regex=pattern.text,
            match=groups,
            group=group,
            rdclass=class_name(rule.query_class) if question.rdclass == "ANY" else question.rdclass,
            type=type_name(rule.query_type) if question.type == "ANY" else question.type,
            question=question,
            remote=context.client.address,
        )
    return None


def _records(templates: tuple[GoTemplate, ...], data: Data) -> list[Record]:
    return [read_record(execute(template, data)) for template in templates]
