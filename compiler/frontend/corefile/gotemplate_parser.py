"""From the words of a Go text/template to its tree, with the checks that Go makes when it parses."""

from __future__ import annotations

import re

from kcompile.frontend.corefile.gotemplate import (
    Action,
    Break,
    Call,
    Chain,
    Constant,
    Continue,
    Dot,
    Field,
    Function,
    If,
    Nil,
    Operand,
    Pipeline,
    Range,
    Statement,
    Template,
    Text,
    Variable,
    With,
)
from kcompile.frontend.corefile.gotemplate_lexer import Item, TemplateError, items
from kcompile.frontend.corefile.values import quote

__all__ = ["TemplateError", "parse_template"]

FUNCTIONS = frozenset(
    {
        "and",
        "call",
        "eq",
        "ge",
        "gt",
        "html",
        "index",
        "js",
        "le",
        "len",
        "lt",
        "ne",
        "not",
        "or",
        "parseInt",
        "print",
        "printf",
        "println",
        "slice",
        "urlquery",
    }
)
"""Go's own functions, and the one that CoreDNS's template plugin adds: parseInt."""

MAX_NESTING = 50


def parse_template(text: str, name: str = "answer") -> Template:
    """Raise `TemplateError` in Go's words; `name` is what CoreDNS calls the template."""
    try:
        return _Parser(text).template()
    except TemplateError as problem:
        raise TemplateError(f"template: {name}:{problem}") from None


_OPERANDS = frozenset(
    {"bool", "character", ".", "field", "identifier", "number", "nil", "raw", "string", "variable", "("}
)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._items = items(text)
        self._ahead: list[Item] = []
        self._line = 1
        self._variables = ["$"]
        self._loops = 0
        self._nesting = 0
        self._definitions: list[tuple[str, tuple[Statement, ...]]] = []

    def template(self) -> Template:
        body: list[Statement] = []
        while self._peek().kind != "end":
            if self._peek().kind == "{{" and self._keyword_after_brace() == "define":
                self._define()
                continue
            statement = self._statement()
            if isinstance(statement, str):
                raise self._error(f"unexpected {{{{{statement}}}}}")
            body.append(statement)
        return Template(self._text, tuple(body), tuple(self._definitions))

    # Words

    def _next(self) -> Item:
        item = self._ahead.pop(0) if self._ahead else next(self._items, Item("end", "", self._line))
        self._line = item.line
        return item

    def _peek(self) -> Item:
        if not self._ahead:
            self._ahead.append(next(self._items, Item("end", "", self._line)))
        return self._ahead[0]

    def _next_word(self) -> Item:
        while (item := self._next()).kind == "space":
            pass
        return item

    def _peek_word(self) -> Item:
        while self._peek().kind == "space":
            self._next()
        return self._peek()

    def _back(self, *some: Item) -> None:
        self._ahead[:0] = some

    def _keyword_after_brace(self) -> str:
        brace = self._next()
        word = self._peek_word()
        self._back(brace)
        return word.text if word.kind == "keyword" else ""

    def _error(self, message: str) -> TemplateError:
        return TemplateError(f"{self._line}: {message}")

    def _unexpected(self, item: Item, context: str) -> TemplateError:
        is_word = item.kind in ("keyword", "nil", ".")
        shown = "EOF" if item.kind == "end" else f"<{item.text}>" if is_word else quote(item.text)
        return self._error(f"unexpected {shown} in {context}")

    def _expect(self, kind: str, context: str) -> Item:
        item = self._next_word()
        if item.kind != kind:
            raise self._unexpected(item, context)
        return item

    # Statements

    def _statements(self) -> tuple[tuple[Statement, ...], str]:
        """Up to `{{end}}` or `{{else}}`, and which of them it was."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise self._error("nested too deeply")
        found: list[Statement] = []
        while self._peek().kind != "end":
            statement = self._statement()
            if isinstance(statement, str):
                self._nesting -= 1
                return tuple(found), statement
            found.append(statement)
        raise self._error("unexpected EOF")

    def _statement(self) -> Statement | str:
        """A statement, or "end" or "else"."""
        item = self._next_word()
        if item.kind == "text":
            return Text(item.text)
        if item.kind != "{{":
            raise self._unexpected(item, "input")
        word = self._next_word()
        if word.kind != "keyword":
            self._back(word)
            return Action(self._pipeline("command", "}}"))
        if word.text == "end":
            self._expect("}}", "end")
            return "end"
        if word.text == "else":
            following = self._peek_word()
            if not (following.kind == "keyword" and following.text in ("if", "with")):
                self._expect("}}", "else")
            return "else"
        if word.text in ("if", "with", "range"):
            return self._control(word.text)
        if word.text in ("break", "continue"):
            if (after := self._next_word()).kind != "}}":
                raise self._unexpected(after, f"{{{{{word.text}}}}}")
            if not self._loops:
                raise self._error(f"{{{{{word.text}}}}} outside {{{{range}}}}")
            return Break() if word.text == "break" else Continue()
        if word.text == "template":
            return self._call()
        if word.text == "block":
            return self._block()
        raise self._unexpected(word, "command")

    def _control(self, kind: str) -> Statement:
        scope = len(self._variables)
        pipeline = self._pipeline(kind, "}}")
        self._loops += kind == "range"
        body, end = self._statements()
        self._loops -= kind == "range"
        otherwise: tuple[Statement, ...] = ()
        if end == "else":
            following = self._peek()
            if following.kind == "keyword" and following.text == kind and kind in ("if", "with"):
                self._next()
                self._nesting += 1
                if self._nesting > MAX_NESTING:
                    raise self._error("nested too deeply")
                otherwise = (self._control(kind),)
                self._nesting -= 1
            else:
                otherwise, end = self._statements()
                if end != "end":
                    raise self._error("expected end; found {{else}}")
        del self._variables[scope:]
        if kind == "if":
            return If(pipeline, body, otherwise)
        return With(pipeline, body, otherwise) if kind == "with" else Range(pipeline, body, otherwise)

    def _name(self, context: str) -> str:
        item = self._next_word()
        if item.kind not in ("string", "raw"):
            raise self._unexpected(item, context)
        return self._unquote(item)

    def _call(self) -> Call:
        name = self._name("template clause")
        after = self._next_word()
        if after.kind == "}}":
            return Call(name, None)
        self._back(after)
        return Call(name, self._pipeline("template clause", "}}"))

    def _block(self) -> Call:
        name = self._name("block clause")
        pipeline = self._pipeline("block clause", "}}")
        self._definition(name, "block clause")
        return Call(name, pipeline)

    def _define(self) -> None:
        self._next()
        self._next_word()
        name = self._name("define clause")
        self._expect("}}", "define clause")
        self._definition(name, "define clause")

    def _definition(self, name: str, context: str) -> None:
        variables, loops = self._variables, self._loops
        self._variables, self._loops = ["$"], 0
        body, end = self._statements()
        if end != "end":
            raise self._error(f"unexpected {{{{{end}}}}} in {context}")
        self._variables, self._loops = variables, loops
        self._definitions.append((name, body))

    # Pipelines

    def _pipeline(self, context: str, end: str) -> Pipeline:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise self._error("nested too deeply")
        declares, assigns = self._declarations(context)
        commands: list[tuple[Operand, ...]] = []
        while (item := self._next_word()).kind != end:
            if item.kind not in _OPERANDS:
                raise self._unexpected(item, context)
            self._back(item)
            commands.append(self._command())
        if not commands:
            raise self._error(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], start=2):
            if isinstance(command[0], Constant | Dot | Nil):
                raise self._error(f"non executable command in pipeline stage {stage}")
        self._nesting -= 1
        return Pipeline(declares, assigns, tuple(commands))

    def _declarations(self, context: str) -> tuple[tuple[str, ...], bool]:
        """`$x :=`, `$x =`, and in a range `$i, $x :=`"""
        names: list[str] = []
        while self._peek_word().kind == "variable":
            variable = self._next()
            after = self._peek()
            following = self._peek_word()
            if following.kind in (":=", "="):
                self._next()
                names.append(variable.text)
                self._variables.append(variable.text)
                return tuple(names), following.kind == "="
            if following.kind == "char" and following.text == ",":
                self._next()
                names.append(variable.text)
                self._variables.append(variable.text)
                if context != "range" or len(names) > 1:
                    raise self._error(f"too many declarations in {context}")
                if self._peek_word().kind not in ("variable", "}}", ")"):
                    raise self._error("range can only initialize variables")
                continue
            self._back(*([variable, after] if after.kind == "space" else [variable]))
            break
        return tuple(names), False

    def _command(self) -> tuple[Operand, ...]:
        operands: list[Operand] = []
        while True:
            self._peek_word()
            operand = self._operand()
            if operand is not None:
                operands.append(operand)
            item = self._next()
            if item.kind == "space":
                continue
            if item.kind in ("}}", ")"):
                self._back(item)
            elif item.kind != "|":
                raise self._unexpected(item, "operand")
            break
        if not operands:
            raise self._error("empty command")
        return tuple(operands)

    def _operand(self) -> Operand | None:
        term = self._term()
        if term is None:
            return None
        fields: list[str] = []
        while self._peek().kind == "field":
            fields.append(self._next().text[1:])
        if not fields:
            return term
        if isinstance(term, Field):
            return Field((*term.names, *fields))
        if isinstance(term, Variable):
            return Variable(term.name, (*term.fields, *fields))
        if isinstance(term, Constant | Nil | Dot):
            raise self._error("unexpected . after term")
        return Chain(term, tuple(fields))

    def _term(self) -> Operand | None:
        item = self._next_word()
        kind, text = item.kind, item.text
        if kind == "identifier":
            if text not in FUNCTIONS:
                raise self._error(f"function {quote(text)} not defined")
            return Function(text)
        if kind == ".":
            return Dot()
        if kind == "nil":
            return Nil()
        if kind == "variable":
            if text not in self._variables:
                raise self._error(f"undefined variable {quote(text)}")
            return Variable(text, ())
        if kind == "field":
            return Field((text[1:],))
        if kind == "bool":
            return Constant(text == "true")
        if kind in ("number", "character"):
            return Constant(self._number(item))
        if kind == "(":
            return self._pipeline("parenthesized pipeline", ")")
        if kind in ("string", "raw"):
            return Constant(self._unquote(item))
        self._back(item)
        return None

    def _number(self, item: Item) -> int | float:
        text = item.text
        if item.kind == "character":
            value = self._unquote(item)
            if len(value) != 1:
                raise self._error(f"malformed character constant: {text}")
            return ord(value)
        digits = text.replace("_", "")
        if not _UNDERSCORES.fullmatch(text):
            raise self._error(f"illegal number syntax: {quote(text)}")
        if _INTEGER.fullmatch(digits):
            return int(digits, 8 if _OLD_OCTAL.fullmatch(digits) else 0)
        if _HEXADECIMAL_FLOAT.fullmatch(digits):
            return float.fromhex(digits)
        if _FLOAT.fullmatch(digits) and not digits.lstrip("+-").isdigit():
            return float(digits)
        problem = "integer overflow" if digits.lstrip("+-").isdigit() else "illegal number syntax"
        raise self._error(f"{problem}: {quote(text)}")

    def _unquote(self, item: Item) -> str:
        """strconv.Unquote"""
        inside = item.text[1:-1]
        if item.kind == "raw":
            return inside.replace("\r", "")
        other_quote = '"' if item.kind == "character" else "'"
        if not _ESCAPED.fullmatch(inside) or f"\\{other_quote}" in inside.replace("\\\\", ""):
            raise self._error("invalid syntax")
        return _ESCAPE.sub(_unescape, inside)


_UNDERSCORES = re.compile(r"[^_]*|[+-]?(?:0[xXoObB]_?)?[0-9a-fA-F]+(?:[_.+-]?[0-9a-fA-F]+)*")
_OLD_OCTAL = re.compile("[+-]?0[0-7]+")
_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEXADECIMAL_FLOAT = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]{1,4}")
_ESCAPED = re.compile(
    r'(?:[^\\]|\\[abfnrtv\\"\']|\\[0-3][0-7]{2}|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})*'
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)")
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _unescape(match: re.Match[str]) -> str:
    escape = match[1]
    if escape[0] in "xuU" and len(escape) > 1:
        return chr(int(escape[1:], 16))
    if len(escape) == 3:
        return chr(int(escape, 8))
    return _SIMPLE.get(escape, escape)
