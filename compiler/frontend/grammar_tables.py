"""The tables by which manifests are parsed: a grammar whose states either shift or reduce, without looking ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kcompile import lalr

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
    to its terminal. `near_misses[state]` has, for a state that lets any key pass, the keys it knows by how one
    misspells them: there it would go unseen.
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
    """The tables of `grammar/NAME.lark` for these start rules."""
    data = lalr.load(name, start, condense)
    keys: dict[str, str] = data["keys"]
    near_misses = {
        number: _misspelled([key for key, terminal in keys.items() if terminal in shifts])
        for number, (shifts, _, _) in enumerate(data["states"])
        if "OTHER" in shifts
    }
    return Tables(
        start=data["start"],
        shifts=tuple(shifts for shifts, _, _ in data["states"]),
        default=tuple(default for _, _, default in data["states"]),
        gotos=tuple(gotos for _, gotos, _ in data["states"]),
        rules=tuple(Rule(name, length, action, gathers) for _, name, length, action, gathers in data["rules"]),
        origins=tuple(origin for origin, *_ in data["rules"]),
        keys=keys,
        near_misses=near_misses,
    )


def misspellings(key: str) -> tuple[str, str]:
    """How one misspells a key, case-folded: in another case, and in the plural for the singular or the other way."""
    folded = key.casefold()
    return folded, folded.removesuffix("s") if folded.endswith("s") else f"{folded}s"


def _misspelled(keys: list[str]) -> dict[str, str]:
    """The keys by their misspellings, the nearest of them."""
    nearest = {folded: key for key in keys for folded, _ in [misspellings(key)]}
    return {other: key for key in keys for _, other in [misspellings(key)]} | nearest


def condense(tables: lalr.Tables) -> dict[str, Any]:
    """What `load` makes its tables of. Raises ValueError where a state must look ahead."""
    return {
        "start": tables.start,
        "states": [[state.shifts, state.gotos, _only_reduction(n, state)] for n, state in enumerate(tables.states)],
        "rules": [_rule(alternative) for alternative in tables.alternatives],
        "keys": tables.keywords,
    }


def _only_reduction(number: int, state: lalr.State) -> int:
    reductions = set(state.reduces.values())
    if len(reductions) > 1 or (reductions and state.shifts):
        raise ValueError(f"state {number} must look ahead to decide: write the grammar without optional parts")
    return reductions.pop() if reductions else -1


def _rule(alternative: lalr.Alternative) -> list[Any]:
    origin, alias, symbols = alternative
    gathers = any(name.startswith("__") for name in symbols)
    if origin.startswith("__"):
        action = APPEND if symbols[0] == origin else FIRST
    elif origin.startswith("_"):
        action = PASS
    elif alias:
        action = FIELD
    elif symbols == ("NULL",):
        action = NOTHING
    else:
        action = {"MAP": COLLECT_MAP, "_LIST": COLLECT_LIST}.get(symbols[0], PAIR)
    return [origin, alias or origin, len(symbols), action, gathers]
