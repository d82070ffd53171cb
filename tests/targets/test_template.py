from __future__ import annotations

from dataclasses import replace

import pytest

from kcompile.targets.program import compile_table
from kcompile.targets.template import Each, Item, Join, Line, Lookup, Row, Section, Table, Value, specialize

TABLE = Table(
    fields=("name", "port", "endpoints", "addresses"),
    lists={"endpoints": Item("endpoint", ("ip", "ready")), "addresses": Item("address")},
    sections=(Section("rules"),),
    rows=(),
)
WEB = ("web", 80, (("10.0.0.1", True), ("10.0.0.2", False)), ("1.1.1.1", "2.2.2.2"))


def emit(*rows: Row, sections: tuple[Section, ...] = (Section("rules"),), **values: Value | Join | Lookup) -> str:
    program = compile_table(replace(TABLE, rows=rows, sections=sections, values=values))
    return program.emit([WEB, ("api", 0, (), ())], {"rules": (b"head\n", b"tail\n")}).decode()


def test_a_line_is_written_for_each_record_that_meets_its_conditions() -> None:
    assert emit(Line("rules", "{name} {port}")) == "head\nweb 80\napi 0\ntail\n"
    assert emit(Line("rules", "{name}", when="port endpoints")) == "head\nweb\ntail\n"
    assert emit(Line("rules", "{name}", when="!port")) == "head\napi\ntail\n"


def test_all_lines_for_one_item_come_before_those_for_the_next() -> None:
    lines = (Line("rules", "{name} {endpoint.ip}"), Line("rules", "ready", when="endpoint.ready"))
    assert emit(Each("endpoints", lines)) == "head\nweb 10.0.0.1\nready\nweb 10.0.0.2\ntail\n"
    assert emit(Each("addresses", (Line("rules", "{address}"),))) == "head\n1.1.1.1\n2.2.2.2\ntail\n"


def test_an_item_knows_its_place() -> None:
    line = Line("rules", "{index} {remaining} {left}")
    left = Lookup("remaining", ("none", "last", "more").__getitem__)
    assert emit(Each("addresses", (line,)), left=left) == "head\n0 2 more\n1 1 last\ntail\n"


def test_braces_that_name_nothing_are_text() -> None:
    joined = Join("endpoints", "{index} : {endpoint.ip}", " , ")
    line = Line("rules", "{ {port} : map { {joined} } }", when="port")
    assert emit(line, joined=joined) == "head\n{ 80 : map { 0 : 10.0.0.1 , 1 : 10.0.0.2 } }\ntail\n"


def test_values_are_translated_cut_and_hashed_in_that_order() -> None:
    def value(**options: object) -> str:
        return emit(Line("rules", "{value}", when="port"), value=Value("ns/{name}:http", **options)).split("\n")[1]  # type: ignore[arg-type]

    assert value() == "ns/web:http"
    assert value(replace=":./_") == "ns_web.http"
    assert value(limit=8, ellipsis="...") == "ns/we..."
    assert value(limit=11, ellipsis="...") == "ns/web:http"
    assert value(digest=4) == "BQUG"
    assert value(replace=":.", digest=4) != value(digest=4)


def test_a_value_of_items_serves_every_list_of_the_same_items() -> None:
    table = Table(
        fields=("all", "some"),
        lists={name: Item("item", ("text",)) for name in ("all", "some")},
        values={"name": Value("{item.text}!", over="all")},
        sections=(Section("rules"),),
        rows=(Each("some", (Line("rules", "{name}"),)),),
    )
    one, two = ("one",), ("two",)
    assert compile_table(table).emit([((one, two), (two, one))]) == b"two!\none!\n"


def test_sections_are_sorted_by_record_or_by_item() -> None:
    rows = (Line("rules", "{name}"), Each("addresses", (Line("rules", "{address}"),)))
    by_name = emit(*rows, sections=(Section("rules", order_by="key"),), key=Value("{name}"))
    assert by_name == "head\napi\nweb\n1.1.1.1\n2.2.2.2\ntail\n"
    backwards = Value("{remaining}", over="addresses")
    by_item = emit(rows[1], sections=(Section("rules", order_by="key"),), key=backwards)
    assert by_item == "head\n2.2.2.2\n1.1.1.1\ntail\n"


def test_a_section_without_lines_may_leave_its_frame_out() -> None:
    line = Line("rules", "{name}", when="port !port")
    assert emit(line) == "head\ntail\n"
    assert emit(line, sections=(Section("rules", omit_empty=True),)) == ""


def test_separators_stand_between_lines() -> None:
    assert emit(Line("rules", "{name}"), sections=(Section("rules", end="", separator=", "),)) == "head\nweb, apitail\n"


@pytest.mark.parametrize(
    ("rows", "values", "message"),
    [
        ((Line("rules", "{nobody}"),), {}, "unknown slot {nobody} in '{nobody}"),
        ((Line("rules", "{endpoints}"),), {}, "unknown slot {endpoints}"),
        ((Line("rules", "{endpoint.ip}"),), {}, "unknown slot {endpoint.ip}"),
        ((Line("rules", "{index}"),), {}, "unknown slot {index}"),
        ((Each("endpoints", (Line("rules", "{endpoint.node}"),)),), {}, "unknown slot {endpoint.node}"),
        ((Line("rules", "", when="nobody"),), {}, "unknown condition 'nobody'"),
        ((Line("rules", "", when="!endpoint.ready"),), {}, "unknown condition '!endpoint.ready'"),
        ((Line("rules", "{v}"),), {"v": Value("{endpoint.ip}", over="endpoints")}, "unknown slot {v}"),
        ((), {"a": Value("{b}"), "b": Value("")}, "uses one that is defined after it"),
        ((), {"a": Value("{a}")}, "uses one that is defined after it"),
        ((), {"j": Join("addresses", "{address}", ","), "v": Value("{j}")}, "an inline list inside"),
        ((), {"j": Join("addresses", "{j}", ",")}, "an inline list inside"),
    ],
)
def test_a_name_that_the_table_does_not_define_is_an_error(
    rows: tuple[Row, ...], values: dict[str, Value | Join | Lookup], message: str
) -> None:
    with pytest.raises(ValueError) as caught:
        emit(*rows, **values)
    assert message in str(caught.value)


def test_a_section_of_items_takes_no_line_of_records() -> None:
    with pytest.raises(ValueError, match="is ordered by items"):
        emit(
            Line("rules", "{name}"),
            sections=(Section("rules", order_by="key"),),
            key=Value("{address}", over="addresses"),
        )


def test_a_table_has_at_most_as_many_fields_as_a_word_has_bits() -> None:
    with pytest.raises(ValueError, match="at most 64 fields"):
        compile_table(Table(tuple(f"f{i}" for i in range(65)), (), ()))


def test_constants_fill_slots_and_settle_conditions() -> None:
    table = replace(
        TABLE,
        rows=(
            Line("rules", "{name} {where}", when="!all port"),
            Line("rules", "all", when="all"),
            Each("addresses", (Line("rules", "gone", when="!few"),)),
        ),
        values={"v": Value("{where}")},
    )
    special = specialize(table, {"all": False, "few": True, "where": "{name}:{number}", "number": 7})
    assert special.rows == (Line("rules", "{name} {name}:7", when="port"),)
    assert special.values == {"v": Value("{name}:7")}
    with pytest.raises(ValueError, match="circle"):
        specialize(table, {"where": "({where})"})
