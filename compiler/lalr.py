"""Lark's LALR(1) tables of a grammar, as plain data that is kept beside the grammar as JSON.

Lark's own cache is a pickle, and making the tables takes longer than compiling a small cluster. So `setup.py` writes
them once; without that file, or after the grammar has changed, they are made anew on first use.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from lark import Lark


class State(NamedTuple):
    """Next states by terminal and by rule, and the numbers of the alternatives to reduce by when a terminal follows."""

    shifts: dict[str, int]
    reduces: dict[str, int]
    gotos: dict[str, int]


class Alternative(NamedTuple):
    """One alternative of a rule: the rule's name, the alternative's own if it has one, and what it consists of."""

    rule: str
    alias: str | None
    symbols: tuple[str, ...]


class Tables(NamedTuple):
    """`keywords` maps the words that the grammar quotes to their terminals."""

    start: dict[str, int]
    states: tuple[State, ...]
    alternatives: tuple[Alternative, ...]
    keywords: dict[str, str]


Condense = Callable[[Tables], Mapping[str, Any]]
"""What a reader keeps of the tables, as JSON data."""


def load(name: str, start: tuple[str, ...], condense: Condense) -> Mapping[str, Any]:
    """The condensed tables of `grammar/NAME.lark`, from the file beside it if that is up to date."""
    folder = resources.files("kcompile.grammar")
    grammar = folder.joinpath(f"{name}.lark").read_text("utf-8")
    kept = folder.joinpath(f"{name}.tables.json")
    if kept.is_file():
        data: dict[str, Any] = json.loads(kept.read_text("utf-8"))
        if data["digest"] == _digest(grammar, start):
            return data
    return condense(tables(grammar, start))


def dump(grammar: str, start: tuple[str, ...], condense: Condense) -> str:
    """The text of the file that `load` reads."""
    data = {"digest": _digest(grammar, start), **condense(tables(grammar, start))}
    return json.dumps(data, separators=(",", ":"))


def tables(grammar: str, start: tuple[str, ...]) -> Tables:
    """What Lark makes of a grammar's text."""
    from lark.parsers.lalr_analysis import Shift

    made = lark(grammar, start)
    table = made.parser.parser.parser.parse_table
    number_of = {rule: number for number, rule in enumerate(made.rules)}
    rule_names = {rule.origin.name for rule in made.rules}
    states = tuple(State({}, {}, {}) for _ in table.states)
    for number, state in enumerate(states):
        for symbol, (action, argument) in table.states[number].items():
            if action is not Shift:
                state.reduces[symbol] = number_of[argument]
            else:
                (state.gotos if symbol in rule_names else state.shifts)[symbol] = argument
    alternatives = (
        Alternative(str(rule.origin.name), rule.alias, tuple(symbol.name for symbol in rule.expansion))
        for rule in made.rules
    )
    quoted = (t for t in made.terminals if t.pattern is not None and t.pattern.type == "str")
    return Tables(table.start_states, states, tuple(alternatives), {t.pattern.value: t.name for t in quoted})


def lark(grammar: str, start: tuple[str, ...], **options: Any) -> Lark:
    """Lark's parser of a grammar whose terminals are not text: they are fed to it one by one."""
    from lark import Lark
    from lark.lexer import Lexer

    class NoLexer(Lexer):
        def __init__(self, _: Any) -> None: ...

        def lex(self, *_: Any) -> Any:
            return iter(())

    return Lark(grammar, parser="lalr", start=list(start), lexer=NoLexer, maybe_placeholders=False, **options)


def _digest(grammar: str, start: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join((grammar, *start)).encode()).hexdigest()
