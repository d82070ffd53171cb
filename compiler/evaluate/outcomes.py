"""Add up the ways of a trace: exact probabilities, and what stays unknown."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from kcompile.evaluate.packet import Branch, Fork, Outcome

Shares = dict[Outcome, Fraction]
"""By outcome, its probability; the outcomes in it carry probability 1."""


def outcomes(branch: Branch) -> tuple[Outcome, ...]:
    """The outcomes of a branch in the order in which its rules lead to them; the probabilities add up to 1."""
    return tuple(replace(outcome, probability=share) for outcome, share in _shares(branch, {}).items())


def _shares(branch: Branch, known: dict[int, Shares]) -> Shares:
    """Branches may be shared between ways, so each is added up once: `known` has those done, by identity."""
    if id(branch) in known:
        return known[id(branch)]
    # Between two unknown forks lies a stretch where shares simply add up.
    stretches: list[tuple[Shares, Fraction, tuple[Shares, str]]] = []
    total: Shares = {}
    left = Fraction(1)
    for step in branch.steps:
        if not isinstance(step, Fork):
            continue
        if step.ways[0][0] is None:
            stretches.append((total, left, (_shares(step.ways[0][1], known), step.reason)))
            total, left = {}, Fraction(1)
            continue
        taken = Fraction(0)
        for share, way in step.ways:
            assert share is not None
            taken += share
            for outcome, part in _shares(way, known).items():
                total[outcome] = total.get(outcome, Fraction(0)) + left * share * part
        left *= 1 - taken
    if branch.end and left:
        total[branch.end.outcome] = total.get(branch.end.outcome, Fraction(0)) + left
    for before, remaining, (way_shares, reason) in reversed(stretches):
        for outcome, part in _either(way_shares, total, reason).items():
            before[outcome] = before.get(outcome, Fraction(0)) + remaining * part
        total = before
    known[id(branch)] = total
    return total


def _either(first: Shares, second: Shares, reason: str) -> Shares:
    """What holds whichever of the two is the case; the rest is unknown."""
    if first == second:
        return first
    sure = {o: min(share, second[o]) for o, share in first.items() if o in second and o.verdict != "unknown"}
    rest = 1 - sum(sure.values(), Fraction(0))
    if rest:
        reasons = dict.fromkeys([reason, *(o.reason for o in (*first, *second) if o.verdict == "unknown")])
        sure[Outcome("unknown", reason="; ".join(filter(None, reasons)))] = rest
    return sure
