"""Fill in a compiled table, in plain Python: the reference for `kcompile.native.emit`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from kcompile.twins.chain_names import digest

if TYPE_CHECKING:
    from kcompile.targets.program import CompiledLine, CompiledSection, CompiledValue, Operations, Program

Record = tuple[Any, ...]
Frame = tuple[bytes, bytes]
Lookups = list[list[bytes]]


def fill(program: Program, records: Iterable[Record], frames: Sequence[Frame]) -> bytes:
    """The text of all sections for the records; `frames` stand in the program's order.

    Raises ValueError for a record or an item that is too short, or an item without its value, TypeError for what is
    neither str, bytes nor int where text is needed or no tuple where there are items, and OverflowError for a number of
    more than 64 bits.
    """
    if len(frames) != len(program.sections):
        raise ValueError("the frames must be those of the program's sections")
    lookups: Lookups = [[] for _ in program.lookups]
    work = [_Record(program, record, lookups) for record in records]
    output: list[bytes] = []
    for section, (head, tail) in zip(program.sections, frames, strict=True):
        blocks = [block for record in work for block in record.blocks(section)]
        if section.order_by >= 0:
            blocks.sort(key=lambda block: block[0])
        lines = [line for _, block in blocks for line in block]
        if lines or not section.omit_empty:
            output += (head, section.separator.join(lines), tail)
    return b"".join(output)


class Kept:
    """The text for one sequence of keys, of which each stands for a record: the same key for the same record.

    What is mostly the same need not be written anew: natively, `refill` copies the lines of records that stay.
    """

    def __init__(
        self, program: Program, keys: Iterable[Any], record_of: Callable[[Any], Record], frames: Sequence[Frame]
    ) -> None:
        self.program = program
        self.keys = tuple(keys)
        self.text = fill(program, [record_of(key) for key in self.keys], frames)

    def differing(self, keys: Iterable[Any]) -> int:
        """How many keys are others than those of the text."""
        given = tuple(keys)
        if len(given) != len(self.keys):
            return max(len(given), len(self.keys))
        return sum(one is not other for one, other in zip(given, self.keys, strict=True))

    def refill(self, keys: Iterable[Any], record_of: Callable[[Any], Record], frames: Sequence[Frame]) -> bytes:
        """The text for other keys. Raises as `fill`."""
        return fill(self.program, [record_of(key) for key in keys], frames)


Block = tuple[bytes, list[bytes]]


class _Record:
    """One record with its values."""

    def __init__(self, program: Program, record: Record, lookups: Lookups) -> None:
        if not isinstance(record, tuple) or len(record) < program.width:
            raise ValueError(f"a record is a tuple of {program.width} fields")
        self.program = program
        self.record = record
        self.lookups = lookups
        self.items = [self.list_items(column.field) for column in program.lists]
        self.values: list[bytes | dict[int, bytes]] = []
        for value in program.values:
            if value.over < 0:
                self.values.append(_value(value, self.text(value.operations, -1, 0)))
            else:
                items = self.items[value.over]
                texts = (self.text(value.operations, value.over, i) for i in range(len(items)))
                self.values.append({id(item): _value(value, text) for item, text in zip(items, texts, strict=True)})

    def list_items(self, field: int) -> tuple[Any, ...]:
        items = self.record[field]
        if not isinstance(items, tuple):
            raise TypeError(f"field {field} of a record is a tuple of items")
        return items

    def blocks(self, section: CompiledSection) -> list[Block]:
        """The record's lines in a section, each block with what it is sorted by."""
        blocks: list[Block] = []
        lines: list[bytes] = []
        for row in section.rows:
            for i in range(1 if row.each < 0 else len(self.items[row.each])):
                own = [self.text(line.operations, row.each, i) for line in row.lines if self.holds(line, row.each, i)]
                if section.by_item and own:
                    blocks.append((self.value(section.order_by, row.each, i), own))
                else:
                    lines += own
        if lines:
            blocks.append((self.value(section.order_by, -1, 0) if section.order_by >= 0 else b"", lines))
        return blocks

    def holds(self, line: CompiledLine, each: int, i: int) -> bool:
        if not all(self.record[f] for f in line.when) or any(self.record[f] for f in line.unless):
            return False
        if not line.item_when and not line.item_unless:
            return True
        item = self.items[each][i]
        return all(_field(item, f) for f in line.item_when) and not any(_field(item, f) for f in line.item_unless)

    def value(self, number: int, each: int, i: int) -> bytes:
        value = self.values[number]
        if isinstance(value, bytes):
            return value
        try:
            return value[id(self.items[each][i])]
        except KeyError:
            raise ValueError("an item is not in the list that its value is over") from None

    def text(self, operations: Operations, each: int, i: int) -> bytes:
        parts: list[bytes] = []
        for kind, argument in operations:
            if kind == 0:  # LITERAL
                parts.append(argument)
            elif kind == 1:  # FIELD
                parts.append(_text(self.record[argument]))
            elif kind == 2:  # ITEM
                item = self.items[each][i]
                parts.append(_text(item if argument < 0 else _field(item, argument)))
            elif kind == 3:  # INDEX
                parts.append(b"%d" % self.place(each, i, argument))
            elif kind == 4:  # LOOKUP
                lookup, texts = self.program.lookups[argument], self.lookups[argument]
                place = self.place(each, i, lookup.by)
                texts += [lookup.text(number).encode() for number in range(len(texts), place + 1)]
                parts.append(texts[place])
            elif kind == 5:  # VALUE
                parts.append(self.value(argument, each, i))
            else:  # JOIN
                join = self.program.joins[argument]
                places = range(len(self.items[join.each]))
                parts.append(join.separator.join(self.text(join.operations, join.each, j) for j in places))
        return b"".join(parts)

    def place(self, each: int, i: int, by: int) -> int:
        return len(self.items[each]) - i if by else i


def _field(item: object, field: int) -> object:
    if not isinstance(item, tuple) or field >= len(item):
        raise ValueError(f"an item has no field {field}")
    return item[field]


def _text(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if not -(2**63) <= value < 2**63:
            raise OverflowError(f"not a 64-bit number: {value}")
        return b"%d" % value
    raise TypeError(f"not a text: {value!r}")


def _value(value: CompiledValue, text: bytes) -> bytes:
    if value.replace:
        text = text.translate(bytes.maketrans(value.replace[::2], value.replace[1::2]))
    if value.limit and len(text) > value.limit:
        text = text[: value.limit - len(value.ellipsis)] + value.ellipsis
    return digest(text, value.digest) if value.digest else text
