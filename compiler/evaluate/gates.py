"""For which destinations rules and chains may matter, as flags: most packets need not look into most chains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_

from kcompile.evaluate import program as p
from kcompile.evaluate.code_words import Words, marks_and_rest, parts
from kcompile.evaluate.rule_code import RuleCode

_PASSES = 2
"""Chains mostly come before those that they lead to, and are looked at from the last to the first."""


def gates(chains: Sequence[Sequence[RuleCode]], known: Mapping[int, int], rest_first: Sequence[int]) -> list[int]:
    """By chain, the flags of the destinations that its rules may match: ANYONE for any, 0 for none.

    `known` are those of the chains whose rules are found by hash, `rest_first` is that of the program.
    """
    found = [known.get(number, p.ANYONE) for number in range(len(chains))]
    asked = [[] if n in known else [_of_words(rule, rest_first) for rule in rules] for n, rules in enumerate(chains)]
    for _ in range(_PASSES):
        for number in reversed(range(len(chains))):
            if number not in known:
                rules = chains[number]
                found[number] = either(
                    [
                        _of_jump(rule, found, rule is rules[-1]) if flags == p.ANYONE else flags
                        for rule, flags in zip(rules, asked[number], strict=True)
                    ]
                )
    return found


def gated(rule: RuleCode, found: Sequence[int], rest_first: Sequence[int], last: bool) -> RuleCode:
    """A rule that looks whether there is anything for the destination in the chain where it jumps."""
    flags = _of_jump(rule, found, last)
    if flags == p.ANYONE or _of_words(rule, rest_first) != p.ANYONE:
        return rule
    return replace(rule, matches=[[p.op(p.NOT_MASKED, p.DESTINATION_FLAGS), flags, 0], *rule.matches])


def either(flags: Sequence[int]) -> int:
    """The flags of destinations for which one of several may matter."""
    return p.ANYONE if p.ANYONE in flags else reduce(or_, flags, 0)


def _of_jump(rule: RuleCode, found: Sequence[int], last: bool) -> int:
    """The flags for which a rule matters that only jumps. A goto takes packets away even if its chain does nothing."""
    lead = rule.lead
    return found[lead.chain] if lead and (last or not lead.goto) else p.ANYONE


def _of_words(rule: RuleCode, rest_first: Sequence[int]) -> int:
    """The flags that the instructions of a rule ask for."""
    marks, last = marks_and_rest(rule.statements)
    words = [*rule.matches, *([] if marks else [last])]
    return next((flags for each in words if (flags := _asked(each, rest_first)) != p.ANYONE), p.ANYONE)


def _asked(words: Words, rest_first: Sequence[int]) -> int:
    """The flags of destinations without which an instruction ends a rule."""
    opcode, field = parts(words[0])
    if opcode in (p.MASKED, p.NOT_MASKED) and field == p.DESTINATION_FLAGS:
        _, mask, value = words
        wanted = mask if opcode == p.MASKED else 0
        return mask if isinstance(mask, int) and mask and value == wanted else p.ANYONE
    if opcode == p.MEMBER and words[1] == 0:
        number, side, flag = words[2:5]
    elif opcode == p.MAP and words[2] == -1:
        number, _, _, side, flag = words[1:6]
    elif opcode == p.TRANSLATE_MAP:
        number, _, side, flag = words[1:5]
    else:
        return p.ANYONE
    assert isinstance(number, int)
    assert isinstance(flag, int)
    return flag if side == p.DESTINATION_FLAGS and flag and rest_first[number] < 0 else p.ANYONE
