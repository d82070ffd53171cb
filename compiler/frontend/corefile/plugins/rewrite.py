"""rewrite: change the question before other plugins see it, and the answer on its way back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser
from kcompile.frontend.corefile.numbers import CLASSES, RCODES, TYPES
from kcompile.frontend.corefile.regexp import Regexp, RegexpError, compile_regexp
from kcompile.frontend.corefile.values import ValueProblem, parse_uint, quote
from kcompile.ir.domain_names import folded

Match = Literal["exact", "prefix", "suffix", "substring", "regex"]


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """`rewrite ... answer name|value PATTERN REPLACEMENT`: `{1}` in `replacement` is the first group."""

    field: Literal["name", "value"]
    pattern: Regexp
    replacement: str


@dataclass(frozen=True, slots=True)
class Rule:
    """The base of all rules. With `stop` no further rule is looked at once this one has matched."""

    stop: bool


@dataclass(frozen=True, slots=True)
class NameRule(Rule):
    """`source` is the text to find, `pattern` stands for it where `match` is "regex".

    `auto` turns names and values of the answer back to what was asked; an exact rule always does.
    """

    match: Match
    source: str
    pattern: Regexp | None
    replacement: str
    auto: bool
    answers: tuple[AnswerRule, ...]


@dataclass(frozen=True, slots=True)
class TypeRule(Rule):
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class ClassRule(Rule):
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class TTLRule(Rule):
    """TTLs of the answer are raised to `minimum` and cut to `maximum`."""

    match: Match
    source: str
    pattern: Regexp | None
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class RcodeRule(Rule):
    match: Match
    source: str
    pattern: Regexp | None
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class CNAMERule(Rule):
    """A CNAME's target is replaced, then looked up anew. The pattern is compiled when it is used: None if it is bad."""

    match: Match
    source: str
    pattern: Regexp | None
    replacement: str


@dataclass(frozen=True, slots=True)
class EDNS0Rule(Rule):
    """`arguments` are the words after the option's kind and action."""

    kind: Literal["local", "nsid", "subnet"]
    action: str
    arguments: tuple[str, ...]
    revert: bool


@dataclass(frozen=True, slots=True)
class RewriteSettings(Settings):
    rules: tuple[Rule, ...]


class RuleProblem(Exception):
    """A rule that the rewrite plugin refuses, in its words."""


def setup(dispenser: Dispenser, context: Context) -> RewriteSettings:
    rules = []
    for _ in dispenser.occurrences():
        words = dispenser.remaining()
        if len(words) < 2:
            # `rewrite stop { ... }`: the lines of the block make up one rule.
            words += list(dispenser.properties())
        try:
            rules.append(read_rule(words))
        except RuleProblem as problem:
            raise dispenser.plain(str(problem), "rewrite-rule") from None
    return RewriteSettings(tuple(rules))


def read_rule(words: Sequence[str]) -> Rule:
    """One rule from its words, without `rewrite`; raises `RuleProblem`."""
    if not words:
        raise RuleProblem("no rule type specified for rewrite")
    mode = words[0].lower()
    arguments = list(words)
    if mode in ("stop", "continue"):
        if len(words) < 2:
            raise RuleProblem(f"{mode} rule must begin with a rule type")
        arguments = arguments[1:]
    stop = mode != "continue"
    kind, *arguments = arguments
    kind = kind.lower()
    if kind == "answer":
        raise RuleProblem("response rewrites must begin with a name rule")
    if kind == "name":
        return _name_rule(stop, arguments)
    if kind in ("class", "type"):
        if len(arguments) != 2:
            raise RuleProblem(f"{kind} rules must have exactly two arguments")
        names, rule = (CLASSES, ClassRule) if kind == "class" else (TYPES, TypeRule)
        for argument in arguments:
            if argument.upper() not in names:
                raise RuleProblem(f"invalid {kind} {quote(argument.upper())}")
        return rule(stop, names[arguments[0].upper()], names[arguments[1].upper()])
    if kind == "edns0":
        return _edns0_rule(stop, arguments)
    if kind == "ttl":
        return _ttl_rule(stop, arguments)
    if kind == "cname":
        return _cname_rule(stop, arguments)
    if kind == "rcode":
        return _rcode_rule(stop, arguments)
    raise RuleProblem(f"invalid rule type {quote(words[0])}")


def _match(text: str) -> Match | None:
    matches: tuple[Match, ...] = get_args(Match)
    return next((match for match in matches if match == text.lower()), None)


def _name_rule(stop: bool, words: list[str]) -> NameRule:
    """`name [exact|prefix|suffix|substring|regex] FROM TO [answer ...]`"""
    if len(words) < 2:
        raise RuleProblem("too few arguments for a name rule")
    kind, source, target, *rest = ("exact", *words) if len(words) == 2 else words
    match = _match(kind)
    auto, answers = _answer_rules(kind.lower(), rest) if rest else (False, ())
    if match is None:
        supported = "name rule supports only exact, prefix, suffix, substring, and regex name matching"
        raise RuleProblem(f"{supported}, received: {kind.lower()}")
    if match == "regex":
        pattern = _pattern(source, target)
        return NameRule(stop, match, source, pattern, folded(target), auto, answers)
    source, target = folded(source), folded(target)
    if match == "exact":
        # CoreDNS checks the target as a pattern for the way back, though it does not use it.
        _pattern(target, source)
    return NameRule(stop, match, source, None, target, auto or match == "exact", answers)


def _answer_rules(kind: str, words: list[str]) -> tuple[bool, tuple[AnswerRule, ...]]:
    """`answer auto`, `answer name|value PATTERN REPLACEMENT`, several of them, `answer` repeated or not."""
    if len(words) < 2:
        raise RuleProblem(f"invalid arguments for {kind} rule")
    if words[0] != "answer":
        raise RuleProblem(f"exceeded the number of arguments for a non-answer rule argument for {kind} rule")
    auto = False
    rules: list[AnswerRule] = []
    while words:
        if words[0] == "answer":
            words = words[1:]
        if not words:
            raise RuleProblem(f"type missing for answer rule for {kind} rule")
        field, words = words[0], words[1:]
        if field == "auto":
            auto = True
        elif field in ("name", "value"):
            if len(words) < 2:
                raise RuleProblem(f"{field} answer rule for {kind} rule: 2 arguments required")
            try:
                pattern = _pattern(words[0], words[1])
            except RuleProblem as problem:
                raise RuleProblem(f"{field} answer rule for {kind} rule: {problem}") from None
            rules.append(AnswerRule("name" if field == "name" else "value", pattern, folded(words[1])))
            words = words[2:]
        else:
            raise RuleProblem(f"invalid type {quote(field)} for answer rule for {kind} rule")
    if auto and any(rule.field == "name" for rule in rules):
        raise RuleProblem("auto name answer rule cannot be combined with explicit name anwer rules")
    return auto, tuple(rules)


def _pattern(source: str, target: str) -> Regexp:
    try:
        pattern = compile_regexp(source)
    except RegexpError:
        raise RuleProblem(f"invalid regex matching pattern: {source}") from None
    used = set(re.findall(r"\{(0|[1-9][0-9]?|100)\}", target))
    if len(used) > pattern.groups:
        what = f"the rewrite regex pattern ({target}) uses more subexpressions than its corresponding"
        raise RuleProblem(f"{what} matching regex pattern ({source})")
    return pattern


def _ttl_rule(stop: bool, words: list[str]) -> TTLRule:
    """`ttl [exact|...] NAME SECONDS|MIN-MAX`"""
    if len(words) < 2:
        raise RuleProblem(f"too few ({len(words)}) arguments for a ttl rule")
    text = words[len(words) - 1] if len(words) <= 3 else ""
    limits = _ttl_range(text)
    if limits is None:
        raise RuleProblem(f"invalid TTL '{text}' for a ttl rule")
    match, source, pattern = _named(words[:-1], "ttl")
    return TTLRule(stop, match, source, pattern, *limits)


def _ttl_range(text: str) -> tuple[int, int] | None:
    """`60`, `30-300`, `30-`, `-300`"""
    low, dash, high = text.partition("-")
    try:
        if not dash:
            return parse_uint(low, 32), parse_uint(low, 32)
        if not low and not high:
            return None
        minimum = parse_uint(low, 32) if low else 0
        maximum = parse_uint(high, 32) if high else (1 << 31) - 1
    except ValueProblem:
        return None
    return (minimum, maximum) if minimum <= maximum else None


def _rcode_rule(stop: bool, words: list[str]) -> RcodeRule:
    """`rcode [exact|...] NAME OLD NEW`"""
    if len(words) < 3:
        raise RuleProblem(f"too few ({len(words)}) arguments for a rcode rule")
    old_text, new_text = words[-2:] if len(words) <= 4 else ("", "")
    old, new = _rcode(old_text), _rcode(new_text)
    if old is None:
        raise RuleProblem(f"invalid matching RCODE '{old_text}' for a rcode rule")
    if new is None:
        raise RuleProblem(f"invalid replacement RCODE '{new_text}' for a rcode rule")
    match, source, pattern = _named(words[:-2], "rcode")
    return RcodeRule(stop, match, source, pattern, old, new)


def _rcode(text: str) -> int | None:
    try:
        number = parse_uint(text, 32)
    except ValueProblem:
        number = 24
    return number if number <= 23 else RCODES.get(text.upper())


def _named(words: list[str], what: str) -> tuple[Match, str, Regexp | None]:
    """`[exact|prefix|suffix|substring|regex] NAME`"""
    if len(words) == 1:
        return "exact", folded(words[0]), None
    match = _match(words[0])
    if match is None:
        raise RuleProblem(f"{what} rule supports only exact, prefix, suffix, substring, and regex name matching")
    if match != "regex":
        return match, folded(words[1]), None
    try:
        return match, words[1], compile_regexp(words[1])
    except RegexpError:
        raise RuleProblem(f"invalid regex pattern in a {what} rule: {words[1]}") from None


def _cname_rule(stop: bool, words: list[str]) -> CNAMERule:
    """`cname [exact|...] FROM TO`"""
    if len(words) not in (2, 3):
        raise RuleProblem(f"too few ({len(words)}) arguments for a cname rule")
    kind, source, target = ("exact", *words) if len(words) == 2 else words
    match = _match(kind)
    if match is None:
        raise RuleProblem(f"unknown cname rewrite type: {kind.lower()}")
    pattern = None
    if match == "regex":
        try:
            pattern = compile_regexp(source.lower())
        except RegexpError:
            pattern = None
    return CNAMERule(stop, match, source.lower(), pattern, target.lower())


_EDNS0_ACTIONS = ("append", "replace", "set", "unset")
_EDNS0_VARIABLES = ("qname", "qtype", "client_ip", "client_port", "protocol", "server_ip", "server_port")
_METADATA_LABEL = re.compile(r"[^/]+/[^/]+(/[^/]+)*")


def _edns0_rule(stop: bool, words: list[str]) -> EDNS0Rule:
    """`edns0 local|nsid|subnet append|replace|set|unset ... [revert]`"""
    if len(words) < 2:
        raise RuleProblem("too few arguments for an EDNS0 rule")
    kind, action, arguments = words[0].lower(), words[1].lower(), words[2:]
    if action not in _EDNS0_ACTIONS:
        raise RuleProblem(f"invalid action: {quote(action)}")
    revert = action != "unset" and words[-1] == "revert"
    if revert:
        arguments = arguments[:-1]
    if kind == "local":
        _check_edns0_local(action, arguments)
        return EDNS0Rule(stop, "local", action, tuple(arguments), revert)
    if kind == "nsid":
        if arguments:
            unset = "nsid unset action requires exactly one argument"
            raise RuleProblem(unset if action == "unset" else "EDNS0 NSID rules can accept no more than one arg")
        return EDNS0Rule(stop, "nsid", action, (), revert)
    if kind == "subnet":
        _check_edns0_subnet(action, arguments)
        return EDNS0Rule(stop, "subnet", action, tuple(arguments), revert)
    raise RuleProblem(f"invalid rule type {quote(kind)}")


def _check_edns0_local(action: str, arguments: list[str]) -> None:
    if action == "unset":
        if len(arguments) != 1:
            raise RuleProblem("local unset action requires exactly two arguments")
    elif len(arguments) != 2:
        raise RuleProblem("EDNS0 local rules require three or four args")
    _number(arguments[0], 16)
    if action == "unset":
        return
    data = arguments[1]
    if data.startswith("{") and data.endswith("}"):
        name = data[1:-1]
        if name not in _EDNS0_VARIABLES and not _METADATA_LABEL.fullmatch(name):
            raise RuleProblem(f"unsupported variable name {quote(data)}")
    elif data.startswith("0x"):
        digits = data[2:]
        wrong = next((c for c in digits if c not in "0123456789abcdefABCDEF"), None)
        if wrong is not None:
            shown = f"U+{ord(wrong):04X} '{wrong}'"
            raise RuleProblem(f"encoding/hex: invalid byte: {shown}")
        if len(digits) % 2:
            raise RuleProblem("encoding/hex: odd length hex string")


def _check_edns0_subnet(action: str, arguments: list[str]) -> None:
    if action == "unset":
        if arguments:
            raise RuleProblem("subnet unset action requires exactly one argument")
        return
    if len(arguments) != 2:
        raise RuleProblem("EDNS0 subnet rules require three or four args")
    for text, maximum, family in ((arguments[0], 32, "IPv4"), (arguments[1], 128, "IPv6")):
        length = _number(text, 16)
        if length > maximum:
            raise RuleProblem(f"invalid {family} bit mask length {length}")


def _number(text: str, bits: int) -> int:
    try:
        return parse_uint(text, bits, base=0)
    except ValueProblem as problem:
        raise RuleProblem(str(problem)) from None
