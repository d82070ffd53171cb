"""The words of one rule, for `evaluate.program`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

from kcompile.evaluate import program as p
from kcompile.evaluate.expressions import fits_open, is_random, share_of, uniform
from kcompile.evaluate.layout import Layout, OtherFamily, PlacedRule
from kcompile.evaluate.packet import Host
from kcompile.evaluate.rules import is_match
from kcompile.evaluate.state import EPHEMERAL, FIELDS, State
from kcompile.ir.ruleset import (
    PROTOCOLS,
    Assumed,
    Binary,
    Chance,
    Compare,
    Component,
    Concat,
    Constant,
    Container,
    Elements,
    Expression,
    Field,
    InIPSet,
    Interval,
    Item,
    Lookup,
    Member,
    NamedSet,
    Nat,
    NoEffect,
    NoTrack,
    Reject,
    Rule,
    SetField,
    SetReference,
    Table,
    Uniform,
    UpdateSet,
    Verdict,
    VerdictMap,
)

# Where a field stands in a packet's state. Addresses stand there twice; see ADDRESS_FIELDS.
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
_PLAIN: Mapping[str, int] = MappingProxyType(
    {
        "accept": p.GO_ACCEPT,
        "drop": p.GO_DROP,
        "return": p.GO_RETURN,
        "continue": p.GO_CONTINUE,
        "queue": p.GO_GIVE_UP,
    }
)
# Facts that are the same for every packet of a program.
SAME_FOR_ALL = ("nfproto", "ether type", "fragment", "packet type", "ct direction", "icmp type", "icmp code")

LARGEST_WORD = (1 << 31) - 1
MOST_VALUES = 1 << 16
"""A random number with more values than this is not spread out in a table."""


class CannotTell(Exception):
    """A packet that comes here is followed by other means."""


class Never(Exception):
    """No packet of this program matches."""


def bounded(interval: Interval) -> Interval:
    """An interval as words; marks are compared as signed words, so intervals of high ones cannot be told."""
    low, high = interval
    if low > LARGEST_WORD:
        raise CannotTell
    return low, min(high, LARGEST_WORD)


# ---------------------------------------------------------------- what rules are about


def constants(rule: Rule, table: Table, layout: Layout) -> Iterator[Interval]:
    """The intervals of addresses that stand in a rule and in the sets that it looks into."""
    for item in rule.items:
        if isinstance(item, Compare) and item.expression in (Field("saddr"), Field("daddr")):
            yield from (value for value in item.values if isinstance(value, tuple))
        elif isinstance(item, Member):
            yield from _set_addresses(item.expression, item.container, table)
        elif isinstance(item, VerdictMap):
            yield from _set_addresses(item.key, item.container, table)
        elif isinstance(item, InIPSet):
            held = layout.prepared.ruleset.ipsets.get(item.reference.name)
            if held is not None:
                places = [n for n, kind in enumerate(_ipset_kinds(held)) if kind in ("ip", "net")]
                for element in held.elements:
                    yield from (part for n in places if isinstance(part := element.key[n], tuple))
        elif isinstance(item, Nat):
            yield from _nat_addresses(item, table)


def _set_addresses(key: Expression, container: Container, table: Table) -> Iterator[Interval]:
    parts = key.parts if isinstance(key, Concat) else (key,)
    places = [n for n, part in enumerate(parts) if part in (Field("saddr"), Field("daddr"))]
    held = _held(container, table)
    if held is not None and places:
        for element in held.elements:
            if len(element.key) == len(parts):
                yield from (part for n in places if isinstance(part := element.key[n], tuple))


def _nat_addresses(item: Nat, table: Table) -> Iterator[Interval]:
    if isinstance(item.address, tuple):
        if item.address[0] == item.address[1]:
            yield item.address
    elif isinstance(item.address, Lookup):
        yield from _set_addresses(item.address.key, item.address.container, table)
        held = _held(item.address.container, table)
        for element in held.elements if held else ():
            if isinstance(element.value, tuple) and isinstance(element.value[0], tuple):
                yield element.value[0]


def _held(container: Container, table: Table) -> NamedSet | Elements | None:
    return table.sets.get(container.name) if isinstance(container, SetReference) else container


def _ipset_kinds(held: NamedSet) -> list[str]:
    """The dimensions of an ipset as its keys have them: a port with its protocol, but for a bitmap."""
    kinds: list[str] = []
    for kind in held.key_types:
        kinds += ["protocol", "port"] if kind == "port" and not held.kind.startswith("bitmap") else [kind]
    return kinds


def targets(rule: Rule, table: Table) -> Iterator[str]:
    """The chains that a rule may lead to."""
    for item in rule.items:
        if isinstance(item, Verdict) and item.chain:
            yield item.chain
        elif isinstance(item, VerdictMap):
            held = _held(item.container, table)
            values = [element.value for element in held.elements] + [held.default] if held else []
            yield from (value.chain for value in values if isinstance(value, Verdict) and value.chain)


def wanted(placed: PlacedRule, layout: Layout) -> dict[int, int]:
    """The fields that must have one value each for a rule to match."""
    found: dict[int, int] = {}
    for item in placed.rule.items:
        if not is_match(item):
            break
        if (
            isinstance(item, Compare)
            and not item.negate
            and len(item.values) == 1
            and isinstance(item.expression, Field)
        ):
            value = item.values[0]
            if isinstance(value, tuple) and value[0] == value[1]:
                if item.expression.name == "daddr":
                    found[p.DESTINATION] = layout.addresses.number(value[0])
                elif item.expression.name in ("l4proto", "dport"):
                    found[PLACES[item.expression.name]] = value[0]
    return found


# ---------------------------------------------------------------- words


class _Key(NamedTuple):
    """How a set is looked into: the fields that its hash takes, and those that its intervals are compared with."""

    fields: tuple[int, ...]
    ranges: tuple[int, ...]
    addresses: tuple[bool, ...]


class Lead(NamedTuple):
    """A jump or goto to a chain whose place in the code is not known yet."""

    chain: int
    goto: bool


class Entry(NamedTuple):
    """The entry of an address; the words of an entry are known when all flags are. None for an address that stays."""

    address: int | None


Word = int | Lead | Entry


class Key(NamedTuple):
    """A key of the hash table, with its value, and the place of a single rule."""

    space: int
    words: tuple[int, ...]
    value: Word
    place: int = 0


def only_jump(placed: PlacedRule) -> str | None:
    """The chain that a rule jumps to, if that is all it does."""
    done = [item for item in placed.rule.items if not is_match(item) and not isinstance(item, NoEffect)]
    if len(done) == 1 and isinstance(done[0], Verdict) and done[0].kind == "jump":
        return done[0].chain
    return None


class Writer:
    """Writes the rules of a layout as words. `finish` puts the places of chains where rules lead to them."""

    def __init__(self, layout: Layout, program: p.Program) -> None:
        self.keys: list[Key] = []
        self.rest: list[Word] = []
        self.targets: list[Word] = []
        self.flags: dict[int, int] = {}
        self._layout = layout
        self._program = program
        self._changed = {id(table): _updated(table) for table in layout.prepared.ruleset.tables}
        self._changed_ipsets = frozenset(
            name for names in self._changed.values() for kind, name in names if kind == "ipset"
        )
        self._next_space = 0
        self._sets: dict[tuple[int, tuple[int, ...]], tuple[int, int]] = {}
        self._targets: dict[tuple[Interval | None, Interval | None], int] = {}

    def flag(self, space: int, fields: Sequence[int], kind: int = -1) -> int:
        """The flag of a hash space; 0 for one whose keys have no destination."""
        if p.DESTINATION not in fields:
            return 0
        flag = len(self._program.flag_space)
        if flag <= p.LAST_FLAG:
            self._program.flag_space.append(space)
            self._program.flag_kind.append(kind)
        return 1 << min(flag, p.LAST_FLAG)

    def add(self, key: Key, flag: int, fields: Sequence[int]) -> None:
        """Add a key; its destination gets the flag of its space."""
        self.keys.append(key)
        if flag:
            number = key.words[fields.index(p.DESTINATION)]
            self.flags[number] = self.flags.get(number, 0) | flag

    def spaces(self, count: int) -> int:
        """The first of some hash spaces of one's own."""
        first = self._next_space
        self._next_space += count
        return first

    def rule(self, placed: PlacedRule) -> list[Word]:
        """The instructions of a rule; none for a rule that does nothing that matters, or never matches.

        What cannot be told comes after what can, so that only packets that need it are given up on.
        """
        items = placed.rule.items
        matches = next((n for n, item in enumerate(items) if not is_match(item)), len(items))
        if all(isinstance(item, NoEffect) for item in items[matches:]):
            return []
        code: list[Word] = []
        gives_up = False
        try:
            for item in items[:matches]:
                try:
                    code += self._match(item, placed)
                except CannotTell:
                    gives_up = True
            if not gives_up:
                for item in items[matches:]:
                    code += self._statement(item, placed)
        except CannotTell:
            gives_up = True
        except (Never, OtherFamily):
            return []
        return [*code, p.GIVE_UP if gives_up else p.END]

    # ------------------------------------------------------------ matches

    def _match(self, item: Item, placed: PlacedRule) -> list[Word]:
        if isinstance(item, Assumed):
            if not item.holds:
                raise Never
            return []
        if isinstance(item, Compare):
            return self._compare(item)
        if isinstance(item, Member):
            key = self._key(item.expression)
            held = self._static(item.container, placed.table)
            return self._member(held, key, placed, item.negate)
        if isinstance(item, InIPSet):
            return self._ipset(item, placed)
        raise CannotTell

    def _compare(self, item: Compare) -> list[Word]:
        expression = item.expression
        if isinstance(expression, Binary):
            return self._masked(item, expression)
        if not isinstance(expression, Field):
            raise CannotTell
        name = expression.name
        if name in SAME_FOR_ALL:
            value = FIELDS[name](_example(self._layout.family), Host())
            inside = isinstance(value, int) and any(low <= value <= high for low, high in _intervals(item.values))
            if value is None or inside == item.negate:
                raise Never
            return []
        if name in ADDRESS_FIELDS:
            return self._addresses(ADDRESS_FIELDS[name], _intervals(item.values), item.negate)
        if name == "sport":
            known = fits_open(item.values, EPHEMERAL)
            open_ = 2 if known is None else int(known != item.negate)
            body = self._in_intervals(p.SPORT, item)
            return [p.SOURCE_PORT, open_, len(body), *body]
        if name not in PLACES:
            raise CannotTell
        return self._in_intervals(PLACES[name], item)

    def _in_intervals(self, place: int, item: Compare) -> list[Word]:
        intervals = [bounded(each) for each in _intervals(item.values)]
        if len(intervals) == 1:
            low, high = intervals[0]
            if low == high:
                return [p.NOT_EQUAL if item.negate else p.EQUAL, place, low]
            return [p.OUTSIDE if item.negate else p.INSIDE, place, low, high]
        return [p.AMONG, int(item.negate), len(intervals), *(w for each in intervals for w in (place, *each))]

    def _addresses(self, places: tuple[int, int], intervals: Sequence[Interval], negate: bool) -> list[Word]:
        words = []
        for interval in intervals:
            if interval[0] == interval[1]:
                number = self._layout.addresses.number(interval[0])
                words.append((places[0], number, number))
            else:
                words.append((places[1], *self._layout.addresses.ranges(interval)))
        if len(words) != 1:
            return [p.AMONG, int(negate), len(words), *(w for each in words for w in each)]
        place, low, high = words[0]
        if low == high:
            return [p.NOT_EQUAL if negate else p.EQUAL, place, low]
        return [p.OUTSIDE if negate else p.INSIDE, place, low, high]

    def _masked(self, item: Compare, expression: Binary) -> list[Word]:
        """`mark & 0x4000 == 0x4000`, and the states of a connection."""
        left, right = expression.left, expression.right
        if expression.operator != "&" or not isinstance(left, Field) or not isinstance(right, Constant):
            raise CannotTell
        intervals = _intervals(item.values)
        if len(intervals) != 1 or intervals[0][0] != intervals[0][1] or not isinstance(right.value, int):
            raise CannotTell
        value = intervals[0][0]
        if left.name == "tcp flags":
            # The first packet of a TCP connection has SYN alone.
            if (2 & right.value == value) == item.negate:
                raise Never
            return [p.EQUAL, p.PROTOCOL, PROTOCOLS["tcp"]]
        if left.name not in PLACES:
            raise CannotTell
        opcode = p.NOT_MASKED if item.negate else p.MASKED
        return [opcode, PLACES[left.name], p.signed(right.value), p.signed(value)]

    # ------------------------------------------------------------ sets

    def _key(self, expression: Expression) -> _Key:
        parts = expression.parts if isinstance(expression, Concat) else (expression,)
        if len(parts) > p.MOST_WORDS:
            raise CannotTell
        fields, ranges, addresses = [], [], []
        for part in parts:
            if not isinstance(part, Field):
                raise CannotTell
            if part.name in ADDRESS_FIELDS:
                exact, interval = ADDRESS_FIELDS[part.name]
                fields.append(exact)
                ranges.append(interval)
            elif part.name in ("l4proto", "dport", "mark", "ct mark", "ct state", "dst type", "src type"):
                fields.append(PLACES[part.name])
                ranges.append(PLACES[part.name])
            else:
                raise CannotTell
            addresses.append(part.name in ADDRESS_FIELDS)
        return _Key(tuple(fields), tuple(ranges), tuple(addresses))

    def _static(self, container: Container, table: Table) -> NamedSet | Elements:
        """A set that no packet changes."""
        held = _held(container, table)
        if held is None or (isinstance(held, NamedSet) and "dynamic" in held.flags):
            raise CannotTell
        if isinstance(container, SetReference) and ("set", container.name) in self._changed[id(table)]:
            raise CannotTell
        return held

    def _set(self, held: NamedSet | Elements, key: _Key, placed: PlacedRule, values: bool = False) -> tuple[int, int]:
        """The number of a set, which is its hash space and that of its rest, and its flag. A map has values."""
        known = self._sets.get((id(held), key.fields))
        if known is not None:
            return known
        number = self.spaces(1)
        flag = self.flag(number, key.fields, p.KEYS.index(key.fields) if key.fields in p.KEYS else -1)
        rest: list[Word] = []
        count = 0
        first_of_rest = len(self._program.rest_first)
        self._program.rest_first.extend([-1] * (number + 1 - first_of_rest))
        for element in held.elements:
            if element.exclude or len(element.key) != len(key.fields) or any(isinstance(c, str) for c in element.key):
                raise CannotTell
            value = self._value(element.value, placed) if values else 1
            intervals = _intervals(element.key)
            if all(low == high for low, high in intervals):
                exact = zip(intervals, key.addresses, strict=True)
                words = tuple(
                    self._layout.addresses.number(low) if is_address else p.signed(low)
                    for (low, _), is_address in exact
                )
                self.add(Key(number, words, value), flag, key.fields)
                continue
            count += 1
            for interval, is_address, exact_field, range_field in zip(
                intervals, key.addresses, key.fields, key.ranges, strict=True
            ):
                if is_address and interval[0] == interval[1]:
                    low = self._layout.addresses.number(interval[0])
                    rest += [exact_field, low, low]
                elif is_address:
                    rest += [range_field, *self._layout.addresses.ranges(interval)]
                else:
                    rest += [range_field, *bounded(interval)]
            rest.append(value)
        self._program.rest_first[number] = len(self.rest)
        self.rest += [count, *rest]
        self._sets[id(held), key.fields] = number, flag
        return number, flag

    def _ipset(self, item: InIPSet, placed: PlacedRule) -> list[Word]:
        held = self._layout.prepared.ruleset.ipsets.get(item.reference.name)
        if held is None or held.lists or held.name in self._changed_ipsets:
            raise CannotTell
        if held.family is not None and (held.family == "ip") != (self._layout.family == 4):
            if item.negate:
                return []
            raise Never
        directions = item.reference.directions
        if len(directions) < len(held.key_types):
            if item.negate:
                return []
            raise Never
        names: list[str] = []
        for kind, direction in zip(held.key_types, directions, strict=False):
            side = "s" if direction == "src" else "d"
            if kind in ("ip", "net"):
                names.append(f"{side}addr")
            elif kind == "port" and direction == "dst":
                names += ["dport"] if held.kind.startswith("bitmap") else ["l4proto", "dport"]
            else:
                raise CannotTell
        key = self._key(Concat(tuple(map(Field, names))))
        return self._member(held, key, placed, item.negate)

    def _member(self, held: NamedSet | Elements, key: _Key, placed: PlacedRule, negate: bool) -> list[Word]:
        number, flag = self._set(held, key, placed)
        if (
            key.fields == (p.DESTINATION,)
            and flag < 1 << p.LAST_FLAG
            and not self.rest[self._program.rest_first[number]]
        ):
            # A set of destinations alone is what its flag says.
            return [p.NOT_MASKED if negate else p.MASKED, p.DESTINATION_FLAGS, flag, flag]
        return [p.MEMBER, int(negate), number, len(key.fields), flag, *key.fields]

    # ------------------------------------------------------------ statements

    def _statement(self, item: Item, placed: PlacedRule) -> list[Word]:
        if isinstance(item, NoEffect):
            return []
        if is_match(item):
            return self._match(item, placed)
        if isinstance(item, Verdict):
            return [p.GO, self._verdict(item, placed), placed.rule.line]
        if isinstance(item, Reject):
            return [p.GO, p.GO_REJECT, placed.rule.line]
        if isinstance(item, Chance):
            return _chance(item.probability.numerator, item.probability.denominator)
        if isinstance(item, Compare):
            return self._random_compare(item)
        if isinstance(item, SetField):
            return _set_field(item)
        if isinstance(item, VerdictMap):
            return self._verdict_map(item, placed)
        if isinstance(item, Nat):
            return self._nat(item, placed)
        if isinstance(item, NoTrack):
            return [p.UNTRACK]
        raise CannotTell

    def _random_compare(self, item: Compare) -> list[Word]:
        drawn = uniform(item.expression)
        if drawn is None:
            raise CannotTell
        share = share_of(drawn, item.values)
        share = 1 - share if item.negate else share
        return _chance(share.numerator, share.denominator)

    def _verdict(self, verdict: Verdict, placed: PlacedRule) -> Word:
        if verdict.kind in _PLAIN:
            return _PLAIN[verdict.kind]
        chain = placed.table.chains.get(verdict.chain)
        if chain is None:
            return p.GO_GIVE_UP
        return Lead(self._layout.place(placed.table, chain), verdict.kind == "goto")

    def _value(self, value: Verdict | tuple[Component, ...] | None, placed: PlacedRule) -> Word:
        """What a map holds: a verdict, or an endpoint."""
        if isinstance(value, Verdict):
            return self._verdict(value, placed)
        if value is None or not 1 <= len(value) <= 2:
            raise CannotTell
        parts = _intervals(value)
        return self._numbered_target(parts[0], parts[1] if len(parts) == 2 else None)

    def _verdict_map(self, item: VerdictMap, placed: PlacedRule) -> list[Word]:
        drawn = uniform(item.key)
        if drawn is not None:
            held = self._static(item.container, placed.table)
            verdicts = [-1 if v is None else self._value(v, placed) for v in _values(drawn, held)]
            return [p.DRAW, drawn.modulus, placed.rule.line, *verdicts]
        held = self._static(item.container, placed.table)
        key = self._key(item.key)
        default = self._value(held.default, placed) if held.default is not None else -1
        if not held.elements and held.default is None:
            raise Never
        number, flag = self._set(held, key, placed, values=True)
        return [p.MAP, number, len(key.fields), default, placed.rule.line, flag, *key.fields]

    # ------------------------------------------------------------ translation

    def target(self, address: Interval | None, port: Interval | None) -> list[Word]:
        """The words of a target of translation."""
        if any(each is not None and each[0] != each[1] for each in (address, port)):
            raise CannotTell
        return [port[0] if port else p.STAYS, Entry(address[0] if address else None)]

    def _numbered_target(self, address: Interval | None, port: Interval | None) -> int:
        """The number of a target that a map leads to."""
        key = (address, port)
        if key not in self._targets:
            self.targets += self.target(address, port)
            self._targets[key] = len(self._targets)
        return self._targets[key]

    def _nat(self, item: Nat, placed: PlacedRule) -> list[Word]:
        if item.kind in ("masquerade", "snat"):
            # Whom a rewritten source makes the sender is not looked at again.
            return [p.MASQUERADE]
        if item.kind == "redirect":
            raise CannotTell
        if (item.address is None or isinstance(item.address, tuple)) and (
            item.port is None or isinstance(item.port, tuple)
        ):
            return [p.TRANSLATE, placed.rule.line, *self.target(item.address, item.port)]
        if not isinstance(item.address, Lookup) or item.port is not None:
            raise CannotTell
        drawn = uniform(item.address.key)
        held = self._static(item.address.container, placed.table)
        if drawn is not None:
            targets = [word for value in _values(drawn, held) for word in self._drawn_target(value)]
            return [p.TRANSLATE_DRAW, drawn.modulus, placed.rule.line, *targets]
        if is_random(item.address.key) or held.default is not None:
            raise CannotTell
        key = self._key(item.address.key)
        number, flag = self._set(held, key, placed, values=True)
        return [p.TRANSLATE_MAP, number, len(key.fields), placed.rule.line, flag, *key.fields]

    def _drawn_target(self, value: Verdict | tuple[Component, ...] | None) -> list[Word]:
        if value is None:
            return [p.NO_TARGET, Entry(None)]
        if isinstance(value, Verdict) or not 1 <= len(value) <= 2:
            raise CannotTell
        parts = _intervals(value)
        return self.target(parts[0], parts[1] if len(parts) == 2 else None)


def _values(drawn: Uniform, held: NamedSet | Elements) -> list[Verdict | tuple[Component, ...] | None]:
    """What a map holds for each value of a random number."""
    if drawn.modulus > MOST_VALUES:
        raise CannotTell
    values = [held.default] * drawn.modulus
    for element in held.elements:
        (interval,) = _intervals(element.key)
        for n in range(max(0, interval[0] - drawn.offset), min(drawn.modulus - 1, interval[1] - drawn.offset) + 1):
            values[n] = element.value
    return values


def cascade(rules: Sequence[PlacedRule]) -> int:
    """How many rules from the first on share packets evenly: each jumps with its part of what the ones before it left,
    the last one always. 0 for none."""
    first = _chance_and_jump(rules[0])
    if first is None or first.numerator != 1 or not 2 <= first.denominator <= len(rules):
        return 0
    count = first.denominator
    shares = [_chance_and_jump(placed) for placed in rules[:count]]
    return count if shares == [Fraction(1, count - n) for n in range(count)] else 0


def _chance_and_jump(placed: PlacedRule) -> Fraction | None:
    """The share of packets with which a rule jumps, if that is all it does."""
    items = [item for item in placed.rule.items if not isinstance(item, NoEffect)]
    if not items or not isinstance(items[-1], Verdict) or items[-1].kind != "jump":
        return None
    if len(items) == 1:
        return Fraction(1)
    return items[0].probability if len(items) == 2 and isinstance(items[0], Chance) else None


def _intervals(values: Sequence[Component]) -> list[Interval]:
    if any(isinstance(value, str) for value in values):
        raise CannotTell
    return [value for value in values if isinstance(value, tuple)]


def _chance(numerator: int, denominator: int) -> list[Word]:
    if denominator > LARGEST_WORD:
        raise CannotTell
    return [p.CHANCE, numerator, denominator]


def _set_field(item: SetField) -> list[Word]:
    """A mark as the exclusive or of masked marks and a constant, which every change that the tools write is."""
    if item.field.name not in ("mark", "ct mark"):
        raise CannotTell
    masks, flip = _linear(item.value)
    terms = [word for name, mask in masks.items() if mask for word in (PLACES[name], p.signed(mask))]
    return [p.SET, PLACES[item.field.name], len(terms) // 2, *terms, p.signed(flip)]


def _linear(expression: Expression) -> tuple[dict[str, int], int]:
    """By mark, the bits that are taken from it; and the bits that are flipped."""
    if isinstance(expression, Field) and expression.name in ("mark", "ct mark"):
        return {expression.name: 0xFFFFFFFF}, 0
    if isinstance(expression, Constant) and isinstance(expression.value, int):
        return {}, expression.value
    if not isinstance(expression, Binary):
        raise CannotTell
    left, left_flip = _linear(expression.left)
    right, right_flip = _linear(expression.right)
    if expression.operator == "^":
        return {name: left.get(name, 0) ^ right.get(name, 0) for name in {**left, **right}}, left_flip ^ right_flip
    if right:
        raise CannotTell
    if expression.operator == "&":
        return {name: mask & right_flip for name, mask in left.items()}, left_flip & right_flip
    if expression.operator == "|":
        return {name: mask & ~right_flip for name, mask in left.items()}, left_flip & ~right_flip ^ right_flip
    raise CannotTell


def _updated(table: Table) -> frozenset[tuple[str, str]]:
    """The sets and ipsets that the rules of a table change."""
    return frozenset(
        ("set" if isinstance(item.container, SetReference) else "ipset", item.container.name)
        for chain in table.chains.values()
        for rule in chain.rules
        for item in rule.items
        if isinstance(item, UpdateSet)
    )


def _example(family: int) -> State:
    """Any packet of a family, to read what all have in common."""
    return State(family, 0, 0, 6, None, 0, (0, None, 0, 0))
