"""What an expression of a rule gives for a packet, and whether a match holds: yes, no, or nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from kcompile.evaluate.packet import Host
from kcompile.evaluate.prepare import Prepared
from kcompile.evaluate.set_index import in_component
from kcompile.evaluate.state import ANYTHING, FIELDS, Open, State
from kcompile.ir.addresses import ADDRESS_MAX
from kcompile.ir.probability import simplest
from kcompile.ir.ruleset import (
    Assumed,
    Binary,
    Compare,
    Component,
    Concat,
    Constant,
    Either,
    Elements,
    Expression,
    Field,
    InIPSet,
    Lookup,
    Member,
    NamedSet,
    Recent,
    SetReference,
    Table,
    Uniform,
    Unknown,
    Value,
    Verdict,
)

MANY = 4096
"""A random number with more values than this is not drawn out value by value."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Several values, each with its share; what is missing to 1 is the share of "no value"."""

    ways: tuple[tuple[Fraction, Value | Verdict], ...]


Result = Value | Open | Draw | None
"""What an expression gives; None where the packet has no such field, or a map no such key."""


class Expressions:
    """Evaluates expressions and matches for packets that meet one host under one ruleset."""

    def __init__(self, rules: Prepared, host: Host) -> None:
        self.rules = rules
        self.host = host

    # ------------------------------------------------------------ expressions

    def value(self, expression: Expression, state: State, table: Table) -> Result:
        if isinstance(expression, Field):
            getter = FIELDS.get(expression.name)
            return getter(state, self.host) if getter else ANYTHING
        if isinstance(expression, Constant):
            return expression.value
        if isinstance(expression, Binary):
            return self._binary(expression, state, table)
        if isinstance(expression, Concat):
            parts = [self.value(part, state, table) for part in expression.parts]
            if any(part is None for part in parts):
                return None
            if any(isinstance(part, Open | Draw) for part in parts):
                return ANYTHING
            return tuple(parts)  # type: ignore[arg-type]
        if isinstance(expression, Uniform):
            if expression.modulus > MANY:
                return ANYTHING
            share = Fraction(1, expression.modulus)
            return Draw(tuple((share, expression.offset + n) for n in range(expression.modulus)))
        if isinstance(expression, Lookup):
            return self._lookup(expression, state, table)
        return ANYTHING

    def _binary(self, expression: Binary, state: State, table: Table) -> Result:
        left, right = self.value(expression.left, state, table), self.value(expression.right, state, table)
        if left is None or right is None:
            return None
        if not isinstance(left, int) or not isinstance(right, int):
            return ANYTHING
        if expression.operator == "&":
            return left & right
        if expression.operator == "|":
            return left | right
        if expression.operator == "^":
            return left ^ right
        shift = min(right, 128)
        return (left << shift) & ADDRESS_MAX[6] if expression.operator == "<<" else left >> shift

    def _lookup(self, expression: Lookup, state: State, table: Table) -> Result:
        found = self.find(expression.key, expression.container, state, table)
        if not isinstance(found, tuple):
            return ANYTHING
        ways = [(share, single_value(value)) for share, value in found]
        if not ways:
            return None
        share, value = ways[0]
        if share == 1 and not isinstance(value, Verdict):
            return value
        return Draw(tuple(ways))

    def find(
        self, key: Expression, container: SetReference | Elements, state: State, table: Table
    ) -> tuple[tuple[Fraction, Verdict | tuple[Component, ...]], ...] | tuple[()] | Open:
        """The values that a map may have for a key, with their shares; `Open` where the key or the map is not known."""
        held, index = self.rules.elements(table, container)
        if held is None:
            return ANYTHING
        drawn = uniform(key)
        if drawn is not None:
            shares = [(share_of(drawn, (e.key[0],)), e.value) for e in held.elements if len(e.key) == 1]
            ways = [(share, value) for share, value in shares if share and value is not None]
            rest = 1 - sum((share for share, _ in ways), Fraction(0))
            return (*ways, *([(rest, held.default)] if rest and held.default is not None else []))
        value = self.value(key, state, table)
        if value is None:
            return ()
        if isinstance(value, Open | Draw):
            return ANYTHING
        as_key = value if isinstance(value, tuple) else (value,)
        dynamic = self.remembered(table, container, as_key, state)
        if dynamic is not None:
            return ((Fraction(1), tuple((v, v) if isinstance(v, int) else str(v) for v in dynamic)),)
        element = index.find(as_key)  # type: ignore[arg-type]
        result = element.value if element is not None and element.value is not None else held.default
        return ((Fraction(1), result),) if result is not None else ()

    def possible(
        self, key: Expression, container: SetReference | Elements, state: State, table: Table
    ) -> tuple[Verdict | tuple[Component, ...], ...]:
        """The values that a map may have for a key which is not settled, in the order of its elements."""
        held, _ = self.rules.elements(table, container)
        if held is None:
            return ()
        parts = key.parts if isinstance(key, Concat) else (key,)
        values = [self.value(part, state, table) for part in parts]
        found: list[Verdict | tuple[Component, ...]] = []
        for element in held.elements:
            fits = _fits_parts(element.key, values)
            if fits is not False and element.value is not None:
                found.append(element.value)
            if fits:
                return tuple(found)
        return tuple(found if held.default is None else [*found, held.default])

    def remembered(
        self, table: Table, container: SetReference | Elements, key: tuple[Value, ...], state: State
    ) -> tuple[Value, ...] | None:
        """What an earlier packet has put under a key: () in a set, None where there is nothing, or not any more."""
        if not isinstance(container, SetReference):
            return None
        entry = state.memory.get(f"{table.family} {table.name} {container.name}", key)
        if not entry or (entry[0] is not None and entry[0] <= state.seconds):
            return None
        return tuple(entry[1:])

    # ------------------------------------------------------------ matches

    def matches(self, item: object, state: State, table: Table) -> bool | Fraction | None:
        """True or False, the share of packets that match, or None where it is not known."""
        if isinstance(item, Compare):
            return self._compare(item, state, table)
        if isinstance(item, Member):
            return self._member(item, state, table)
        if isinstance(item, InIPSet):
            inside = self._in_ipset(item.reference.name, item.reference.directions, state)
            return None if inside is None else inside != item.negate
        if isinstance(item, Recent):
            return self._recent(item, state)
        if isinstance(item, Assumed):
            return item.holds
        if isinstance(item, Either):
            results = [self._compare(each, state, table) for each in item.alternatives]
            if True in results:
                return not item.negate
            return None if None in results else item.negate
        assert isinstance(item, Unknown)
        return settled((item.text, ()), state)

    def _compare(self, item: Compare, state: State, table: Table) -> bool | Fraction | None:
        drawn = uniform(item.expression)
        if drawn is not None:
            share = share_of(drawn, item.values)
            return 1 - share if item.negate else share
        value = self.value(item.expression, state, table)
        if value is None:
            return False
        if isinstance(value, Draw):
            held = sum((share for share, each in value.ways if _fits_any(item.values, each)), Fraction(0))
            return 1 - held if item.negate else held
        if isinstance(value, Open):
            fits = fits_open(item.values, value)
            if fits is None and isinstance(item.expression, Field):
                fits = settled((item.expression.name, item.values), state)
            return None if fits is None else fits != item.negate
        return _fits_any(item.values, value) != item.negate

    def _member(self, item: Member, state: State, table: Table) -> bool | None:
        held, index = self.rules.elements(table, item.container)
        if held is None:
            return None
        parts = item.expression.parts if isinstance(item.expression, Concat) else (item.expression,)
        values = [self.value(part, state, table) for part in parts]
        if any(value is None for value in values):
            return False
        if any(isinstance(value, Open | Draw) for value in values):
            results = {_fits_parts(element.key, values) for element in held.elements}
            inside = True if True in results else None if None in results else False
            return None if inside is None else inside != item.negate
        key = tuple(values)
        found = index.find(key) is not None or self.remembered(table, item.container, key, state) is not None  # type: ignore[arg-type]
        return found != item.negate

    def _in_ipset(self, name: str, directions: Sequence[str], state: State) -> bool | None:
        held = self.rules.ruleset.ipsets.get(name)
        if held is None:
            return None
        if held.lists:
            results = {self._in_ipset(each, directions, state) for each in held.lists}
            return True if True in results else None if None in results else False
        key = self.ipset_key(held, directions, state)
        if key is None:
            return False
        if any(isinstance(part, Open) for part in key):
            results = {_fits_parts(element.key, key) for element in held.elements}
            return True if True in results else None if None in results else False
        entry = state.memory.get(f"ipset {name}", key)
        if entry and (entry[0] is None or entry[0] > state.seconds):
            return len(entry) == 1
        element = self.rules.index(held).find(key)  # type: ignore[arg-type]
        return element is not None and not element.exclude

    def ipset_key(self, held: NamedSet, directions: Sequence[str], state: State) -> tuple[int | str | Open, ...] | None:
        """What an ipset's dimensions read of a packet; None where it has no such thing.

        A port dimension of a hash type reads protocol and port (ip_set_getport.c); that of a bitmap the port alone.
        """
        key: list[int | str | Open] = []
        if held.family is not None and (held.family == "ip") != (state.family == 4):
            return None
        for dimension, direction in zip(held.key_types, directions, strict=False):
            source = direction == "src"
            if dimension in ("ip", "net"):
                key.append(state.saddr if source else state.daddr)
            elif dimension == "port":
                if not held.kind.startswith("bitmap"):
                    key.append(state.protocol)
                name = "sport" if source else "dport"
                key.append(FIELDS[name](state, self.host))  # type: ignore[arg-type]
            elif dimension == "mark":
                key.append(state.mark)
            elif dimension == "iface":
                key.append(FIELDS["iif" if source else "oif"](state, self.host))  # type: ignore[arg-type]
            else:
                key.append(ANYTHING)
        return tuple(key) if len(directions) >= len(held.key_types) else None

    def _recent(self, item: Recent, state: State) -> bool:
        if item.operation == "set":
            return not item.negate
        stamps = state.memory.get(f"recent {state.family} {item.name}", recent_key(item, state))
        seen = [stamp for stamp in stamps if not item.seconds or state.seconds - stamp <= item.seconds]
        return (len(seen) >= max(1, item.hits)) != item.negate


def recent_key(item: Recent, state: State) -> int:
    """The address that a list of recent ones keeps for a packet."""
    return (state.saddr if item.source else state.daddr) & (item.mask if item.mask >= 0 else ADDRESS_MAX[6])


def single_value(value: Verdict | tuple[Component, ...]) -> Value | Verdict:
    """A map's value as an expression gives it: a number, a name, or a tuple with one for each part. An interval stays a
    pair, so an interval alone is a tuple of one pair."""
    if isinstance(value, Verdict):
        return value
    parts = tuple(part[0] if isinstance(part, tuple) and part[0] == part[1] else part for part in value)
    return parts[0] if len(parts) == 1 and not isinstance(parts[0], tuple) else parts


def is_random(expression: Expression) -> bool:
    """Whether chance has a part in what an expression gives."""
    if isinstance(expression, Binary):
        return is_random(expression.left) or is_random(expression.right)
    if isinstance(expression, Concat):
        return any(map(is_random, expression.parts))
    return isinstance(expression, Uniform) or (isinstance(expression, Lookup) and is_random(expression.key))


def uniform(expression: Expression) -> Uniform | None:
    """The random number that an expression is, also when a mask leaves its low bits (`meta random & 0x7fffffff`)."""
    if isinstance(expression, Uniform):
        return expression
    if isinstance(expression, Binary) and expression.operator == "&" and isinstance(expression.right, Constant):
        inner, mask = uniform(expression.left), expression.right.value
        if inner and not inner.offset and isinstance(mask, int) and mask & (mask + 1) == 0:
            bits = inner.modulus
            if bits & (bits - 1) == 0 and mask < bits:
                return Uniform(mask + 1, 0, inner.source)
    return None


def share_of(number: Uniform, values: Sequence[Component]) -> Fraction:
    """The share of a random number's values that lie in any of some intervals that do not overlap."""
    last = number.offset + number.modulus - 1
    held = sum(
        max(0, min(value[1], last) - max(value[0], number.offset) + 1) for value in values if isinstance(value, tuple)
    )
    share = min(Fraction(1), Fraction(held, number.modulus))
    # This is how nft lists xt_statistic, whose 31 bits stand for a simpler fraction.
    return simplest(share) if number.source == "meta random" else share


def settled(key: tuple[str, tuple[Component, ...]], state: State) -> bool | None:
    """What this way has already taken for granted."""
    if (key, True) in state.settled:
        return True
    return False if (key, False) in state.settled else None


def _fits_any(values: Sequence[Component], value: object) -> bool:
    return isinstance(value, int | str) and any(in_component(each, value) for each in values)


def fits_open(values: Sequence[Component], value: Open) -> bool | None:
    """Whether a value that is not settled lies in one of some intervals or names whatever it is; None where it may."""
    names = [each for each in values if isinstance(each, str)]
    if names:
        if "*" in names:
            return True
        return False if all(name in value.excluded for name in names) else None
    low = value.low
    touched = False
    for interval in sorted(each for each in values if isinstance(each, tuple)):
        if interval[0] <= value.high and interval[1] >= value.low:
            touched = True
            if interval[0] <= low:
                low = max(low, interval[1] + 1)
    if low > value.high:
        return True
    return None if touched else False


def _fits_parts(key: Sequence[Component], values: Sequence[object]) -> bool | None:
    """`fits_open`, part by part of a concatenation."""
    if len(key) != len(values):
        return False
    result: bool | None = True
    for component, value in zip(key, values, strict=True):
        part: bool | None
        if isinstance(value, Open):
            part = fits_open((component,), value)
        elif isinstance(value, Draw):
            part = None
        else:
            part = _fits_any((component,), value)
        if part is False:
            return False
        if part is None:
            result = None
    return result
