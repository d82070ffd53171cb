"""view: take only queries for which expressions hold."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser
from kcompile.frontend.corefile.expression import Node
from kcompile.frontend.corefile.expression_check import ExpressionError, parse_expression


@dataclass(frozen=True, slots=True)
class ViewSettings(Settings):
    """All expressions must be true."""

    name: str
    expressions: tuple[Node, ...]


def setup(dispenser: Dispenser, context: Context) -> ViewSettings:
    """`view NAME { expr EXPRESSION }`"""
    name = ""
    expressions: list[Node] = []
    for _ in dispenser.occurrences(once=True):
        name = dispenser.one_argument()
        for option in dispenser.properties():
            if option != "expr":
                raise dispenser.unknown_property(("expr",))
            words = dispenser.remaining()
            try:
                expressions.append(parse_expression(" ".join(words)))
            except ExpressionError as problem:
                raise dispenser.plain(str(problem), "expression", _hint(dispenser, words)) from None
    return ViewSettings(name, tuple(expressions))


def _hint(dispenser: Dispenser, words: list[str]) -> str:
    quoted = any(token.is_quoted for token in dispenser.latest(len(words)))
    return "write texts in single quotes: the double ones around a word belong to the Corefile" if quoted else ""
