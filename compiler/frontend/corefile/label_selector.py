"""Label selectors in the text form of the API: `app=web,tier in (front, back),!legacy`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from kcompile.frontend.corefile.values import quote
from kcompile.passes.syntax import is_label_value, is_qualified_name

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]


@dataclass(frozen=True, slots=True)
class Requirement:
    key: str
    operator: Operator
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements must hold; without any, everything matches."""

    requirements: tuple[Requirement, ...]


class SelectorProblem(Exception):
    """A selector that the API's parser refuses, in its words."""


_TOKEN = re.compile(r"[ \t\r\n]*(==|=|!=|!|>|<|\(|\)|,|[^ \t\r\n=!()<>,]+|$)")
_BINARY = ("in", "notin", "=", "==", "!=", ">", "<")
_EXPECTED = "in, notin, =, ==, !=, gt, lt"


def parse_label_selector(text: str) -> LabelSelector:
    """metav1.ParseToLabelSelector; raises `SelectorProblem`.

    Of several `key=value` for one key the last counts: CoreDNS keeps them in a map.
    """
    try:
        requirements = _Parser(text).requirements()
    except SelectorProblem as problem:
        raise SelectorProblem(f'couldn\'t parse the selector string "{text}": {problem}') from None
    equal: dict[str, Requirement] = {}
    others: list[Requirement] = []
    for key, operator, values in sorted(requirements, key=lambda requirement: requirement[0]):
        if operator in ("=", "=="):
            equal[key] = Requirement(key, "In", values)
        elif operator in ("in", "notin"):
            others.append(Requirement(key, "In" if operator == "in" else "NotIn", values))
        elif operator in ("", "!"):
            others.append(Requirement(key, "DoesNotExist" if operator else "Exists"))
        elif operator == "!=":
            raise SelectorProblem('"!=" is not a valid label selector operator')
        else:
            raise SelectorProblem(f'"{"gt" if operator == ">" else "lt"}" isn\'t supported in label selectors')
    return LabelSelector((*equal.values(), *others))


_Parsed = tuple[str, str, tuple[str, ...]]


class _Parser:
    """The API's own grammar: `in` and `notin` are words like any other where no operator can stand."""

    def __init__(self, text: str) -> None:
        self._tokens = [match[1] for match in _TOKEN.finditer(text)]
        self._next = 0

    def requirements(self) -> list[_Parsed]:
        found: list[_Parsed] = []
        while self._peek():
            if not (_is_word(self._peek()) or self._peek() == "!"):
                raise SelectorProblem(f"found '{self._peek()}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except SelectorProblem as problem:
                raise SelectorProblem(f"unable to parse requirement: {problem}") from None
            after = self._take()
            if after == "," and not (_is_word(self._peek()) or self._peek() == "!"):
                raise SelectorProblem(f"found '{self._peek()}', expected: identifier after ','")
            if after not in ("", ","):
                raise SelectorProblem(f"found '{after}', expected: ',' or 'end of string'")
        return found

    def _requirement(self) -> _Parsed:
        negated = self._peek() == "!"
        if negated:
            self._take()
        key = self._take()
        if not _is_word(key):
            raise SelectorProblem(f"found '{key}', expected: identifier")
        if not is_qualified_name(key):
            raise SelectorProblem(f"<nil>: Invalid value: {quote(key)}: not a label key")
        if negated or self._peek() in ("", ","):
            return key, "!" if negated else "", ()
        operator = self._take()
        if operator not in _BINARY:
            raise SelectorProblem(f"found '{operator}', expected: {_EXPECTED}")
        values = self._list() if operator in ("in", "notin") else [self._exact()]
        for value in values:
            if not is_label_value(value):
                raise SelectorProblem(f"values[0][{key}]: Invalid value: {quote(value)}: not a label value")
        return key, operator, tuple(sorted(set(values)))

    def _list(self) -> list[str]:
        if (opening := self._take()) != "(":
            raise SelectorProblem(f"found '{opening}' expected: '('")
        values: list[str] = []
        if self._peek() not in (")", ",") and not _is_word(self._peek()):
            raise SelectorProblem(f"found '{self._peek()}', expected: ',', ')' or identifier")
        # An empty place between commas is the empty value.
        while self._peek() != ")":
            token = self._take()
            if token == ",":
                if not values or self._peek() in (")", ","):
                    values.append("")
                if self._peek() == ",":
                    self._take()
            elif _is_word(token):
                values.append(token)
                if self._peek() not in (",", ")"):
                    raise SelectorProblem(f"found '{self._peek()}', expected: ',' or ')'")
            else:
                raise SelectorProblem(f"found '{token}', expected: ',', or identifier")
        self._take()
        if not values:
            raise SelectorProblem("for 'in', 'notin' operators, values set can't be empty")
        return values

    def _exact(self) -> str:
        if self._peek() in ("", ","):
            return ""
        value = self._take()
        if not _is_word(value):
            raise SelectorProblem(f"found '{value}', expected: identifier")
        return value

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token


def _is_word(token: str) -> bool:
    return bool(token) and token[0] not in "=!()<>,"
