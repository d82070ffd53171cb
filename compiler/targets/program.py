"""Tables compiled for the interpreters: names become positions, templates become operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from kcompile.targets.template import SLOT, Join, Line, Lookup, Section, Table, Value

try:
    from kcompile.native.emit import Kept, fill
except ImportError:
    from kcompile.twins.emit import Kept, fill  # type: ignore[assignment]

Record = tuple[Any, ...]

MAX_FIELDS = 64
"""Conditions on a record are bits of a word in the native interpreter."""

# The operations of a compiled template, each with one argument.
LITERAL = 0  # bytes: the text itself
FIELD = 1  # the record's field
ITEM = 2  # the item's field, or the item itself for -1
INDEX = 3  # the item's position (argument 0) or the number of items left (argument 1)
LOOKUP = 4  # the lookup's text for the item's place
VALUE = 5  # a value, of the record or of the item
JOIN = 6  # a list written inline

Operation = tuple[int, Any]
Operations = tuple[Operation, ...]


class CompiledLine(NamedTuple):
    """Conditions as positions in the record and in the item."""

    when: tuple[int, ...]
    unless: tuple[int, ...]
    item_when: tuple[int, ...]
    item_unless: tuple[int, ...]
    operations: Operations


class CompiledRow(NamedTuple):
    """`each` is a list's number, or -1 for lines that are written once."""

    each: int
    lines: tuple[CompiledLine, ...]


class CompiledSection(NamedTuple):
    """`order_by` is a value's number or -1; `by_item` says that blocks are those of items."""

    name: str
    order_by: int
    by_item: bool
    separator: bytes
    omit_empty: bool
    rows: tuple[CompiledRow, ...]


class CompiledList(NamedTuple):
    """`width` is the number of fields of an item, 0 for plain text."""

    field: int
    width: int


class CompiledValue(NamedTuple):
    """`over` is a list's number, or -1 for a value of the record."""

    over: int
    operations: Operations
    digest: int
    replace: bytes
    limit: int
    ellipsis: bytes


class CompiledJoin(NamedTuple):
    each: int
    operations: Operations
    separator: bytes


class CompiledLookup(NamedTuple):
    """`by` is the argument of INDEX: 0 for the position, 1 for the number of items left."""

    by: int
    text: Callable[[int], str]


class Program(NamedTuple):
    """A table as both interpreters read it: names are numbers, templates are operations."""

    width: int
    lists: tuple[CompiledList, ...]
    values: tuple[CompiledValue, ...]
    joins: tuple[CompiledJoin, ...]
    lookups: tuple[CompiledLookup, ...]
    sections: tuple[CompiledSection, ...]

    def emit(
        self,
        records: Sequence[Record],
        frames: Mapping[str, tuple[bytes, bytes]] | None = None,
    ) -> bytes:
        """The text of all sections. Raises ValueError, TypeError or OverflowError for records that do not fit."""
        return fill(self, records, self.in_order(frames or {}))

    def in_order(self, frames: Mapping[str, tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The frame of each section."""
        return [frames.get(section.name, (b"", b"")) for section in self.sections]


MOST_PROGRAMS = 8
MOST_TEXTS = 4


class SharedTexts:
    """The texts of one format for several nodes, which have most of their lines in common: those are written once.

    Some texts are kept for each program, as many as it takes for nodes that see a cluster in different ways (from
    other zones). What goes in is not changed, and the bytes that come out are those of `Program.emit`.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Program, list[Kept]]] = {}

    def emit(
        self,
        program: Program,
        keys: Sequence[Any],
        record_of: Callable[[Any], Record],
        frames: Mapping[str, tuple[bytes, bytes]],
    ) -> bytes:
        """The text of the records that the keys stand for; a key is the same object wherever its record is the same."""
        if id(program) not in self._kept and len(self._kept) == MOST_PROGRAMS:
            return program.emit(list(map(record_of, keys)), frames)
        _, texts = self._kept.setdefault(id(program), (program, []))
        differing = [kept.differing(keys) for kept in texts]
        nearest = min(range(len(texts)), key=differing.__getitem__, default=-1)
        if nearest < 0 or (4 * differing[nearest] > len(keys) and len(texts) < MOST_TEXTS):
            texts.append(Kept(program, keys, record_of, program.in_order(frames)))
            return texts[-1].text
        return texts[nearest].refill(keys, record_of, program.in_order(frames))


def compile_table(table: Table) -> Program:
    """Raises ValueError for a name that the table does not define, with the line that uses it."""
    return _Compiler(table).program()


class _Compiler:
    def __init__(self, table: Table) -> None:
        self.table = table
        self.fields = {name: i for i, name in enumerate(table.fields)}
        self.lists = {name: i for i, name in enumerate(table.lists)}
        kinds: dict[type, list[str]] = {Value: [], Join: [], Lookup: []}
        for name, value in table.values.items():
            kinds[type(value)].append(name)
        self.values, self.joins, self.lookups = (
            {name: i for i, name in enumerate(kinds[kind])} for kind in (Value, Join, Lookup)
        )

    def program(self) -> Program:
        table = self.table
        if len(table.fields) > MAX_FIELDS:
            raise ValueError(f"a table has at most {MAX_FIELDS} fields")
        values = table.values.items()
        return Program(
            width=len(table.fields),
            lists=tuple(CompiledList(self.fields[name], len(item.fields)) for name, item in table.lists.items()),
            values=tuple(self.value(value, i) for i, value in enumerate(v for _, v in values if isinstance(v, Value))),
            joins=tuple(
                CompiledJoin(self.lists[v.each], self.operations(v.text, v.each, inline=False), v.separator.encode())
                for _, v in values
                if isinstance(v, Join)
            ),
            lookups=tuple(
                CompiledLookup(("index", "remaining").index(v.by), v.text) for _, v in values if isinstance(v, Lookup)
            ),
            sections=tuple(map(self.section, table.sections)),
        )

    def value(self, value: Value, number: int) -> CompiledValue:
        operations = self.operations(value.text, value.over, inline=False)
        if any(kind == VALUE and argument >= number for kind, argument in operations):
            raise ValueError(f"a value uses one that is defined after it: {value.text!r}")
        return CompiledValue(
            self.lists[value.over] if value.over else -1,
            operations,
            value.digest,
            value.replace.encode(),
            value.limit,
            value.ellipsis.encode(),
        )

    def section(self, section: Section) -> CompiledSection:
        over = ""
        if section.order_by:
            value = self.table.values[section.order_by]
            over = value.over if isinstance(value, Value) else ""
        rows = []
        for row in self.table.rows:
            each, lines = ("", (row,)) if isinstance(row, Line) else (row.each, row.lines)
            if own := tuple(self.line(line, each, section.end) for line in lines if line.section == section.name):
                if over and not self.same_items(over, each):
                    raise ValueError(f"section {section.name} is ordered by items of {over}: {lines[0].text!r}")
                rows.append(CompiledRow(self.lists[each] if each else -1, own))
        return CompiledSection(
            section.name,
            self.values[section.order_by] if section.order_by else -1,
            bool(over),
            section.separator.encode(),
            section.omit_empty,
            tuple(rows),
        )

    def line(self, line: Line, each: str, end: str) -> CompiledLine:
        conditions: dict[tuple[bool, bool], list[int]] = {(a, b): [] for a in (False, True) for b in (False, True)}
        for word in line.when.split():
            name = word.lstrip("!")
            of_item = "." in name
            position = self.item_field(name, each) if of_item else self.fields.get(name)
            if position is None:
                raise ValueError(f"unknown condition {word!r} of {line.text!r}")
            conditions[of_item, word.startswith("!")].append(position)
        when, unless, item_when, item_unless = (
            tuple(conditions[key]) for key in ((False, False), (False, True), (True, False), (True, True))
        )
        return CompiledLine(when, unless, item_when, item_unless, self.operations(line.text + end, each))

    def operations(self, text: str, each: str, inline: bool = True) -> Operations:
        """A template over the items of `each`, with inline lists or, where lists would nest, without."""
        result: list[Operation] = []
        parts = SLOT.split(text)
        for literal, name in zip(parts[::2], [*parts[1::2], None], strict=True):
            if literal:
                result.append((LITERAL, literal.encode()))
            if name is not None:
                result.append(self.slot(name, each, text))
        if not inline and any(kind == JOIN for kind, _ in result):
            raise ValueError(f"an inline list inside a value or another one: {text!r}")
        return tuple(result)

    def slot(self, name: str, each: str, text: str) -> Operation:
        if each and name in ("index", "remaining"):
            return INDEX, int(name == "remaining")
        if each and (position := self.item_field(name, each)) is not None:
            return ITEM, position
        if name in self.fields and name not in self.lists:
            return FIELD, self.fields[name]
        if name in self.joins:
            return JOIN, self.joins[name]
        if each and name in self.lookups:
            return LOOKUP, self.lookups[name]
        value = self.table.values.get(name)
        if isinstance(value, Value) and (not value.over or self.same_items(value.over, each)):
            return VALUE, self.values[name]
        raise ValueError(f"unknown slot {{{name}}} in {text!r}")

    def item_field(self, name: str, each: str) -> int | None:
        """The position of a field of the list's items, -1 for the item itself."""
        item = self.table.lists.get(each)
        if item is None:
            return None
        if name == item.name and not item.fields:
            return -1
        prefix, _, field_name = name.partition(".")
        return item.fields.index(field_name) if prefix == item.name and field_name in item.fields else None

    def same_items(self, one: str, other: str) -> bool:
        return bool(one and other) and self.table.lists[one] == self.table.lists[other]
