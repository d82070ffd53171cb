"""The LALR parser of the manifests: Lark's tables over a stream of events, each classed by what the grammar expects.

It differs from Lark's own parser in two things, both on purpose. A state that can only reduce does so before the next
event is looked at, so the set of expected terminals is exact when a key is classed. And it recovers: a value of the
wrong type counts as null, an unknown field is passed over, so that one run reports every error. The tests hold it to
Lark.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kcompile.frontend.events import END_LIST, END_MAP, KEY, LIST, MAP, SCALAR, Event, Events
from kcompile.frontend.grammar_tables import (
    APPEND,
    COLLECT_LIST,
    COLLECT_MAP,
    FIELD,
    FIRST,
    NOTHING,
    PAIR,
    PASS,
    Tables,
)
from kcompile.frontend.scalars import resolve


class Problem(NamedTuple):
    """One syntax error, at the position of the event that is wrong."""

    code: str
    message: str
    line: int
    column: int
    length: int
    hint: str = ""


class Position(NamedTuple):
    line: int
    column: int


Fields = list[tuple[str, Any]]
Builder = Callable[[dict[str, Any]], Any]
"""Makes the value of a map rule from its fields; null and ignored fields are left out."""


class Required(NamedTuple):
    """A field that a map rule needs: the attribute that it sets and its name in the manifest."""

    attribute: str
    field: str


_WRONG: Any = object()
"""Stands for a value that was reported, so that what holds it is not reported again."""

_TYPE_NAMES = {
    "STRING": "a string",
    "INT": "a whole number",
    "BOOL": "true or false",
    "MAP": "a map",
    "_LIST": "a list",
}
_FOUND = {"INT": "a number", "FLOAT": "a number", "BOOL": "a boolean", "NULL": "null", "STRING": "a string"}


def parse(
    tables: Tables,
    start: str,
    events: Events,
    builders: Mapping[str, Builder],
    required: Mapping[str, tuple[Required, ...]],
    problems: list[Problem],
) -> Any:
    """The value of one map of events by the rule `start`, or None; syntax errors are appended to `problems`.

    `events` is read up to the end of that map and no further.
    """
    shifts, defaults, rules, gotos, origins = tables.shifts, tables.default, tables.rules, tables.gotos, tables.origins
    keys, near_misses = tables.keys, tables.near_misses
    states: list[int] = [tables.start[start]]
    values: list[Any] = []
    for event in events:
        kind, text, plain, line, column = event
        expected = shifts[states[-1]]
        value: Any = None
        if kind == KEY:
            terminal = keys.get(text, "OTHER")
            if terminal not in expected:
                terminal = "OTHER"
            if terminal not in expected:
                problems.append(_unknown_field(tables, expected, event))
                skip(events, next(events))
                continue
            if terminal == "OTHER" and text.casefold() in near_misses[states[-1]]:
                problems.append(_unknown(event, f"did you mean `{near_misses[states[-1]][text.casefold()]}`?"))
            value = text
        elif "ANY" in expected:
            skip(events, event)
            terminal = "ANY"
        elif kind == SCALAR:
            terminal, value = resolve(text) if plain else ("STRING", text)
            if terminal not in expected:
                problems.append(_wrong_type(expected, event, _FOUND[terminal]))
                if "NULL" not in expected:
                    continue
                terminal, value = "NULL", _WRONG
        elif kind in (MAP, LIST):
            terminal = "MAP" if kind == MAP else "_LIST"
            value = Position(line, column)
            if terminal not in expected:
                problems.append(_wrong_type(expected, event, "a map" if kind == MAP else "a list"))
                skip(events, event)
                if "NULL" not in expected:
                    continue
                terminal, value = "NULL", _WRONG
        else:
            terminal = "_END_MAP" if kind == END_MAP else "_END_LIST"
        states.append(expected[terminal])
        values.append(value)
        while (number := defaults[states[-1]]) >= 0:
            rule = rules[number]
            action, length = rule.action, rule.length
            if action == FIELD:
                value = values[-1]
                value = None if value is None or rule.name == "ignored" else (rule.name, value)
            elif action == APPEND:
                value = values[-2]
                if values[-1] is not None:
                    value.append(values[-1])
            elif action == FIRST:
                value = [] if values[-1] is None else [values[-1]]
            elif action == COLLECT_MAP:
                fields = dict(values[1 - length] if rule.gathers else ())
                builder = builders.get(rule.name)
                if not _complete(required.get(rule.name, ()), fields, values[-length], problems):
                    value = _WRONG
                else:
                    value = builder(fields) if builder else fields
            elif action == COLLECT_LIST:
                items = values[1 - length] if rule.gathers else ()
                value = _WRONG if problems and any(item is _WRONG for item in items) else tuple(items)
            elif action == PAIR:
                value = (values[-2], values[-1] or "")
            elif action in (PASS, NOTHING):
                value = values[-1]
            del states[-length:], values[-length:]
            origin = origins[number]
            if origin == start and len(states) == 1:
                return None if value is _WRONG else value
            states.append(gotos[states[-1]][origin])
            values.append(value)
    return None


def skip(events: Events, event: Event) -> None:
    """Pass over the rest of the value that `event` begins."""
    depth = int(event.kind in (MAP, LIST))
    while depth:
        kind = next(events).kind
        depth += (kind in (MAP, LIST)) - (kind in (END_MAP, END_LIST))


def _expected_keys(tables: Tables, expected: Mapping[str, int]) -> list[str]:
    return [key for key, terminal in tables.keys.items() if terminal in expected]


def _unknown_field(tables: Tables, expected: Mapping[str, int], event: Event) -> Problem:
    names = _expected_keys(tables, expected)
    close = [name for name in names if name.casefold() == event.text.casefold()]
    close = close or difflib.get_close_matches(event.text, names, 1)
    if close:
        hint = f"did you mean `{close[0]}`?"
    else:
        listed = ", ".join(sorted(names)[:12]) + (", ..." if len(names) > 12 else "")
        hint = f"expected one of: {listed}"
    return _unknown(event, hint)


def _unknown(event: Event, hint: str) -> Problem:
    shown = event.text if len(event.text) <= 60 else f"{event.text[:57]}..."
    return Problem("unknown-field", f"unknown field `{shown}`", event.line, event.column, len(shown), hint)


def _wrong_type(expected: Mapping[str, int], event: Event, found: str) -> Problem:
    wanted = [name for terminal, name in _TYPE_NAMES.items() if terminal in expected]
    what = " or ".join(wanted) or "the end of the collection"
    shown = f" {event.text[:40]}" if event.kind == SCALAR and event.text else ""
    hint = ""
    if "STRING" in expected and event.kind == SCALAR and found != "null":
        hint = f'quote it: "{event.text[:40]}"'
    elif event.kind == SCALAR and not event.plain:
        hint = "write it without quotes"
    return Problem(
        "wrong-type", f"expected {what}, found {found}{shown}", event.line, event.column, max(1, len(shown) - 1), hint
    )


def _complete(
    required: tuple[Required, ...], fields: dict[str, Any], position: Position, problems: list[Problem]
) -> bool:
    """Whether a map has all that it needs and nothing wrong in it; what is missing becomes a problem."""
    missing = [field for attribute, field in required if attribute not in fields]
    for field in missing:
        problems.append(Problem("missing-field", f"missing field `{field}`", position.line, position.column, 1))
    return not problems or not (missing or any(value is _WRONG for value in fields.values()))
