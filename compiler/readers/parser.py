"""Parse lists of words by a grammar's LALR tables, and remember every shape: lines of a dump repeat a few of them.

What a parser does depends on the classes of the words alone, not on their text, so the tree of one line serves every
line whose words have the same classes. A word that the grammar quotes is classed by itself where the parser's state
expects it, and as WORD elsewhere, as Lark's contextual lexer would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from kcompile.readers.tables import Tables, load

SHAPES_KEPT = 50_000
"""A dump of random lines would otherwise fill the memory."""


@dataclass(frozen=True, slots=True)
class Node:
    """`name` is the alias of the alternative or the name of the rule; the integers are positions of words."""

    name: str
    children: tuple[Node | int, ...]


@dataclass(frozen=True, slots=True)
class Misfit:
    """The first word that the grammar does not expect; one past the last word where the line ends too early."""

    position: int


class Parser:
    """The parser of one grammar. It keeps nothing but its memory of shapes."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._shapes: dict[tuple[str, ...], Node | Misfit] = {}
        self.keywords = tables.keywords

    def parse(self, start: str, kinds: tuple[str, ...]) -> Node | Misfit:
        """The tree of words of these kinds: a keyword's own text, or the name of a terminal."""
        key = (start, *kinds)
        tree = self._shapes.get(key)
        if tree is None:
            tree = self._parse(start, kinds)
            if len(self._shapes) < SHAPES_KEPT:
                self._shapes[key] = tree
        return tree

    def _parse(self, start: str, kinds: Sequence[str]) -> Node | Misfit:
        tables = self._tables
        states = [tables.start[start]]
        end = tables.gotos[states[0]][start]
        values: list[tuple[Node | int, ...]] = []
        for position, kind in enumerate((*kinds, "$END")):
            candidates = (tables.keywords.get(kind, kind), "WORD")
            while True:
                shifts, reduces = tables.shifts[states[-1]], tables.reduces[states[-1]]
                if kind == "$END" and states[-1] == end:
                    node = values[0][0]
                    assert isinstance(node, Node)
                    return node
                terminal = next((each for each in candidates if each in shifts or each in reduces), None)
                if terminal is None:
                    return Misfit(position)
                if terminal in shifts:
                    states.append(shifts[terminal])
                    values.append((position,))
                    break
                self._reduce(reduces[terminal], states, values)
        return Misfit(len(kinds))

    def _reduce(self, number: int, states: list[int], values: list[tuple[Node | int, ...]]) -> None:
        rule = self._tables.rules[number]
        cut = len(values) - rule.length
        children = tuple(child for value in values[cut:] for child in value)
        del values[cut:], states[cut + 1 :]
        # Lark's own names for repetitions begin with two underscores, rules to be inlined with one.
        values.append(children if rule.origin.startswith("_") else (Node(rule.name, children),))
        states.append(self._tables.gotos[states[-1]][rule.origin])


@cache
def parser(grammar: str) -> Parser:
    """The parser of a grammar, made once."""
    return Parser(load(grammar))
