"""Sets, maps and ipsets as hash spaces and lists of intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from kcompile.evaluate import program as p
from kcompile.evaluate.code_words import CannotTell, Never, Word, Words, bounded, op
from kcompile.evaluate.hash_spaces import Gate, HashSpaces, Key
from kcompile.evaluate.layout import Layout
from kcompile.evaluate.rule_facts import held_by, updated
from kcompile.ir.ruleset import (
    Component,
    Concat,
    Container,
    Element,
    Elements,
    Expression,
    Field,
    InIPSet,
    Interval,
    NamedSet,
    SetReference,
    Table,
)

# Where a field stands in a packet's state, for exact values and for intervals.
PLACES: Mapping[str, int] = MappingProxyType(
    {
        "l4proto": p.PROTOCOL,
        "dport": p.DPORT,
        "mark": p.MARK,
        "ct mark": p.CT_MARK,
        "ct state": p.CT_STATE,
        "ct status": p.CT_STATUS,
        "ct state and nat": p.CT_STATE_AND_NAT,
        "src type": p.SOURCE_TYPE,
        "dst type": p.DESTINATION_TYPE,
    }
)
ADDRESS_FIELDS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"saddr": (p.SOURCE, p.SOURCE_RANGE), "daddr": (p.DESTINATION, p.DESTINATION_RANGE)}
)
_IN_KEYS = frozenset({"l4proto", "dport", "mark", "ct mark", "ct state", "dst type", "src type"})

ValueOf = Callable[[object], Word]
"""What a value of a map is as a word."""


class SetKey(NamedTuple):
    """How a set is looked into: by these fields. `exact` are those of its hash, in which a protocol with the port after
    it are one."""

    names: tuple[str, ...]
    exact: tuple[int, ...]


class SetCode(NamedTuple):
    """A set in a program. `same` says that its keys have the same address as source and as destination."""

    number: int
    gate: Gate
    exact_only: bool
    same: bool


def set_key(expression: Expression) -> SetKey:
    """How an expression looks into a set. Raises `CannotTell`."""
    parts = expression.parts if isinstance(expression, Concat) else (expression,)
    names = tuple(part.name if isinstance(part, Field) else "" for part in parts)
    exact: list[int] = []
    for number, name in enumerate(names):
        if name in ADDRESS_FIELDS:
            exact.append(ADDRESS_FIELDS[name][0])
        elif name == "dport" and number and names[number - 1] == "l4proto":
            exact[-1] = p.SERVICE
        elif name in _IN_KEYS:
            exact.append(PLACES[name])
        else:
            raise CannotTell
    if len(exact) > p.MOST_WORDS:
        raise CannotTell
    return SetKey(names, tuple(exact))


class Sets:
    """Writes the sets that rules look into."""

    def __init__(self, layout: Layout, program: p.Program, spaces: HashSpaces) -> None:
        self.rest: Words = []
        self._layout = layout
        self._program = program
        self._spaces = spaces
        self._changed = {id(table): updated(table) for table in layout.prepared.ruleset.tables}
        self._changed_ipsets = frozenset(
            name for names in self._changed.values() for kind, name in names if kind == "ipset"
        )
        self._written: dict[tuple[int, tuple[str, ...]], SetCode] = {}

    def static(self, container: Container, table: Table) -> NamedSet | Elements:
        """A set that no packet changes. Raises `CannotTell`."""
        held = held_by(container, table)
        if held is None or (isinstance(held, NamedSet) and "dynamic" in held.flags):
            raise CannotTell
        if isinstance(container, SetReference) and ("set", container.name) in self._changed[id(table)]:
            raise CannotTell
        return held

    def write(self, held: NamedSet | Elements, key: SetKey, value_of: ValueOf | None = None) -> SetCode:
        """The place of a set in the program; `value_of` makes the words of a map's values."""
        known = self._written.get((id(held), key.names))
        if known is not None:
            return known
        number = self._spaces.space(key.exact)
        gate = self._spaces.gate(number, key.exact)
        if value_of is not None:
            self._spaces.leads(number, key.exact, gate)
        rest: Words = []
        count = 0
        same = p.SOURCE in key.exact and p.DESTINATION in key.exact
        for element in held.elements:
            if element.exclude or len(element.key) != len(key.names):
                raise CannotTell
            value = value_of(element.value) if value_of is not None else 1
            words = self._exact(element, key)
            if words is None:
                rest += [*self._intervals(element, key), value]
                count += 1
            else:
                self._spaces.add(Key(number, words, value), gate, key.exact)
                same = same and words[key.exact.index(p.SOURCE)] == words[key.exact.index(p.DESTINATION)]
        first = self._program.rest_first
        first.extend([-1] * (number + 1 - len(first)))
        if count:
            first[number] = len(self.rest)
            self.rest += [count, len(key.names), *rest]
        code = SetCode(number, gate, count == 0, same and count == 0)
        self._written[id(held), key.names] = code
        return code

    def _exact(self, element: Element, key: SetKey) -> tuple[int, ...] | None:
        """The words of an element's hash key; None for one that holds intervals."""
        words: list[int] = []
        for number, (name, part) in enumerate(zip(key.names, element.key, strict=True)):
            if isinstance(part, str):
                raise CannotTell
            low, high = part
            if low != high:
                return None
            if name in ADDRESS_FIELDS:
                words.append(self._layout.addresses.number(low))
            elif name == "dport" and number and key.names[number - 1] == "l4proto":
                words[-1] = p.service(words[-1], low)
            else:
                words.append(p.signed(low))
        return tuple(words)

    def _intervals(self, element: Element, key: SetKey) -> Words:
        rest: Words = []
        for name, interval in zip(key.names, intervals_of(element.key), strict=True):
            if name not in ADDRESS_FIELDS:
                rest += [PLACES[name], *bounded(interval)]
            elif interval[0] == interval[1]:
                number = self._layout.addresses.number(interval[0])
                rest += [ADDRESS_FIELDS[name][0], number, number]
            else:
                rest += [ADDRESS_FIELDS[name][1], *self._layout.addresses.ranges(interval)]
        return rest

    def member(self, held: NamedSet | Elements, key: SetKey, negate: bool) -> list[Words]:
        """The instructions that match what a set holds, or does not hold."""
        if not held.elements:
            if negate:
                return []
            raise Never
        number, gate, exact_only, same = self.write(held, key)
        if len(key.exact) == 1 and gate.flag and gate.flag < 1 << p.LAST_FLAG and exact_only:
            # A set of addresses alone is what its flag says.
            return [[op(p.NOT_MASKED if negate else p.MASKED, gate.side), gate.flag, gate.flag]]
        words: Words = [op(p.MEMBER, len(key.exact)), int(negate), number, *gate, *key.exact]
        return [[op(p.SAME, p.SOURCE), p.DESTINATION], words] if same and not negate else [words]

    def ipset_member(self, item: InIPSet) -> list[Words]:
        """The instructions that match what an ipset holds, or does not hold."""
        held = self._layout.prepared.ruleset.ipsets.get(item.reference.name)
        if held is None or held.lists or held.name in self._changed_ipsets:
            raise CannotTell
        directions = item.reference.directions
        other_family = held.family is not None and (held.family == "ip") != (self._layout.family == 4)
        if other_family or len(directions) < len(held.key_types):
            if item.negate:
                return []
            raise Never
        names: list[str] = []
        for kind, direction in zip(held.key_types, directions, strict=False):
            if kind in ("ip", "net"):
                names.append("saddr" if direction == "src" else "daddr")
            elif kind == "port" and direction == "dst":
                names += ["dport"] if held.kind.startswith("bitmap") else ["l4proto", "dport"]
            else:
                raise CannotTell
        return self.member(held, set_key(Concat(tuple(map(Field, names)))), item.negate)


def intervals_of(values: Sequence[Component]) -> list[Interval]:
    """Values as intervals. Raises `CannotTell` for names."""
    if any(isinstance(value, str) for value in values):
        raise CannotTell
    return [value for value in values if isinstance(value, tuple)]
