"""The LALR(1) tables that Lark makes of the dump languages' grammars, as plain data kept beside them as JSON.

They are made at build time; without that file, or after a grammar has changed, on first use. This module imports
nothing of the package: setup.py loads it by its path.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

# The start rules of each grammar.
GRAMMARS: dict[str, tuple[str, ...]] = {
    "iptables": ("line",),
    "nft": ("rule", "line", "element"),
    "ipvsadm": ("line",),
    "ipset": ("line",),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One alternative of a grammar rule: the rule, its alias if it has one, and how many symbols it takes."""

    origin: str
    name: str
    length: int


@dataclass(frozen=True, slots=True)
class Tables:
    """In `shifts[state][terminal]` and `gotos[state][rule]` stand next states, in `reduces` numbers of `rules`.

    `keywords` maps the words that the grammar quotes to their terminals.
    """

    start: dict[str, int]
    shifts: tuple[dict[str, int], ...]
    reduces: tuple[dict[str, int], ...]
    gotos: tuple[dict[str, int], ...]
    rules: tuple[Rule, ...]
    keywords: dict[str, str]


def load(name: str) -> Tables:
    """The tables of `grammar/NAME.lark`, from the file beside it where that is up to date."""
    folder = resources.files("kcompile.grammar")
    grammar = folder.joinpath(f"{name}.lark").read_text("utf-8")
    cached = folder.joinpath(f"{name}.tables.json")
    if cached.is_file():
        data = json.loads(cached.read_text("utf-8"))
        if data["digest"] == _digest(grammar, GRAMMARS[name]):
            return _tables(data)
    return _tables(make(grammar, GRAMMARS[name]))


def make(grammar: str, start: tuple[str, ...]) -> dict[str, Any]:
    """The tables of a grammar as JSON data, made by Lark."""
    from lark import Lark
    from lark.lexer import Lexer
    from lark.parsers.lalr_analysis import Shift

    class NoLexer(Lexer):
        """Lark asks for a lexer; the words are classed elsewhere."""

        def __init__(self, _: Any) -> None: ...

        def lex(self, *_: Any) -> Any:
            return iter(())

    lark = Lark(grammar, parser="lalr", start=list(start), lexer=NoLexer, maybe_placeholders=False)
    table = lark.parser.parser.parser.parse_table
    origins = {rule.origin.name for rule in lark.rules}
    number_of = {rule: number for number, rule in enumerate(lark.rules)}
    states: list[list[dict[str, int]]] = []
    for state in range(len(table.states)):
        shifts: dict[str, int] = {}
        reduces: dict[str, int] = {}
        gotos: dict[str, int] = {}
        for symbol, (action, argument) in table.states[state].items():
            if action is not Shift:
                reduces[symbol] = number_of[argument]
            else:
                (gotos if symbol in origins else shifts)[symbol] = argument
        states.append([shifts, reduces, gotos])
    return {
        "digest": _digest(grammar, start),
        "start": table.start_states,
        "states": states,
        "rules": [[rule.origin.name, rule.alias or rule.origin.name, len(rule.expansion)] for rule in lark.rules],
        "keywords": {
            terminal.pattern.value: terminal.name
            for terminal in lark.terminals
            if terminal.pattern is not None and terminal.pattern.type == "str"
        },
    }


def _tables(data: dict[str, Any]) -> Tables:
    return Tables(
        start=data["start"],
        shifts=tuple(shifts for shifts, _, _ in data["states"]),
        reduces=tuple(reduces for _, reduces, _ in data["states"]),
        gotos=tuple(gotos for _, _, gotos in data["states"]),
        rules=tuple(Rule(*rule) for rule in data["rules"]),
        keywords=data["keywords"],
    )


def _digest(grammar: str, start: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join((grammar, *start)).encode()).hexdigest()
