"""A trace as a list: the hops of all its ways, in order, each with its share and the outcomes that it leads to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile

from kcompile.evaluate.packet import Branch, End, Fork, Hop, Outcome, Trace

Way = tuple[int, ...]
"""Where in the tree of ways a hop stands: which way was taken at each fork before it."""


@dataclass(frozen=True, slots=True)
class Step:
    """A hop with the share of packets that come there (None where that is not known) and where it leads."""

    hop: Hop
    way: Way
    share: Fraction | None
    outcomes: tuple[int, ...]


def steps(trace: Trace) -> tuple[Step, ...]:
    """Every hop of a trace. `outcomes` are numbers in `trace.outcomes`."""
    numbers = {outcome.bare: n for n, outcome in enumerate(trace.outcomes)}
    return tuple(_steps(trace.branch, (), Fraction(1), numbers))


def _steps(branch: Branch, way: Way, share: Fraction | None, numbers: dict[Outcome, int]) -> Iterator[Step]:
    reached = _reached(branch, numbers)
    taken = 0
    for position, step in enumerate(branch.steps):
        if isinstance(step, Hop):
            yield Step(step, way, share, reached[position])
            continue
        for part, inner in step.ways:
            inner_share = None if share is None or part is None else share * part
            yield from _steps(inner, (*way, taken), inner_share, numbers)
            taken += 1
        share = left_over(share, step)


def parted(branch: Branch) -> tuple[tuple[Hop, ...], tuple[tuple[str, Branch], ...]]:
    """The hops of a branch up to where ways part, and those ways with what leads into each.

    Chances that follow each other, as iptables writes them, are one choice among many.
    """
    hops: list[Hop] = []
    for step in branch.steps:
        if isinstance(step, Fork):
            break
        hops.append(step)
    rest = branch.steps[len(hops) :]
    first = rest[0] if rest else None
    if not isinstance(first, Fork):
        return tuple(hops), ()
    if first.ways[0][0] is None:
        so = tuple((f"if so: {first.reason}", way) for _, way in first.ways)
        return tuple(hops), (*so, ("if not", Branch(rest[1:], branch.end)))
    ways: list[tuple[str, Branch]] = []
    left = Fraction(1)
    for step in takewhile(_is_chance, rest):
        assert isinstance(step, Fork)
        shares = [(share, way) for share, way in step.ways if share is not None]
        ways += [(str(left * share), way) for share, way in shares]
        left *= 1 - sum((share for share, _ in shares), Fraction(0))
        rest = rest[1:]
    if left:
        ways.append((str(left), Branch(rest, branch.end)))
    return tuple(hops), tuple(ways)


def _is_chance(step: Hop | Fork) -> bool:
    return isinstance(step, Fork) and step.ways[0][0] is not None


def left_over(share: Fraction | None, fork: Fork) -> Fraction | None:
    """The share that goes on along a branch after a fork."""
    parts = [part for part, _ in fork.ways]
    if share is None or None in parts:
        return None
    return share * (1 - sum((part for part in parts if part is not None), Fraction(0)))


def _reached(branch: Branch, numbers: dict[Outcome, int]) -> list[tuple[int, ...]]:
    """For each step, the outcomes that lie behind it. Those that only an unknown way leads to have no number."""
    behind: set[int] = set()
    if branch.end and branch.end.outcome in numbers:
        behind.add(numbers[branch.end.outcome])
    found: list[tuple[int, ...]] = []
    for step in reversed(branch.steps):
        if isinstance(step, Fork):
            for _, way in step.ways:
                inner = _reached(way, numbers)
                behind.update(inner[0] if inner else _ends(way, numbers))
        found.append(tuple(sorted(behind)))
    return found[::-1]


def _ends(branch: Branch, numbers: dict[Outcome, int]) -> list[int]:
    return [numbers[branch.end.outcome]] if branch.end and branch.end.outcome in numbers else []


def deciding(trace: Trace) -> dict[Outcome, Hop]:
    """By outcome (with probability 1), the hop that decided it: what translated the destination, refused or dropped."""
    found: dict[Outcome, Hop] = {}
    _decide(trace.branch, None, found)
    return found


def _decide(branch: Branch, translated: Hop | None, found: dict[Outcome, Hop]) -> None:
    for step in branch.steps:
        if isinstance(step, Fork):
            for _, way in step.ways:
                _decide(way, translated, found)
        elif step.translates:
            translated = step
    end: End | None = branch.end
    if end is None:
        return
    hop = end.decided or translated
    if hop is not None:
        found.setdefault(end.outcome, hop)
