"""The tables by which dumps are parsed, one set for each language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kcompile import lalr

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
    """The tables of `grammar/NAME.lark`."""
    data = lalr.load(name, GRAMMARS[name], condense)
    return Tables(
        start=data["start"],
        shifts=tuple(shifts for shifts, _, _ in data["states"]),
        reduces=tuple(reduces for _, reduces, _ in data["states"]),
        gotos=tuple(gotos for _, _, gotos in data["states"]),
        rules=tuple(Rule(*rule) for rule in data["rules"]),
        keywords=data["keywords"],
    )


def condense(tables: lalr.Tables) -> dict[str, Any]:
    """What `load` makes its tables of."""
    return {
        "start": tables.start,
        "states": tables.states,
        "rules": [[rule, alias or rule, len(symbols)] for rule, alias, symbols in tables.alternatives],
        "keywords": tables.keywords,
    }
