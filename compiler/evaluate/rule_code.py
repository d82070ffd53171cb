"""The instructions of rules and chains, for `evaluate.assemble`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kcompile.evaluate import program as p
from kcompile.evaluate.code_words import FINAL, CannotTell, Lead, Never, Words, marks_and_rest, parts
from kcompile.evaluate.hash_spaces import HashSpaces
from kcompile.evaluate.layout import Layout, OtherFamily, PlacedRule
from kcompile.evaluate.match_code import Matches, in_order, wanted
from kcompile.evaluate.rule_facts import cascade
from kcompile.evaluate.rules import is_match
from kcompile.evaluate.set_code import Sets
from kcompile.evaluate.statement_code import Statements, leads_to
from kcompile.ir.ruleset import NoEffect


@dataclass(frozen=True, slots=True)
class RuleCode:
    """The instructions of one rule that does something. `wanted` are the fields that must have one value each."""

    placed: PlacedRule
    matches: Sequence[Words]
    statements: Words
    wanted: dict[int, int]

    @property
    def words(self) -> Words:
        return [*(word for words in self.matches for word in words), *self.statements]

    @property
    def lead(self) -> Lead | None:
        """Where the rule jumps if it does nothing else."""
        return leads_to(self.statements)

    @property
    def is_final(self) -> bool:
        """Whether no packet comes back from the rule, if it is the last one of its chain."""
        _, last = marks_and_rest(self.statements)
        if self.matches or not last:
            return False
        return last[:2] != [p.GO, p.GO_CONTINUE] and parts(last[0])[0] in (p.GO, *FINAL)

    @property
    def lead_by_chance(self) -> Lead | None:
        """Where the rule jumps if it matches every packet, or a share of them by chance, and does nothing else."""
        if self.matches:
            return None
        by_chance = len(self.statements) > 3 and self.statements[0] == p.CHANCE
        return leads_to(self.statements[3:]) if by_chance else self.lead


def sharing(rules: Sequence[RuleCode], number: int) -> int:
    """How many rules from one on share packets evenly; 0 for none."""
    first = rules[number]
    if first.matches or first.statements[0] != p.CHANCE:
        return 0
    _, _, denominator, *_ = first.statements
    assert isinstance(denominator, int)
    return cascade([rule.placed for rule in rules[number : number + denominator]])


class RuleWriter:
    """Writes the rules of a layout as words."""

    def __init__(self, layout: Layout, program: p.Program, spaces: HashSpaces) -> None:
        self.sets = Sets(layout, program, spaces)
        self.statements = Statements(layout, self.sets)
        self._matches = Matches(layout, self.sets)

    def rule(self, placed: PlacedRule) -> RuleCode | None:
        """The instructions of a rule; None for a rule that does nothing that matters, or never matches.

        What cannot be told comes after what can, so that only packets that need it are given up on.
        """
        items = placed.rule.items
        first = next((n for n, item in enumerate(items) if not is_match(item)), len(items))
        if all(isinstance(item, NoEffect) for item in items[first:]):
            return None
        matches: list[Words] = []
        statements: Words = []
        gives_up = False
        try:
            for item in items[:first]:
                try:
                    matches += self._matches.instructions(item, placed)
                except CannotTell:
                    gives_up = True
            if not gives_up:
                statements = self._statements(placed, first)
        except CannotTell:
            gives_up = True
        except (Never, OtherFamily):
            return None
        if gives_up:
            statements = [p.GIVE_UP]
        if not statements:
            return None
        ordered = in_order(matches)
        return RuleCode(placed, ordered, statements, wanted(ordered))

    def _statements(self, placed: PlacedRule, first: int) -> Words:
        """The statements, and matches that come after one of them."""
        words: Words = []
        for item in placed.rule.items[first:]:
            if is_match(item):
                words += [word for found in self._matches.instructions(item, placed) for word in found]
            else:
                words += self.statements.instructions(item, placed)
        return words
