"""Fewer and shorter rules that say the same: most packets need little of what is written for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kcompile.evaluate import program as p
from kcompile.evaluate.code_words import Lead, Word, Words
from kcompile.evaluate.layout import Layout
from kcompile.evaluate.match_code import in_order, negated, wanted
from kcompile.evaluate.rule_code import RuleCode, RuleWriter
from kcompile.evaluate.rule_facts import targets
from kcompile.evaluate.statement_code import leads_to

_RETURN: Words = [p.GO, p.GO_RETURN]
_ACCEPT: Words = [p.GO, p.GO_ACCEPT]

Chains = list[list[RuleCode]]


def simplified(layout: Layout, writer: RuleWriter) -> Chains:
    """By chain, its rules with their instructions, without those that do nothing. Kubernetes always has chains without
    a rule: a jump there does nothing either."""
    chains = [[code for placed in rules if (code := writer.rule(placed)) is not None] for rules in layout.of_chain]
    before = -1
    while before != (before := sum(map(len, chains))):
        accepting = _accepting(layout, chains)
        for number, rules in enumerate(chains):
            _shorten(rules, number in accepting)
        marks = {number: _marks(rules) for number, rules in enumerate(chains) if len(rules) <= 1}
        chains = [[each for code in rules if (each := _without_jump(code, marks)) is not None] for rules in chains]
    return chains


def _marks(rules: Sequence[RuleCode]) -> Words | None:
    """What a chain does that only sets marks, KUBE-MARK-MASQ above all; None for any other."""
    if not rules:
        return []
    return rules[0].statements if not rules[0].matches and _only_marks(rules[0].statements) else None


def _without_jump(code: RuleCode, marks: dict[int, Words | None]) -> RuleCode | None:
    """A rule with what the chain does in the place of the jump there; None for one that then does nothing."""
    lead = _jump(code)
    done = marks.get(lead.chain) if lead is not None and not lead.goto else None
    if done is None:
        return code
    statements = [*code.statements[:-2], *done]
    return replace(code, statements=statements) if statements else None


def _accepting(layout: Layout, chains: Chains) -> set[int]:
    """The chains at whose end a packet is accepted: base chains that say so, and those to which only the last rules of
    such chains jump."""
    policies = {
        layout.place(stage.table, stage.chain): stage.chain.base.policy
        for _, stages in layout.hooks()
        for stage in stages
        if stage.table and stage.chain and stage.chain.base
    }
    from_: dict[int, set[int]] = {chain: set() for chain, policy in policies.items() if policy == "accept"}
    elsewhere = set(policies) - set(from_)
    for number, rules in enumerate(chains):
        for code in rules:
            lead = _jump(code)
            if lead is not None and (lead.goto or code is rules[-1]):
                from_.setdefault(lead.chain, set()).add(number)
            else:
                elsewhere.update(_leads_of(layout, code))
    found: set[int] = set()
    left = set(from_) - elsewhere
    while left != found:
        found = left
        left = {chain for chain in found if from_[chain] <= found}
    return found


def _leads_of(layout: Layout, code: RuleCode) -> Iterator[int]:
    """The chains that a rule may lead to, in whichever way."""
    for name in targets(code.placed.rule, code.placed.table):
        number = layout.number(code.placed.table, name)
        if number is not None:
            yield number


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
