"""Rules as data: a target's text is a table of line templates, and an interpreter fills it in for every record.

A *record* is a tuple, usually one for each ServicePort. A table names the record's fields by position, says which of
them are lists, and then, line by line, what is written where and when. Nothing about a rule stands anywhere else:
`kcompile.native.emit` and its plain-Python twin `kcompile.twins.emit` fill in templates and know no domain.

    TABLE = Table(
        fields=("name", "protocol", "vip", "port", "endpoints", "local_endpoints"),
        lists={"endpoints": ENDPOINT, "local_endpoints": ENDPOINT},  # ENDPOINT = Item("endpoint", EndpointInfo._fields)
        values={
            "hash": Value("{name}{protocol}", digest=16),
            "sep": Value("{name}{protocol}{endpoint.ip}:{endpoint.port}", over="endpoints", digest=16),
            "backends": Join("endpoints", "{index} : {endpoint.ip} . {endpoint.port}", ", "),
            "chance": Lookup("remaining", lambda left: "" if left == 1 else f" 1/{left}"),
        },
        sections=(Section("services"), Section("seps", order_by="sep")),
        rows=(
            Line("services", "-A KUBE-SERVICES -d {vip} --dport {port} -j KUBE-SVC-{hash}", when="endpoints"),
            Line("services", "-A KUBE-SERVICES -d {vip} --dport {port} -j REJECT", when="!endpoints"),
            Each("endpoints", (
                Line("services", "-A KUBE-SVC-{hash}{chance} -j KUBE-SEP-{sep}"),
                Line("seps", "-A KUBE-SEP-{sep} -j DNAT --to-destination {endpoint.ip}:{endpoint.port}"),
                Line("seps", "-A KUBE-SEP-{sep} -s {endpoint.ip} -j KUBE-MARK-MASQ", when="endpoint.local"),
            )),
        ),
    )
    program = compile_table(TABLE)  # kcompile.targets.program
    text = program.emit(records, {"services": (b"*nat\n", b"COMMIT\n")})

Slots. `{field}` is the record's field, `{item}` or `{item.field}` the current item of an `Each` or `Join` (by the name
that the list's `Item` gives it), `{index}` the item's position from 0, `{remaining}` how many items are left, this one
included. Other names are `values`. A brace that does not enclose a name is text: nftables needs no escapes. Fields are
str, bytes or int (written in decimal), and a table has at most 64.

A list is a tuple of items. It may be of a kind of tuple that has `texts`, bytes that hold the first fields of all items
once more, so that they need not be looked for: how many fields, in one byte; then for each item the text of each of
them behind its length, in one byte. Empty `texts` say nothing.

Values. A `Value` is worked out once for each record, or once for each item of the list `over`: a template, then cut to
`limit` bytes, its characters replaced, or hashed. It may use values that are defined before it. An item value can be
used in any list whose items (the same objects) are all in `over`. A `Join` writes a list inline. A `Lookup` is a text
that depends on `index` or `remaining` only; its function is called once for each number, not for each item.

Conditions. `when` lists words that must all hold: a field or item field that is true in Python's sense (not 0, "", (),
None or False), or `!name` for one that is not.

Sections are written in their order. Lines of a section stand in the order of records and rows; with `order_by` the
lines of one record (or of one item, when the value is an item's) form a block, and blocks are sorted by the value's
bytes. `frames` gives the text before and after each section's lines.

What is known before the records are (options, versions, the IP family) goes in by `specialize`: constants replace slots
(they may hold slots themselves) and settle conditions, so that the program has only what can differ between records.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

Constant = str | bool | int


@dataclass(frozen=True, slots=True)
class Item:
    """What the items of a list are called, and the names of their fields; without fields they are plain text."""

    name: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A text worked out once for a record, or once for each item of the list `over`.

    The filled-in template is first translated (`replace`: pairs of single bytes, such as ":." for `:` by `.`), then cut
    to `limit` bytes, the last of them being `ellipsis`; with `digest` it becomes the first `digest` characters of the
    base32 of its SHA-256.
    """

    text: str
    over: str = ""
    digest: int = 0
    replace: str = ""
    limit: int = 0
    ellipsis: str = ""


@dataclass(frozen=True, slots=True)
class Join:
    """A list written inline: `text` for each item, `separator` between them."""

    each: str
    text: str
    separator: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """A text that depends on an item's place only: `text` of its `by`, which is "index" or "remaining"."""

    by: str
    text: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the output. `end` follows each line, `separator` stands between lines.

    With `order_by`, the name of a value, blocks are sorted by it. With `omit_empty` a section without lines has no
    frame either.
    """

    name: str
    order_by: str = ""
    end: str = "\n"
    separator: str = ""
    omit_empty: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a section, written when every condition holds."""

    section: str
    text: str
    when: str = ""


@dataclass(frozen=True, slots=True)
class Each:
    """Lines that are written for each item of a list: all lines for one item, then the next."""

    each: str
    lines: tuple[Line, ...]


Row = Line | Each


@dataclass(frozen=True, slots=True)
class Table:
    """All that a format writes for a record."""

    fields: tuple[str, ...]
    sections: tuple[Section, ...]
    rows: tuple[Row, ...]
    lists: Mapping[str, Item] = field(default_factory=dict)
    values: Mapping[str, Value | Join | Lookup] = field(default_factory=dict)


def map_lines(rows: tuple[Row, ...], change: Callable[[Line], tuple[Line, ...]]) -> tuple[Row, ...]:
    """The rows with each line replaced by none, one or several; an `Each` without lines disappears."""
    result: list[Row] = []
    for row in rows:
        if isinstance(row, Line):
            result += change(row)
        elif lines := tuple(new for line in row.lines for new in change(line)):
            result.append(Each(row.each, lines))
    return tuple(result)


SLOT = re.compile(r"\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?)\}")


def specialize(table: Table, constants: Mapping[str, Constant]) -> Table:
    """The table with constants in place of their slots, and without the lines that they rule out."""

    def fill_in(text: str) -> str:
        for _ in range(len(constants) + 1):
            filled = SLOT.sub(lambda m: str(constants[m[1]]) if m[1] in constants else m[0], text)
            if filled == text:
                return text
            text = filled
        raise ValueError(f"constants refer to each other in a circle: {text!r}")

    def specialized(line: Line) -> tuple[Line, ...]:
        open_conditions = []
        for condition in line.when.split():
            name = condition.lstrip("!")
            if name not in constants:
                open_conditions.append(condition)
            elif bool(constants[name]) == condition.startswith("!"):
                return ()
        return (Line(line.section, fill_in(line.text), " ".join(open_conditions)),)

    values = {
        name: value if isinstance(value, Lookup) else replace(value, text=fill_in(value.text))
        for name, value in table.values.items()
    }
    return replace(table, rows=map_lines(table.rows, specialized), values=values)
