"""Reads an expression of the view plugin, with expr-lang's precedences."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from kcompile.frontend.corefile.expression import (
    Array,
    Binary,
    Conditional,
    Invocation,
    Let,
    Literal,
    Map,
    Member,
    Name,
    Node,
    Predicate,
    Sequence,
    Slice,
    Unary,
    parts,
)

_Item = TypeVar("_Item")


class ExpressionError(Exception):
    """An expression that CoreDNS refuses; `position` counts characters from 0."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class _Token(NamedTuple):
    """`kind` is "number", "string", "name", "operator" or "end"."""

    kind: str
    text: str
    position: int


MAX_NESTING = 100
MAX_DEPTH = 250
"""The deepest tree that is taken: a chain such as `a || b || c` is as deep as it has operators."""
MAX_NODES = 10_000
"""expr-lang's own limit."""

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|//[^\n]*|/\*.*?\*/)
      | (?P<number>0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+
          |(?:[0-9][0-9_]*(?:\.(?!\.)[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
      | (?P<name>[^\W\d]\w*|\$\w*)
      | (?P<operator>\?\.|\?\?|\*\*|\.\.|==|!=|<=|>=|&&|\|\||[-+*/%^<>=!|?:.,;\#()\[\]{}])
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD_OPERATORS = frozenset({"not", "in", "and", "or", "matches", "contains", "startsWith", "endsWith"})
_UNARY = {"not": 50, "!": 50, "-": 90, "+": 90}
_BINARY = {
    "|": 0,
    "or": 10,
    "||": 10,
    "and": 15,
    "&&": 15,
    "==": 20,
    "!=": 20,
    "<": 20,
    ">": 20,
    "<=": 20,
    ">=": 20,
    "in": 20,
    "matches": 20,
    "contains": 20,
    "startsWith": 20,
    "endsWith": 20,
    "..": 25,
    "+": 30,
    "-": 30,
    "*": 60,
    "/": 60,
    "%": 60,
    "**": 100,
    "^": 100,
    "??": 500,
}
_COMPARISONS = frozenset({"<", ">", "<=", ">="})
_NEGATABLE = frozenset({"in", "matches", "contains", "startsWith", "endsWith"})
_SAME = {"&&": "and", "||": "or", "!": "not", "^": "**"}

PREDICATE_FUNCTIONS = frozenset(
    {
        "all",
        "any",
        "count",
        "filter",
        "find",
        "findIndex",
        "findLast",
        "findLastIndex",
        "groupBy",
        "map",
        "none",
        "one",
        "reduce",
        "sortBy",
        "sum",
    }
)
"""Functions whose second argument is looked at for each element of the first."""


def read_expression(text: str) -> Node:
    """The tree, names and types unchecked; raises `ExpressionError`."""
    node = _Parser(text).expression()
    _check_size(node)
    return node


def _check_size(root: Node) -> None:
    """Trees are walked by recursion later: bound them here, with a loop."""
    nodes, level = 0, [root]
    for _ in range(MAX_DEPTH):
        nodes += len(level)
        level = [part for node in level for part in parts(node)]
    if level:
        raise ExpressionError(f"more than {MAX_DEPTH} operations deep")
    if nodes > MAX_NODES:
        raise ExpressionError("compilation failed: expression exceeds maximum allowed nodes")


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            unclosed = text[position] in "\"'`"
            message = "literal not terminated" if unclosed else f"unrecognized character: U+{ord(text[position]):04X}"
            raise ExpressionError(message, position)
        kind = match.lastgroup or ""
        if kind == "name" and match[0] in _WORD_OPERATORS:
            kind = "operator"
        if kind != "space":
            tokens.append(_Token(kind, match[0], position))
        position = match.end()
    return [*tokens, _Token("end", "", len(text))]


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = 0
        self._nesting = 0
        self._predicates = 0

    def expression(self) -> Node:
        node = self._sequence()
        if self._token.kind != "end":
            raise self._unexpected()
        return node

    # Tokens

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _is(self, *texts: str) -> bool:
        return self._token.kind in ("operator", "name") and self._token.text in texts

    def _take(self) -> _Token:
        token = self._token
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _accept(self, text: str) -> bool:
        if not (self._is(text) and self._token.kind == "operator"):
            return False
        self._take()
        return True

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._unexpected()

    def _unexpected(self) -> ExpressionError:
        kind = {"end": "EOF", "name": "Identifier", "operator": "Operator"}.get(self._token.kind, "Literal")
        shown = kind if kind == "EOF" else f'{kind}("{self._token.text}")'
        return ExpressionError(f"unexpected token {shown}", self._token.position)

    # Expressions

    def _sequence(self) -> Node:
        items = [self._parse(0)]
        while self._accept(";"):
            if self._token.kind == "end" or self._is(")", "}"):
                break
            items.append(self._parse(0))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _parse(self, precedence: int) -> Node:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise ExpressionError("nested too deeply", self._token.position)
        try:
            if precedence == 0 and self._token.kind == "name" and self._token.text == "let":
                return self._let()
            if precedence == 0 and self._token.kind == "name" and self._token.text == "if":
                return self._if()
            node = self._operators(self._primary(), precedence)
            return self._ternary(node) if precedence == 0 else node
        finally:
            self._nesting -= 1

    def _operators(self, left: Node, precedence: int) -> Node:
        previous = ""
        while self._token.kind == "operator":
            negated = self._is("not")
            ahead = self._tokens[self._next + 1] if negated else self._token
            operator = ahead.text
            if operator not in _BINARY or _BINARY[operator] < precedence or (negated and operator not in _NEGATABLE):
                break
            if negated:
                self._take()
            self._take()
            if previous == "??" and operator not in ("??", "|"):
                message = (
                    f"Operator ({operator}) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses."
                )
                raise ExpressionError(message, ahead.position)
            if operator == "|":
                left = self._piped(left)
            elif operator in _COMPARISONS:
                left = self._comparisons(left, operator)
            else:
                is_right = operator in ("**", "^")
                right = self._parse(_BINARY[operator] + (not is_right))
                left = Binary(_SAME.get(operator, operator), left, right)
                left = Unary("not", left) if negated else left
            previous = operator
        return left

    def _comparisons(self, left: Node, operator: str) -> Node:
        """`1 < x < 9` means both."""
        node: Node | None = None
        while True:
            right = self._parse(_BINARY[operator] + 1)
            comparison = Binary(operator, left, right)
            node = comparison if node is None else Binary("and", node, comparison)
            if not (self._token.kind == "operator" and self._token.text in _COMPARISONS):
                return node
            left, operator = right, self._take().text

    def _ternary(self, condition: Node) -> Node:
        while self._accept("?"):
            then = None if self._accept(":") else self._parse(0)
            if then is not None:
                self._expect(":")
            condition = Conditional(condition, condition if then is None else then, self._parse(0))
        return condition

    def _let(self) -> Node:
        self._take()
        name = self._name()
        self._expect("=")
        value = self._parse(0)
        self._expect(";")
        return Let(name, value, self._sequence())

    def _if(self) -> Node:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise ExpressionError("nested too deeply", self._token.position)
        try:
            return self._conditional()
        finally:
            self._nesting -= 1

    def _conditional(self) -> Node:
        self._take()
        condition = self._parse(0)
        self._expect("{")
        then = self._sequence()
        self._expect("}")
        if not (self._token.kind == "name" and self._token.text == "else"):
            raise self._unexpected()
        self._take()
        if self._token.kind == "name" and self._token.text == "if":
            return Conditional(condition, then, self._if())
        self._expect("{")
        otherwise = self._sequence()
        self._expect("}")
        return Conditional(condition, then, otherwise)

    def _piped(self, first: Node) -> Node:
        name = self._name()
        if not self._is("("):
            raise self._unexpected()
        return self._postfix(self._invocation(name, first))

    def _name(self) -> str:
        if self._token.kind != "name":
            raise self._unexpected()
        return self._take().text

    def _primary(self) -> Node:
        token = self._token
        if token.kind == "operator" and token.text in _UNARY:
            self._take()
            operand = self._parse(_UNARY[token.text])
            return self._postfix(Unary(_SAME.get(token.text, token.text), operand))
        if self._accept("("):
            node = self._sequence()
            self._expect(")")
            return self._postfix(node)
        if self._predicates and self._accept("#"):
            adjacent = self._token.kind == "name" and self._token.position == token.position + 1
            return self._postfix(Name(f"#{self._take().text}" if adjacent else "#"))
        if self._predicates and self._is("."):
            return self._postfix(Name("#"))
        return self._postfix(self._secondary())

    def _secondary(self) -> Node:
        token = self._token
        if token.kind == "name":
            self._take()
            constants: dict[str, bool | None] = {"true": True, "false": False, "nil": None}
            if token.text in constants:
                return Literal(constants[token.text])
            return self._invocation(token.text) if self._is("(") else Name(token.text)
        if token.kind == "number":
            self._take()
            return Literal(_number(token))
        if token.kind == "string":
            self._take()
            return Literal(_unquoted(token))
        if self._accept("["):
            return Array(self._list(lambda: self._parse(0), "]"))
        if self._accept("{"):
            return Map(self._list(self._pair, "}"))
        raise self._unexpected()

    def _list(self, item: Callable[[], _Item], end: str) -> tuple[_Item, ...]:
        """Items between commas, one comma more allowed at the end."""
        items: list[_Item] = []
        while not self._accept(end):
            if items:
                self._expect(",")
                if self._accept(end):
                    break
            items.append(item())
        return tuple(items)

    def _pair(self) -> tuple[Node, Node]:
        token = self._token
        if token.kind in ("number", "string", "name") or token.text in _WORD_OPERATORS:
            self._take()
            key: Node = Literal(_unquoted(token) if token.kind == "string" else token.text)
        elif self._accept("("):
            key = self._parse(0)
            self._expect(")")
        else:
            raise self._unexpected()
        self._expect(":")
        return key, self._parse(0)

    def _invocation(self, name: str, first: Node | None = None) -> Node:
        self._expect("(")
        arguments = [] if first is None else [first]
        while not self._accept(")"):
            if arguments and not (first is not None and len(arguments) == 1):
                self._expect(",")
            first = None
            is_predicate = name in PREDICATE_FUNCTIONS and len(arguments) == 1
            arguments.append(self._predicate() if is_predicate else self._parse(0))
        return Invocation(Name(name), tuple(arguments))

    def _predicate(self) -> Node:
        self._predicates += 1
        braces = self._accept("{")
        body = self._sequence() if braces else self._parse(0)
        if braces:
            self._expect("}")
        self._predicates -= 1
        return Predicate(body)

    def _postfix(self, node: Node) -> Node:
        while self._is(".", "?.", "[") and self._token.kind == "operator":
            operator = self._take()
            if operator.text == "[":
                node = self._index(node, optional=False)
            elif operator.text == "?." and self._accept("["):
                node = self._index(node, optional=True)
            else:
                token = self._take()
                if token.kind != "name" and token.text not in _WORD_OPERATORS:
                    raise ExpressionError("expected name", token.position)
                node = Member(node, Literal(token.text), operator.text == "?.")
                if self._accept("("):
                    node = Invocation(node, self._list(lambda: self._parse(0), ")"))
        return node

    def _index(self, node: Node, *, optional: bool) -> Node:
        start = None if self._is(":") else self._parse(0)
        if self._accept(":"):
            stop = None if self._is("]") else self._parse(0)
            self._expect("]")
            return Slice(node, start, stop)
        self._expect("]")
        assert start is not None
        return Member(node, start, optional)


def _number(token: _Token) -> int | float:
    digits = token.text.replace("_", "")
    try:
        number = (
            int(digits, 0) if digits[:2].lower() in ("0x", "0b", "0o") else int(digits) if digits.isdigit() else None
        )
    except ValueError:
        raise ExpressionError(f"invalid number literal: {token.text}", token.position) from None
    if number is None:
        return float(digits)
    if number >= 1 << 63:
        raise ExpressionError("integer literal is too large", token.position)
    return number


_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _unquoted(token: _Token) -> str:
    inside = token.text[1:-1]
    if token.text[0] == "`":
        return inside

    def unescaped(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) > 1:
            code = int(escape[1:], 16) if escape[0] in "xuU" else int(escape, 8)
            if code <= 0x10FFFF:
                return chr(code)
        elif escape in _SIMPLE or escape in "\\\"'":
            return _SIMPLE.get(escape, escape)
        raise ExpressionError("unable to unescape string", token.position)

    return _ESCAPE.sub(unescaped, inside)
