"""The native interpreter of tables does what its twin does, on any records, and refuses what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcompile.targets import iptables
from kcompile.targets.program import LITERAL, Program, compile_table
from kcompile.targets.template import Each, Item, Join, Line, Lookup, Section, Table, Value
from kcompile.twins import emit as twin
from tests.targets.recorded import plan

native = pytest.importorskip("kcompile.native.emit", reason="the extensions are not built")

Fill = Callable[..., bytes]
FILLS = (native.fill, twin.fill)

# Every part of the language at least once.
TABLE = Table(
    fields=("name", "number", "flag", "all", "some", "words"),
    lists={
        "all": Item("entry", ("text", "port", "local")),
        "some": Item("entry", ("text", "port", "local")),
        "words": Item("word"),
    },
    values={
        "hash": Value("{name}/{number}", digest=16),
        "short": Value("{name}-{hash}-{number}", replace=":.-_", limit=12, ellipsis="..."),
        "entry_hash": Value("{hash}{entry.text}:{entry.port}", over="all", digest=8),
        "entry_name": Value("{short} {entry_hash} {entry.text} {index}", over="all", replace=":.", limit=40),
        "inline": Join("all", "{index} : {entry.text} . {entry.port} {entry_hash}", " , "),
        "inline_some": Join("some", "{entry_name}{remaining}", ";"),
        "chance": Lookup("remaining", lambda left: f"{left} left " * (left % 3)),
        "place": Lookup("index", "place {}".format),
    },
    sections=(
        Section("plain"),
        Section("elements", end="", separator=",\n  ", omit_empty=True),
        Section("by record", order_by="hash"),
        Section("by item", order_by="entry_name"),
        Section("elements by record", order_by="short", end="", separator=", "),
        Section("elements by item", order_by="entry_hash", end="", separator=", ", omit_empty=True),
        Section("nothing"),
    ),
    rows=(
        Line("plain", "{name} {number} {hash} {short} { {inline} }"),
        Line("plain", "flagged {inline_some}", when="flag some"),
        Line("elements", "{number} : {name}", when="!flag"),
        Each(
            "all",
            (
                Line("plain", "{chance}{index}/{remaining} {entry.text} {name} {entry_name}"),
                Line("plain", "local {entry.port}", when="entry.local"),
                Line("by item", "{entry_name} {name}"),
                Line("by item", "remote {entry_hash}", when="flag !entry.local"),
                Line("elements by item", "{entry_hash} {number}", when="entry.text"),
                Line("elements by item", "{place}", when="entry.port !entry.local"),
                Line("by record", "{entry.port}{place}"),
            ),
        ),
        Each("some", (Line("by record", "{entry_hash} {name} {chance}", when="words"), Line("by item", "{index}"))),
        Each("words", (Line("elements", "{word}={index}"), Line("elements by record", "{short}{word}"))),
        Line("by record", "{hash}", when="number !words"),
        Line("elements by record", "{number}", when="flag"),
    ),
)
PROGRAM = compile_table(TABLE)
FRAMES = [(f"<{section.name}>\n".encode(), b"</>\n") for section in PROGRAM.sections]

texts = st.text(max_size=12) | st.sampled_from(["", "a", "é", "::1", "-", "x" * 100]) | st.binary(max_size=40)
numbers = st.integers(min_value=-(2**63), max_value=2**63 - 1) | st.integers(min_value=-2, max_value=200)
entries = st.tuples(texts, numbers, st.booleans())


class Packed(tuple[Any, ...]):
    """Items with the texts of their first fields."""

    texts: object = b""


def packed(items: tuple[Any, ...], n_fields: int) -> Packed:
    made = Packed(items)
    fields = [twin._text(field) for item in items for field in item[:n_fields]]
    made.texts = bytes((n_fields,)) + b"".join([bytes((len(field),)) + field for field in fields])
    return made


@st.composite
def records(draw: st.DrawFn) -> tuple[Any, ...]:
    every = tuple(draw(st.lists(entries, max_size=6)))
    some = tuple(draw(st.permutations([entry for entry in every if draw(st.booleans())])))
    every, some = (packed(items, draw(st.integers(0, 2))) if draw(st.booleans()) else items for items in (every, some))
    return draw(texts), draw(numbers), draw(st.booleans()), every, some, tuple(draw(st.lists(texts, max_size=3)))


@settings(deadline=None)
@given(st.lists(records(), max_size=5))
def test_the_extension_writes_what_the_twin_writes(given_records: list[tuple[Any, ...]]) -> None:
    got = native.fill(PROGRAM, given_records, FRAMES)
    assert got == twin.fill(PROGRAM, given_records, FRAMES)


@settings(deadline=None)
@given(st.lists(records(), max_size=8), st.data())
def test_a_text_that_is_refilled_is_the_one_that_would_be_written(
    given_records: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    keys = [[record] for record in given_records]
    kept = native.Kept(PROGRAM, keys, itemgetter(0), FRAMES)
    assert kept.text == twin.fill(PROGRAM, given_records, FRAMES)
    for _ in range(3):
        others = [[data.draw(records())] if data.draw(st.integers(0, 3)) == 0 else key for key in keys]
        if data.draw(st.integers(0, 9)) == 0:
            others = others[1:]
        frames = [(b"[", b"]\n")] * len(FRAMES)
        assert kept.differing(others) == twin.Kept(PROGRAM, keys, itemgetter(0), FRAMES).differing(others)
        refilled = kept.refill(others, itemgetter(0), frames)
        assert refilled == twin.fill(PROGRAM, [record for (record,) in others], frames)


def test_refilled_records_that_sort_alike_are_merged_with_those_that_stay() -> None:
    """Records that change where they stand, and items that change their keys."""
    same = ("same", 1, False)
    given_records = [(f"name{i}", i, i % 2, ((f"e{i * 37 % 50}", i, True), same), (), ()) for i in range(90)]
    keys = [[record] for record in given_records]
    kept = native.Kept(PROGRAM, keys, itemgetter(0), FRAMES)
    for step in (2, 3, 7, 90):
        # Under the same name, or under another one.
        for name in ("name{}", "a{}"):
            others = [
                [(name.format(i), i, 1, ((f"e{i * 31 % 50}", i, True),), (), ("w",))] if i % step == 0 else keys[i]
                for i in range(len(keys))
            ]
            want = twin.fill(PROGRAM, [record for (record,) in others], FRAMES)
            assert kept.refill(others, itemgetter(0), FRAMES) == want


MANY_KEYS = {
    "names": [f"shared-prefix-{i * 7919 % 50}" for i in range(5000)],
    "different names": [f"name-{i * 7919 % 5000}" for i in range(5000)],
    "like digests": [f"AAAAAAA{chr(ord('A') + i % 26)}" for i in range(5000)],
    "but one like digests": [f"AAAAAAA{chr(ord('A') + i % 26)}" for i in range(4999)] + ["AAAA-AAA"],
}


@pytest.mark.parametrize("digest", [0, 4, 8, 16])
@pytest.mark.parametrize("keys", MANY_KEYS)
def test_many_blocks_are_sorted_and_stay_in_order_where_keys_are_equal(keys: str, digest: int) -> None:
    table = Table(
        fields=("key", "number"),
        values={"key_of": Value("{key}", digest=digest)},
        sections=(Section("s", order_by="key_of"),),
        rows=(Line("s", "{key_of} {number}"),),
    )
    given_records = [(key, i) for i, key in enumerate(MANY_KEYS[keys])]
    got = native.fill(compile_table(table), given_records, [(b"", b"")])
    assert got == twin.fill(compile_table(table), given_records, [(b"", b"")])
    written = [(key, int(number)) for key, number in (line.split() for line in got.decode().splitlines())]
    assert written == sorted(written)


@pytest.mark.parametrize("case", ["dual-stack", "random-005", "session-affinity-local"])
def test_rules_of_a_recorded_cluster_are_the_same_without_the_extension(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = plan(case, "iptables", "1.37")
    got = [form(node, (4, 6)) for form in (iptables.restore, iptables.save)]
    monkeypatch.setattr("kcompile.targets.program.fill", twin.fill)
    assert got == [form(node, (4, 6)) for form in (iptables.restore, iptables.save)]


ENTRY = ("10.0.0.1", 80, True)
GOOD = ("name", 1, True, (ENTRY,), (ENTRY,), ("word",))


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize(
    ("record", "error"),
    [
        (GOOD[:-1], ValueError),
        (list(GOOD), ValueError),
        ((None, *GOOD[1:]), TypeError),
        ((True, *GOOD[1:]), TypeError),
        ((2**63, *GOOD[1:]), OverflowError),
        (("\ud800", *GOOD[1:]), UnicodeEncodeError),
        ((*GOOD[:3], [ENTRY], (), ()), TypeError),
        ((*GOOD[:3], (ENTRY[:1],), (), ()), ValueError),
        ((*GOOD[:3], ("text",), (), ()), ValueError),
        ((*GOOD[:3], (), (ENTRY,), ()), ValueError),  # not among the items that the value is over
        ((*GOOD[:5], (None,)), TypeError),
    ],
)
def test_a_record_that_does_not_fit_is_refused(fill: Fill, record: Any, error: type[Exception]) -> None:
    assert fill(PROGRAM, [GOOD], FRAMES)
    with pytest.raises(error):
        fill(PROGRAM, [GOOD, record], FRAMES)


def test_texts_of_a_list_are_read_within_their_bounds() -> None:
    want = native.fill(PROGRAM, [GOOD], FRAMES)
    items = packed((ENTRY,), 2)
    for given_texts in (b"", None, "\2", b"\5", b"\0", items.texts, bytes(items.texts) + b"more"):
        items.texts = given_texts
        assert native.fill(PROGRAM, [(*GOOD[:3], items, (ENTRY,), ("word",))], FRAMES) == want
    for given_texts in (b"\2", b"\2\0", b"\2\3ab", b"\1\xff" + 254 * b"x"):
        items.texts = given_texts
        with pytest.raises(ValueError, match="fewer texts than items"):
            native.fill(PROGRAM, [(*GOOD[:3], items, (ENTRY,), ("word",))], FRAMES)


@pytest.mark.parametrize("fill", FILLS)
def test_frames_must_be_those_of_the_sections(fill: Fill) -> None:
    with pytest.raises(ValueError, match="must be those of the program"):
        fill(PROGRAM, [], FRAMES[1:])


@pytest.mark.parametrize("fill", FILLS)
def test_an_error_in_a_lookup_comes_through(fill: Fill) -> None:
    def wrong(number: int) -> str:
        raise LookupError(number)

    lookups = (PROGRAM.lookups[0]._replace(text=wrong), PROGRAM.lookups[1])
    with pytest.raises(LookupError):
        fill(PROGRAM._replace(lookups=lookups), [GOOD], FRAMES)


def broken(**changes: Any) -> Program:
    return PROGRAM._replace(**changes)


SECTION = PROGRAM.sections[0]
ROW = SECTION.rows[0]


def with_line(**changes: Any) -> Program:
    line = ROW.lines[0]._replace(**changes)
    return broken(sections=(SECTION._replace(rows=(ROW._replace(lines=(line,)),)), *PROGRAM.sections[1:]))


@pytest.mark.parametrize(
    "program",
    [
        broken(width=3),
        broken(width=65),
        broken(lists=()),
        broken(values=PROGRAM.values[::-1]),
        broken(joins=()),
        broken(values=(PROGRAM.values[0]._replace(digest=53), *PROGRAM.values[1:])),
        broken(sections=(SECTION._replace(order_by=99), *PROGRAM.sections[1:])),
        broken(sections=(SECTION._replace(order_by=0, by_item=True), *PROGRAM.sections[1:])),
        with_line(operations=((99, 0),)),
        with_line(operations=((-1, 0),)),
        with_line(operations=((1, 6),)),
        with_line(operations=((2, 0),)),
        with_line(operations=((3, 0),)),
        with_line(operations=((4, 0),)),
        with_line(operations=((5, 2),)),  # an item's value outside of its list
        with_line(operations=((6, 9),)),
        with_line(when=(6,)),
        with_line(item_when=(0,)),
    ],
)
def test_a_program_with_positions_out_of_range_is_refused(program: Program) -> None:
    with pytest.raises((ValueError, IndexError)):
        native.fill(program, [GOOD], FRAMES)


def test_what_is_no_text_in_a_program_is_refused() -> None:
    with pytest.raises(TypeError):
        native.fill(with_line(operations=((LITERAL, "text"),)), [GOOD], FRAMES)
    with pytest.raises(TypeError):
        native.fill(broken(joins=(PROGRAM.joins[0]._replace(separator=None),) * 2), [GOOD], FRAMES)
    with pytest.raises(TypeError):
        native.fill(PROGRAM, [GOOD], [(None, b"")] * len(FRAMES))
