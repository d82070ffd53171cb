"""Fewer and shorter rules that say the same: most packets need little of what is written for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kcompile.evaluate import program as p
from kcompile.evaluate.code_words import Lead, Word, Words
from kcompile.evaluate.layout import Layout
from kcompile.evaluate.match_code import in_order, negated, wanted
from kcompile.evaluate.rule_code import RuleCode, RuleWriter
from kcompile.evaluate.statement_code import leads_to

_RETURN: Words = [p.GO, p.GO_RETURN]
_ACCEPT: Words = [p.GO, p.GO_ACCEPT]

Chains = list[list[RuleCode]]


def simplified(layout: Layout, writer: RuleWriter) -> Chains:
    """By chain, its rules with their instructions, without those that do nothing. Kubernetes always has chains without
    a rule: a jump there does nothing either."""
    chains = [[code for placed in rules if (code := writer.rule(placed)) is not None] for rules in layout.of_chain]
    jumps = layout.jumps()
    before = -1
    while before != (before := sum(map(len, chains))):
        accepting = _accepting(layout, chains, jumps)
        for number, rules in enumerate(chains):
            _shorten(rules, number in accepting)
        marks = {number: words for number, rules in enumerate(chains) if (words := _marks(rules)) is not None}
        chains = [[each for code in rules if (each := _without_jump(code, marks)) is not None] for rules in chains]
    return chains


def _marks(rules: Sequence[RuleCode]) -> Words | None:
    """What a chain does that only sets marks, KUBE-MARK-MASQ above all; None for any other."""
    if not rules:
        return []
    if len(rules) > 1 or rules[0].matches or not _only_marks(rules[0].statements):
        return None
    return rules[0].statements


def _without_jump(code: RuleCode, marks: dict[int, Words]) -> RuleCode | None:
    """A rule with what the chain does in the place of the jump there; None for one that then does nothing."""
    last = code.statements[-1]
    if not isinstance(last, Lead) or last.goto or last.chain not in marks or _jump(code) is None:
        return code
    statements = [*code.statements[:-2], *marks[last.chain]]
    return replace(code, statements=statements) if statements else None


def _accepting(layout: Layout, chains: Chains, jumps: Mapping[int, int]) -> set[int]:
    """The chains at whose end a packet is accepted: base chains that say so, and those to which nothing leads but the
    last rules of such chains."""
    bases = [
        layout.place(stage.table, stage.chain)
        for _, stages in layout.hooks()
        for stage in stages
        if stage.table and stage.chain and stage.chain.base and stage.chain.base.policy == "accept"
    ]
    waiting = [chain for chain in bases if not jumps[chain]]
    found: set[int] = set()
    seen: Counter[int] = Counter()
    while waiting:
        chain = waiting.pop()
        found.add(chain)
        for code in chains[chain]:
            lead = _jump(code)
            if lead is not None and (lead.goto or code is chains[chain][-1]):
                seen[lead.chain] += 1
                if seen[lead.chain] == jumps[lead.chain]:
                    waiting.append(lead.chain)
    return found


def _shorten(rules: list[RuleCode], accepting: bool) -> None:
    """Leave out what the end of a chain says anyway, and put its last rules together."""
    nothing = (_RETURN, _ACCEPT) if accepting else (_RETURN,)
    while rules and rules[-1].statements in nothing:
        rules.pop()
    while len(rules) > 1:
        one, last = rules[-2:]
        if not one.matches and not last.matches and _only_marks(one.statements):
            rules[-2:] = [replace(last, statements=[*one.statements, *last.statements])]
        elif len(one.matches) == 1 and one.statements in nothing and (other := negated(one.matches[0])):
            # Whom the last rule but one lets go is whom the last one must not match.
            matches = in_order([other, *last.matches])
            rules[-2:] = [replace(last, matches=matches, wanted=wanted(matches))]
        else:
            break


def _jump(code: RuleCode) -> Lead | None:
    """Where a rule jumps, if all that it does before is to set marks."""
    lead = leads_to(code.statements[-2:])
    return lead if lead is not None and _only_marks(code.statements[:-2]) else None


def _only_marks(words: Words) -> bool:
    at = 0
    while at < len(words):
        opcode, of = _parts(words[at])
        if opcode == p.FLIP:
            at += 3
        elif opcode == p.SET:
            at += 3 + 2 * of
        else:
            return False
    return True


def _parts(word: Word) -> tuple[int, int]:
    return (word & p.OPCODE, word >> 8) if isinstance(word, int) else (-1, 0)
