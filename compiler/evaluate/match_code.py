"""What rules match, as instructions."""

from __future__ import annotations

from collections.abc import Sequence

from kcompile.evaluate import program as p
from kcompile.evaluate.code_words import CannotTell, Never, Word, Words, bounded, op, parts
from kcompile.evaluate.expressions import fits_open
from kcompile.evaluate.layout import Layout, PlacedRule
from kcompile.evaluate.packet import Host
from kcompile.evaluate.set_code import ADDRESS_FIELDS, PLACES, Sets, intervals_of, set_key
from kcompile.evaluate.state import EPHEMERAL, FIELDS, State
from kcompile.ir.ruleset import (
    PROTOCOLS,
    STATES,
    Assumed,
    Binary,
    Compare,
    Constant,
    Field,
    InIPSet,
    Interval,
    Item,
    Member,
)

# Facts that are the same for every packet of a program.
SAME_FOR_ALL = ("nfproto", "ether type", "fragment", "packet type", "ct direction", "icmp type", "icmp code")
NAT_STATES = STATES["snat"] | STATES["dnat"]

_PAIRS = ((p.EQUAL, p.NOT_EQUAL), (p.INSIDE, p.OUTSIDE), (p.MASKED, p.NOT_MASKED))
_OPPOSITES = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
_COSTS = {p.AMONG: 1, p.MEMBER: 2, p.SOURCE_PORT: 3}


class Matches:
    """Writes the matches of rules."""

    def __init__(self, layout: Layout, sets: Sets) -> None:
        self._layout = layout
        self._sets = sets

    def instructions(self, item: Item, placed: PlacedRule) -> list[Words]:
        """The instructions of one match. Raises `CannotTell`, `Never` and `OtherFamily`."""
        if isinstance(item, Assumed):
            if not item.holds:
                raise Never
            return []
        if isinstance(item, Compare):
            return self._compare(item, placed)
        if isinstance(item, Member):
            held = self._sets.static(item.container, placed.table)
            return self._sets.member(held, set_key(item.expression), item.negate)
        if isinstance(item, InIPSet):
            return self._sets.ipset_member(item)
        raise CannotTell

    def _compare(self, item: Compare, placed: PlacedRule) -> list[Words]:
        expression = item.expression
        if isinstance(expression, Binary):
            return self._masked(item, expression, placed)
        if not isinstance(expression, Field):
            raise CannotTell
        name = expression.name
        if name in SAME_FOR_ALL:
            value = FIELDS[name](_example(self._layout.family), Host())
            inside = isinstance(value, int) and _inside(value, item)
            if value is None or inside == item.negate:
                raise Never
            return []
        if name == "ct state" and placed.always_new:
            return _known(_inside(STATES["new"], item) != item.negate)
        if name in ADDRESS_FIELDS:
            return [self._addresses(ADDRESS_FIELDS[name], intervals_of(item.values), item.negate)]
        if name == "sport":
            known = fits_open(item.values, EPHEMERAL)
            open_ = 2 if known is None else int(known != item.negate)
            body = _in_intervals(p.SPORT, item)
            return [[op(p.SOURCE_PORT, open_), len(body), *body]]
        if name not in PLACES:
            raise CannotTell
        return [_in_intervals(PLACES[name], item)]

    def _addresses(self, places: tuple[int, int], intervals: Sequence[Interval], negate: bool) -> Words:
        words = []
        for interval in intervals:
            if interval[0] == interval[1]:
                number = self._layout.addresses.number(interval[0])
                words.append((places[0], number, number))
            else:
                words.append((places[1], *self._layout.addresses.ranges(interval)))
        return _among(words, negate)

    def _masked(self, item: Compare, expression: Binary, placed: PlacedRule) -> list[Words]:
        """`mark & 0x4000 == 0x4000`, and the states of a connection."""
        left, right = expression.left, expression.right
        if expression.operator != "&" or not isinstance(left, Field) or not isinstance(right, Constant):
            raise CannotTell
        intervals = intervals_of(item.values)
        if len(intervals) != 1 or intervals[0][0] != intervals[0][1] or not isinstance(right.value, int):
            raise CannotTell
        value, mask = intervals[0][0], right.value
        if left.name == "tcp flags":
            # The first packet of a TCP connection has SYN alone.
            if (2 & mask == value) == item.negate:
                raise Never
            return [[op(p.EQUAL, p.PROTOCOL), PROTOCOLS["tcp"]]]
        if left.name not in PLACES:
            raise CannotTell
        if left.name in ("ct state", "ct state and nat") and placed.always_new and not mask & NAT_STATES:
            return _known((STATES["new"] & mask == value) != item.negate)
        opcode = p.NOT_MASKED if item.negate else p.MASKED
        return [[op(opcode, PLACES[left.name]), p.signed(mask), p.signed(value)]]


def in_order(matches: Sequence[Words]) -> list[Words]:
    """Matches with each once, a protocol and a port as one, and what takes longer, or cannot always be told, last."""
    if len(matches) < 2:
        return list(matches)
    found: list[Words] = []
    for words in matches:
        if words not in found:
            found.append(words)
    values = {words[0]: words[1] for words in found if len(words) == 2}
    protocol, port = values.get(p.op(p.EQUAL, p.PROTOCOL)), values.get(p.op(p.EQUAL, p.DPORT))
    if isinstance(protocol, int) and isinstance(port, int):
        both = [[p.op(p.EQUAL, p.PROTOCOL), protocol], [p.op(p.EQUAL, p.DPORT), port]]
        place = min(map(found.index, both))  # type: ignore[arg-type]
        found = [words for words in found if words not in both]
        found.insert(place, [p.op(p.EQUAL, p.SERVICE), p.service(protocol, port)])
    return sorted(found, key=lambda words: _COSTS.get(parts(words[0])[0], 0))


def negated(words: Words) -> Words | None:
    """The instruction that matches where one does not; None where there is none."""
    opcode, first = parts(words[0])[0], words[0]
    assert isinstance(first, int)
    if opcode in _OPPOSITES:
        return [first - opcode + _OPPOSITES[opcode], *words[1:]]
    if opcode in (p.AMONG, p.MEMBER):
        return [first, int(words[1] == 0), *words[2:]]
    return None


def wanted(matches: Sequence[Words]) -> dict[int, int]:
    """The fields that must have one value each."""
    found: dict[int, int] = {}
    for words in matches:
        if parts(words[0])[0] == p.EQUAL:
            first, value = words
            assert isinstance(first, int)
            assert isinstance(value, int)
            found[first >> 8] = value
    return found


def _known(holds: bool) -> list[Words]:
    if not holds:
        raise Never
    return []


def _inside(value: int, item: Compare) -> bool:
    return any(low <= value <= high for low, high in intervals_of(item.values))


def _in_intervals(place: int, item: Compare) -> Words:
    return _among([(place, *bounded(each)) for each in intervals_of(item.values)], item.negate)


def _among(intervals: Sequence[tuple[int, int, int]], negate: bool) -> Words:
    if len(intervals) != 1:
        words: list[Word] = [word for each in intervals for word in each]
        return [op(p.AMONG, len(intervals)), int(negate), *words]
    place, low, high = intervals[0]
    if low == high:
        return [op(p.NOT_EQUAL if negate else p.EQUAL, place), low]
    return [op(p.OUTSIDE if negate else p.INSIDE, place), low, high]


def _example(family: int) -> State:
    """Any packet of a family, to read what all have in common."""
    return State(family, 0, 0, 6, None, 0, (0, None, 0, 0))
