"""The LALR tables that Lark makes of a grammar, as plain data: made at build time, kept beside the grammar as JSON.

Lark's own cache is a pickle, and making the tables takes longer than compiling a small cluster. So `setup.py` writes
them once; without that file, or after the grammar has changed, they are made anew on first use.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

# What a reduction does with the values of the rule's symbols; see `Rule`.
PASS, FIRST, APPEND, FIELD, PAIR, COLLECT_MAP, COLLECT_LIST, NOTHING = range(8)


@dataclass(frozen=True, slots=True)
class Rule:
    """One alternative of a rule. `name` is its origin, or the alias of a FIELD.

    PASS hands on the value of its only symbol; FIRST and APPEND gather a repetition; FIELD gives (alias, last value);
    PAIR gives its two values; COLLECT_MAP and COLLECT_LIST are whole collections; NOTHING is an alternative for null.
    """

    name: str
    length: int
    action: int
    gathers: bool


@dataclass(frozen=True, slots=True)
class Tables:
    """LALR(1) tables. In `shifts[state][terminal]` and `gotos[state][origin]` stand next states.

    `default[state]` is an index into `rules` for a state that can only reduce, else -1. `keys` maps the text of a key
    to its terminal. `near_misses[state]` has, for a state that lets any key pass, the keys it knows by their
    case-folded text: there a misspelling would go unseen.
    """

    start: dict[str, int]
    shifts: tuple[dict[str, int], ...]
    default: tuple[int, ...]
    gotos: tuple[dict[str, int], ...]
    rules: tuple[Rule, ...]
    origins: tuple[str, ...]
    keys: dict[str, str]
    near_misses: dict[int, dict[str, str]]


def load(name: str, start: tuple[str, ...]) -> Tables:
    """The tables of `grammar/NAME.lark` for these start rules, from the file beside it where that is up to date."""
    folder = resources.files("kcompile.grammar")
    grammar = folder.joinpath(f"{name}.lark").read_text("utf-8")
    cached = folder.joinpath(f"{name}.tables.json")
    if cached.is_file():
        data = json.loads(cached.read_text("utf-8"))
        if data["digest"] == _digest(grammar, start):
            return _tables(data)
    return _tables(make(grammar, start))


def make(grammar: str, start: tuple[str, ...]) -> dict[str, Any]:
    """The tables of a grammar as JSON data, made by Lark."""
    from lark import Lark
    from lark.lexer import Lexer
    from lark.parsers.lalr_analysis import Shift

    class NoLexer(Lexer):
        """Lark asks for a lexer; the tokens come from events."""

        def __init__(self, _: Any) -> None: ...

        def lex(self, *_: Any) -> Any:
            return iter(())

    lark = Lark(grammar, parser="lalr", start=list(start), lexer=NoLexer, maybe_placeholders=False)
    table = lark.parser.parser.parser.parse_table
    origins = {rule.origin.name for rule in lark.rules}
    number_of = {rule: number for number, rule in enumerate(lark.rules)}
    states = []
    for state in range(len(table.states)):
        shift, goto, reduces = {}, {}, set()
        for symbol, (action, argument) in table.states[state].items():
            if action is not Shift:
                reduces.add(number_of[argument])
            elif symbol in origins:
                goto[symbol] = argument
            else:
                shift[symbol] = argument
        if len(reduces) > 1 or (reduces and shift):
            raise ValueError(f"state {state} must look ahead to decide: write the grammar without optional parts")
        states.append([shift, goto, reduces.pop() if reduces else -1])
    return {
        "digest": _digest(grammar, start),
        "start": table.start_states,
        "states": states,
        "rules": [_rule(rule) for rule in lark.rules],
        "keys": {t.pattern.value: t.name for t in lark.terminals if t.pattern is not None and t.pattern.type == "str"},
    }


def _rule(rule: Any) -> list[Any]:
    origin = str(rule.origin.name)
    symbols = [symbol.name for symbol in rule.expansion]
    gathers = any(name.startswith("__") for name in symbols)
    if origin.startswith("__"):
        action = APPEND if symbols[0] == origin else FIRST
    elif origin.startswith("_"):
        action = PASS
    elif rule.alias:
        action = FIELD
    elif symbols == ["NULL"]:
        action = NOTHING
    else:
        action = {"MAP": COLLECT_MAP, "_LIST": COLLECT_LIST}.get(symbols[0], PAIR)
    return [origin, str(rule.alias or origin), len(symbols), action, gathers]


def _tables(data: dict[str, Any]) -> Tables:
    states = data["states"]
    keys = data["keys"]
    near_misses = {
        number: {key.casefold(): key for key, terminal in keys.items() if terminal in shift}
        for number, (shift, _, _) in enumerate(states)
        if "OTHER" in shift
    }
    return Tables(
        start=data["start"],
        shifts=tuple(shift for shift, _, _ in states),
        default=tuple(default for _, _, default in states),
        gotos=tuple(goto for _, goto, _ in states),
        rules=tuple(Rule(name, length, action, gathers) for _, name, length, action, gathers in data["rules"]),
        origins=tuple(origin for origin, *_ in data["rules"]),
        keys=keys,
        near_misses=near_misses,
    )


def _digest(grammar: str, start: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join((grammar, *start)).encode()).hexdigest()
