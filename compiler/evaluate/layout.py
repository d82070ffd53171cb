"""What a program is about: the chains and rules that packets of a family come to, and the addresses in them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kcompile.evaluate import program as p
from kcompile.evaluate.packet import Host
from kcompile.evaluate.prepare import HOOKS, Prepared, Stage
from kcompile.ir.addresses import ADDRESS_MAX
from kcompile.ir.ruleset import Chain, Interval, Rule, Table


def table_size(entries: int) -> int:
    """The slots of a hash table: a power of two that leaves half of them free."""
    return 1 << max(3, (2 * entries).bit_length())


class OtherFamily(Exception):
    """An address that no packet of this program has."""


class Addresses:
    """The addresses and intervals that stand in rules, with their numbers."""

    def __init__(self, family: int, host: Host) -> None:
        self.family = family
        self._host = host
        self._numbers: dict[int, int] = {}
        self._edges: set[int] = {0}
        self._sorted: list[int] = []

    def add(self, interval: Interval) -> None:
        """Note an interval of one or more addresses, before any number is asked for. A table for both families has
        addresses of the other one, too."""
        if interval[1] > ADDRESS_MAX[self.family]:
            return
        if interval[0] == interval[1]:
            self._numbers.setdefault(interval[0], len(self._numbers) + 1)
        else:
            self._edges.update((interval[0], interval[1] + 1))

    def freeze(self) -> None:
        self._sorted = sorted(edge for edge in self._edges if edge <= ADDRESS_MAX[self.family])

    @property
    def edges(self) -> list[int]:
        """Where the intervals begin."""
        return self._sorted

    def has(self, value: int) -> bool:
        """Whether an address has a number."""
        return value in self._numbers

    def number(self, value: int) -> int:
        """The number of an address. Raises `OtherFamily`."""
        if value not in self._numbers:
            raise OtherFamily
        return self._numbers[value]

    def range_of(self, value: int) -> int:
        return bisect_right(self._sorted, value) - 1

    def ranges(self, interval: Interval) -> Interval:
        """The intervals, by number, that an interval covers."""
        return self.range_of(interval[0]), self.range_of(interval[1])

    def entry(self, value: int, flags: Mapping[int, int]) -> tuple[int, ...]:
        """The entry of an address that stands in rules, with its flags by its number."""
        number = self.number(value)
        type_ = self._host.address_type(self.family, value)
        packed = p.packed(self.range_of(value), type_)
        return number, packed, flags.get(number, 0), *p.address_words(self.family, value)

    def write(self, program: p.Program, flags: Mapping[int, int]) -> None:
        """Fill the tables of addresses."""
        size, length = table_size(len(self._numbers)), p.ADDRESS_ENTRY[self.family]
        program.address_mask = size - 1
        program.addresses.extend([0] * (size * length))
        for value in self._numbers:
            slot = p.hash_address(value >> 64, value & p.MASK64) & program.address_mask
            while program.addresses[slot * length]:
                slot = (slot + 1) & program.address_mask
            entry = array("i", self.entry(value, flags))
            program.addresses[slot * length : slot * length + len(entry)] = entry
        for edge in self._sorted:
            program.range_high.append(edge >> 64)
            program.range_low.append(edge & p.MASK64)
            program.range_type.append(self._host.address_type(self.family, edge))


@dataclass(frozen=True, slots=True)
class PlacedRule:
    """A rule with the table that it is in. `always_new` says that conntrack has seen every packet that comes to it, and
    calls it new."""

    rule: Rule
    table: Table
    always_new: bool


class Layout:
    """What a program is about: the chains that packets of a family come to, with their rules."""

    def __init__(self, prepared: Prepared, family: int, host: Host) -> None:
        self.prepared = prepared
        self.family = family
        self.host = host
        self.chains: dict[tuple[int, str], int] = {}
        self._jumps: Counter[tuple[int, str]] = Counter()
        self.rules: list[PlacedRule] = []
        self.of_chain: list[list[PlacedRule]] = []
        self.addresses = Addresses(family, host)

    @property
    def knows_homes(self) -> bool:
        """Whether an interval of sources has one address of the host that is nearest to all of it."""
        return self.family == 4

    def hooks(self) -> Iterator[tuple[str, tuple[Stage, ...]]]:
        """What each hook calls."""
        for hook in HOOKS:
            yield hook, self.prepared.stages[self.family, hook]

    def place(self, table: Table, chain: Chain, always_new: bool = False) -> int:
        """The number of a chain. `always_new` is for the rules of a chain that has none yet."""
        key = (id(table), chain.name)
        if key not in self.chains:
            self.chains[key] = len(self.of_chain)
            placed = [PlacedRule(rule, table, always_new) for rule in chain.rules]
            self.of_chain.append(placed)
            self.rules += placed
        return self.chains[key]

    @property
    def bases(self) -> dict[int, bool]:
        """The base chains that hooks call, and whether their policy is to accept."""
        return {
            self.place(stage.table, stage.chain): stage.chain.base is not None and stage.chain.base.policy == "accept"
            for _, stages in self.hooks()
            for stage in stages
            if stage.table and stage.chain
        }

    def note_jump(self, table: Table, name: str) -> None:
        """Note that a rule leads to a chain."""
        self._jumps[id(table), name] += 1

    def jumps(self) -> dict[int, int]:
        """How many rules lead to each chain, as the rules stand in the text."""
        return {number: self._jumps[key] for key, number in self.chains.items()}

    def number(self, table: Table, name: str) -> int | None:
        """The number of a chain that has one."""
        return self.chains.get((id(table), name))
