"""Fewer and shorter rules that say the same: most packets need little of what is written for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kcompile.evaluate import program as p
from kcompile.evaluate.code_words import FINAL, Entry, Lead, Words, marks_and_rest, op, parts
from kcompile.evaluate.layout import Addresses, Layout
from kcompile.evaluate.match_code import in_order, negated, wanted
from kcompile.evaluate.rule_code import RuleCode, RuleWriter, sharing
from kcompile.evaluate.statement_code import leads_to

_RETURN: Words = [p.GO, p.GO_RETURN]
_ACCEPT: Words = [p.GO, p.GO_ACCEPT]

Chains = list[list[RuleCode]]


def simplified(layout: Layout, writer: RuleWriter) -> Chains:
    """By chain, its rules with their instructions, without those that do nothing. Kubernetes always has chains without
    a rule: a jump there does nothing either."""
    chains = [[code for placed in rules if (code := writer.rule(placed)) is not None] for rules in layout.of_chain]
    bases = layout.bases
    jumps = layout.jumps()
    elsewhere = Counter(jumps) - _jumps(chains)
    _leave_out_known(chains, bases, jumps)
    before = -1
    while before != (before := sum(map(len, chains))):
        accepting = _accepting(bases, chains, _jumps(chains) + elsewhere)
        for number, rules in enumerate(chains):
            _shorten(rules, number in accepting)
        chains = [_without_jumps(rules, chains) for rules in chains]
        chains = [_with_endpoints(rules, chains, layout.addresses) for rules in chains]
        jumps = _jumps(chains) + elsewhere
        chains = [rules if number in bases or jumps[number] else [] for number, rules in enumerate(chains)]
        _put_last_chains_in_place(chains, bases, jumps)
    return chains


def _jumps(chains: Chains) -> Counter[int]:
    """How many rules lead to each chain; those of verdict maps do not count."""
    return Counter(chain for rules in chains for code in rules for chain in _chains_of(code))


def _chains_of(code: RuleCode) -> set[int]:
    return {word.chain for word in code.statements if isinstance(word, Lead)}


def _leave_out_known(chains: Chains, bases: Mapping[int, bool], jumps: Mapping[int, int]) -> None:
    """Leave out what all rules that lead to a chain have already matched: kube-proxy writes address, protocol and port
    of a Service again in the chain of the Service."""
    waiting = [chain for chain in bases if not jumps[chain]]
    known: dict[int, dict[int, int]] = {chain: {} for chain in waiting}
    seen: Counter[int] = Counter()
    while waiting:
        chain = waiting.pop()
        for number, code in enumerate(chains[chain]):
            matches = [words for words in code.matches if not _is_known(words, known[chain])]
            if len(matches) < len(code.matches):
                chains[chain][number] = replace(code, matches=matches, wanted=wanted(matches))
            here = known[chain] | _constant(code.wanted)
            for other in _chains_of(code):
                before = known.get(other, here)
                known[other] = {field: here[field] for field in before if here.get(field) == before[field]}
                seen[other] += 1
                if seen[other] == jumps[other] and other not in bases:
                    waiting.append(other)


def _is_known(words: Words, known: Mapping[int, int]) -> bool:
    opcode, field = parts(words[0])
    return opcode == p.EQUAL and known.get(field) == words[1]


def _constant(fields: Mapping[int, int]) -> dict[int, int]:
    """What rules have found about a packet that stays so until it is translated."""
    found = {field: value for field, value in fields.items() if field < p.MARK}
    if p.SERVICE in found:
        found[p.PROTOCOL], found[p.DPORT] = p.protocol_and_port(found[p.SERVICE])
    return found


def _with_endpoints(rules: list[RuleCode], chains: Chains, addresses: Addresses) -> list[RuleCode]:
    """Rules with one in the place of those that share packets evenly among endpoints, and of the two of an endpoint:
    kube-proxy marks what it sends to itself, and then translates."""
    if len(rules) < 2:
        return rules
    found: list[RuleCode] = []
    number = 0
    while number < len(rules):
        count = sharing(rules, number) or 1
        together = rules[number : number + count]
        if words := _endpoint(rules[number : number + 2], addresses):
            together, count = [replace(rules[number], matches=[], wanted={}, statements=words)], 2
        elif count > 1 and (words := _one_of(together, chains)):
            together = [replace(rules[number], statements=words)]
        found += together
        number += count
    return found


def _endpoint(rules: Sequence[RuleCode], addresses: Addresses) -> Words:
    """What two rules of an endpoint do in one; nothing for others."""
    if len(rules) != 2 or rules[1].matches or len(rules[0].matches) != 1:
        return []
    (source,), (flip, *change), (translate, *target) = rules[0].matches, rules[0].statements, rules[1].statements
    opcode, line = parts(translate)
    if opcode != p.TRANSLATE or flip != p.op(p.FLIP, p.MARK) or len(change) != 2:
        return []
    itself = next((word.address for word in target if isinstance(word, Entry)), None)
    if itself is None:
        return []
    if source != [p.op(p.EQUAL, p.SOURCE), addresses.number(itself)]:
        return []
    return [p.op(p.SHARE, 1), *change, line, *target]


def _one_of(rules: Sequence[RuleCode], chains: Chains) -> Words:
    """What rules that share packets evenly do where each leads to a chain of an endpoint; nothing for others."""
    chosen = [chains[rule.lead_by_chance.chain] for rule in rules if rule.lead_by_chance]
    shares = [chain[0].statements for chain in chosen if len(chain) == 1 and not chain[0].matches]
    if not shares or len(shares) < len(rules) or any(share[:3] != shares[0][:3] for share in shares):
        return []
    if shares[0][0] != p.op(p.SHARE, 1):
        return []
    return [op(p.SHARE, len(shares)), *shares[0][1:3], *(word for share in shares for word in share[3:])]


def _without_jumps(rules: list[RuleCode], chains: Chains) -> list[RuleCode]:
    """Rules with what a chain of one rule does in the place of the jump there, and without those that then do
    nothing."""
    found: list[RuleCode | None] = []
    for number, code in enumerate(rules):
        lead = _jump(code)
        if lead is not None and (not lead.goto or code is rules[-1]) and not _has_chance(rules[number - 1 : number]):
            found.append(_in_place(code, chains[lead.chain]))
        else:
            found.append(code)
    return [code for code in found if code is not None]


def _in_place(code: RuleCode, rules: Sequence[RuleCode]) -> RuleCode | None:
    """A rule that jumps, with the rules of that chain in the place of the jump, where they are few and simple enough;
    None for one that then does nothing."""
    marks = code.statements[:-2]
    if not rules:
        return replace(code, statements=marks) if marks else None
    (one, *others), (_, last) = rules, marks_and_rest(rules[0].statements)
    lead = leads_to(last)
    if others or not (not last or lead or last == _ACCEPT or parts(last[0])[0] in FINAL):
        return code
    statements = [*one.statements[:-1], lead._replace(goto=False)] if lead else one.statements
    if marks:
        return replace(code, statements=[*marks, *(word for words in one.matches for word in words), *statements])
    matches = in_order([*code.matches, *one.matches])
    return replace(code, matches=matches, wanted=wanted(matches), statements=statements)


def _put_last_chains_in_place(chains: Chains, bases: Mapping[int, bool], jumps: Mapping[int, int]) -> None:
    """Put a chain to which only the last rule of another leads in the place of that rule."""
    for number, rules in enumerate(chains):
        while rules and not rules[-1].matches and not _has_chance(rules[-2:-1]):
            lead = rules[-1].lead
            if lead is None or lead.chain in (number, *bases) or jumps[lead.chain] != 1:
                break
            rules[-1:] = chains[lead.chain]
            chains[lead.chain] = []


def _has_chance(rules: Sequence[RuleCode]) -> bool:
    """Whether a rule jumps by chance: what comes behind it belongs together with it."""
    return len(rules) > 0 and rules[0].statements[0] == p.CHANCE


def _accepting(bases: Mapping[int, bool], chains: Chains, jumps: Mapping[int, int]) -> set[int]:
    """The chains at whose end a packet is accepted: base chains that say so, and those to which nothing leads but the
    last rules of such chains."""
    waiting = [chain for chain, accepts in bases.items() if accepts and not jumps[chain]]
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
    return leads_to(marks_and_rest(code.statements)[1])


def _only_marks(words: Words) -> bool:
    return not marks_and_rest(words)[1]
