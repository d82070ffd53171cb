"""template: answers made from the question with Go templates."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, did_you_mean
from kcompile.frontend.corefile.gotemplate import Template as GoTemplate
from kcompile.frontend.corefile.gotemplate_parser import TemplateError, parse_template
from kcompile.frontend.corefile.numbers import CLASSES, RCODES, TYPES
from kcompile.frontend.corefile.regexp import Regexp, RegexpError, compile_regexp
from kcompile.frontend.corefile.values import ValueProblem, parse_uint
from kcompile.frontend.corefile.zones import origins


@dataclass(frozen=True, slots=True)
class Template:
    """One `template`. `query_class` and `query_type` are numbers, 255 is ANY.

    Any of `patterns` may match the name; its groups are the template's `.Group` and `.Match`.
    """

    zones: tuple[str, ...]
    query_class: int
    query_type: int
    patterns: tuple[Regexp, ...]
    answer: tuple[GoTemplate, ...] = ()
    additional: tuple[GoTemplate, ...] = ()
    authority: tuple[GoTemplate, ...] = ()
    rcode: int = 0
    extended_error: tuple[int, str] | None = None
    fallthrough: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateSettings(Settings):
    templates: tuple[Template, ...]


_PROPERTIES = ("match", "answer", "additional", "authority", "rcode", "ederror", "fallthrough", "upstream")


def setup(dispenser: Dispenser, context: Context) -> TemplateSettings:
    return TemplateSettings(tuple(_template(dispenser, context) for _ in dispenser.occurrences()))


def _template(dispenser: Dispenser, context: Context) -> Template:
    """`template CLASS TYPE [ZONES...] { ... }`"""
    query_class = dispenser.argument()
    if query_class not in CLASSES:
        hint = f"write {query_class.upper()}" if query_class.upper() in CLASSES else ""
        raise dispenser.error(f"invalid query class {query_class}", hint=hint)
    query_type = dispenser.argument()
    if query_type not in TYPES:
        hint = f"write {query_type.upper()}" if query_type.upper() in TYPES else ""
        raise dispenser.error(f"invalid RR class {query_type}", hint=hint)
    zones = origins(dispenser.remaining(), context.keys)
    template = Template(zones, CLASSES[query_class], TYPES[query_type], ())
    patterns: list[Regexp] = []
    texts: dict[str, list[GoTemplate]] = {"answer": [], "additional": [], "authority": []}
    for name in dispenser.properties():
        if name == "match":
            patterns += _patterns(dispenser)
        elif name in texts:
            texts[name] += _texts(dispenser, name)
        else:
            template = _property(dispenser, name, template)
    return replace(
        template,
        patterns=tuple(patterns) or (compile_regexp(".*"),),
        answer=tuple(texts["answer"]),
        additional=tuple(texts["additional"]),
        authority=tuple(texts["authority"]),
    )


def _property(dispenser: Dispenser, name: str, template: Template) -> Template:
    if name == "rcode":
        rcode = dispenser.argument()
        if rcode not in RCODES:
            raise dispenser.error(f"unknown rcode {rcode}")
        return replace(template, rcode=RCODES[rcode])
    if name == "ederror":
        return replace(template, extended_error=_extended_error(dispenser))
    if name == "fallthrough":
        return replace(template, fallthrough=dispenser.fallthrough())
    if name == "upstream":
        dispenser.remaining()
        dispenser.warn("removed-option", "upstream: has no effect any more")
        return template
    raise dispenser.argument_error(did_you_mean(name, _PROPERTIES))


def _patterns(dispenser: Dispenser) -> list[Regexp]:
    patterns = []
    for text in dispenser.arguments():
        try:
            patterns.append(compile_regexp(text))
        except RegexpError as problem:
            raise dispenser.error(f"could not parse regex: {text}, {problem}", "regexp") from None
    return patterns


def _texts(dispenser: Dispenser, name: str) -> list[GoTemplate]:
    templates = []
    for text in dispenser.arguments():
        try:
            templates.append(parse_template(text, name))
        except TemplateError as problem:
            end = "" if name == "answer" else "\n"
            message = f"could not compile template: {dispenser.value}, {problem}{end}"
            raise dispenser.error(message, "template") from None
    return templates


def _extended_error(dispenser: Dispenser) -> tuple[int, str]:
    """`ederror CODE [REASON]`, RFC 8914."""
    words = dispenser.remaining()
    if not 1 <= len(words) <= 2:
        raise dispenser.argument_error()
    try:
        code = parse_uint(words[0], 16)
    except ValueProblem as problem:
        raise dispenser.error(f"error parsing extended DNS error code {dispenser.value}, {problem}\n") from None
    return code, words[1] if len(words) == 2 else ""
